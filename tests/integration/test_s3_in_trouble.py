"""A store on S3 in trouble: commits whose answer is lost, or is 500 although they were made; SlowDown; ten seconds away."""

from __future__ import annotations

import datetime
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from deltalake import DeltaTable

from oilake.conf import settings as conf_settings
from oilake.conf.errors import StoreError
from oilake.conf.settings import Settings
from oilake.jobs.maintaining import upkeep
from oilake.jobs.tables import ddl, publish
from oilake.jobs.tables.append_rows import append_rows
from oilake.jobs.tables.replace_partition import replace_part, replacement_number
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.support import publications, s3_gateway, s3_server
from tests.support.s3_gateway import Gateway, Misbehaviour, Trap
from tests.support.warehouses import spark_is_not_needed

pytestmark = [pytest.mark.fault, pytest.mark.slow]

COMMIT = re.compile(r"^PUT (/lake/[^?]*/_delta_log/)[0-9]+\.json")
KINDS = {"lost": Misbehaviour(lost=COMMIT), "500": Misbehaviour(doubted=COMMIT)}
AWAY_SECONDS = 10.0
VALUES = publications.VALUES | {"timestamp": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)}


@pytest.fixture(scope="module")
def buckets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's folder, with a warehouse `empty`, whose tables hold no row."""
    folder = tmp_path_factory.mktemp("s3") / "buckets"
    ddl.ensure_tables(spark_is_not_needed, Warehouse.at(folder / "lake" / "empty"))
    return folder


@pytest.fixture(scope="module")
def gateway(buckets: Path) -> Iterator[Gateway]:
    with s3_server.running_or_skip(buckets, "hush") as endpoint, s3_gateway.running(endpoint) as gateway:
        yield gateway


@pytest.fixture
def on_s3(buckets: Path, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A warehouse of the test's own, with empty tables."""
    s3_server.set_variables(monkeypatch)
    shutil.copytree(buckets / "lake" / "empty", buckets / "lake" / tmp_path.name)
    packaged = yaml.safe_load((Path(conf_settings.__file__).parent / "local.yaml").read_text())
    packaged |= {"warehouse": f"s3://lake/{tmp_path.name}", "landing": "s3://lake/landing"}
    packaged["storage"] = {"endpoint": gateway.endpoint, "region": "us-east-1"}
    (tmp_path / "s3.yaml").write_text(yaml.safe_dump(packaged))
    return conf_settings.environment_settings(str(tmp_path / "s3.yaml"))


def rows(warehouse: Warehouse, table: str) -> list[dict[str, object]]:
    opened = DeltaTable(warehouse.table_uri(table), storage_options=warehouse.storage_options())
    read: list[dict[str, object]] = opened.to_pyarrow_table().to_pylist()
    return read


def while_answers_are_lost(gateway: Gateway, kind: str, work: Callable[[], object]) -> None:
    """Does the work, which may end with a sentence, and does it."""
    gateway.now = KINDS[kind]
    try:
        with suppress(StoreError):
            work()
        assert gateway.refused
    finally:
        gateway.behave()


@pytest.mark.parametrize("kind", KINDS)
def test_a_publication_is_whole(gateway: Gateway, on_s3: Settings, kind: str):
    warehouse = Warehouse.of(on_s3)
    publications.publish_rows(warehouse, "a" * 16, 3)
    while_answers_are_lost(gateway, kind, lambda: publications.publish_rows(warehouse, "b" * 16, 3))
    publish.recover(warehouse)
    for table, mark in publications.MARKS.items():
        assert [row[mark] for row in rows(warehouse, table)] == ["b" * 16] * 3, table
    assert len(rows(warehouse, "snapshots")) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_appended_rows_are_there_once(gateway: Gateway, on_s3: Settings, kind: str):
    warehouse = Warehouse.of(on_s3)
    added = one_row("downloads")
    while_answers_are_lost(gateway, kind, lambda: append_rows(warehouse, "downloads", added, "c" * 16, {}))
    assert len(rows(warehouse, "downloads")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_was_replaced_keeps_its_rows(gateway: Gateway, on_s3: Settings, kind: str):
    warehouse, schema = Warehouse.of(on_s3), schemas.table_schema("blob_checks")
    part = {name: "v3" if name == "release" else "here" for name in schema.partition_by}
    stored = one_row("blob_checks").select([column.name for column in schema.stored()])
    file = stage_rows(warehouse, schema, part, "d" * 16, stored.cast(schemas.arrow_schema(schema)))
    begun = replacement_number(warehouse, "blob_checks", part)
    gateway.now = KINDS[kind]
    replace_part(warehouse, "blob_checks", part, [file], begun, "d" * 16)
    gateway.behave()
    assert len(rows(warehouse, "blob_checks")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_maintenance_loses_no_row(gateway: Gateway, on_s3: Settings, kind: str):
    """Files brought together replace others; taken for a commit that was not made they would be deleted."""
    warehouse = Warehouse.of(on_s3)
    for run in "abc":
        append_rows(warehouse, "downloads", one_row("downloads"), run * 16, {})
    while_answers_are_lost(gateway, kind, lambda: upkeep.maintain(on_s3, ["downloads"], 0, is_dry=False))
    assert len(rows(warehouse, "downloads")) == 3
    upkeep.maintain(on_s3, ["downloads"], 0, is_dry=False)
    assert len(rows(warehouse, "downloads")) == 3


def one_row(table: str) -> pa.Table:
    schema = schemas.table_schema(table)
    fields = [pa.field(column.name, schemas.arrow_type(column), column.nullable) for column in schema.columns]
    cells = {column.name: [VALUES[column.type]] for column in schema.columns}
    return pa.table(cells | {"release": ["v3"]}, schema=pa.schema(fields))


def test_a_store_that_asks_to_slow_down_is_asked_again(gateway: Gateway, on_s3: Settings):
    warehouse = Warehouse.of(on_s3)
    gateway.now = Misbehaviour(slow_every=10)
    publications.publish_rows(warehouse, "a" * 16, 3)
    append_rows(warehouse, "downloads", one_row("downloads"), "c" * 16, {})
    upkeep.maintain(on_s3, ["downloads"], 0, is_dry=False)
    gateway.behave()
    assert gateway.refused
    for table, mark in publications.MARKS.items():
        assert [row[mark] for row in rows(warehouse, table)] == ["a" * 16] * 3, table
    assert len(rows(warehouse, "downloads")) == 1


def test_a_store_that_is_away_for_ten_seconds_is_waited_for(gateway: Gateway, on_s3: Settings):
    """It goes while the third table is committed."""
    warehouse, behaviour = Warehouse.of(on_s3), Misbehaviour()

    def go_away(port: int) -> None:
        behaviour.is_away = True
        threading.Timer(AWAY_SECONDS, come_back).start()

    def come_back() -> None:
        behaviour.is_away = False

    behaviour.trap = Trap(re.compile(r"^PUT /lake/[^?]*/boxes/_delta_log/[0-9]+\.json"), go_away)
    gateway.now = behaviour
    publications.publish_rows(warehouse, "a" * 16, 3)
    gateway.behave()
    assert behaviour.trap.has_struck
    assert len(rows(warehouse, "snapshots")) == 1
