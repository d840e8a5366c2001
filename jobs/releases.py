"""Shows the release registry: what is published where, what has landed, and what was ingested."""

from __future__ import annotations

import argparse
import datetime
import json
from typing import Any

from oilake.conf.chosen_files import ALL_FILES
from oilake.conf.errors import ConfigError
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import file_listing
from oilake.jobs.ingesting.file_listing import Download, list_files, sum_download
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables.held_parts import parts_text, published_parts
from oilake.jobs.tables.snapshots import Snapshot, every_snapshot, ingest_times, newest_by_release
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import release_registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release(parser, "the files of this release (default: every release)", "release", nargs="?")
    options.add_choice(parser)
    options.add_places(parser, "warehouse", "landing", "registry")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    choice = options.file_choice(arguments)
    if arguments.release:
        release = release_registry.find_release(arguments.release, settings.registry)
        landing = settings.storage_uri(settings.landing)
        listed = list_files(release, landing, choice)
        masks = file_listing.list_mask_files(release, landing, choice)
        lines = file_listing.file_lines(release, listed) + file_listing.mask_lines(masks)
        print_text(json.dumps(file_listing.file_rows([*listed, *masks])) if arguments.json else "\n".join(lines))
        return 0
    if choice != ALL_FILES:
        raise ConfigError("--tables and --subset choose among the files of one release; name it, such as `releases v7`")
    warehouse = Warehouse.of(settings)
    snapshots = every_snapshot(warehouse)
    published, ingested = newest_by_release(snapshots), ingest_times(snapshots)
    releases = release_registry.load_releases(settings.registry).values()
    rows = [
        _release_row(
            release,
            settings.storage_uri(settings.landing),
            published.get(release.release),
            ingested.get(release.release),
        )
        for release in releases
    ]
    for row in rows:
        if row["ingested"] == "partial":
            row["holds"] = published_parts(warehouse, published[row["release"]])
    print_text(json.dumps(rows) if arguments.json else _release_table(rows, settings))
    return 0


def _release_row(
    release: Release, landing: str, snapshot: Snapshot | None, ingested_at: datetime.datetime | None
) -> dict[str, Any]:
    listed = list_files(release, landing, ALL_FILES)
    taken = [file for file in listed if file.use != "none"]
    download = sum_download(listed)
    return {
        "release": release.release,
        "title": release.title,
        "date": str(release.date),
        "files": len(taken),
        "missing": [file.name for file in taken if not file.is_landed and not file.is_optional],
        "landed": sum(file.is_landed for file in taken),
        "to_download": download.bytes,
        "unknown_sizes": download.unknown_sizes,
        "ingested": snapshot.status if snapshot else None,
        "ingested_at": ingested_at.isoformat(timespec="seconds") if ingested_at else None,
        "published_at": snapshot.published_at.isoformat(timespec="seconds") if snapshot else None,
        "versions": snapshot.table_versions if snapshot else {},
        "holds": None,
    }


def _release_table(rows: list[dict[str, Any]], settings: Settings) -> str:
    lines = ["release  title             date        landed  to download                    ingested"]
    for row in rows:
        landed = f"{row['landed']}/{row['files']}"
        lacking = Download(row["to_download"], row["unknown_sizes"]).as_text()
        ingested = f"{row['ingested']}, {row['ingested_at']}" if row["ingested"] else "no"
        lines.append(f"{row['release']:<9}{row['title']:<18}{row['date']}  {landed:<8}{lacking:<31}{ingested}")
        if row["holds"] is not None:
            lines.append(f"{'':<9}holds {parts_text(row['holds'])}")
    return "\n".join([*lines, f"landing area: {settings.landing}; warehouse: {settings.warehouse}"])


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("releases", __doc__, add_arguments, run))
