"""Of a Parquet file only what may hold the rows asked for is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oilake.jobs.tables.file_batches import read_file_batches

ROWS = pa.table({"mid": ["/m/a", "/m/c", "/m/a", "/m/b", "/m/c", "/m/d"], "number": [0, 1, 2, 3, 4, 5]})


@pytest.mark.parametrize(
    ("mid", "numbers"),
    [("/m/b", [2, 3]), ("/m/a", [0, 1, 2, 3]), ("/m/d", [4, 5]), ("/m/bb", []), ("/m/e", [])],
)
def test_row_groups_without_the_value_are_left_out(tmp_path: Path, mid: str, numbers: list[int]) -> None:
    """Two rows a group: the ranges of the first and second hold /m/b, and only the second one has it."""
    path = tmp_path / "a.parquet"
    pq.write_table(ROWS, path, row_group_size=2)
    batches = read_file_batches(str(path), ROWS.schema, {}, {"mid": mid})
    assert [number for batch in batches for number in batch.column("number").to_pylist()] == numbers


def test_a_value_of_a_column_that_the_file_lacks_leaves_out_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(ROWS.drop_columns(["mid"]), path)
    batches = read_file_batches(str(path), ROWS.schema, {"mid": "/m/z"}, {"mid": "/m/z"})
    assert [batch.to_pylist()[0] for batch in batches] == [{"mid": "/m/z", "number": 0}]
