"""The pieces of work that begin at published tables: a warehouse made once, and what the peers read of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from oilake.conf import reconcile_policy, registry, settings
from oilake.conf.settings import Settings
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from oilake.jobs.tables.slice_files import published_files
from oilake.jobs.tables.snapshots import require_snapshot
from oilake.jobs.tables.warehouse import Warehouse

RELEASES = ("v2", "v3")


def prepare(sample: Path, warehouse: Path, releases: Sequence[str] = RELEASES) -> None:
    """Ingests and reconciles the releases (V2 and V3), unless this was done before."""
    chosen = chosen_settings(warehouse, sample)
    for name in releases:
        release = registry.find_release(name, str(sample / "registry"))
        ingest(chosen, release)
        reconcile(chosen, release, reconcile_policy.load_policy())


def chosen_settings(warehouse: Path, landing: Path) -> Settings:
    """The packaged local settings for these folders."""
    return replace(settings.environment_settings("local"), warehouse=str(warehouse), landing=str(landing))


def peer_settings(warehouse: Path) -> Settings:
    """The same with Java as it comes: our flags suit short runs, and a long aggregate is faster with both compilers."""
    chosen = chosen_settings(warehouse, warehouse)
    return replace(chosen, spark={k: v for k, v in chosen.spark.items() if k != "spark.driver.extraJavaOptions"})


def copy(warehouse: Path, out: Path) -> None:
    """The same tables in another folder, by hard links: no commit ever changes a file that is there."""
    shutil.copytree(warehouse, out, copy_function=os.link)


def parts(warehouse: Path, table: str, release: str) -> list[tuple[str, dict[str, str]]]:
    """(file, its partition's values) of everything published of a table."""
    pin = require_snapshot(Warehouse.at(warehouse), release)
    return [(file.uri, file.partition) for file in published_files(Warehouse.at(warehouse), table, pin)]
