"""All that the releases need, in order: ingests each one, prints what it gave, and writes the report."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from conf import registry
from conf.errors import ConfigError
from jobs import command, options, report
from jobs.ingest import ingest
from jobs.progress import say
from jobs.summary import Summary, table_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--release", action="append", metavar="R", help="only this release (may be repeated)")
    options.add_places(parser, "landing", "warehouse", "registry")
    parser.add_argument("--report", default="data/report.html", metavar="FILE", help="where the report goes")
    parser.add_argument("--partial", action="store_true", help="take the archives and subsets that are there")
    parser.add_argument("--force", action="store_true", help="ingest again even if nothing changed")
    parser.add_argument("--json", action="store_true", help="print the summaries as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    known = registry.load_all(settings.registry)
    names = arguments.release or list(known)
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f"unknown release {', '.join(unknown)}; known: {', '.join(known)}")
    summaries = []
    for name in names:
        say(f"{name}: {known[name].title}")
        summaries.append(ingest(settings, known[name], arguments.partial, arguments.force))
    page = report.write(summaries, Path(arguments.report))
    print(json.dumps([summary.as_json() for summary in summaries]) if arguments.json else _text(summaries))
    print(f"Report: {page}")
    return 0


def _text(summaries: list[Summary]) -> str:
    lines = [f"warning: {warning}" for summary in summaries for warning in summary.warnings]
    lines += table_lines(summaries)
    for summary in summaries:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in summary.reasons.items())
        done = f"published in {summary.seconds:.1f} s" if summary.changed else "unchanged"
        lines.append(f"{summary.release}: {done}" + (f"; quarantined: {reasons}" if reasons else ""))
    lines.append(f"Tables: {Path(summaries[0].warehouse).absolute()}" if summaries else "")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(command.main("run", __doc__, add_arguments, run))
