"""Warehouses in which everything that follows from releases is published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from conf import policies, registry
from conf.settings import Settings
from jobs import cli
from jobs.changes import changes
from jobs.figures import figures
from jobs.ingest import ingest
from jobs.reconcile import reconcile


def lake(folder: Path, settings: Settings, *plant: str) -> Settings:
    """A sample, all that follows from its releases published."""
    assert cli.main(["sample", "--out", str(folder), *plant]) == 0
    limits = replace(settings.limits, max_share=0.1)
    mine = replace(settings, warehouse=str(folder / "lake"), landing=str(folder), limits=limits)
    for release in registry.load_all(str(folder / "registry")).values():
        ingest(mine, release)
        reconcile(mine, release, policies.load(None))
        figures(mine, release)
    changes(mine, "v2", "v3")
    return mine
