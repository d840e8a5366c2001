"""Recomputes the figures of the published tables 1 (image-level labels) and 2 (boxes), beside the published ones."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from oilake.conf import registry
from oilake.conf.registry import SUBSETS, Release
from oilake.conf.settings import Settings
from oilake.jobs.pipeline.derived_job import DerivedTask, run_derived_job
from oilake.jobs.runtime import entrypoint, options
from oilake.jobs.runtime.figure_tables import FigureCell, FigureRow, FigureTable
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables import publish
from oilake.jobs.tables.snapshots import INGEST, Snapshot, require_snapshot, rows_by_partition, small_rows
from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.publish_gate import BrokenExpectationError
from oilake.schemas import loader as schemas

FIGURES = "figures"
INPUT_TABLES = ("images", "labels", "boxes", "classes")
FIGURE_NAMES = {
    "Table 1: image-level labels": {
        "images": "images",
        "machine labels": "machine_labels",
        "human labels, positive": "human_labels_positive",
        "human labels, negative": "human_labels_negative",
        "classes of machine labels": "machine_classes",
        "classes of machine labels, trainable": "machine_classes_trainable",
        "classes of human labels": "human_classes",
        "classes of human labels, trainable": "human_classes_trainable",
        "classes": "classes",
        "classes, trainable": "classes_trainable",
    },
    "Table 2: boxes": {
        "images with boxes": "images_with_boxes",
        "boxes": "boxes",
        "classes of boxes": "box_classes",
        "classes of boxes, trainable": "box_classes_trainable",
    },
}

FigureKey = tuple[str, str | None]

CELL_WIDTH = 24
FOREIGN_REGISTRY = (
    "the published figures are those of the packaged registry: where the release was ingested by another one, as a sample's "
    "is, name it with --registry"
)


@dataclass(frozen=True)
class Figure:
    """One figure of one subset (None: of the release): what the tables hold, and what was published of it."""

    figure: str
    subset: str | None
    value: int
    published: int | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--release", required=True, metavar="R", help="release to count, such as v3")
    options.add_places(parser, "warehouse", "registry")
    parser.add_argument("--force", action="store_true", help="count again even if nothing changed")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    release_figures = figures(settings, registry.find_release(arguments.release, settings.registry), arguments.force)
    text = (
        json.dumps([asdict(figure) for figure in release_figures])
        if arguments.json
        else "\n".join(figure_lines(release_figures))
    )
    print_text(text)
    return 0


def figures(settings: Settings, release: Release, force: bool = False) -> list[Figure]:
    """Publishes `release_figures` of an ingested release, or reads them where nothing changed."""
    warehouse, name = Warehouse.of(settings), release.release
    publish.recover(warehouse)
    snapshot = require_snapshot(warehouse, name)
    inputs = {table: str(snapshot.table_versions[table]) for table in INPUT_TABLES}
    depends_on, reads = (
        ((name, INGEST, snapshot.fingerprints[INGEST]),),
        tuple((snapshot, table) for table in INPUT_TABLES),
    )
    task = DerivedTask(FIGURES, snapshot, inputs, depends_on, decided_by=release.published, reads=reads)

    def stage_figures(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], bool]:
        compared_figures = _join_published(count_figures(spark, warehouse, snapshot), release)
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
    columns = ["figure", "subset", "value", "published"]
    rows = small_rows(warehouse, "release_figures", done.pin, columns)
    order = {figure: n for n, figure in enumerate(f for table in FIGURE_NAMES.values() for f in table.values())}
    places = {subset: n for n, subset in enumerate(SUBSETS)}
    return sorted((Figure(**row) for row in rows), key=lambda f: (order[f.figure], places.get(f.subset or "", -1)))


def count_figures(spark: SparkSession, warehouse: Warehouse, pin: Snapshot) -> dict[FigureKey, int]:
    """Every figure of the published release, by (figure, subset); a class list that the release lacks gives none."""
    name, published = pin.release, {pin.release: pin}
    figure_counts: dict[FigureKey, int] = {}
    for table in ("images", "boxes"):
        for partition, rows in rows_by_partition(warehouse, table, pin):
            _add_rows(figure_counts, table, partition["subset"], rows)
    labels = read_published(spark, warehouse, "labels", name, known=published).groupBy(
        "subset", "origin", "mid", sf.col("confidence") > 0
    )
    mids_by_kind: dict[str, set[str]] = {"machine": set(), "human": set(), "box": set()}
    for subset, origin, mid, is_positive, rows in labels.count().collect():
        kind = "machine" if origin == "machine" else "human"
        mids_by_kind[kind].add(mid)
        sign = "positive" if is_positive else "negative"
        _add_rows(figure_counts, "machine_labels" if kind == "machine" else f"human_labels_{sign}", subset, rows)
    boxes = read_published(spark, warehouse, "boxes", name, known=published)
    for subset, rows, mids in (
        boxes.groupBy("subset").agg(sf.count_distinct("image_id"), sf.collect_set("mid")).collect()
    ):
        _add_rows(figure_counts, "images_with_boxes", subset, rows)
        mids_by_kind["box"].update(mids)
    class_rows = small_rows(warehouse, "classes", pin, ["mid", "is_trainable", "is_box_trainable"])
    return figure_counts | _class_figures(class_rows, mids_by_kind)


def _add_rows(figure_counts: dict[FigureKey, int], figure: str, subset: str, rows: int) -> None:
    figure_counts[figure, subset] = figure_counts.get((figure, subset), 0) + rows


def _class_figures(
    class_rows: Sequence[Mapping[str, Any]], mids_by_kind: Mapping[str, set[str]]
) -> dict[FigureKey, int]:
    """`listed`: rows of `classes`; `said`: MIDs by who named them."""
    lists = {
        column: {row["mid"] for row in class_rows if row[column]} for column in ("is_trainable", "is_box_trainable")
    }
    class_counts: dict[FigureKey, int] = {
        (f"{kind}_classes", None): len(mids) for kind, mids in mids_by_kind.items() if mids
    }
    class_counts["classes", None] = len(class_rows)
    if lists["is_trainable"]:
        class_counts["classes_trainable", None] = len(lists["is_trainable"])
        for kind, column in (("machine", "is_trainable"), ("human", "is_trainable"), ("box", "is_box_trainable")):
            if mids_by_kind[kind]:
                class_counts[f"{kind}_classes_trainable", None] = len(mids_by_kind[kind] & lists[column])
    return class_counts


def _join_published(figure_counts: Mapping[FigureKey, int], release: Release) -> list[Figure]:
    published: dict[FigureKey, int] = {}
    for figure, value in asdict(release.published).items():
        if isinstance(value, dict):
            published |= {(figure, subset): rows for subset, rows in value.items()}
        elif value is not None:
            published[figure, None] = value
    keys = sorted({*figure_counts, *published}, key=lambda key: (key[0], key[1] or ""))
    return [Figure(*key, figure_counts.get(key, 0), published.get(key)) for key in keys]


def _figure_record(figure: Figure) -> dict[str, Any]:
    return {**asdict(figure), "share": figure.value / figure.published if figure.published else None}


def figure_tables(figures: Sequence[Figure]) -> list[FigureTable]:
    """Both tables, with the figures that were recomputed for any subset: those of SUBSETS, then of the whole release."""
    return [FigureTable(title, _figure_rows(names, figures)) for title, names in FIGURE_NAMES.items()]


def _figure_rows(names: Mapping[str, str], figures: Sequence[Figure]) -> list[FigureRow]:
    rows = []
    for label, name in names.items():
        if by_subset := {figure.subset: figure for figure in figures if figure.figure == name}:
            rows.append(FigureRow(label, [_figure_cell(by_subset.get(subset)) for subset in (*SUBSETS, None)]))
    return rows


def _figure_cell(figure: Figure | None) -> FigureCell:
    return FigureCell(cell_text(figure), differs_from_published(figure)) if figure else FigureCell("–", False)


def figure_lines(found: Sequence[Figure]) -> list[str]:
    """Both tables for a terminal: the recomputed figure, and the published one where it is another."""
    text_lines = []
    for title, rows in figure_tables(found):
        if rows:
            text_lines.append(title.ljust(38) + "".join(name.rjust(CELL_WIDTH) for name in (*SUBSETS, "release")))
        for label, cells in rows:
            text_lines.append(label.ljust(38) + "".join(shown.text.rjust(CELL_WIDTH) for shown in cells))
    if any(map(differs_from_published, found)):
        return [*text_lines, "A figure in brackets is the published one, where it is another."]
    return [*text_lines, "Every published figure is met."]


def differs_from_published(figure: Figure) -> bool:
    """Whether another figure was published."""
    return figure.published is not None and figure.published != figure.value


def cell_text(figure: Figure) -> str:
    """The figure, with the published one in brackets where it is another."""
    return f"{figure.value:,} ({figure.published:,})" if differs_from_published(figure) else f"{figure.value:,}"


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("figures", __doc__, add_arguments, run))
