"""The kernel of reconcile against dictionaries: any rows, in any files, spans and order."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.conf import reconcile_policy
from oilake.conf.errors import ConfigError, InputError
from oilake.conf.reconcile_policy import EVIDENCE, ORIGINS, ReconcilePolicy
from oilake.jobs.scanning import key_ranges
from oilake.jobs.scanning.merge_scan import END, RowGroup, Side, aligned_chunks, row_groups
from oilake.jobs.transforms import image_ids, label_keys
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.corrections import COLUMNS as CORRECTED
from oilake.jobs.transforms.evidence_counts import COLUMNS as EVIDENCE_COLUMNS
from oilake.jobs.transforms.image_labels import reconcile_labels
from oilake.schemas import loader as schemas
from tests.support.label_pairs import USUAL, Known, Label, expected, published

DOG, CAT, TREE, ODD, NEW = "/m/0bt9lr", "/m/01yrx", "/m/07j7r", "/m/0zz", "/g/11b2"
CLASSES = {DOG: Known("Dog", True, True), CAT: Known("Pet", True, False), TREE: Known("Pet", None, None)}
CLASSES |= {ODD: Known(None, False, None)}
IMAGES = ["0" * 16, "0" * 15 + "1", "7" + "f" * 15, "8" + "0" * 15, "abcdef0123456789", "f" * 15 + "e", "f" * 16]
SOURCES = {"machine": ["machine", "oracle"], "human": ["verification", "aaa"], "crowdsource": [USUAL["crowdsource"]]}
COLUMNS = ("mid", "source", "confidence")

machine = st.one_of(st.sampled_from([0.0, 0.5, 0.7, 0.30000000000000004, 1.0]), st.floats(0, 1))
policy = st.builds(
    ReconcilePolicy,
    st.lists(st.sampled_from(EVIDENCE), unique=True)
    .flatmap(lambda named: st.permutations([*ORIGINS, *named]))
    .map(tuple),
    st.sampled_from(["positive", "negative"]),
    st.sampled_from(["highest", "lowest"]),
    st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0])),
)
cut = st.one_of(st.integers(1, END - 1), st.sampled_from([int(image, 16) for image in IMAGES[1:]]))


@st.composite
def label(draw: st.DrawFn, usual: bool = False) -> Label:
    origin = draw(st.sampled_from(ORIGINS))
    confidence = draw(machine) if origin == "machine" else draw(st.sampled_from([0.0, 1.0]))
    source = USUAL[origin] if usual else draw(st.sampled_from(SOURCES[origin]))
    return Label(
        origin, draw(st.sampled_from(IMAGES)), source, draw(st.sampled_from([DOG, CAT, TREE, ODD, NEW])), confidence
    )


labels = st.one_of(st.lists(label(), max_size=40), st.lists(label(usual=True), max_size=40))
image, drawn = st.sampled_from(IMAGES), st.sampled_from([DOG, CAT, NEW, "/m/0b0x"])
boxes = st.one_of(st.none(), st.lists(st.tuples(image, drawn)))
votes = st.one_of(st.none(), st.integers(0, 3))
drawings = st.fixed_dictionaries(
    {
        "masks": st.one_of(st.none(), st.lists(st.tuples(image, drawn))),
        "relationships": st.one_of(st.none(), st.lists(st.tuples(image, drawn, drawn, st.booleans()))),
        "points": st.one_of(st.none(), st.lists(st.tuples(image, drawn, votes, votes, votes))),
    }
)
Drawings = Mapping[str, Sequence[Any] | None]


def write(folder: Path, name: str, rows: Sequence[Mapping[str, Any]], files: int, group: int) -> tuple[str, ...]:
    """The rows, sorted by image and otherwise as they come, in `files` files: an image may end one and begin the next."""
    ordered = sorted(rows, key=lambda row: row["image_id"])
    found = []
    for n in range(files):
        part = ordered[n * len(ordered) // files : (n + 1) * len(ordered) // files]
        if part:
            found.append(str(folder / f"{name}-{n}.parquet"))
            numbers = {column: pa.int64() for column in part[0] if column.endswith("_votes")}
            inferred = pa.Table.from_pylist(part).schema
            schema = pa.schema([pa.field(f.name, numbers.get(f.name, f.type)) for f in inferred])
            pq.write_table(pa.Table.from_pylist(part, schema), found[-1], row_group_size=group)
    return tuple(found)


def sides(
    folder: Path,
    rows: Sequence[Label],
    boxed: Sequence[tuple[str, str]] | None,
    files: int = 1,
    group: int = 100,
    drawn: Drawings | None = None,
) -> dict[str, Side]:
    by_origin: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        values = {"image_id": row.image, "mid": row.mid, "source": row.source, "confidence": row.confidence}
        by_origin[row.origin].append(values)
    found = {o: Side(write(folder, o, by_origin[o], files, group), COLUMNS) for o in ORIGINS}
    for table, columns in EVIDENCE_COLUMNS.items():
        entries = (boxed if table == "boxes" else (drawn or {}).get(table)) or ()
        of_table = [dict(zip(("image_id", *columns), entry, strict=True)) for entry in entries]
        found[table] = Side(write(folder, table, of_table, files, group), columns)
    return found


CORRECTION_TYPES = pa.schema(
    [("image_id", pa.string()), *((name, pa.string()) for name in CORRECTED[:-1]), (CORRECTED[-1], pa.bool_())]
)


def corrected(folder: Path, rows: Sequence[tuple[Any, ...]]) -> Side:
    """Rows of corrections: image, MID, kind, verdict, subset, whether applied."""
    by_column = [dict(zip(CORRECTION_TYPES.names, row, strict=True)) for row in sorted(rows, key=lambda row: row[0])]
    pq.write_table(pa.Table.from_pylist(by_column, CORRECTION_TYPES), folder / "corrections.parquet")
    return Side((str(folder / "corrections.parquet"),), CORRECTED)


def test_a_correction_comes_first_and_needs_no_label(tmp_path: Path):
    first, second, third = IMAGES[:3]
    rows = [
        Label("human", first, USUAL["human"], DOG, 0.0),
        Label("machine", first, USUAL["machine"], DOG, 0.5),
        Label("machine", first, USUAL["machine"], CAT, 0.7),
        Label("human", second, USUAL["human"], CAT, 1.0),
    ]
    given = [
        (first, DOG, "verdict", "positive", "train", True),
        (first, DOG, "verdict", "positive", "train", True),  # said twice
        (second, CAT, "verdict", "negative", "test", True),  # whose image is listed elsewhere, but labelled here
        (second, TREE, "verdict", "positive", "test", True),  # which makes a row there, not here
        (second, DOG, "verdict", "positive", "train", False),
        (third, TREE, "verdict", "negative", "train", True),  # an image without a label
        (third, CAT, "drop_box", None, "train", True),
        (first, DOG, "drop_box", None, "train", True),
        (first, CAT, "drop_box", None, "train", False),
    ]
    given_sides = sides(tmp_path, rows, [(first, DOG), (first, DOG), (first, CAT), (third, TREE)])
    policy = ReconcilePolicy(("boxes", "human", "crowdsource", "machine"), "positive", "highest", None)
    for chunk in (1, 100):
        found = reconciled({**given_sides, "corrections": corrected(tmp_path, given)}, policy, rows=chunk)
        assert [
            (r["image_id"], r["mid"], r["verdict"], r["decided_by"], r["observations"], r["box_count"]) for r in found
        ] == [
            (first, CAT, "positive", "boxes", 1, 1),
            (first, DOG, "positive", "correction", 2, 1),
            (second, CAT, "negative", "correction", 1, 0),
            (third, TREE, "negative", "correction", 0, 1),
        ]
        assert [r["machine_confidence"] for r in found] == [0.7, 0.5, None, None]
        assert [r["human_verdict"] for r in found] == [None, False, True, None]
        assert [r["machine_agrees"] for r in found] == [None, False, None, None]
        assert [r["display_name"] for r in found] == ["Pet", "Dog", "Pet", "Pet"]
        assert {len(r["extra_observations"]) for r in found} == {0}
    without = reconciled(given_sides, policy)
    withdrawn = [row for row in given if not row[-1]]
    assert reconciled({**given_sides, "corrections": corrected(tmp_path, withdrawn)}, policy) == without


@pytest.mark.lengthy
@given(
    labels, policy, st.sets(st.tuples(image, st.sampled_from([DOG, CAT, TREE, NEW])), max_size=6), st.integers(1, 30)
)
def test_corrections_change_their_pairs_and_nothing_else(
    rows: list[Label], rule: ReconcilePolicy, pairs: set[tuple[str, str]], chunk: int
):
    with tempfile.TemporaryDirectory() as folder:
        given_sides = sides(Path(folder), rows, None)
        before = reconciled(given_sides, rule, (), rows=chunk)
        side = corrected(Path(folder), [(i, mid, "verdict", "negative", "train", True) for i, mid in pairs])
        after = reconciled({**given_sides, "corrections": side}, rule, (), rows=chunk)
    by_pair = {(row["image_id"], row["mid"]): row for row in after}
    assert list(by_pair) == sorted(by_pair)
    assert by_pair.keys() == pairs | {(row["image_id"], row["mid"]) for row in before}
    assert all(
        (row["verdict"], row["decided_by"]) == ("negative", "correction") for row in map(by_pair.get, pairs) if row
    )
    decided = {"verdict": None, "decided_by": None}
    for row in before:
        pair = row["image_id"], row["mid"]
        assert row | decided == by_pair[pair] | decided
        assert pair in pairs or row == by_pair[pair]


def counted(drawn: Drawings) -> dict[str, Counter[tuple[str, str]] | None]:
    """What image_labels counts of all but boxes, by column."""
    masks, relationships, points = (drawn[name] for name in ("masks", "relationships", "points"))
    objects = [
        (image, mid)
        for image, first, second, is_attribute in relationships or ()
        for mid in ({first} if is_attribute else {first, second})
    ]
    counts: dict[str, Counter[tuple[str, str]] | None] = {
        "mask_count": None if masks is None else Counter(masks),
        "relationship_count": None if relationships is None else Counter(objects),
        "point_count": None if points is None else Counter((image, mid) for image, mid, *_ in points),
    }
    for n, answer in enumerate(("yes", "no", "unsure")):
        given = Counter[tuple[str, str]]()
        for image, mid, *answers in points or ():
            given[image, mid] += answers[n] or 0
        counts[f"point_{answer}_votes"] = None if points is None else given
    return counts


def reconciled(
    wanted: Mapping[str, Side],
    rule: ReconcilePolicy,
    taken: Sequence[str] = ("boxes",),
    cuts: Sequence[int] = (),
    rows: int = 5,
) -> list[dict[str, Any]]:
    """The rows of every span between the cuts, in their order."""
    classes = build_vocabulary(
        [
            {"mid": mid, "display_name": c.name, "is_trainable": c.trainable, "is_boxable": c.boxable}
            for mid, c in CLASSES.items()
        ]
    )
    found = []
    for low, high in pairwise([0, *sorted(set(cuts)), END]):
        for chunk in aligned_chunks(wanted, low, high, rows):
            result = reconcile_labels(chunk, classes, rule, USUAL, taken, "train")
            if result is not None:
                schema = schemas.arrow_schema(schemas.table_schema("image_labels"))
                assert result.rows.cast(schema).schema.names == schema.names
                assert result.states.sum() == len(result.rows)
                found += result.rows.to_pylist()
    return found


@pytest.mark.lengthy
@given(
    labels, boxes, drawings, policy, st.integers(1, 4), st.integers(1, 7), st.lists(cut, max_size=3), st.integers(1, 30)
)
def test_every_row_is_what_dictionaries_say(
    rows: list[Label],
    boxed: list[tuple[str, str]] | None,
    drawn: Drawings,
    rule: ReconcilePolicy,
    files: int,
    group: int,
    cuts: list[int],
    chunk: int,
):
    with tempfile.TemporaryDirectory() as folder:
        taken = [table for table in EVIDENCE if {"boxes": boxed, **drawn}[table] is not None]
        found = reconciled(sides(Path(folder), rows, boxed, files, group, drawn), rule, taken, cuts, chunk)
    assert found == expected(rows, boxed, CLASSES, rule, counted(drawn))


@pytest.mark.parametrize(
    ("trusted", "verdict", "decided_by"),
    [
        (("human", "crowdsource", "machine"), "negative", "human"),
        (("boxes", "human", "crowdsource", "machine"), "positive", "boxes"),
        (("points", "boxes", "human", "crowdsource", "machine"), "negative", "points"),
        (("human", "masks", "crowdsource", "machine"), "negative", "human"),
        (("masks", "human", "relationships", "crowdsource", "machine"), "negative", "human"),
        (("relationships", "human", "crowdsource", "machine"), "positive", "relationships"),
    ],
)
def test_evidence_decides_where_the_policy_trusts_it_and_only_there(
    tmp_path: Path, trusted: tuple[Any, ...], verdict: str, decided_by: str
):
    """A dog that people denied: boxed, in a relationship, pointed at (3 say no, 2 yes), and without a mask."""
    rule = ReconcilePolicy(trusted, "positive", "highest", None)
    rows = [Label("human", IMAGES[0], USUAL["human"], DOG, 0.0)]
    drawn = {
        "relationships": [(IMAGES[0], CAT, DOG, False), (IMAGES[0], CAT, DOG, True), (IMAGES[0], DOG, DOG, False)],
        "points": [(IMAGES[0], DOG, 2, 1, None), (IMAGES[0], DOG, None, 2, 9)],
    }
    found = reconciled(sides(tmp_path, rows, [(IMAGES[0], DOG)], drawn=drawn), rule, EVIDENCE)
    assert [(row["verdict"], row["decided_by"], row["human_verdict"]) for row in found] == [
        (verdict, decided_by, False)
    ]
    counts = {name: value for name, value in found[0].items() if name.endswith(("_count", "_votes"))}
    assert counts == {
        "box_count": 1,
        "mask_count": 0,
        "relationship_count": 2,
        "point_count": 2,
        "point_yes_votes": 2,
        "point_no_votes": 3,
        "point_unsure_votes": 9,
    }


@pytest.mark.lengthy
@given(labels, policy)
def test_every_published_row_can_be_rebuilt(rows: list[Label], rule: ReconcilePolicy):
    with tempfile.TemporaryDirectory() as folder:
        found = reconciled(sides(Path(folder), rows, None), rule)
    theirs: dict[tuple[str, str], Counter[tuple[str, float]]] = defaultdict(Counter)
    for row in rows:
        theirs[row.image, row.mid][row.source, row.confidence] += 1
    assert {(row["image_id"], row["mid"]): published(row) for row in found} == theirs


@pytest.mark.lengthy
@given(st.data(), labels, boxes, policy)
def test_neither_order_nor_files_nor_listing_one_twice_changes_anything(
    data: st.DataObject, rows: list[Label], boxed: list[tuple[str, str]] | None, rule: ReconcilePolicy
):
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first = reconciled(sides(Path(one), rows, boxed), rule)
        shuffled = sides(Path(other), data.draw(st.permutations(rows)), boxed, 3, 2)
        twice = {name: Side(side.files[::-1] + side.files, side.columns) for name, side in shuffled.items()}
        assert reconciled(twice, rule, rows=1) == first


@pytest.mark.lengthy
@given(st.lists(label(), min_size=1, max_size=30), policy)
def test_keys_too_wide_for_an_integer_are_narrowed(rows: list[Label], rule: ReconcilePolicy):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_keys, "KEY_BITS", 4)
        found = reconciled(sides(Path(folder), rows, [(IMAGES[0], DOG)]), rule, rows=100)
    assert found == expected(rows, [(IMAGES[0], DOG)], CLASSES, rule)


def test_overlapping_files_are_merged(tmp_path: Path):
    """As a table that something else has rewritten may hold them."""
    rows = [{"image_id": f"{n:016x}", "mid": DOG, "source": "machine", "confidence": 0.5} for n in range(100)]
    files = [write(tmp_path, f"{n}", rows[n::3] + rows[:5], 1, 7)[0] for n in range(3)]
    found = reconciled({"machine": Side(tuple(files), COLUMNS)}, reconcile_policy.load_policy())
    assert [row["image_id"] for row in found] == [row["image_id"] for row in rows]
    assert [row["observations"] for row in found] == [4] * 5 + [1] * 95


def test_a_file_that_is_not_sorted_is_refused_by_name(tmp_path: Path):
    for group in (1, 10):
        rows = [{"image_id": image, "mid": DOG, "source": "machine", "confidence": 0.5} for image in IMAGES[::-1]]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=group)
        with pytest.raises(
            InputError,
            match=r"a\.parquet: its rows are not sorted by image_id; check the disk, or run",
        ):
            list(aligned_chunks({"machine": Side((str(tmp_path / "a.parquet"),), COLUMNS)}, 0, END, 3))


def test_chunks_have_about_the_rows_asked_for(tmp_path: Path):
    rows = [{"image_id": f"{n // 3:016x}", "mid": DOG, "source": "machine", "confidence": 0.5} for n in range(3000)]
    wanted = {
        "machine": Side(write(tmp_path, "a", rows, 3, 50), COLUMNS),
        "human": Side(write(tmp_path, "b", rows[::7], 2, 50), COLUMNS),
    }
    sizes = [sum(len(part.rows) for part in chunk.values()) for chunk in aligned_chunks(wanted, 0, END, 200)]
    assert sum(sizes) == 3000 + len(rows[::7])
    assert all(200 <= size <= 400 for size in sizes[:-1])


@given(st.lists(st.integers(0, END - 1), max_size=20))
def test_image_ids_and_numbers_are_each_other(numbers: list[int]):
    texts = [f"{n:016x}" for n in numbers]
    assert image_ids.as_ids(np.array(numbers, np.uint64)).to_pylist() == texts
    padded = pa.array(["f" * 16, *texts, "0" * 16])
    assert image_ids.as_numbers(padded.slice(1, len(texts))).tolist() == numbers


group = st.builds(
    lambda a, b, rows: RowGroup(min(a, b), max(a, b), rows),
    st.integers(0, END - 1),
    st.integers(0, END - 1),
    st.integers(1, 99),
)


@given(st.lists(group, max_size=8), st.integers(1, 9))
def test_cuts_ascend_inside_the_ids(groups: list[RowGroup], count: int):
    found = key_ranges.cut_points(groups, count)
    assert len(found) < count
    assert all(a < b for a, b in pairwise([0, *found, END]))


def test_cuts_follow_the_rows_and_not_the_ids():
    dense = [RowGroup(n << 20, ((n + 1) << 20) - 1, 1000) for n in range(8)]
    sparse = [RowGroup(1 << 60, END - 1, 1000)]
    assert key_ranges.cut_points(dense + sparse, 3) == [3 << 20, 6 << 20]
    assert key_ranges.cut_points([RowGroup(END - 10, END - 1, 10)], 5) == [END - 8, END - 6, END - 4, END - 2]


def test_a_plan_covers_every_image_once_and_names_only_files_that_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(key_ranges, "SHARED", 100)
    rows = [{"image_id": f"{n:016x}", "mid": DOG, "source": "machine", "confidence": 0.5} for n in range(1000)]
    wanted = {"machine": Side(write(tmp_path, "a", rows, 4, 50), COLUMNS)}
    found = key_ranges.plan_key_ranges("train", wanted, 2)
    assert [(span.low, span.high) for span in found] == [(0, 500), (500, END)]
    assert [[uri[-9] for uri in span.sides["machine"].files] for span in found] == [["0", "1"], ["2", "3"]]
    assert [len(share) for share in key_ranges.balance_by_rows(found, 8)] == [1, 1]
    monkeypatch.setattr(key_ranges, "LARGEST", 120)
    found = key_ranges.plan_key_ranges("train", wanted, 4)
    assert len(found) == 12
    assert [sum(span.rows for span in share) for share in key_ranges.balance_by_rows(found, 4)] == pytest.approx(
        [250] * 4, abs=5
    )
    assert row_groups(wanted["machine"].files[0])[0] == RowGroup(0, 49, 50)


def test_the_packaged_policy_lets_people_decide():
    found = reconcile_policy.load_policy()
    assert found == ReconcilePolicy(("human", "crowdsource", "machine"), "positive", "highest", None)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("trust: [human, machine]", "trust must name each of machine, human, crowdsource once, and boxes"),
        ("trust: [human, human, machine]", "trust must name each of"),
        ("trust: [human, robot, machine]", "trust[1] must be one of machine, human, crowdsource, boxes, masks"),
        ("trust: [human, boxes, machine, crowdsource, boxes]", "masks, relationships, points at most once, not human"),
        ("contradiction: maybe", "contradiction must be one of positive, negative, not 'maybe'"),
        ("machine: 3", "machine must be one of highest, lowest, not 3"),
        ("machine_threshold: 1.5", "machine_threshold must be a number from 0 to 1, not 1.5"),
        ("machine_threshold: .nan", "machine_threshold must be a number from 0 to 1, not nan"),
        ("machine_threshold: high", "machine_threshold must be a number from 0 to 1, not 'high'"),
        ("colour: red", "unknown key colour"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused_with_file_and_key(tmp_path: Path, line: str, told: str):
    lines = [
        "trust: [machine, human, crowdsource]",
        "contradiction: negative",
        "machine: lowest",
        "machine_threshold: 1",
    ]
    path = tmp_path / "mine.yaml"
    path.write_text("\n".join([*(known for known in lines if known.split(":")[0] != line.split(":")[0]), line]))
    with pytest.raises(ConfigError) as error:
        reconcile_policy.load_policy(str(path))
    assert "mine.yaml" in str(error.value)
    assert told in str(error.value)
    path.write_text("\n".join(lines))
    assert reconcile_policy.load_policy(str(path)) == ReconcilePolicy(
        ("machine", "human", "crowdsource"), "negative", "lowest", 1.0
    )
