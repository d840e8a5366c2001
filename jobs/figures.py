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
from oilake.jobs.pipeline.derived_job import Task, derive
from oilake.jobs.runtime import entrypoint, options
from oilake.jobs.runtime.figure_tables import FigureCell, FigureRow, FigureTable
from oilake.jobs.runtime.printing import tell
from oilake.jobs.tables import publish
from oilake.jobs.tables.snapshots import INGEST, Snapshot, pinned, rows_by_partition, small_rows
from oilake.jobs.tables.spark_reader import read
from oilake.jobs.tables.staging import StagedFile, stage
from oilake.schemas import loader as schemas

FIGURES = "figures"
READ = ("images", "labels", "boxes", "classes")
TABLES = {
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

Key = tuple[str, str | None]

WIDTH = 24


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
    found = figures(settings, registry.find(arguments.release, settings.registry), arguments.force)
    told = json.dumps([asdict(figure) for figure in found]) if arguments.json else "\n".join(lines(found))
    tell(told)
    return 0


def figures(settings: Settings, release: Release, force: bool = False) -> list[Figure]:
    """Publishes `release_figures` of an ingested release, or reads them where nothing changed."""
    warehouse, name = settings.warehouse, release.release
    publish.recover(warehouse)
    pin = pinned(warehouse, name)
    inputs = {table: str(pin.table_versions[table]) for table in READ}
    basis, reads = ((name, INGEST, pin.fingerprints[INGEST]),), tuple((pin, table) for table in READ)
    task = Task(FIGURES, pin, inputs, basis, decided_by=release.published, reads=reads)

    def work(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], bool]:
        found = _beside(count(spark, warehouse, pin), release)
        table = schemas.load("release_figures")
        rows = pa.Table.from_pylist([_row(figure) for figure in found], schemas.arrow_schema(table))
        return [stage(warehouse, table, {"release": name}, run_id, rows)], True

    done = derive(settings, task, work, force)
    columns = ["figure", "subset", "value", "published"]
    rows = small_rows(warehouse, "release_figures", done.pin, columns)
    order = {figure: n for n, figure in enumerate(f for table in TABLES.values() for f in table.values())}
    places = {subset: n for n, subset in enumerate(SUBSETS)}
    return sorted((Figure(**row) for row in rows), key=lambda f: (order[f.figure], places.get(f.subset or "", -1)))


def count(spark: SparkSession, warehouse: str, pin: Snapshot) -> dict[Key, int]:
    """Every figure of the published release, by (figure, subset); a class list that the release lacks gives none."""
    name, known = pin.release, {pin.release: pin}
    found: dict[Key, int] = {}
    for table in ("images", "boxes"):
        for partition, rows in rows_by_partition(warehouse, table, pin):
            _add(found, table, partition["subset"], rows)
    labels = read(spark, warehouse, "labels", name, known=known).groupBy(
        "subset", "origin", "mid", sf.col("confidence") > 0
    )
    said: dict[str, set[str]] = {"machine": set(), "human": set(), "box": set()}
    for subset, origin, mid, is_positive, rows in labels.count().collect():
        kind = "machine" if origin == "machine" else "human"
        said[kind].add(mid)
        sign = "positive" if is_positive else "negative"
        _add(found, "machine_labels" if kind == "machine" else f"human_labels_{sign}", subset, rows)
    boxes = read(spark, warehouse, "boxes", name, known=known)
    for subset, rows, mids in (
        boxes.groupBy("subset").agg(sf.count_distinct("image_id"), sf.collect_set("mid")).collect()
    ):
        _add(found, "images_with_boxes", subset, rows)
        said["box"].update(mids)
    listed = small_rows(warehouse, "classes", pin, ["mid", "is_trainable", "is_box_trainable"])
    return found | _classes(listed, said)


def _add(found: dict[Key, int], figure: str, subset: str, rows: int) -> None:
    found[figure, subset] = found.get((figure, subset), 0) + rows


def _classes(listed: Sequence[Mapping[str, Any]], said: Mapping[str, set[str]]) -> dict[Key, int]:
    """`listed`: rows of `classes`; `said`: MIDs by who named them."""
    lists = {column: {row["mid"] for row in listed if row[column]} for column in ("is_trainable", "is_box_trainable")}
    found: dict[Key, int] = {(f"{kind}_classes", None): len(mids) for kind, mids in said.items() if mids}
    found["classes", None] = len(listed)
    if lists["is_trainable"]:
        found["classes_trainable", None] = len(lists["is_trainable"])
        for kind, column in (("machine", "is_trainable"), ("human", "is_trainable"), ("box", "is_box_trainable")):
            if said[kind]:
                found[f"{kind}_classes_trainable", None] = len(said[kind] & lists[column])
    return found


def _beside(found: Mapping[Key, int], release: Release) -> list[Figure]:
    published: dict[Key, int] = {}
    for figure, value in asdict(release.published).items():
        if isinstance(value, dict):
            published |= {(figure, subset): rows for subset, rows in value.items()}
        elif value is not None:
            published[figure, None] = value
    keys = sorted({*found, *published}, key=lambda key: (key[0], key[1] or ""))
    return [Figure(*key, found.get(key, 0), published.get(key)) for key in keys]


def _row(figure: Figure) -> dict[str, Any]:
    return {**asdict(figure), "share": figure.value / figure.published if figure.published else None}


def figure_tables(figures: Sequence[Figure]) -> list[FigureTable]:
    """Both tables, with the figures that were recomputed for any subset: those of SUBSETS, then of the whole release."""
    return [FigureTable(title, _figure_rows(names, figures)) for title, names in TABLES.items()]


def _figure_rows(names: Mapping[str, str], figures: Sequence[Figure]) -> list[FigureRow]:
    rows = []
    for label, name in names.items():
        if by_subset := {figure.subset: figure for figure in figures if figure.figure == name}:
            rows.append(FigureRow(label, [_figure_cell(by_subset.get(subset)) for subset in (*SUBSETS, None)]))
    return rows


def _figure_cell(figure: Figure | None) -> FigureCell:
    return FigureCell(cell(figure), differs(figure)) if figure else FigureCell("–", False)


def lines(found: Sequence[Figure]) -> list[str]:
    """Both tables for a terminal: the recomputed figure, and the published one where it is another."""
    told = []
    for title, rows in figure_tables(found):
        if rows:
            told.append(title.ljust(38) + "".join(name.rjust(WIDTH) for name in (*SUBSETS, "release")))
        for label, cells in rows:
            told.append(label.ljust(38) + "".join(shown.text.rjust(WIDTH) for shown in cells))
    if any(map(differs, found)):
        return [*told, "A figure in brackets is the published one, where it is another."]
    return [*told, "Every published figure is met."]


def differs(figure: Figure) -> bool:
    """Whether another figure was published."""
    return figure.published is not None and figure.published != figure.value


def cell(figure: Figure) -> str:
    """The figure, with the published one in brackets where it is another."""
    return f"{figure.value:,} ({figure.published:,})" if differs(figure) else f"{figure.value:,}"


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("figures", __doc__, add_arguments, run))
