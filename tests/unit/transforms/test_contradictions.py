"""Contradictions of a chunk: a row a kind that a person can read, and any rows beside independent SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oilake.conf.contradiction_rules import ContradictionRules, load_rules, read_rules
from oilake.conf.errors import ConfigError
from oilake.jobs.transforms import image_runs
from oilake.jobs.transforms.class_ancestors import build_ancestors
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.contradiction_rows import SCHEMA, ContradictionSetting
from oilake.jobs.transforms.contradictions import COLUMNS, FINDERS, find_contradictions
from oilake.jobs.transforms.image_runs import ImageRuns
from oilake.schemas import loader as schemas
from tests.support import contradiction_sql
from tests.support.contradiction_sql import EDGES
from tests.support.releases import CAT, DOG, TREE

ANIMAL, ODD, TALL = "/m/0jbk", "/m/0zz", "/m/0xz00"
IMAGES = ["0" * 16, "7" + "f" * 15, "8" + "0" * 15, "f" * 16]
NAMES = {DOG: "Dog", CAT: "Cat", TREE: "Tree", ANIMAL: "Animal"}
BOXABLE = {DOG, ANIMAL}
# The animal is above dog and cat; the tree is a part of it.
NODES = [
    {"path": "1", "parent_path": None, "mid": ANIMAL, "relation": None},
    {"path": "1/1", "parent_path": "1", "mid": DOG, "relation": "subcategory"},
    {"path": "1/2", "parent_path": "1", "mid": CAT, "relation": "subcategory"},
    {"path": "1/3", "parent_path": "1", "mid": TREE, "relation": "part"},
]
SUBCATEGORIES = [{"child": DOG, "parent": ANIMAL}, {"child": CAT, "parent": ANIMAL}]
TEXT = pa.dictionary(pa.int32(), pa.string())

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def box(*edges: float, side: str = "") -> Row:
    return {f"{name}{side}": edge for name, edge in zip(EDGES, edges, strict=True)}


def label(image: str, mid: str, human: bool | None = None, crowd: bool | None = None) -> Row:
    says = crowd if human is None else human
    verdict = "unverified" if says is None else "positive" if says else "negative"
    decided_by = "human" if human is not None else "crowdsource" if crowd is not None else "machine"
    sides = {"human_verdict": human, "crowd_verdict": crowd, "verdict": verdict, "decided_by": decided_by}
    return {"image_id": image, "mid": mid, **sides, "is_boxable": mid in BOXABLE if mid in NAMES else None}


def related(image: str, first: str, second: str, word: str, *, at: Sequence[Sequence[float]]) -> Row:
    edges = box(*at[0], side="_1") | box(*at[1], side="_2")
    told = {"mid_1": first, "mid_2": second, "relationship": word, "is_attribute": word == "is"}
    return {"image_id": image, **told, **edges}


def runs(table: str, rows: Sequence[Row], size: int) -> ImageRuns:
    columns = {column.name: schemas.arrow_type(column) for column in schemas.table_schema(table).stored()}
    types = [("image_id", pa.string()), *((name, columns[name]) for name in COLUMNS[table])]
    schema = pa.schema([(name, TEXT if kind == pa.string() and name != "image_id" else kind) for name, kind in types])
    ordered = iter(sorted(rows, key=lambda row: row["image_id"]))
    batches = iter(lambda: list(islice(ordered, size)), [])
    return image_runs.join_runs(
        [image_runs.runs_of_batch(pa.RecordBatch.from_pylist(batch, schema=schema)) for batch in batches]
    )


def release(rules: ContradictionRules | None = None) -> ContradictionSetting:
    listed = [
        {"mid": mid, "display_name": name, "is_trainable": None, "is_boxable": mid in BOXABLE}
        for mid, name in NAMES.items()
    ]
    return ContradictionSetting(rules or load_rules(), build_vocabulary(listed), build_ancestors(NODES))


def find(tables: Tables, kinds: Sequence[str] = tuple(FINDERS), size: int = 3) -> list[Row]:
    chunk = {name: runs(name, rows, size) for name, rows in tables.items() if rows}
    rows = find_contradictions(chunk, release(), kinds)
    assert rows.schema.equals(SCHEMA)
    return rows.to_pylist()


LISTED: list[Row] = [{"image_id": image} for image in IMAGES[:3]]
IMAGE = IMAGES[2]
HERE = (0.1, 0.5, 0.2, 0.6)
# One table's rows, and the rows of another that contradict them: kind -> (tables, what is told of both sides).
PLAIN: dict[str, tuple[Tables, Row]] = {
    "human_against_crowd": (
        {"image_labels": [label(IMAGE, DOG, True, False), label(IMAGE, CAT, False, False)]},
        {"source_1": "human", "value_1": "yes", "source_2": "crowdsource", "value_2": "no"},
    ),
    "box_of_denied_class": (
        {"image_labels": [label(IMAGE, DOG, None, False)], "boxes": [{"image_id": IMAGE, "mid": DOG, **box(*HERE)}]},
        {"source_1": "boxes", "value_1": "box", "source_2": "crowdsource", "value_2": "negative", **box(*HERE)},
    ),
    "mask_of_denied_class": (
        {
            "image_labels": [label(IMAGE, DOG, False)],
            "masks": [{"image_id": IMAGE, "mid": DOG, "box_id": "05580497", **box(*HERE)}],
        },
        {"source_1": "masks", "value_1": "mask", "source_2": "human", "box_id": "05580497", **box(*HERE)},
    ),
    "relationship_of_denied_class": (
        {
            "image_labels": [label(IMAGE, DOG, False)],
            "relationships": [
                related(IMAGE, CAT, DOG, "under", at=((0, 1, 0, 1), HERE)),
                related(IMAGE, CAT, DOG, "is", at=((0, 1, 0, 1), (0, 1, 0, 1))),
            ],
        },
        {"source_1": "relationships", "value_1": "under", "other_mid": CAT, **box(*HERE)},
    ),
    "denied_ancestor": (
        {"image_labels": [label(IMAGE, DOG, True), label(IMAGE, ANIMAL, None, False), label(IMAGE, TREE, True)]},
        {"source_1": "human", "value_1": "positive", "source_2": "crowdsource", "value_2": "negative", "other_mid": ANIMAL},
    ),
    "positive_without_box": (
        {"image_labels": [label(IMAGE, DOG, True), label(IMAGE, CAT, True), label(IMAGE, ANIMAL)]},
        {"source_1": "human", "value_1": "positive", "source_2": "boxes", "value_2": "no box"},
    ),
    "mask_without_box": (
        {
            "masks": [{"image_id": IMAGE, "mid": DOG, "box_id": "0a", **box(*HERE)}],
            "boxes": [{"image_id": IMAGE, "mid": DOG, **box(0.1, 0.5, 0.2, 0.5)}],
        },
        {"source_1": "masks", "value_1": "mask", "source_2": "boxes", "value_2": "other boxes", "iou": 0.75},
    ),
    "outvoted_verdict": (
        {
            "image_labels": [label(IMAGE, DOG, False)],
            "points": [
                {"image_id": IMAGE, "mid": DOG, "yes_votes": yes, "no_votes": no}
                for yes, no in ((3, 1), (None, 1), (0, None))
            ],
        },
        {"source_1": "points", "value_1": "yes", "source_2": "human", "yes_votes": 3, "no_votes": 2},
    ),
    "unlisted_class": (
        {
            "image_labels": [label(IMAGE, ODD)],
            "points": [{"image_id": IMAGE, "mid": mid, "yes_votes": 1, "no_votes": 0} for mid in (ODD, ODD, CAT)],
        },
        {"source_1": "labels, points", "value_1": "named", "source_2": "classes", "value_2": "not listed"},
    ),
    "unlisted_image": (
        {"boxes": [{"image_id": IMAGES[3], "mid": DOG, **box(*HERE)}] * 2},
        {"image_id": IMAGES[3], "mid": None, "source_1": "boxes", "source_2": "images", "value_2": "not listed"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FINDERS)
def test_a_contradiction_tells_both_sides(kind: str):
    tables, told = PLAIN[kind]
    (row,) = find({**tables, "images": LISTED}, [kind])
    mid = ODD if kind == "unlisted_class" else DOG
    assert {name: row[name] for name in told} == pytest.approx(told)
    assert (row["kind"], row["remedy"]) == (kind, load_rules().kinds[kind].remedy)
    if kind != "unlisted_image":
        assert (row["image_id"], row["mid"], row["display_name"]) == (IMAGE, mid, NAMES.get(mid))


def test_only_the_kinds_that_can_be_judged_are_told():
    tables = {**PLAIN["mask_of_denied_class"][0], "images": LISTED}
    assert {row["kind"] for row in find(tables)} == {"mask_of_denied_class", "mask_without_box"}
    assert find(tables, ["box_of_denied_class", "outvoted_verdict", "unlisted_image"]) == []


def test_a_box_that_is_almost_the_masks_own_is_its_box():
    masks = [{"image_id": IMAGE, "mid": DOG, "box_id": "0a", **box(0, 1, 0, 1)}]
    for edge, told in ((0.9, 0), (0.8999, 1)):
        boxes = [{"image_id": IMAGE, "mid": DOG, **box(0, 1, 0, edge)}]
        assert len(find({"masks": masks, "boxes": boxes}, ["mask_without_box"])) == told


@pytest.mark.parametrize("decided_by", ["machine", "boxes"])
def test_what_people_say_counts_whomever_a_policy_trusts_more(decided_by: str):
    denied = {**label(IMAGE, DOG, None, False), "verdict": "positive", "decided_by": decided_by}
    boxes = [{"image_id": IMAGE, "mid": DOG, **box(*HERE)}]
    (row,) = find({"image_labels": [denied], "boxes": boxes}, ["box_of_denied_class", "positive_without_box"])
    assert (row["kind"], row["source_2"]) == ("box_of_denied_class", "crowdsource")


def test_a_correction_is_a_persons_verdict():
    corrected = {**label(IMAGE, DOG, True, None), "verdict": "negative", "decided_by": "correction"}
    boxes = [{"image_id": IMAGE, "mid": DOG, **box(*HERE)}]
    (row,) = find({"image_labels": [corrected], "boxes": boxes}, ["box_of_denied_class"])
    assert row["source_2"] == "correction"


def test_a_mask_and_a_box_of_the_same_edges_belong_together_even_without_area():
    flat = box(0.3, 0.3, 0, 1)
    tables = {"masks": [{"image_id": IMAGE, "mid": DOG, "box_id": "0a", **flat}]}
    assert not find({**tables, "boxes": [{"image_id": IMAGE, "mid": DOG, **flat}]}, ["mask_without_box"])
    assert find({**tables, "boxes": [{"image_id": IMAGE, "mid": DOG, **box(0.3, 0.4, 0, 1)}]}, ["mask_without_box"])


MID = st.sampled_from([DOG, CAT, ANIMAL, TREE, ODD])
SAYS = st.sampled_from([None, True, False])
SPAN = st.sampled_from([(0.0, 1.0), (0.0, 0.95), (0.0, 0.5), (0.25, 0.25), (0.5, 1.0)])
SIDES = st.tuples(SPAN, SPAN).map(lambda spans: (*spans[0], *spans[1]))
PLACE = st.sampled_from(IMAGES)
VOTES = st.sampled_from([None, 0, 1, 2])


def some(strategy: st.SearchStrategy[Row]) -> st.SearchStrategy[list[Row]]:
    return st.lists(strategy, max_size=8)


LABELS = st.lists(
    st.builds(label, PLACE, MID, SAYS, SAYS), max_size=12, unique_by=lambda row: (row["image_id"], row["mid"])
)
BOXES = some(st.builds(lambda image, mid, at: {"image_id": image, "mid": mid, **box(*at)}, PLACE, MID, SIDES))
MASKS = some(
    st.builds(
        lambda image, mid, at, name: {"image_id": image, "mid": mid, "box_id": name, **box(*at)},
        PLACE, MID, SIDES, st.sampled_from(["00000001", "0000000a"]),
    )
)  # fmt: skip
POINTS = some(
    st.builds(
        lambda image, mid, yes, no: {"image_id": image, "mid": mid, "yes_votes": yes, "no_votes": no},
        PLACE, MID, VOTES, VOTES,
    )
)  # fmt: skip
RELATIONSHIPS = some(
    st.builds(
        lambda image, first, second, word, at: related(
            image, first, TALL if word == "is" else second, word, at=(at, at) if word == "is" else (at, at[::-1])
        ),
        PLACE, MID, MID, st.sampled_from(["is", "on", "holds"]), SIDES,
    )
)  # fmt: skip


@pytest.mark.lengthy
@settings(max_examples=50)
@given(LABELS, BOXES, MASKS, RELATIONSHIPS, POINTS, st.integers(1, 3))
def test_any_rows_tell_what_independent_sql_tells(
    labels: list[Row], boxes: list[Row], masks: list[Row], relationships: list[Row], points: list[Row], size: int
):
    tables = {"image_labels": labels, "boxes": boxes, "masks": masks, "relationships": relationships, "points": points}
    rows = find({**tables, "images": LISTED}, size=size)
    assert [row["image_id"] for row in rows] == sorted(row["image_id"] for row in rows)
    assert contradiction_sql.published(rows) == sql_contradictions(tables)


def sql_contradictions(tables: Tables) -> Counter[contradiction_sql.Contradiction]:
    with duckdb.connect() as connection:
        for name, rows in tables.items():
            columns = {column.name: schemas.arrow_type(column) for column in schemas.table_schema(name).stored()}
            types = pa.schema([("image_id", pa.string()), *((column, columns[column]) for column in COLUMNS[name])])
            connection.register(name, pa.Table.from_pylist(rows, schema=types))
        connection.register("images", pa.Table.from_pylist(LISTED))
        listed = [{"mid": mid, "is_boxable": mid in BOXABLE} for mid in NAMES]
        connection.register("classes", pa.Table.from_pylist(listed))
        connection.register("edges", pa.Table.from_pylist(SUBCATEGORIES))
        connection.execute(
            "CREATE TEMP VIEW verdicts AS SELECT image_id, mid, human_verdict AS human, crowd_verdict AS crowd "
            "FROM image_labels"
        )
        return contradiction_sql.expected(connection, list(contradiction_sql.QUERIES))


def test_every_kind_has_rules_a_finder_and_sql():
    assert list(load_rules().kinds) == list(FINDERS) == list(contradiction_sql.QUERIES)


def test_a_threshold_that_no_overlap_can_have_is_refused(tmp_path: Path):
    path = tmp_path / "rules.yaml"
    path.write_text("least_mask_iou: 1.5\nkinds: {}\n")
    with pytest.raises(ConfigError, match=r"rules.yaml: least_mask_iou must lie above 0 and up to 1, not 1.5"):
        read_rules(path)
