"""Boxes without area and boxes that stand twice are published as they are, counted and told: at the gate, by a check."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.conf import registry
from oilake.conf.settings import Settings
from oilake.jobs.ingest import ingest
from oilake.jobs.tables.delta_log import newest_rows as all_rows
from oilake.jobs.tables.staging import StagedFile, Writer
from oilake.jobs.tables.targets import TableFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import uniqueness
from oilake.quality import row_hashes, scopes, suites
from oilake.schemas import loader as schemas
from tests.conftest import Oilake
from tests.support import table_readers
from tests.support.releases import BOX_HEADER, CAT, DOG, TRAIN_BOX_HEADER, image_id, land, lines

TRAIN = "2017_11/train/annotations-human-bbox.csv"
TEST = "2017_11/test/annotations-human-bbox.csv"
IMAGE = image_id(0)
ROW = f"{IMAGE},xclick,{DOG},1,0.1,0.9,0.25,0.75"
BOXES = suites.load_suite("boxes")
TOLD = ("box_without_width", "box_without_height", "repeated_box")

Row = dict[str, Any]


@pytest.fixture(scope="module")
def published(settings: Settings, empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse with boxes that have no width, no height or neither, and boxes that stand two and three times."""
    folder = tmp_path_factory.mktemp("boxes")
    flat = ["0.3,0.3,0.1,0.2", "0.3,0.300000,0.1,0.4", "0.1,0.2,0.5,0.50", "0,0,1,1"]
    rows = [ROW, *(f"{IMAGE},freeform,{DOG},1,{edges}" for edges in flat)]
    rows += [ROW, ROW.replace("0.25", ".250000"), ROW.replace(DOG, CAT), ROW.replace("xclick", "activemil")]
    other = f"{image_id(1, 'test')},xclick,{DOG},1,0.1,0.9,0.25,0.75"
    land(
        folder / "landing",
        {
            TRAIN: lines(TRAIN_BOX_HEADER, *rows),
            TEST: lines(BOX_HEADER, f"{other},1,0,-1,0,0", f"{other},0,0,0,0,0", f"{ROW},1,0,0,0,0"),
        },
    )  # fmt: skip
    mine = replace(settings, warehouse=str(folder / "warehouse"), landing=str(folder / "landing"))
    ingest(mine, registry.find_release("v3"))
    return mine.warehouse


def told(warehouse: str, job: str) -> dict[str, Row]:
    found = [
        row
        for row in all_rows(Warehouse.at(warehouse), "quality_results")
        if (row["job"], row["table_name"]) == (job, "boxes")
    ]
    return {row["expectation"]: row for row in found if row["expectation"] in TOLD}


@pytest.mark.usefixtures("spark")
def test_they_are_published_as_they_stand(published: str):
    boxes = table_readers.rows(published, "boxes")
    assert Counter(row["subset"] for row in boxes) == {"train": 9, "test": 3, "validation": 1}
    assert table_readers.rows(published, "quarantine") == []


@pytest.mark.usefixtures("spark")
def test_they_are_counted_at_the_gate_and_by_a_check(published: str, oilake: Oilake):
    code, out, _ = oilake("check", "boxes", "--release", "v3", "--explain", "--warehouse", published)
    assert code == 0
    for job in ("ingest", "check"):
        found = told(published, job)
        counts = {name: (row["severity"], row["success"], row["unexpected_count"]) for name, row in found.items()}
        assert counts == {
            "box_without_width": ("warning", False, 3),
            "box_without_height": ("warning", False, 2),
            "repeated_box": ("warning", False, 5),
        }
        edges = [tuple(json.loads(e)[n] for n in ("x_min", "x_max")) for e in found["box_without_width"]["examples"]]
        assert edges == [(0.3, 0.3), (0.3, 0.3), (0.0, 0.0)]
        repeated = [json.loads(example) for example in found["repeated_box"]["examples"]]
        assert sorted((e["subset"], e["image_id"], e["rows"]) for e in repeated) == [
            ("test", image_id(1, "test"), 2),
            ("train", IMAGE, 3),
        ]
    for name in TOLD:
        assert f"boxes v3: {name} (warning)" in out


