"""All that the releases need, in order: ingests, reconciles and compares them, with --docs checks them, and writes pages."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from oilake.conf import bounded_json, reconcile_policy
from oilake.conf.errors import ConfigError
from oilake.conf.reconcile_policy import ReconcilePolicy
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs import figures
from oilake.jobs.changes import ChangesOutcome, compare_neighbours
from oilake.jobs.check import check
from oilake.jobs.contradictions import ContradictionsOutcome, contradictions
from oilake.jobs.docs import docs
from oilake.jobs.download import download
from oilake.jobs.downloading import image_flags
from oilake.jobs.downloading.selection import ImageSelection
from oilake.jobs.downloading.summary import DownloadSummary
from oilake.jobs.duplicates import Leakage, duplicates
from oilake.jobs.figures import figures as count_figures
from oilake.jobs.index import index_classes
from oilake.jobs.ingest import ingest
from oilake.jobs.ingesting.landed_names import has_own_files
from oilake.jobs.ingesting.summary import Summary, table_lines
from oilake.jobs.masking.mask_job import verify_masks
from oilake.jobs.masking.outcome import MaskVerification
from oilake.jobs.pipeline.derived_job import TableOutcome
from oilake.jobs.reconcile import ReconcileOutcome as Reconciled
from oilake.jobs.reconcile import reconcile
from oilake.jobs.report import report
from oilake.jobs.reporting import site_writer
from oilake.jobs.reporting.html import write_page
from oilake.jobs.reporting.report_data import ReleaseChanges, ReleaseReport, RunReport
from oilake.jobs.reporting.report_page import report_page
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.surveying.published_figures import Figure, figure_tables
from oilake.jobs.verify import verify
from oilake.jobs.verifying.selection import VerifySelection
from oilake.jobs.verifying.summary import Verification
from oilake.schemas import release_registry


@dataclass(frozen=True)
class ReleaseOutcome:
    """All that the jobs of one release told; the keys of `--json`."""

    summary: Summary
    reconciled: Reconciled
    contradictions: ContradictionsOutcome
    leakage: Leakage
    figures: list[Figure]
    index: TableOutcome

    @property
    def has_published(self) -> bool:
        """Whether any of its jobs published something."""
        parts = (self.summary, self.reconciled, self.contradictions, self.leakage, self.index)
        return any(part.changed for part in parts)

    def as_report(self) -> ReleaseReport:
        """The same for the report."""
        tables = figure_tables(self.figures)
        told = self.contradictions
        return ReleaseReport(
            self.summary, self.reconciled.rows, told.counts, told.not_judged(), self.leakage.as_text(), tables
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release(parser, "only this release (may be repeated; default: those that have landed)", action="append")
    options.add_places(parser, "landing", "warehouse", "registry")
    parser.add_argument(
        "--report",
        default="data/report.html",
        metavar="FILE",
        help="where the page of the run goes; plots go beside it, to a folder of its name with -pages",
    )
    parser.add_argument("--policy", metavar="FILE", help="YAML file of the policy (default: the packaged one)")
    parser.add_argument(
        "--to", metavar="PLACE", help="download images of the last release to this folder or s3:// prefix"
    )
    parser.add_argument(
        "--images", metavar="FILE", help="only these images: a list of IDs, split/ID or file names, or a CSV file"
    )
    parser.add_argument(
        "--blobs",
        action="append",
        default=[],
        metavar="PLACE",
        help="another place whose images are verified (repeatable)",
    )
    parser.add_argument(
        "--masks", action="store_true", help="verify the masks of the last release, whose zips have landed"
    )
    parser.add_argument(
        "--docs", metavar="DIR", help="check all that is published, and write pages about its promises to this folder"
    )
    image_flags.add_arguments(parser)
    parser.add_argument("--partial", action="store_true", help="take the archives and subsets that are there")
    options.add_accept_changed(parser)
    parser.add_argument("--force", action="store_true", help="do everything again even if nothing changed")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    policy = reconcile_policy.load_policy(arguments.policy)
    registered = release_registry.load_releases(settings.registry)
    names = arguments.release or _landed_releases(registered, settings.storage_uri(settings.landing))
    if unknown := [name for name in names if name not in registered]:
        raise ConfigError(f"unknown release {', '.join(unknown)}; known: {', '.join(registered)}")
    plots = _plots_folder(Path(arguments.report))
    site_writer.refuse_strangers(plots, site_writer.REPORT_MARK, "--report")
    if arguments.docs:
        site_writer.refuse_strangers(Path(arguments.docs), site_writer.DOCS_MARK, "--docs")
    order = image_flags.download_request(settings, arguments, names[-1], arguments.to) if arguments.to else None
    release_outcomes = []
    for name in names:
        log_line(f"{name}: {registered[name].title}")
        release_outcomes.append(_run_release(settings, registered[name], policy, arguments))
    compared = compare_neighbours(settings, names, arguments.force)
    choice = ImageSelection(images=arguments.images, archive=order.archive if order else None)
    brought = download(settings, order, choice) if order else None
    checks = _verify_places(settings, names[-1], arguments)
    masks = [verify_masks(settings, registered[names[-1]], force=arguments.force)] if arguments.masks else []
    checked = check(settings) if arguments.docs else None
    run_page = report_page(
        _build_report(release_outcomes, compared, brought, checks, masks), f"{plots.name}/{site_writer.FIRST}"
    )
    page = write_page(run_page, Path(arguments.report), "report", "--report")
    site = report(settings, plots, "--report")
    pages = docs(settings, Path(arguments.docs), flag="--docs") if arguments.docs else None
    document = {
        "report": str(page),
        "plots": str(site.index),
        "releases": [asdict(release_outcome) for release_outcome in release_outcomes],
        "changes": [asdict(outcome) for outcome in compared],
        "download": asdict(brought) if brought else None,
        "verify": [outcome.as_json() for outcome in checks],
        "masks": [outcome.as_json() for outcome in masks],
        "check": checked.as_json() if checked else None,
        "docs": pages.as_json() if pages else None,
    }
    told = [outcome.as_text() for outcome in ([brought] if brought else []) + checks]
    told += [outcome.as_text() for outcome in masks]
    told += [checked.as_short_text()] if checked else []
    told += [pages.as_text()] if pages else []
    texts = "".join(f"\n\n{text}" for text in told)
    print_text(
        bounded_json.strict_json(document)
        if arguments.json
        else f"{_terminal_text(release_outcomes, compared)}{texts}\nPlots: {site.index}\nReport: {page}"
    )
    return int(checked is not None and checked.is_broken)


def _plots_folder(page: Path) -> Path:
    """Where the plots of the tables go: beside the page of the run, data/report-pages beside data/report.html."""
    return page.parent / f"{page.stem}-pages"


def _landed_releases(registered: Mapping[str, Release], landing: str) -> list[str]:
    """The releases with files of their own in the landing area; all of them where none has any."""
    landed = [name for name, release in registered.items() if has_own_files(release, landing)]
    for name in registered if landed else ():
        if name not in landed:
            log_line(f"{name}: left out, none of its own files is in {landing}; name it by --release to insist")
    return landed or list(registered)


def _verify_places(settings: Settings, release: str, arguments: argparse.Namespace) -> list[Verification]:
    """What lies at the places, the download's first. Blobs that are bad end nothing here: they are told."""
    places = [*[arguments.to] * bool(arguments.to), *arguments.blobs]
    wish = VerifySelection(images=arguments.images, force=arguments.force)
    return [verify(settings, release, place, "full", wish) for place in places]


