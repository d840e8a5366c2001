"""A warehouse on S3: published and read through pyarrow and delta-rs, by one `storage:` section and without Spark."""

from __future__ import annotations

import pathlib
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from oilake.conf import settings
from oilake.conf.settings import Settings
from oilake.jobs import cli
from oilake.jobs.tables import cleanup, ddl, publish
from oilake.jobs.tables.point_lookup import matching_rows
from oilake.jobs.tables.slice_files import published_files, small_rows
from oilake.jobs.tables.snapshots import newest_snapshots
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.targets import copied_targets
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transport import s3
from oilake.schemas import loader as schemas
from tests.support import publications, s3_server
from tests.support.warehouses import spark_is_not_needed

BUCKET = "lake"
CHAIN = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server.running_or_skip(tmp_path_factory.mktemp("s3") / "buckets", s3_server.SECRET) as url:
        yield url


@pytest.fixture
def environment(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment whose section `storage` alone names the server; the keys are where AWS's chain finds them."""
    s3_server.set_variables(monkeypatch)
    for name in CHAIN:
        monkeypatch.delenv(name, raising=False)
    packaged = yaml.safe_load((Path(settings.__file__).parent / "local.yaml").read_text())
    packaged |= {"warehouse": f"s3://{BUCKET}/oilake/warehouse", "landing": f"s3://{BUCKET}/landing"}
    packaged["storage"] = {"endpoint": endpoint, "region": "us-east-1"}
    path = tmp_path / "s3.yaml"
    path.write_text(yaml.safe_dump(packaged))
    return path


@pytest.fixture
def on_s3(environment: Path) -> Settings:
    """The environment, and its bucket."""
    chosen = settings.environment_settings(str(environment))
    s3.s3_client(chosen.fetch, chosen.storage).create_bucket(Bucket=BUCKET)
    return chosen


@pytest.fixture
def paths_of_uris(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URIs that `Path` was given."""
    met: list[str] = []
    make = pathlib.Path.__new__

    def noting(kind: Any, *parts: Any, **more: Any) -> Any:
        met.extend(str(part) for part in parts if str(part).startswith(("s3:/", "s3a:/")))
        return make(kind, *parts, **more)

    monkeypatch.setattr(pathlib.Path, "__new__", noting)
    return met


def no_rows(table: str) -> pa.Table:
    return schemas.arrow_schema(schemas.table_schema(table)).empty_table()


def test_a_release_is_published_and_read_on_s3(
    on_s3: Settings, environment: Path, paths_of_uris: list[str], capsys: pytest.CaptureFixture[str]
):
    warehouse = pickle.loads(pickle.dumps(Warehouse.of(on_s3)))
    assert ddl.ensure_tables(spark_is_not_needed, warehouse) == []
    publications.publish_rows(warehouse, "run1", 3)
    pin = publications.publish_rows(warehouse, "run2", 2)
    assert publish.recover(warehouse) == []
    assert newest_snapshots(warehouse) == {"v3": pin}
    assert [file.rows for file in published_files(warehouse, "images", pin)] == [2]
    assert {row["license"] for row in small_rows(warehouse, "images", pin)} == {"run2"}
    found = matching_rows(warehouse, "classes", "v3", "mid", small_rows(warehouse, "classes", pin)[0]["mid"])
    assert {row["display_name"] for row in found} == {"run2"}
    stage_rows(warehouse, schemas.table_schema("released"), {"release": "v3"}, "run3", no_rows("released"))
    assert cleanup.discard_staged(warehouse, "run3", ["released"]) == 1
    assert cli.main(["releases", "--env", str(environment)]) == 0
    copied = on_s3.storage_uri(warehouse.table_uri("images"))
    assert [file.uri for target in copied_targets(copied, "v3", is_blank=True) for file in target.files]
    told = capsys.readouterr().out
    assert "v3" in told
    assert f"s3://{BUCKET}/oilake/warehouse" in told
    assert not list(Path().glob("s3:*"))
    assert paths_of_uris == []