def staged(warehouse: str, parts: list[list[Row]]) -> list[StagedFile]:
    table, schema = schemas.table_schema("boxes"), schemas.arrow_schema(schemas.table_schema("boxes"))
    files = []
    for number, part in enumerate(parts):
        writer = Writer(
            Warehouse.at(warehouse), table, {"release": "v3", "subset": "train"}, "run", number, is_judged=True
        )
        writer.write(pa.Table.from_pylist(part, schema))
        files.append(writer.close())
    return files


def box(number: int) -> Row:
    edges = {"x_min": 0.0, "x_max": 0.1 + number % 2, "y_min": -0.0 if number % 3 else 0.0, "y_max": 1.0}
    nothing = dict.fromkeys(("is_occluded", "is_truncated", "is_group_of", "is_depiction", "is_inside"))
    return {"image_id": f"{number // 4:016x}", "source": "xclick", "mid": DOG, "confidence": 1.0, **edges, **nothing}


@pytest.mark.parametrize("parts", [[[0, 1, 4, 4]], [[0, 1], [1, 4], [4, 4]], [[0, 1, 4]], [[0], [4]], [[]], []])
def test_boxes_that_repeat_are_counted_within_files_and_across_them(tmp_path: Path, parts: list[list[int]]):
    files = staged(str(tmp_path), [[box(number) for number in part] for part in parts])
    tallies = [file.tally for file in files if file.tally]
    assert len(tallies) == len(files)
    places = [TableFile(str(tmp_path / "boxes" / file.path), {**file.partition}, file.size) for file in files]
    (expectation,) = (e for e in BOXES.expectations if e.name == "repeated_box")
    schema = schemas.arrow_schema(schemas.table_schema("boxes"))
    found = uniqueness.count_repeated_rows(places, schema, expectation, tallies)
    counts = Counter(number for part in parts for number in part)
    several = {number: n for number, n in counts.items() if n > 1}
    assert (found.rows, found.unexpected) == (counts.total(), sum(several.values()))
    assert [(e["image_id"], e["subset"], e["rows"]) for e in found.examples] == [
        (f"{number // 4:016x}", "train", n) for number, n in sorted(several.items())
    ]


def test_what_may_repeat_is_not_the_tables_key():
    assert BOXES.key() == []
    warned = [e for e in BOXES.expectations if e.name in TOLD]
    assert [(e.severity, e.meta.scope) for e in warned] == [("warning", "table")] * 3
    assert not {e.name for e in BOXES.of("row")} & {*TOLD}
    assert not suites.delta_constraints(BOXES).keys() & {*TOLD}
    repeating = {"boxes", "masks", "narratives", "attributes"}
    repeating |= {"relationships", "relationship_triplets", "relationship_descriptions"}
    for table in set(schemas.table_names()):
        suite = suites.load_suite(table)
        asked = [e for e in suite.expectations if suite.may_repeat(e)]
        assert [e.severity for e in asked] == ["warning"] * (table in repeating), table
        if asked:
            continue
        assert [e.columns for e in suite.expectations if e.type in scopes.UNIQUE][:1] == [suite.key()] * bool(
            suite.key()
        )


VALUE = st.one_of(st.none(), st.floats(allow_nan=False), st.sampled_from([0.0, -0.0, 1.5]))
WORD = st.one_of(st.none(), st.sampled_from(["", "a", "b", "None", "0.0"]))


@given(st.lists(st.tuples(VALUE, WORD), max_size=40), st.integers(1, 40))
def test_equal_rows_have_equal_hashes_and_others_have_not(rows: list[tuple[float | None, str | None]], size: int):
    """However the rows are cut, and however Arrow holds their texts."""
    table = pa.table(
        {"x": pa.array([x for x, _ in rows], pa.float64()), "word": pa.array([w for _, w in rows], pa.string())}
    )
    whole = row_hashes.hash_rows(table, ["x", "word"])
    assert len(set(whole.tolist())) == len({(None if x is None else x + 0.0, word) for x, word in rows})
    coded = table.set_column(1, "word", table["word"].combine_chunks().dictionary_encode())
    parts = [row_hashes.hash_rows(coded.slice(n, size), ["x", "word"]) for n in range(0, len(rows), size)]
    assert np.concatenate([np.empty(0, np.uint64), *parts]).tolist() == whole.tolist()
    several = {number for number, n in Counter(whole.tolist()).items() if n > 1}
    assert set(row_hashes.repeated_hashes(parts).tolist()) == several
