"""YAML of any origin ends in data or in one sentence that names the file and the line, in bounded time and memory."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from oilake.conf import drift_thresholds, placeholders, reconcile_policy, registry, settings
from oilake.conf.errors import ConfigError
from oilake.conf.showing import brief_value, escape_unprintable, shorten_middle
from oilake.conf.yaml_loader import build_dataclass, load_yaml
from oilake.schemas.release_registry import check_tables

LAYERS = "abcdefghi"


def bomb(first: str, layer: str) -> str:
    """Nine layers, each of nine aliases of the one before."""
    lines = [f"a: &a {first}"]
    for before, name in itertools.pairwise(LAYERS):
        aliases = ",".join([f"*{before}"] * 9)
        lines.append(f"{name}: &{name} {layer.format(aliases)}")
    return "\n".join(lines)


HARMFUL: dict[str, tuple[str, str]] = {
    "5,000 lists": ("[" * 5000, "more than 32 levels, line 1"),
    "5,000 closed lists": ("[" * 5000 + "]" * 5000, "more than 32 levels, line 1"),
    "5,000 mappings": ("{a: " * 5000, "more than 32 levels, line 1"),
    "600 blocks": ("\n".join(" " * n + "a:" for n in range(600)), "more than 32 levels, line 32"),
    "5,000 items": ("- " * 5000 + "a", "more than 32 levels, line 1"),
    "keys that are lists": ("? " * 5000 + "a", "more than 32 levels, line 1"),
    "an alias bomb of lists": (bomb("[lol,lol,lol]", "[{}]"), "more than 100,000 values, line 6"),
    "an alias bomb of mappings": (bomb("{x: y}", "{{k: [{}]}}"), "more than 100,000 values, line 6"),
    "a bomb of merge keys": (bomb("{x: y}", "{{<<: [{}]}}"), "more than 100,000 values, line 6"),
    "an alias inside of itself": ("a: &a [*a]", "an alias stands inside of what it stands for, line 1"),
    "a mapping inside of itself": ("a: &a {b: *a}", "an alias stands inside of what it stands for, line 1"),
    "a merge of itself": ("a: &a\n  <<: *a\n", "an alias stands inside of what it stands for"),
    "a key twice": ("a: 1\nb: 2\na: 3\n", "the key 'a' stands twice in one mapping, line 3"),
    "a key twice, once in quotes": ("a: 1\n'a': 3\n", "the key 'a' stands twice in one mapping, line 2"),
    "a key twice far inside": ("a: {b: [{c: 1, c: 1}]}", "the key 'c' stands twice in one mapping, line 1"),
    "a key twice beside a merge": ("a: &a {x: 1}\nb: {<<: *a, y: 1, y: 2}", "the key 'y' stands twice"),
    "a key that is no text": ("yes: 1", "a key must be text, not True (bool); put it in quotes, line 1"),
    "a key that is a number": ("a: {017: x}", "a key must be text, not 15 (int); put it in quotes, line 1"),
    "a key that is a list": ("[a, b]: 1", "key"),
    "a number of 10,000 digits": ("a: " + "9" * 10_000, "a number of 10,000 characters, line 1"),
    "a hexadecimal number of 10,000 digits": ("a: 0x" + "f" * 10_000, "a number of 10,002 characters"),
    "a number to the base of 60": ("a: 1" + ":59" * 10_000, "a number of 30,001 characters"),
    "half a surrogate": ('a: "\\ud800"', "invalid Unicode character escape code"),
    "a NUL": ('a: "x\\0y"', "text with a NUL, line 1"),
    "an object of Python": ("a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
    "an unknown alias of 10,000 letters": ("a: *" + "b" * 10_000, "found undefined alias"),
    "two documents": ("a: 1\n---\na: 2\n", "expected a single document"),
    "no day of the year": ("a: 2017-13-45", "month"),
    "a page": ("<!DOCTYPE html><html>\n<a href='x'>: ]", "not valid YAML"),
    "bytes that are none of base 64": ("a: !!binary 'ä'", "base64"),
}


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "given.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("name", HARMFUL)
def test_harmful_yaml_is_refused_by_file_and_line(tmp_path: Path, name: str):
    text, cause = HARMFUL[name]
    path = written(tmp_path, text)
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError) as refusal:
            load_yaml(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(refusal.value).startswith(f"{path}: not valid YAML (")
    assert cause in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 600
    assert peak < 20 << 20


def test_a_file_that_is_no_configuration_is_not_read_whole(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"given\.yaml: has more than 1 MiB"):
        load_yaml(written(tmp_path, b"a" * (2 << 20)))
    with pytest.raises(ConfigError, match="/dev/zero: has more than 1 MiB"):
        load_yaml(Path("/dev/zero"))
    with pytest.raises(ConfigError, match=r"given\.yaml: is no UTF-8 text \(byte 3\)"):
        load_yaml(written(tmp_path, b"a: \xff"))


def test_anchors_and_merge_keys_of_a_usual_size_are_data(tmp_path: Path):
    text = "base: &base {x: 1, y: [2]}\nmore: {<<: *base, x: 3}\nmost: {<<: [*base], z: *base}\nday: 2017-11-16\n"
    base = {"x": 1, "y": [2]}
    assert load_yaml(written(tmp_path, text)) == {
        "base": base,
        "more": {"x": 3, "y": [2]},
        "most": {**base, "z": base},
        "day": datetime.date(2017, 11, 16),
    }


LOADERS: dict[str, Callable[[str], Any]] = {
    "settings": settings.environment_settings,
    "policy": reconcile_policy.load_policy,
    "placeholders": placeholders.load_placeholders,
    "drift": lambda path: drift_thresholds._load_file(path),
    "registry": lambda path: registry.load_release(Path(path), check_tables),
}
ODD = ["[]", "a", "2017-11-16", "!!binary aGVsbG8=", "!!set {a, b}", "0o17", "1e999", "", "[" * 99, "a: 1\na: 2", "\0"]


@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize("text", ODD)
def test_every_file_of_the_configuration_is_read_so(tmp_path: Path, kind: str, text: str):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=r"given\.yaml: "):
        LOADERS[kind](str(path))


@pytest.mark.parametrize("value", ["block_bytes: 9223372036854775808", "readers: 0", "chunk_bytes: 0xfffffffffffff"])
def test_sizes_beyond_any_machine_are_refused(tmp_path: Path, value: str):
    name = value.partition(":")[0]
    lines = (Path(settings.__file__).parent / "local.yaml").read_text().splitlines()
    path = written(tmp_path, "\n".join(f"  {value}" if line.startswith(f"  {name}:") else line for line in lines))
    with pytest.raises(
        ConfigError, match=rf"given\.yaml: limits\.{name} must be a whole number from 1 to 1099511627776"
    ):
        settings.environment_settings(str(path))


@dataclasses.dataclass(frozen=True)
class Leaf:
    name: str
    share: Annotated[float, Field(ge=0, le=1)] = 0.5


@dataclasses.dataclass(frozen=True)
class Tree:
    first: Leaf
    leaves: tuple[Leaf, ...] = ()
    names: tuple[str, ...] | dict[str, tuple[str, ...]] = ()
    count: int = 0
    day: datetime.date | None = None
    rest: dict[str, Any] = dataclasses.field(default_factory=dict)


def test_a_document_becomes_dataclasses_whole_numbers_floats_and_lists_tuples():
    document = {
        "first": {"name": "a", "share": 1},
        "leaves": [{"name": "b"}],
        "names": {"x": ["y"]},
        "rest": {"z": [1]},
    }
    tree = build_dataclass(Tree, document, "given.yaml")
    assert tree == Tree(Leaf("a", 1.0), (Leaf("b"),), {"x": ("y",)}, rest={"z": [1]})
    assert type(tree.first.share) is float


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"count": "1"}, "tree.count must be a whole number, not '1' (str)"),
        ({"count": 1.0}, "tree.count must be a whole number, not 1.0 (float)"),
        ({"count": True}, "tree.count must be a whole number, not True (bool)"),
        ({"count": None}, "tree.count must be a whole number, not nothing"),
        ({"day": "2017-11-16"}, "tree.day must be a date, not '2017-11-16' (str)"),
        ({"day": datetime.datetime(2017, 11, 16)}, "tree.day must be a date, not datetime.datetime"),
        ({"first": {"name": b"a"}}, "tree.first.name must be text, not b'a' (bytes)"),
        (
            {"first": {"name": "a", "share": float("nan")}},
            "tree.first.share must be a number from 0 to 1, not nan (float)",
        ),
        ({"first": {"name": "a", "share": False}}, "tree.first.share must be a number from 0 to 1, not False (bool)"),
        ({"first": "a"}, "tree.first must be a mapping, not 'a' (str)"),
        ({"leaves": {"name": "a"}}, "tree.leaves must be a list, not one of 1 entries (dict)"),
        ({"leaves": {"a", "b"}}, "tree.leaves must be a list, not one of 2 entries (set)"),
        ({"leaves": [{"name": "a"}, {}]}, "missing key tree.leaves[1].name; add it"),
        ({"leaves": [{"nam": "a"}]}, "unknown key tree.leaves[0].nam; known: name, share"),
        ({"names": 5}, "tree.names must be a list or a mapping, not 5 (int)"),
        ({"names": {"x": ["y", 1]}}, "tree.names.x[1] must be text, not 1 (int)"),
        ({"leaves": [5] * 10_000}, "tree.leaves[0] must be a mapping, not 5 (int)"),
        ({"rest": {"x" * 10_000: 1}, "names": {"x" * 10_000: 1}}, "x… must be a list, not 1 (int)"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place_in_one_sentence(change: dict[str, Any], cause: str):
    with pytest.raises(ConfigError) as error:
        build_dataclass(Tree, {"first": {"name": "a"}, **change}, "given.yaml", "tree")
    assert str(error.value).startswith("given.yaml: ")
    assert cause in str(error.value)
    assert len(str(error.value)) < 300


def test_values_in_errors_are_brief():
    nested: list[Any] = []
    for _ in range(40):
        nested = [nested] * 9
    for value in (
        nested,
        "x" * 10**6,
        b"x" * 10**6,
        1 << 10**6,
        {"a": nested},
        {1, 2},
        object(),
        1.5,
        datetime.date.min,
    ):
        assert len(brief_value(value)) < 120
    assert brief_value("soon") == "'soon' (str)"
    assert brief_value(None) == "nothing"


def test_a_very_long_sentence_keeps_the_file_and_the_remedy():
    sentence = shorten_middle(f"given.yaml: {'x' * 10**6}; correct it")
    assert len(sentence) < 9000
    assert sentence.startswith("given.yaml: x")
    assert sentence.endswith("x; correct it")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë \U0001f600 日本 a\\b", "Zoë \U0001f600 日本 a\\b"),
        ("\x1b]0;x\x07", r"\x1b]0;x\x07"),
        ("a\r\n\tb", r"a\r\n\tb"),
        ("\x9b31m \x85", r"\x9b31m \x85"),
        ("\x7f", r"\u007f"),
        ("\u202egnp.exe\u2066\u200f", r"\u202egnp.exe\u2066\u200f"),
        ("a\u2028b\u2029\ufeff\ud800", r"a\u2028b\u2029\ufeff\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str):
    assert escape_unprintable(text) == shown
