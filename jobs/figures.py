"""Recomputes the figures of the published tables 1 (image-level labels) and 2 (boxes), beside the published ones."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from oilake.conf.registry import SUBSETS, Release
from oilake.conf.settings import Settings
from oilake.jobs.counting.release_figures import FigureKey, count_figures, one_kind_tables
from oilake.jobs.pipeline.derived_job import DerivedTask, run_derived_job
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.surveying.published_figures import Figure, differs_from_published, figure_tables, sort_figures
from oilake.jobs.tables import publish
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.snapshots import INGEST, require_snapshot
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.validation.publish_gate import BrokenExpectationError
from oilake.schemas import loader as schemas
from oilake.schemas import release_registry

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FIGURES = "figures"
INPUT_TABLES = ("images", "labels", "boxes", "classes")
CELL_WIDTH = 24
FOREIGN_REGISTRY = (
    "the published figures are those of the packaged registry: where the release was ingested by another one, as a sample's "
    "is, name it with --registry"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_release_job(parser, "count", "warehouse", "registry", result="figures")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    release_figures = figures(
        settings, release_registry.find_release(arguments.release, settings.registry), arguments.force
    )
    text = (
        json.dumps([asdict(figure) for figure in release_figures])
        if arguments.json
        else "\n".join(figure_lines(release_figures))
    )
    print_text(text)
    return 0


def figures(settings: Settings, release: Release, force: bool = False) -> list[Figure]:
    """Publishes `release_figures` of an ingested release, or reads them where nothing changed."""
    warehouse, name = publish.settled_warehouse(settings), release.release
    snapshot = require_snapshot(warehouse, name)
    tables = dict.fromkeys([*INPUT_TABLES, *one_kind_tables(snapshot)])
    inputs = {table: str(snapshot.table_versions[table]) for table in tables}
    depends_on, reads = (
        ((name, INGEST, snapshot.fingerprints[INGEST]),),
        tuple((snapshot, table) for table in tables),
    )
    decided_by = (release.published, release.pages, release.trainable_rule)
    task = DerivedTask(FIGURES, snapshot, inputs, depends_on, decided_by=decided_by, reads=reads)

    def stage_figures(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], bool]:
        compared_figures = _join_published(count_figures(spark, warehouse, snapshot, release), release)
        table = schemas.table_schema("release_figures")
        rows = pa.Table.from_pylist(
            [_figure_record(figure) for figure in compared_figures], schemas.arrow_schema(table)
        )
        return [stage_rows(warehouse, table, {"release": name}, run_id, rows)], True

    try:
        done = run_derived_job(settings, task, stage_figures, force)
    except BrokenExpectationError as error:
        if settings.registry:
            raise
        raise BrokenExpectationError(f"{error}; {FOREIGN_REGISTRY}", error.judgements) from None
    columns = ["figure", "subset", "value", "published", "stated_by"]
    rows = small_rows(warehouse, "release_figures", done.pin, columns)
    return sort_figures(Figure(**{**row, "stated_by": dict(row["stated_by"] or {})}) for row in rows)


def _join_published(figure_counts: Mapping[FigureKey, int], release: Release) -> list[Figure]:
    """Of every figure that was counted or published; one that needs a list which is not there is left out."""
    published: dict[FigureKey, int] = {}
    stated: dict[FigureKey, dict[str, int]] = {}
    for figure, value in asdict(release.published).items():
        if isinstance(value, dict):
            published |= {(figure, subset): rows for subset, rows in value.items()}
        elif value is not None:
            published[figure, None] = value
    for page in release.pages:
        for key, value in published.items():
            if key[0] in page.states:
                stated.setdefault(key, {})[page.url] = value
        for page_figure in page.also:
            stated.setdefault((page_figure.figure, page_figure.subset), {})[page.url] = page_figure.value
    countable = {key for key in (*published, *stated) if key in figure_counts or not key[0].endswith("_trainable")}
    keys = sorted({*figure_counts, *countable}, key=lambda key: (key[0], key[1] or ""))
    return [Figure(*key, _counted(figure_counts, key), published.get(key), stated.get(key, {})) for key in keys]


def _counted(figure_counts: Mapping[FigureKey, int], key: FigureKey) -> int:
    """The figure; that of the release where it was counted by subset is their sum."""
    if key in figure_counts or key[1] is not None:
        return figure_counts.get(key, 0)
    return sum(rows for (figure, _), rows in figure_counts.items() if figure == key[0])


def _figure_record(figure: Figure) -> dict[str, Any]:
    share = figure.value / figure.published if figure.published else None
    return {**asdict(figure), "share": share, "stated_by": list(figure.stated_by.items())}


def figure_lines(figures: Sequence[Figure]) -> list[str]:
    """Both tables for a terminal: the recomputed figure, and the published one where it is another."""
    text_lines = []
    for title, rows in figure_tables(figures):
        if rows:
            text_lines.append(title.ljust(38) + "".join(name.rjust(CELL_WIDTH) for name in (*SUBSETS, "release")))
        for label, cells in rows:
            text_lines.append(label.ljust(38) + "".join(shown.text.rjust(CELL_WIDTH) for shown in cells))
    text_lines += [line for figure in figures for line in _stated_otherwise(figure)]
    if any(map(differs_from_published, figures)):
        return [*text_lines, "A figure in brackets is the published one, where it is another."]
    return [*text_lines, "Every published figure is met."]


def _stated_otherwise(figure: Figure) -> list[str]:
    """A line for each page that states another number than the published one, or than the counted one where none is."""
    expected = figure.value if figure.published is None else figure.published
    name = f"{figure.figure} of {figure.subset}" if figure.subset else figure.figure
    return [f"{url} states {value:,} for {name}" for url, value in figure.stated_by.items() if value != expected]


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("figures", __doc__, add_arguments, run))
