"""A small warehouse made without Spark, as whoever runs the lake has it before them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oilake.jobs.tables import ddl
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import publications
from tests.support.warehouses import spark_is_not_needed


@pytest.fixture(scope="session")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """V2 and V3, three rows of every table that ingest writes; V3 published twice. Copied, not written."""
    path = tmp_path_factory.mktemp("operations") / "lake"
    ddl.ensure_tables(spark_is_not_needed, Warehouse.at(str(path)))
    for run_id, release in (("a" * 16, "v2"), ("b" * 16, "v3"), ("c" * 16, "v3")):
        publications.publish_rows(str(path), run_id, 3, release)
    return path


@pytest.fixture
def lake(two_releases: Path, tmp_path: Path) -> str:
    """A warehouse of the test's own."""
    shutil.copytree(two_releases, tmp_path / "lake")
    return str(tmp_path / "lake")
