"""usage: python -m bench.duckdb_plain WORK LANDING OUT: what a DuckDB user would write for plain files; prints its costs as
JSON.

One COPY a file keeps the file's order (a join with image lists does not); -1 of an attribute, and of the points of a box
that was not clicked, is NULL.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb

from bench.duckdb_peer import COLUMNS, columns_of, flags
from bench.stopwatch import Stopwatch
from bench.work import BOTH_LISTS, WORK, PlainFile

NARRATIVE = {
    "image_id": "VARCHAR",
    "annotator_id": "BIGINT",
    "caption": "VARCHAR",
    "timed_caption": "STRUCT(utterance VARCHAR, start_time DOUBLE, end_time DOUBLE)[]",
    "traces": "STRUCT(x DOUBLE, y DOUBLE, t DOUBLE)[][]",
    "voice_recording": "VARCHAR",
    "dataset_id": "VARCHAR",
}
POINTS = (
    "ImageId AS image_id, Label AS mid, X::DOUBLE AS x, Y::DOUBLE AS y, EstimatedYesNo AS estimate, Source AS source, "
    "nullif(YesVotes, '')::BIGINT AS yes_votes, nullif(NoVotes, '')::BIGINT AS no_votes, "
    "nullif(UnsureVotes, '')::BIGINT AS unsure_votes, nullif(TextLabel, '') AS text_label"
)
PARQUET = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"


def main(name: str, landing: Path, out: Path) -> None:
    stopwatch = Stopwatch()
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    for table, files in WORK[name].plain.items():
        (out / table).mkdir()
        for number, file in enumerate(file for file in files if file.is_source):
            selected = select_rows(table, landing / file.path)
            if table == "images":
                selected = with_lists(selected, landing, files)
            if not file.is_sorted:
                selected = f"{selected} ORDER BY image_id"
            connection.execute(f"COPY ({selected}) TO '{out}/{table}/{number}.parquet' {PARQUET}")
    print(json.dumps(stopwatch.costs()))


def select_rows(table: str, path: Path) -> str:
    """SQL for the typed rows of a file."""
    if table == "narratives":
        return f"SELECT * FROM read_json('{path}', format = 'newline_delimited', columns = {NARRATIVE})"
    if table == "points":
        return f"SELECT {POINTS} FROM {csv_source(path)}"
    extra = ""
    if table == "boxes":
        extra = flags("as published") + f", {clicked_points(path)} AS extreme_points"
    if table == "images":
        extra = ", Subset AS subset, nullif(Rotation, '')::DOUBLE::INTEGER AS rotation"
    return f"SELECT {COLUMNS[table]}{extra} FROM {csv_source(path)}"


def clicked_points(path: Path) -> str:
    """SQL for the four clicked points, which only some files have."""
    if "XClick1X" not in columns_of(path):
        return "NULL::STRUCT(x DOUBLE, y DOUBLE)[]"
    four = ", ".join(f"{{'x': XClick{n}X::DOUBLE, 'y': XClick{n}Y::DOUBLE}}" for n in range(1, 5))
    return f"CASE WHEN XClick1X::DOUBLE = -1 THEN NULL ELSE [{four}] END"


def with_lists(selected: str, landing: Path, files: Sequence[PlainFile]) -> str:
    """The same rows with one truth value a list of images, NULL without such a list."""
    values = []
    for column in BOTH_LISTS:
        parts = [f"SELECT ImageID FROM {csv_source(landing / file.path)}" for file in files if column in file.lists]
        listed_here = f"image_id IN ({' UNION ALL '.join(parts)})" if parts else "NULL::BOOLEAN"
        values.append(f"{listed_here} AS {column}")
    return f"SELECT *, {', '.join(values)} FROM ({selected})"


def csv_source(path: Path) -> str:
    """SQL for the rows of a file as text."""
    return (
        f"read_csv('{path}', header = true, delim = ',', quote = '\"', escape = '\"', all_varchar = true, "
        f"auto_detect = false, columns = {columns_of(path)})"
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
