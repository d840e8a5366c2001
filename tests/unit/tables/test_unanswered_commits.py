"""A commit of which the store cannot tell whether it was made: the run says so and deletes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from oilake.conf.errors import StoreError
from oilake.jobs.tables import append_rows, checkpoint, ddl
from oilake.jobs.tables.commits import are_committed
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.support import publications
from tests.support.warehouses import spark_is_not_needed

TABLE = "repairs"


@pytest.fixture
def lake(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse.at(tmp_path)
    ddl.ensure_tables(spark_is_not_needed, warehouse)
    return warehouse


def staged(warehouse: Warehouse, run_id: str = "run1") -> StagedFile:
    schema = schemas.table_schema(TABLE)
    cells = {column.name: [publications.VALUES[column.type]] for column in schema.stored()}
    partition = dict.fromkeys(schema.partition_by, "v3")
    return stage_rows(warehouse, schema, partition, run_id, pa.table(cells, schema=schemas.arrow_schema(schema)))


def test_a_table_that_cannot_be_asked_tells_nothing(lake: Warehouse):
    file = staged(lake)
    assert are_committed(lake, TABLE, [file]) is False
    shutil.rmtree(Path(lake.uri, TABLE, "_delta_log"))
    assert are_committed(lake, TABLE, [file]) is None


def test_rows_that_nobody_can_vouch_for_are_not_called_written(lake: Warehouse, monkeypatch: pytest.MonkeyPatch):
    def lose_store(*arguments: object) -> None:
        shutil.rmtree(Path(lake.uri, TABLE, "_delta_log"))
        raise OSError("no route to host")

    monkeypatch.setattr(append_rows, "_commit_staged", lose_store)
    schema = schemas.table_schema(TABLE)
    fields = [pa.field(column.name, schemas.arrow_type(column), column.nullable) for column in schema.columns]
    row = pa.table({column.name: [publications.VALUES[column.type]] for column in schema.columns}, pa.schema(fields))
    with pytest.raises(StoreError, match="no route to host"):
        append_rows.append_rows(lake, TABLE, row, "run1", {})
    assert len(list(Path(lake.uri, TABLE).rglob("*-run1-*"))) == 1, "a commit may name it"


def test_what_a_broken_run_staged_goes_unless_a_commit_names_it(lake: Warehouse):
    unpublished = staged(lake, "run1")
    publications.publish_rows(lake, "run1", 3, tables=["repairs"])
    checkpoint.delete_unnoted(lake, TABLE, "run1", [])
    left = list(Path(lake.uri, TABLE).rglob("*-run1-*"))
    assert len(left) == 1
    assert not left[0].name.endswith(unpublished.path.rpartition("/")[2])


def test_where_the_table_cannot_be_asked_nothing_is_deleted(lake: Warehouse):
    staged(lake, "run1")
    shutil.rmtree(Path(lake.uri, TABLE, "_delta_log"))
    checkpoint.delete_unnoted(lake, TABLE, "run1", [])
    assert len(list(Path(lake.uri, TABLE).rglob("*-run1-*"))) == 1
