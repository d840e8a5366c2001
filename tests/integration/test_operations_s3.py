"""A warehouse on S3 is watched as one in a folder: its status, the record of its runs, their metrics."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from oilake.conf import settings
from oilake.jobs import cli
from oilake.jobs.operations import job_runs
from oilake.jobs.tables import ddl
from oilake.jobs.tables.delta_log import newest_rows
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import publications, s3_server
from tests.support.warehouses import spark_is_not_needed

pytestmark = pytest.mark.slow

PLACE = "s3://lake/warehouse"


def environment(folder: Path, endpoint: str) -> Path:
    packaged = yaml.safe_load((Path(settings.__file__).parent / "local.yaml").read_text())
    storage = {"endpoint": endpoint, "region": "us-east-1"}
    (folder / "s3.yaml").write_text(yaml.safe_dump(packaged | {"warehouse": PLACE, "storage": storage}))
    return folder / "s3.yaml"


def status(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    capsys.readouterr()
    assert cli.main(["status", "--json", *words]) == 0
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_a_warehouse_on_s3_is_watched_as_one_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    s3_server.set_variables(monkeypatch)
    local = str(tmp_path / "lake")
    ddl.ensure_tables(spark_is_not_needed, Warehouse.at(local))
    publications.publish_rows(local, "a" * 16, 3)
    shutil.copytree(local, tmp_path / "buckets" / "lake" / "warehouse")
    with s3_server.running_or_skip(tmp_path / "buckets", s3_server.SECRET) as endpoint:
        own = str(environment(tmp_path, endpoint))
        here, there = status(capsys, "--warehouse", local), status(capsys, "--env", own)
        assert there == here | {"warehouse": PLACE}
        metrics = tmp_path / "oilake.prom"
        assert cli.main(["maintain", "--env", own, "--metrics", str(metrics)]) == 0
        assert 'oilake_run_exit_code{job="maintain",release=""} 0' in metrics.read_text()
        [run] = newest_rows(Warehouse.of(settings.environment_settings(own)), job_runs.TABLE)
        assert (run["job"], run["outcome"]) == ("maintain", "done")
    capsys.readouterr()
    assert cli.main(["maintain", "masks", "--env", own, "--metrics", str(metrics)]) == 2  # the server is gone
    assert [line for line in capsys.readouterr().err.splitlines() if not line.startswith("oilake: ")] == []
    assert "oilake_warehouse_readable 0" in metrics.read_text()
    assert 'oilake_run_exit_code{job="maintain",release=""} 2' in metrics.read_text()
    assert "hush" not in metrics.read_text() + json.dumps(there)
