"""What tests share: one Spark session, tables made once and copied, and releases small enough to read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from pyspark.sql import SparkSession

from oilake.conf import settings as conf_settings
from oilake.conf.settings import Settings
from oilake.jobs import cli
from oilake.jobs.runtime import logs, spark_session
from oilake.jobs.tables import ddl
from oilake.jobs.tables.warehouse import Warehouse
from tests.support.shared_folders import copy_shared

Oilake = Callable[..., tuple[int, str, str]]


def pytest_configure() -> None:
    """What jobs say is heard also by tests that call a function and no command."""
    logs.set_up()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that start Spark, which `make unit` leaves out."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker("spark")


hypothesis.settings.register_profile("oilake", deadline=None)
hypothesis.settings.load_profile("oilake")

REAL = Path(os.environ.get("OILAKE_REAL", Path(__file__).parents[2] / "shared" / "real"))


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The packaged local settings."""
    return conf_settings.environment_settings("local")


@pytest.fixture(scope="session")
def spark(settings: Settings) -> SparkSession:
    """The one Spark session of the test run."""
    return spark_session.start_session(settings)


@pytest.fixture(scope="session")
def empty_warehouse(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with every table and no row; copied, never written to."""

    def make_tables(folder: Path) -> None:
        ddl.ensure_tables(lambda: spark, Warehouse.at(folder / "warehouse"))

    return copy_shared(tmp_path_factory, "empty", make_tables) / "warehouse"


@pytest.fixture(scope="session")
def clean(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Where a clean sample is published with all that follows from it; only checks are recorded in it."""
    from tests.support.warehouses import lake, lake_settings

    def make_lake(folder: Path) -> None:
        lake(folder, settings, ("v1", "v2", "v3"))

    return lake_settings(copy_shared(tmp_path_factory, "clean", make_lake), settings)


@pytest.fixture(scope="session")
def blob_warehouse(
    spark: SparkSession, settings: Settings, empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A warehouse with the release of the small JPEGs; copied, never written to."""
    from tests.support.warehouses import blob_release

    folder = tmp_path_factory.mktemp("blobs")
    shutil.copytree(empty_warehouse, folder / "warehouse")
    return blob_release(folder, settings)


@pytest.fixture
def blob_lake(blob_warehouse: Path, tmp_path: Path) -> str:
    """A warehouse of the test's own, with the release of the small JPEGs."""
    shutil.copytree(blob_warehouse, tmp_path / "lake")
    return str(tmp_path / "lake")


@pytest.fixture
def warehouse(empty_warehouse: Path, tmp_path: Path) -> str:
    """A warehouse of the test's own, with empty tables."""
    path = tmp_path / "warehouse"
    shutil.copytree(empty_warehouse, path)
    return str(path)


@pytest.fixture(scope="session")
def real() -> Path:
    """The landing area of real rows; tests that need it are skipped where it is absent."""
    if not REAL.is_dir():
        pytest.skip(f"no real rows at {REAL}: they are not part of the project")
    return REAL


@pytest.fixture
def oilake(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> Oilake:
    """The command, in this process: (exit code, stdout, stderr)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return code, *capsys.readouterr()

    return call
