"""The pieces of work that begin at published tables: a warehouse made once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.table_files import RELEASES
from oilake.conf import reconcile_policy, registry, settings
from oilake.conf.chosen_files import FileChoice
from oilake.conf.settings import Settings
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile

EVERYTHING = FileChoice()


def prepare(sample: Path, warehouse: Path, releases: Sequence[str] = RELEASES, choice: FileChoice = EVERYTHING) -> None:
    """Ingests what is chosen of the releases (V2 and V3), and reconciles them, unless this was done before."""
    chosen = chosen_settings(warehouse, sample)
    for name in releases:
        release = registry.find_release(name, str(sample / "registry"))
        ingest(chosen, release, choice=choice)
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
