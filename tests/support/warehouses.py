"""Warehouses in which everything that follows from releases is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy, registry
from oilake.conf.settings import Settings
from oilake.jobs import cli
from oilake.jobs.changes import changes
from oilake.jobs.contradictions import contradictions
from oilake.jobs.figures import figures
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from tests.support import blobs


def lake(folder: Path, settings: Settings, wanted: Sequence[str], *plant: str) -> Settings:
    """A sample, all that follows from these of its releases published."""
    assert cli.main(["sample", "--out", str(folder), "--releases", "v1,v2,v3", *plant]) == 0
    mine = lake_settings(folder, settings)
    for release in (registry.find_release(name, str(folder / "registry")) for name in wanted):
        ingest(mine, release)
        reconcile(mine, release, reconcile_policy.load_policy(None))
        figures(mine, release)
    contradictions(mine, wanted[-1])
    if "v2" in wanted:
        changes(mine, "v2", "v3")
    return mine


def lake_settings(folder: Path, settings: Settings) -> Settings:
    """Where `lake` publishes the sample of a folder."""
    limits = replace(settings.limits, max_share=0.1)
    return replace(settings, warehouse=str(folder / "lake"), landing=str(folder), limits=limits)


def blob_release(folder: Path, settings: Settings) -> Path:
    """The warehouse in `folder`, whose tables are there, with the release of the small JPEGs."""
    landing = blobs.release(folder / "landing", blobs.originals(), blobs.WITHOUT_MD5)
    ingest(replace(settings, landing=str(landing), warehouse=str(folder / "warehouse")), registry.find_release("v3"))
    return folder / "warehouse"


def spark_is_not_needed() -> SparkSession:
    """Stands for a session where none may be started."""
    raise AssertionError("Spark was started")
