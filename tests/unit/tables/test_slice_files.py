"""What is told of a published slice from the log alone."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from oilake.jobs.tables import ddl, publish, slice_files
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.support.warehouses import spark_is_not_needed


def test_a_subset_of_several_files_counts_the_rows_of_all(tmp_path: Path) -> None:
    warehouse, table = Warehouse.at(tmp_path), schemas.table_schema("class_images")
    ddl.ensure_tables(spark_is_not_needed, warehouse)
    staged = []
    for number, (subset, rows) in enumerate([("train", 3), ("validation", 2), ("train", 4)]):
        columns = {
            column.name: pa.nulls(rows, schemas.arrow_type(column)) if column.nullable else _filled(column.type, rows)
            for column in table.stored()
        }
        values = pa.table(columns, schema=schemas.arrow_schema(table))
        staged.append(stage_rows(warehouse, table, {"release": "v3", "subset": subset}, f"run{number}", values))
    published = Publication("v3", "run", "complete", "", "index", {}, tuple(staged))
    pin = publish.publish(warehouse, published)
    assert slice_files.rows_by_subset(warehouse, "class_images", pin) == {"train": 7, "validation": 2}


def _filled(kind: str, rows: int) -> list[object]:
    return [{"string": "x", "bigint": 1, "int": 1, "double": 0.5, "boolean": True}[kind]] * rows
