"""Two drivers at once on one S3 table: no commit of ours is lost, where Delta's own log store loses some."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from oilake.conf import settings
from oilake.jobs.tables import ddl
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import racing_drivers, s3_server
from tests.support.warehouses import spark_is_not_needed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.fault,
    pytest.mark.skipif(os.environ.get("OILAKE_RACES") != "1", reason="many minutes long: make races runs it"),
]
SECRET = "hush"
RACES = {"ours": 500, "spark": 60}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An environment on a server of the test's own, with empty tables."""
    (tmp_path / "buckets" / "lake").mkdir(parents=True)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    packaged = yaml.safe_load((Path(settings.__file__).parent / "local.yaml").read_text())
    packaged |= {"warehouse": "s3://lake/warehouse", "landing": "s3://lake/landing", "master": "local[1]"}
    packaged["spark"] |= {"spark.driver.memory": "768m", "spark.sql.shuffle.partitions": "1"}
    with s3_server.running_or_skip(tmp_path / "buckets", SECRET) as endpoint:
        packaged["storage"] = {"endpoint": endpoint, "region": "us-east-1"}
        path = tmp_path / "s3.yaml"
        path.write_text(yaml.safe_dump(packaged))
        warehouse = Warehouse.of(settings.environment_settings(str(path)))
        assert ddl.ensure_tables(spark_is_not_needed, warehouse) == []
        yield str(path)


def test_no_commit_of_ours_is_lost_in_five_hundred_races(environment: str):
    assert racing_drivers.lost_commits("ours", environment, RACES["ours"]) == (2 * RACES["ours"], 0)


def test_the_same_races_lose_commits_of_deltas_default_log_store(environment: str):
    """So the test above can fail; if this one ever does, Delta's own writer has become safe on S3."""
    acknowledged, lost = racing_drivers.lost_commits("spark", environment, RACES["spark"])
    assert acknowledged >= RACES["spark"]
    assert lost > 0
