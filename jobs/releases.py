"""Shows the release registry: what is published where, what has landed, and what was ingested."""

from __future__ import annotations

import argparse
import datetime
import json
from typing import Any

from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import landing_area
from oilake.jobs.runtime import entrypoint, options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables.snapshots import Snapshot, ingest_times, newest_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import release_registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_places(parser, "warehouse", "landing", "registry")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    warehouse = Warehouse.of(settings)
    published, ingested = newest_snapshots(warehouse), ingest_times(warehouse)
    releases = release_registry.load_releases(settings.registry).values()
    rows = [
        _release_row(release, settings.landing_uri(), published.get(release.release), ingested.get(release.release))
        for release in releases
    ]
    print_text(json.dumps(rows) if arguments.json else _release_table(rows, settings))
    return 0


def _release_row(
    release: Release, landing: str, snapshot: Snapshot | None, ingested_at: datetime.datetime | None
) -> dict[str, Any]:
    return {
        "release": release.release,
        "title": release.title,
        "date": str(release.date),
        "files": len(release.files),
        "missing": landing_area.missing_files(release, landing),
        "ingested": snapshot.status if snapshot else None,
        "ingested_at": ingested_at.isoformat(timespec="seconds") if ingested_at else None,
        "published_at": snapshot.published_at.isoformat(timespec="seconds") if snapshot else None,
        "versions": snapshot.table_versions if snapshot else {},
    }


def _release_table(rows: list[dict[str, Any]], settings: Settings) -> str:
    lines = ["release  title             date        landed  ingested"]
    for row in rows:
        landed = f"{row['files'] - len(row['missing'])}/{row['files']}"
        ingested = f"{row['ingested']}, {row['ingested_at']}" if row["ingested"] else "no"
        lines.append(f"{row['release']:<9}{row['title']:<18}{row['date']}  {landed:<8}{ingested}")
    return "\n".join([*lines, f"landing area: {settings.landing}; warehouse: {settings.warehouse}"])


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("releases", __doc__, add_arguments, run))
