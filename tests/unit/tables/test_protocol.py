"""No table needs a newer reader than everybody has, when it is made and when a job has published into it."""

from __future__ import annotations

from pathlib import Path

from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.jobs.tables import ddl
from oilake.jobs.tables.snapshots import INGEST
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.support import view_lake


def no_session() -> SparkSession:
    raise AssertionError("new tables need no Spark")


def test_every_table_is_open_to_old_readers(tmp_path: Path) -> None:
    place = str(tmp_path / "lake")
    ddl.ensure_tables(no_session, Warehouse.at(place))
    view_lake.publish_rows(place, "v3", INGEST, {"images": [view_lake.image("v3", 0)], **view_lake.class_rows("v3")})
    for name in schemas.table_names():
        table = DeltaTable(f"{place}/{name}")
        protocol = table.protocol()
        assert protocol.min_reader_version == 1, name
        assert protocol.min_writer_version <= 3, name
        assert not protocol.reader_features, name
        assert not protocol.writer_features, name
        assert not {key for key in table.metadata().configuration if "eletionVectors" in key or "columnMapping" in key}
    assert DeltaTable(f"{place}/images").version() > DeltaTable(f"{place}/masks").version()
