"""Writes the report: a site of plots and tables about every release, which opens from disk and asks nothing of any host."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from oilake.conf.settings import Settings
from oilake.jobs.reporting import site_writer
from oilake.jobs.reporting.wording import counted
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables.warehouse import Warehouse

FLAG = "--out"


@dataclass(frozen=True)
class ReportOutcome:
    """What was written: the first page, absolute; the releases and how many plots."""

    index: Path
    releases: list[str]
    plots: int

    def as_json(self) -> dict[str, object]:
        """The outcome as plain data."""
        return {"index": str(self.index), "releases": self.releases, "plots": self.plots}

    def as_text(self) -> str:
        """The outcome in two lines."""
        return f"{counted(len(self.releases), 'release')}, {counted(self.plots, 'plot')}\nReport: {self.index}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(FLAG, default="data/report", metavar="DIR", help="where the site goes (default: data/report)")
    options.add_places(parser, "warehouse")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(arguments: argparse.Namespace) -> int:
    outcome = report(options.load_settings(arguments), Path(arguments.out))
    print_text(json.dumps(outcome.as_json()) if arguments.json else outcome.as_text())
    return 0


def report(settings: Settings, folder: Path, flag: str = FLAG) -> ReportOutcome:
    """Writes about all that is published, without Spark; replaces the site of before.

    ConfigError when `folder`, which `flag` names, holds anything else; StoreError when tables cannot be read or the site
    cannot be written.
    """
    site_writer.refuse_strangers(folder, site_writer.REPORT_MARK, flag)
    options.require_warehouse(settings)
    from oilake.jobs.plotting.report_site import report_site  # what draws takes a second to import

    site = report_site(Warehouse.of(settings))
    index = site_writer.write_site(folder, site.files, site_writer.REPORT_MARK, flag)
    return ReportOutcome(index, site.releases, site.plots)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("report", __doc__, add_arguments, run))
