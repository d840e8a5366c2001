"""The site of `oilake report` over the small warehouse, with labels, figures and results of checks."""

from __future__ import annotations

from pathlib import Path

from oilake.conf import settings
from oilake.jobs.report import report
from oilake.jobs.tables.snapshots import INGEST
from tests.support import judged_release, view_lake
from tests.support.releases import CAT, DOG

PAGES = ("index", "release-v2", "release-v3", "release-v4", "release-v5", "hierarchy-v3", "hierarchy-v4")


def write_report(folder: Path) -> Path:
    """The folder of the site, made below `folder`."""
    place = view_lake.add_labels(view_lake.fill(view_lake.make_tables(str(folder / "lake"))))
    return report_on(judged_release.add_results(place), folder)


def write_odd_report(folder: Path) -> Path:
    """The same of one partial release, whose classes and images have names of 2,000 characters or of markup."""
    place = view_lake.make_tables(str(folder / "lake"))
    names = view_lake.class_rows("v3")
    for rows in names.values():
        for row in rows:
            row["name"] = {DOG: view_lake.LONG, CAT: view_lake.MARKUP}.get(row["mid"], row["name"])
    images = [view_lake.image("v3", n, title=view_lake.LONG) for n in range(3)]
    boxes = [view_lake.box("v3", 2, DOG if number % 2 else CAT, number) for number in range(500)]
    view_lake.publish_rows(place, "v3", INGEST, {"images": images, "boxes": boxes, **names}, status="partial")
    return report_on(place, folder)


def report_on(place: str, folder: Path) -> Path:
    """The folder of the site about a warehouse, made below `folder`."""
    return report(settings.environment_settings("local", {"warehouse": place}), folder / "site").index.parent
