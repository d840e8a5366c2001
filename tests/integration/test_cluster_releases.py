"""Every release on a cluster whose landing area and warehouse are on S3, from `make dist`: the rows of one machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from deltalake import DeltaTable
from pyarrow import fs

from oilake.conf import settings as conf_settings
from oilake.conf.settings import Settings
from oilake.jobs.synthetic.serve import serving
from oilake.jobs.tables.snapshots import newest_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.support import s3_server, standalone_cluster
from tests.support.run_columns import OF_A_RECORD, OF_A_RUN
from tests.support.seven_releases import RELEASES

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(os.environ.get("OILAKE_CLUSTER") != "1", reason="slow: make cluster runs it"),
]
ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
SUBMIT = standalone_cluster.SPARK / "bin" / "spark-submit"
SCALE = "0.0001"
PATIENCE = 1800
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "hush", "SPARK_LOCAL_IP": "127.0.0.1"}


@dataclass(frozen=True)
class Place:
    """An environment file, and where its jobs put photos and the report."""

    environment: Path
    photos: str
    report: Path

    def settings(self) -> Settings:
        return conf_settings.environment_settings(str(self.environment))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` made, in another folder, with the environment unpacked for the driver."""
    path = tmp_path_factory.mktemp("elsewhere")
    for entry in DIST.iterdir():
        (path / entry.name).symlink_to(entry)
    (path / "environment").mkdir()
    subprocess.run(["tar", "xzf", DIST / "environment.tar.gz", "-C", path / "environment"], check=True)
    return path


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample"
    oilake("sample", "--out", str(path), "--scale", SCALE, "--plant", "all=1")
    return path


@pytest.fixture(scope="module")
def local(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """All that one machine makes of the sample, in folders."""
    path = tmp_path_factory.mktemp("local")
    place = write_place(path, {"warehouse": str(path / "lake"), "landing": str(sample)}, str(path / "photos"))
    with serving(sample) as mirror:
        oilake("run", *run_flags(place, sample, mirror))
    oilake("check", "--env", str(place.environment))
    oilake("maintain", "--env", str(place.environment))
    return place


@pytest.fixture(scope="module")
def remote(sample: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The same by fetch and three submissions to a cluster, all of it on S3."""
    path = tmp_path_factory.mktemp("remote")
    (path / "buckets" / "lake").mkdir(parents=True)
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        s3_server.running_or_skip(path / "buckets", KEYS["AWS_SECRET_ACCESS_KEY"]) as endpoint,
        standalone_cluster.running(path, KEYS) as master,
        serving(sample) as mirror,
    ):
        for name, value in (KEYS | {"XDG_CACHE_HOME": str(path / "cache")}).items():
            monkeypatch.setenv(name, value)
        changes = {"warehouse": "s3://lake/warehouse", "landing": "s3a://lake/landing", "master": master}
        storage = {"endpoint": endpoint, "region": "us-east-1"}
        place = write_place(path, {**changes, "storage": storage}, "s3://lake/photos")
        where = ["--env", str(place.environment), "--registry", str(sample / "registry")]
        for release in RELEASES:
            oilake("fetch", "--release", release, "--from", str(sample), *where)
        submit(folder, master, "run", *run_flags(place, sample, mirror))
        submit(folder, master, "check", "--env", str(place.environment))
        submit(folder, master, "maintain", "--env", str(place.environment))
        yield place


def write_place(path: Path, changes: dict[str, object], photos: str) -> Place:
    packaged = yaml.safe_load((Path(conf_settings.__file__).parent / "local.yaml").read_text()) | changes
    packaged["limits"]["max_share"] = 0.5
    packaged["spark"]["spark.executor.memory"] = "640m"
    (path / "environment.yaml").write_text(yaml.safe_dump(packaged))
    return Place(path / "environment.yaml", photos, path / "report.html")


def run_flags(place: Place, sample: Path, mirror: str) -> list[str]:
    words = ["--env", str(place.environment), "--registry", str(sample / "registry"), "--report", str(place.report)]
    words += ["--to", place.photos, "--images", str(sample / "photos.txt"), "--mirror", mirror, "--allow-private"]
    return words


def oilake(*words: str) -> None:
    call = [sys.executable, "-m", "oilake.jobs.cli", *words]
    done = subprocess.run(call, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-3000:]


def submit(folder: Path, master: str, job: str, *words: str) -> None:
    call = [SUBMIT, "--master", master, "--properties-file", "spark-defaults.conf", f"jobs/{job}.py", *words]
    # A submission knows neither this checkout nor its interpreter.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYSPARK", "VIRTUAL"))
    }
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    # spark-submit hands on what the job says on stderr as its own stdout.
    assert done.returncode == 0, f"{job}: {done.stdout[-3000:]}{done.stderr[-3000:]}"


def rows_of(place: Place, table: str) -> Counter[str]:
    """All rows of the newest version, each as text, without what a run says of itself."""
    warehouse = Warehouse.of(place.settings())
    opened = DeltaTable(warehouse.table_uri(table), storage_options=warehouse.storage_options())
    store, path = warehouse.filesystem()
    read = opened.to_pyarrow_table(filesystem=fs.SubTreeFileSystem(f"{path}/{table}", store))
    left_out = OF_A_RUN | (OF_A_RECORD if table == "job_runs" else frozenset())
    columns = [column.name for column in schemas.table_schema(table).columns if column.name not in left_out]
    return Counter(repr(row) for row in read.select(columns).to_pylist())


@pytest.mark.parametrize("table", [name for name in schemas.table_names() if name != "job_runs"])
def test_a_cluster_on_s3_makes_the_rows_of_one_machine(local: Place, remote: Place, table: str):
    assert rows_of(remote, table) == rows_of(local, table)


def test_every_release_is_published_there(remote: Place):
    assert list(newest_snapshots(Warehouse.of(remote.settings()))) == list(RELEASES)


def test_no_commit_there_was_sparks(remote: Place):
    warehouse = Warehouse.of(remote.settings())
    for table in schemas.table_names():
        opened = DeltaTable(warehouse.table_uri(table), storage_options=warehouse.storage_options())
        assert {commit["engineInfo"].partition(":")[0] for commit in opened.history()} == {"delta-rs"}


def test_the_same_photos_lie_there(local: Place, remote: Place):
    store, path = fs.FileSystem.from_uri(local.photos)
    here = {
        info.path.removeprefix(f"{path}/"): info.size
        for info in store.get_file_info(fs.FileSelector(path, recursive=True))
    }
    warehouse = Warehouse("s3://lake/photos", remote.settings().storage)
    there_store, there_path = warehouse.filesystem()
    listed = there_store.get_file_info(fs.FileSelector(there_path, recursive=True))
    there = {info.path.removeprefix(f"{there_path}/"): info.size for info in listed if info.is_file}
    assert {name: size for name, size in here.items() if name.endswith(".jpg")} == {
        name: size for name, size in there.items() if name.endswith(".jpg")
    }
