"""What one task sorts in memory, and what is too much for it; how ingest uses it stands in test_sort_files.py."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from oilake.jobs.tables import memory_sort, parquet_reader
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

LABELS = schemas.table_schema("image_labels")
PARTITION = {"release": "v3", "subset": "train"}


class Sized(NamedTuple):
    size: int
    rows: int


def labels(pairs: list[tuple[str, str]]) -> pa.Table:
    row = dict.fromkeys(schemas.arrow_schema(LABELS).names) | {
        "verdict": "positive",
        "decided_by": "human",
        "is_conflict": False,
        "observations": 1,
        "extra_observations": [],
    }
    rows = [row | {"image_id": image, "mid": mid} for image, mid in pairs]
    return pa.Table.from_pylist(rows, schema=schemas.arrow_schema(LABELS))


def test_rows_of_several_files_go_to_another_table_in_its_order_and_are_judged(tmp_path: Path) -> None:
    warehouse = Warehouse.at(str(tmp_path))
    files = [
        stage_rows(warehouse, LABELS, PARTITION, "run", labels(pairs))
        for pairs in ([("0" * 16, "/m/02"), ("0" * 16, "/m/03")], [("1" * 16, "/m/01"), ("1" * 16, "/m/02")])
    ]
    uris = tuple(warehouse.table_uri("image_labels", file.path) for file in files)
    part = memory_sort.UnsortedPart("class_images", "image_labels", uris, PARTITION, is_judged=False)
    (staged,) = memory_sort.sort_part(part, warehouse, "run")
    names = ["mid", "image_id", "verdict"]
    rows = parquet_reader.read_file(warehouse.table_uri("class_images", staged.path), "class_images", names)
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        ("/m/01", "1" * 16, "positive"),
        ("/m/02", "0" * 16, "positive"),
        ("/m/02", "1" * 16, "positive"),
        ("/m/03", "0" * 16, "positive"),
    ]
    assert staged.table == "class_images"
    assert staged.tally is not None
    assert staged.tally.rows == 4


def test_what_no_task_can_hold_is_left_to_spark() -> None:
    size, rows = memory_sort.MEMORY_BYTES // 2, memory_sort.MEMORY_ROWS // 2
    assert memory_sort.fits_in_memory([Sized(size, rows)] * 2)
    assert not memory_sort.fits_in_memory([Sized(size, 1)] * 3)
    assert not memory_sort.fits_in_memory([Sized(1, rows)] * 3)
