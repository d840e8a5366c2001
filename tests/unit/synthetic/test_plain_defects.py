"""Defects in the files of V4 and later stand where the truth tells, break one thing each, and nothing else differs."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from oilake.conf.errors import ConfigError
from oilake.conf.settings import environment_settings
from oilake.jobs.synthetic import plain_defects
from oilake.schemas.release_registry import load_releases
from tests.support import plain_sample as reading
from tests.support.samples import write_sample

pytestmark = pytest.mark.lengthy

EACH = 3
LONGEST = "annotations/open_images_test_localized_narratives.jsonl"
LATER = ("--releases", "v4,v5,v6,v7")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "clean", *LATER)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "planted", *LATER, "--plant", f"all={EACH}")


@pytest.fixture(scope="module")
def defects(planted: Path) -> list[dict[str, str]]:
    with open(planted / "truth" / "defects.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_each_kind_that_fits_the_chosen_releases_is_planted(defects: list[dict[str, str]]) -> None:
    assert Counter(row["kind"] for row in defects) == dict.fromkeys(plain_defects.NAMES, EACH)


def test_each_bad_row_breaks_what_its_reason_says(planted: Path, defects: list[dict[str, str]]) -> None:
    for defect in (row for row in defects if row["record_hex"]):
        lines = (planted / defect["file"]).read_bytes().split(b"\n")
        record = lines[int(defect["line"]) - 1]
        assert record == bytes.fromhex(defect["record_hex"])
        if defect["file"].endswith(".jsonl"):
            assert broken_line(record) == defect["reason"], defect
            continue
        columns = lines[0].decode().split(",")
        row = dict(zip(columns, next(csv.reader([record.decode()])), strict=True))
        assert broken(planted, row) == defect["reason"], defect


def broken_line(record: bytes) -> str:
    """The one thing that is wrong with a line of JSON."""
    try:
        pairs = json.loads(record, object_pairs_hook=list)
    except ValueError:
        return "broken_json"
    line = dict(pairs)
    if len(line) < len(pairs) or not isinstance(line.get("annotator_id"), int):
        return "wrong_json_type"
    if not all(line.get(name) for name in ("image_id", "caption", "timed_caption", "traces")):
        return "missing_value"
    said, points = (
        line["timed_caption"],
        [point for stretch in line["traces"] if stretch != 7 for point in stretch or [[]]],
    )
    if 7 in line["traces"]:
        return "wrong_json_type"
    if any(dict(part).keys() != {"utterance", "start_time", "end_time"} for part in said):
        return "invalid_timed_caption"
    assert any(None in dict(point).values() or dict(point).keys() != {"x", "y", "t"} for point in points)
    return "invalid_traces"


def broken(planted: Path, row: reading.Row) -> str:
    """The one thing that is wrong with a row."""
    if row.get("Subset", "train") not in reading.SUBSETS:
        return "wrong_subset"
    if row.get("Rotation", "") not in ("", "0.0", "90.0", "180.0", "270.0"):
        return "invalid_rotation"
    clicks = [value for name, value in row.items() if name.startswith("XClick")]
    if clicks and not all(re.fullmatch(r"0\.[0-9]{6}|1\.0{6}", click) for click in clicks):
        assert set(clicks) != {"-1"}
        return "invalid_extreme_points"
    if row.get("Clicks"):
        assert not re.fullmatch(r"(?:0\.[0-9]{5} 0\.[0-9]{5} [01];?)*", row["Clicks"])
        return "invalid_clicks"
    if "RelationshipLabel" in row:
        assert not re.fullmatch("[a-z]+(?:_[a-z]+)*", row["RelationshipLabel"])
        return "invalid_relationship"
    if "EstimatedYesNo" in row:
        is_estimate = row["EstimatedYesNo"] in ("yes", "no", "unsure")
        return "invalid_votes" if is_estimate else "invalid_estimate"
    assert row["LabelName"] not in reading.class_names(planted, "v7")
    assert row["LabelName"] in reading.class_names(planted, "v5")
    return ""


def test_a_file_has_so_many_rows_that_its_bad_ones_do_not_refuse_it(
    planted: Path, defects: list[dict[str, str]]
) -> None:
    limit = environment_settings("local").limits.max_share
    for name in {row["file"] for row in defects if row["reason"]}:
        rows = (planted / name).read_bytes().count(b"\n")
        assert sum(row["file"] == name and row["reason"] != "" for row in defects) <= limit * rows, name


def test_spare_lines_are_short_and_counted(clean: Path, planted: Path, defects: list[dict[str, str]]) -> None:
    size = [sum(path.stat().st_size for path in folder.rglob("*.jsonl")) for folder in (clean, planted)]
    assert size[0] < size[1] < 1.2 * size[0]
    published, before = (load_releases(str(folder / "registry"))["v6"].published for folder in (planted, clean))
    bad = {int(row["line"]) - 1 for row in defects if row["file"] == LONGEST}
    lines = [line for n, line in enumerate((planted / LONGEST).read_bytes().splitlines()) if n not in bad]
    keys = [(row["image_id"], row["annotator_id"]) for row in map(json.loads, lines)]
    assert sum(map(reading.is_spare, lines)) > 1000
    assert len({*keys}) == len(keys)
    assert [image for image, _ in keys] == sorted(image for image, _ in keys)
    assert published.narratives == {**before.narratives, "test": len(lines)}
    assert published.images_with_narratives == before.images_with_narratives


def test_without_the_bad_rows_the_files_are_the_clean_ones(
    clean: Path, planted: Path, defects: list[dict[str, str]]
) -> None:
    changed = set()
    for path in sorted(path for path in clean.rglob("*") if path.is_file() and path.parent.name != "truth"):
        name = str(path.relative_to(clean))
        sound, lines = path.read_bytes().split(b"\n"), (planted / name).read_bytes().split(b"\n")
        if sound != lines:
            changed.add(name)
            added = {int(row["line"]) - 1 for row in defects if row["file"] == name and row["reason"]}
            kept = [line for n, line in enumerate(lines) if n not in added and not reading.is_spare(line)]
            assert (
                sum(a != b for a, b in zip(kept, sound, strict=False)) <= EACH or b"DisplayName" in sound[0] + lines[0]
            )
            assert len(kept) == len(sound) or not name.endswith(".jsonl")
    figures = {"registry/v6.yaml"}
    assert changed == {row["file"] for row in defects} | figures, "narratives are counted with the spare ones"


def test_a_header_stands_the_other_way_round(clean: Path, planted: Path, defects: list[dict[str, str]]) -> None:
    names = [row["file"] for row in defects if row["kind"] == plain_defects.HEADER]
    assert len(names) == EACH
    for name in names:
        has_header = [(folder / name).read_bytes().startswith(b"LabelName,") for folder in (clean, planted)]
        assert sorted(has_header) == [False, True]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--releases", "v9"], "--releases v9: 'v9' is not known; give names of v1, v2, v3, v4, v5, v6, v7"),
        (["--tables", "maps,labels"], "--tables maps,labels: 'maps' is not known; give names of images, labels"),
        (["--releases", "v3", "--plant", "invalid_rotation=1"], "fits no file of the chosen releases and tables"),
        (["--releases", "v7", "--plant", "nul_byte=1"], "fits no file of the chosen releases and tables"),
        (["--tables", "labels", "--plant", "invalid_size=1"], "fits no file of the chosen releases and tables"),
    ],
)
def test_a_wrong_choice_is_told_in_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        write_sample(tmp_path / "s", *arguments)
    assert not (tmp_path / "s").exists()


def test_releases_and_tables_choose_the_files_and_leave_them_as_they_are(tmp_path: Path, clean: Path) -> None:
    folder = write_sample(tmp_path / "s", "--releases", "v1,v7", "--tables", "labels,classes")
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    rows = {name for name in written if name.startswith(("2018_04/", "v5/", "v6/", "v7/"))}
    assert rows == {
        *reading.HUMAN["v7"].values(),
        *reading.MACHINE["v7"].values(),
        *(f"v5/{subset}-annotations-human-imagelabels-boxable.csv" for subset in reading.SUBSETS),
        *(f"v7/oidv7-{name}" for name in ("class-descriptions.csv", "class-descriptions-boxable.csv")),
        *(f"v7/oidv7-classes{name}.txt" for name in ("", "-trainable", "-segmentation")),
    }
    assert {name for name in rows if (folder / name).read_bytes() != (clean / name).read_bytes()} == set()
    assert {name.split("/")[1] for name in written if name.startswith("2016_08")} == {
        *("machine_ann_2016_08_v3.tar.gz", "human_ann_2016_08_v3.tar.gz", "dict.csv")
    }
    registry = {name for name in written if name.startswith("registry/")}
    assert registry == {f"registry/{release}.yaml" for release in ("v1", "v4", "v5", "v6", "v7")}