def _run_release(
    settings: Settings, release: Release, policy: ReconcilePolicy, arguments: argparse.Namespace
) -> ReleaseOutcome:
    return ReleaseOutcome(
        ingest(settings, release, arguments.partial, arguments.force, arguments.accept_changed),
        reconcile(settings, release, policy, arguments.force),
        contradictions(settings, release.release, arguments.force),
        duplicates(settings, release.release, arguments.force),
        count_figures(settings, release, arguments.force),
        index_classes(settings, release.release, arguments.force),
    )


def _build_report(
    release_outcomes: list[ReleaseOutcome],
    compared: list[ChangesOutcome],
    brought: DownloadSummary | None,
    checks: list[Verification],
    masks: list[MaskVerification],
) -> RunReport:
    changed = [ReleaseChanges(pair.from_release, pair.to_release, pair.changes) for pair in compared]
    reports = [release_outcome.as_report() for release_outcome in release_outcomes]
    return RunReport(reports, changed, brought, checks, masks)


def _terminal_text(release_outcomes: list[ReleaseOutcome], compared: list[ChangesOutcome]) -> str:
    summaries = [release_outcome.summary for release_outcome in release_outcomes]
    lines = [f"warning: {warning}" for summary in summaries for warning in summary.warnings]
    lines += table_lines(summaries)
    for summary in summaries:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in summary.reasons.items())
        done = f"published in {summary.seconds:.1f} s" if summary.changed else "unchanged"
        lines.append(f"{summary.release}: {done}" + (f"; quarantined: {reasons}" if reasons else ""))
    for release_outcome in [outcome for outcome in release_outcomes if outcome.has_published]:
        lines += [
            "",
            release_outcome.reconciled.as_text(),
            release_outcome.contradictions.as_text(),
            release_outcome.leakage.as_text(),
            release_outcome.index.as_text(),
            *figures.figure_lines(release_outcome.figures),
        ]
    for outcome in compared:
        lines += ["", outcome.as_text()]
    lines.append(f"Tables: {summaries[0].warehouse}" if summaries else "")
    return "\n".join(lines)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("run", __doc__, add_arguments, run))
