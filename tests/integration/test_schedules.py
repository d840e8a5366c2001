"""The schedules in a real Airflow and a real Dagster: a sample goes through, and nothing follows a failed check.

`make airflow` runs it: the tests in their order, on one landing area and warehouse.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from oilake.conf import settings as conf_settings
from oilake.jobs.runtime import java_home
from oilake.jobs.tables.snapshots import newest_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import airflow_server, standalone_cluster
from tests.support.airflow_server import AirflowServer

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]
FETCH, TABLES, PAGES = "open_images_fetch", "open_images_tables", "open_images_pages"
JOBS = ("ingest", "reconcile", "changes", "check")
SECONDS = 900.0  # that a run may take beside other work


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with V1 and V2 as `published`, and an environment whose landing area and warehouse are beside them."""
    path = tmp_path_factory.mktemp("schedule")
    call = [sys.executable, "-m", "oilake.jobs.cli", "sample", "--out", str(path / "published")]
    subprocess.run([*call, "--scale", "0.0001", "--releases", "v1,v2"], check=True, capture_output=True, timeout=300)
    packaged = yaml.safe_load((Path(conf_settings.__file__).parent / "local.yaml").read_text())
    places = {name: str(path / name) for name in ("warehouse", "landing")}
    places["registry"] = str(path / "published" / "registry")
    (path / "environment.yaml").write_text(yaml.safe_dump(packaged | places))
    return path


@pytest.fixture(scope="module")
def airflow(place: Path) -> Iterator[AirflowServer]:
    """Airflow as docs/schedule.md sets it up, Spark in the process of each job, all schedules on."""
    spark = standalone_cluster.SPARK
    variables = {
        "OILAKE_ENV": str(place / "environment.yaml"),
        "OILAKE_JOBS": str(ROOT / "jobs"),
        "OILAKE_PAGES": str(place / "pages"),
        "SPARK_HOME": str(spark),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "JAVA_HOME": java_home.find() or "",
        "PATH": os.pathsep.join([str(spark / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "AIRFLOW_CONN_SPARK_DEFAULT": '{"conn_type": "spark", "host": "local[2]"}',
    }
    with airflow_server.running(place / "airflow", variables) as server:
        server.wait_for_dags([FETCH, TABLES, PAGES])
        for dag in (FETCH, TABLES, PAGES):
            server.change(f"dags/{dag}", {"is_paused": False}, "PATCH")
        yield server


def test_every_dag_is_imported(airflow: AirflowServer):
    assert airflow.get("importErrors")["import_errors"] == []


def test_nothing_listens_but_on_127_0_0_1(airflow: AirflowServer):
    own = [psutil.Process(process.pid) for process in airflow.processes]
    family = [*own, *(child for process in own for child in process.children(recursive=True))]
    sockets = [socket for process in family for socket in process.net_connections("inet")]
    assert {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_the_releases_go_through_one_after_another_and_pages_follow_by_assets_alone(
    airflow: AirflowServer, place: Path
):
    for release in ("v1", "v2"):
        airflow.fetch(release, place / "published")
    for number, release in enumerate(("v1", "v2"), 1):
        made = airflow.ended_run(TABLES, number, SECONDS)
        assert airflow.task_states(made) == dict.fromkeys(JOBS, "success")
        assert made["partition_key"] == release
        written = airflow.ended_run(PAGES, number, SECONDS)
        assert (written["state"], written["partition_key"], written["run_type"]) == (
            "success",
            release,
            "asset_triggered",
        )
    assert list(newest_snapshots(Warehouse.at(str(place / "warehouse")))) == ["v1", "v2"]
    assert (place / "pages" / "index.html").is_file()


def test_a_failed_check_starts_nothing_and_is_not_tried_again(airflow: AirflowServer, place: Path):
    before = len(airflow.runs(PAGES))
    spoil_confidences(place / "warehouse" / "labels")
    airflow.fetch("v2", place / "published")
    made = airflow.ended_run(TABLES, 3, SECONDS)
    assert airflow.task_states(made) == dict.fromkeys(JOBS[:3], "success") | {"check": "failed"}
    assert airflow.tries(made, "check") == 1
    assert "Error code is: 1." in airflow.log_text(made, "check")
    events = Counter(event["name"] for event in airflow.get("assets/events?limit=100")["asset_events"])
    assert (events["open_images_tables"], events["open_images_checked"]) == (3, 2)
    assert len(airflow.runs(PAGES)) == before


@pytest.mark.parametrize(("release", "is_sound"), [("v1", True), ("v2", False)])
def test_dagster_writes_pages_unless_its_check_blocks_them(place: Path, tmp_path: Path, release: str, is_sound: bool):
    """After the test before, a file of V2 is spoiled."""
    (tmp_path / "dagster.yaml").touch()
    environment = os.environ | {
        "DAGSTER_HOME": str(tmp_path),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "OILAKE_ENV": str(place / "environment.yaml"),
        "OILAKE_SOURCE": str(place / "published"),
        "OILAKE_PAGES": str(tmp_path / "pages"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    call = [ROOT / "build" / "dagster" / "bin" / "dagster", "asset", "materialize", "--select", "*"]
    call += ["--partition", release, "-f", ROOT / "orchestration" / "dagster" / "open_images.py"]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode == 0) == is_sound, done.stderr[-3000:]
    assert (tmp_path / "pages" / "index.html").is_file() == is_sound
    assert ("DagsterAssetCheckFailedError" in done.stderr) == (not is_sound)


def spoil_confidences(table: Path) -> None:
    """Writes confidences into a file of V2's labels that none may have, as a bad disk or a careless hand does.

    The file keeps its size: of one that has another, `ingest` makes the rows again. Readers pass over the zeros, which
    stand between the last page and the footer.
    """
    file = next(table.glob("release=v2/subset=train/origin=machine/*.parquet"))
    size = file.stat().st_size
    rows = pq.read_table(file, partitioning=None)
    column = rows.schema.get_field_index("confidence")
    spoiled = pa.array([7.0] * rows.num_rows, rows.schema.field(column).type)
    pq.write_table(rows.set_column(column, rows.schema.field(column), spoiled), file, compression="zstd")
    data = file.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    file.write_bytes(data[:footer] + bytes(size - len(data)) + data[footer:])
