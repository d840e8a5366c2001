"""Which columns of a staged file have dictionaries: those whose values repeat."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.tables.dictionary_choice import SAMPLE_ROWS, repeating_columns
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

COUNT = 3 * SAMPLE_ROWS
BOXES = schemas.table_schema("boxes")
PART = {"release": "v7", "subset": "train"}


def box_rows() -> pa.Table:
    """Four boxes an image, drawn by clicks; each coordinate is another one."""
    place = [n / COUNT for n in range(COUNT)]
    rows = {
        "image_id": [f"{n // 4:016x}" for n in range(COUNT)],
        "source": pa.array(["xclick"] * COUNT).dictionary_encode(),
        "mid": [f"/m/0{n % 10}" for n in range(COUNT)],
        "confidence": [1.0] * COUNT,
        **dict.fromkeys(("x_min", "x_max", "y_min", "y_max"), place),
        **dict.fromkeys(("is_occluded", "is_truncated", "is_group_of", "is_depiction", "is_inside"), [None] * COUNT),
        "extreme_points": [[{"x": x, "y": 0.5}] * 4 for x in place],
    }
    schema = schemas.arrow_schema(BOXES)
    return pa.table(
        {name: pa.array(rows[name], None if name == "source" else schema.field(name).type) for name in rows}
    )


@pytest.mark.lengthy
def test_values_that_hardly_repeat_have_no_dictionary_and_leaves_are_chosen_each_by_itself():
    plain = {"x_min", "x_max", "y_min", "y_max"}
    leaves = {"extreme_points.list.element.x", "extreme_points.list.element.y"}  # each x stands there four times
    assert {*repeating_columns(box_rows())} == {*box_rows().column_names} - plain - {"extreme_points"} | leaves
    assert repeating_columns(box_rows().slice(0, 0)) == [*box_rows().column_names[:-1], *sorted(leaves)]


@pytest.mark.parametrize("count", [0, 1, COUNT])
def test_a_staged_file_holds_the_rows_that_it_was_given(tmp_path: Path, count: int):
    warehouse, rows = Warehouse.at(str(tmp_path)), box_rows().slice(0, count)
    staged = stage_rows(warehouse, BOXES, PART, "run", rows)
    file = pq.ParquetFile(join_uri(warehouse.uri, "boxes", staged.path))
    assert file.read().to_pylist() == rows.to_pylist()
    columns = [file.metadata.row_group(0).column(n) for n in range(file.metadata.num_columns)]
    coded = {c.path_in_schema for c in columns if "RLE_DICTIONARY" in c.encodings}
    if count == COUNT:
        assert coded == {*repeating_columns(rows)} - {c.path_in_schema for c in columns if c.physical_type == "BOOLEAN"}


def test_the_leaves_of_a_map_are_columns_too():
    rows = pa.table({"m": pa.array([[("a", n)] for n in range(9)], pa.map_(pa.string(), pa.int64()))})
    assert repeating_columns(rows) == ["m.key_value.key"]
