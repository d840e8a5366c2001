"""Files of a table in which few rows are looked for have small row groups that tell what they hold."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


def test_a_row_group_of_class_images_tells_its_classes_and_images(tmp_path: Path):
    table = schemas.table_schema("class_images")
    rows = 300_000
    columns = {
        "mid": ["/m/01"] * 200_000 + ["/m/02"] * 100_000,
        "image_id": [f"{n:016x}" for n in range(rows)],
        "machine_confidence": [None] * rows,
        "verdict": ["positive"] * rows,
        "decided_by": ["human"] * rows,
        "is_conflict": [False] * rows,
        "box_count": [None] * rows,
    }
    partition = {"release": "v3", "subset": "train"}
    staged = stage_rows(
        Warehouse.at(tmp_path), table, partition, "0" * 16, pa.table(columns, schemas.arrow_schema(table))
    )
    footer = pq.read_metadata(tmp_path / "class_images" / staged.path)
    groups = [footer.row_group(n) for n in range(footer.num_row_groups)]
    assert [group.num_rows for group in groups] == [131_072, 131_072, 37_856]
    told = [[group.column(n).statistics for n in (0, 1)] for group in groups]
    assert [(mid.min, mid.max, image.min) for mid, image in told] == [
        ("/m/01", "/m/01", f"{0:016x}"), ("/m/01", "/m/02", f"{131_072:016x}"), ("/m/02", "/m/02", f"{262_144:016x}"),
    ]  # fmt: skip
