"""Counts every figure of a published release from its rows, once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from oilake.conf.published_pages import TrainableCondition
from oilake.conf.registry import PublishedFigures, Release
from oilake.jobs.counting.published_counter import PublishedCounter
from oilake.jobs.runtime.standard_sql import quote_text
from oilake.jobs.tables.slice_files import rows_by_partition, small_rows
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.trainable_classes import LabelCount, trainable_by_rule
from oilake.jobs.validation import local_queries
from oilake.schemas import loader as schemas

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Which rows of `labels` are of a kind, by the name of the kind.
LABEL_KINDS = {
    "any": "true",
    "machine": "origin = 'machine'",
    "human": "origin <> 'machine'",
    "positive": "origin <> 'machine' AND confidence > 0",
}

# What is drawn on images, by table, and the word for its kind in figures.
SHAPES = {"boxes": "box", "masks": "mask", "points": "point"}
NARRATIVES = "narratives"
FIGURES = {field.name for field in fields(PublishedFigures)}

# Each is asked of the rows of one table, in words that DuckDB and Spark share.
LABEL_COUNTS = "SELECT subset, origin, mid, confidence > 0, count(*) FROM {rows} GROUP BY 1, 2, 3, 4"
SHAPE_MIDS = "SELECT DISTINCT mid FROM {rows}"
IMAGES_BY_SUBSET = "SELECT subset, count(DISTINCT image_id) FROM {rows} GROUP BY subset"

FigureKey = tuple[str, str | None]


def count_figures(spark: SparkSession, warehouse: Warehouse, pin: Snapshot, release: Release) -> dict[FigureKey, int]:
    """Every figure of the published release, by (figure, subset); a class list that the release lacks gives none."""
    with local_queries.open_engine() as engine:
        rows_of = PublishedCounter(spark, engine, replace(warehouse, pins={pin.release: pin}), pin.release)
        return _count_rows(rows_of, pin, release)


def _count_rows(rows_of: PublishedCounter, pin: Snapshot, release: Release) -> dict[FigureKey, int]:
    figure_counts: dict[FigureKey, int] = {}
    for table in one_kind_tables(pin):
        for partition, rows in rows_by_partition(rows_of.warehouse, table, pin):
            _add_rows(figure_counts, table, partition.get("subset"), rows)
    label_counts = [LabelCount(*row) for row in rows_of.count("labels", LABEL_COUNTS)]
    mids_by_kind: dict[str, set[str]] = {kind: set() for kind in ("machine", "human", *SHAPES.values())}
    for count in label_counts:
        kind = "machine" if count.origin == "machine" else "human"
        mids_by_kind[kind].add(count.mid)
        sign = "positive" if count.is_positive else "negative"
        _add_rows(
            figure_counts, "machine_labels" if kind == "machine" else f"human_labels_{sign}", count.subset, count.rows
        )
    for table, kind in SHAPES.items():
        if table in pin.table_versions:
            mids_by_kind[kind].update(mid for (mid,) in rows_of.count(table, SHAPE_MIDS))
    class_rows = small_rows(rows_of.warehouse, "classes", pin, ["mid", "is_trainable", "is_box_trainable"])
    images = count_images(rows_of, release.trainable_rule)
    by_rule = trainable_by_rule(release.trainable_rule, label_counts, images) if release.trainable_rule else None
    return (
        figure_counts
        | described_images(rows_of, pin)
        | labelled_images(rows_of, {stated.figure for page in release.pages for stated in page.also})
        | _class_figures(class_rows, mids_by_kind, by_rule)
    )


def one_kind_tables(pin: Snapshot) -> list[str]:
    """The tables of rows whose number is a figure by the table's own name; those that the snapshot has."""
    tables = map(schemas.table_schema, schemas.row_tables())
    return [table.table for table in tables if not table.row_partition() and table.table in pin.table_versions]


def described_images(rows_of: PublishedCounter, pin: Snapshot) -> dict[FigureKey, int]:
    """How many images have rows of a table, by subset: where this is a figure, as counting them costs a sort."""
    counts: dict[FigureKey, int] = {}
    for table in (*SHAPES, NARRATIVES):
        if table in pin.table_versions and (figure := f"images_with_{table}") in FIGURES:
            counts |= {(figure, subset): images for subset, images in rows_of.count(table, IMAGES_BY_SUBSET)}
    return counts


def count_images(
    rows_of: PublishedCounter, rule: Sequence[TrainableCondition]
) -> dict[TrainableCondition, dict[str, int]]:
    """Distinct images by MID, of the conditions that count images."""
    counts = {}
    for condition in rule:
        if condition.counts == "distinct_images":
            subsets = ", ".join(map(quote_text, condition.subsets))
            kept = f"{LABEL_KINDS[condition.labels]} AND subset IN ({subsets})"
            query = f"SELECT mid, count(DISTINCT image_id) FROM {{rows}} WHERE {kept} GROUP BY mid"
            counts[condition] = dict(rows_of.count("labels", query))
    return counts


def labelled_images(rows_of: PublishedCounter, figures: Collection[str]) -> dict[FigureKey, int]:
    """How many images have labels of a kind, by subset: of those `figures` that count them, as each costs a sort."""
    counts: dict[FigureKey, int] = {}
    for kind in ("human", "machine"):
        if (figure := f"images_with_{kind}_labels") in figures:
            query = f"SELECT subset, count(DISTINCT image_id) FROM {{rows}} WHERE {LABEL_KINDS[kind]} GROUP BY subset"
            counts |= {(figure, subset): images for subset, images in rows_of.count("labels", query)}
    return counts


def _add_rows(figure_counts: dict[FigureKey, int], figure: str, subset: str | None, rows: int) -> None:
    figure_counts[figure, subset] = figure_counts.get((figure, subset), 0) + rows


def _class_figures(
    class_rows: Sequence[Mapping[str, Any]], mids_by_kind: Mapping[str, set[str]], by_rule: set[str] | None
) -> dict[FigureKey, int]:
    """`class_rows`: those of `classes`; `mids_by_kind`: MIDs by who named them; `by_rule`: None of a release without a
    rule for trainable classes."""
    lists = {
        column: {row["mid"] for row in class_rows if row[column]} for column in ("is_trainable", "is_box_trainable")
    }
    class_counts: dict[str, int] = {f"{kind}_classes": len(mids) for kind, mids in mids_by_kind.items() if mids}
    class_counts["classes"] = len(class_rows)
    if lists["is_trainable"]:
        class_counts["classes_trainable"] = len(lists["is_trainable"])
    for kind, column in (("machine", "is_trainable"), ("human", "is_trainable"), ("box", "is_box_trainable")):
        if lists[column] and mids_by_kind[kind]:
            class_counts[f"{kind}_classes_trainable"] = len(mids_by_kind[kind] & lists[column])
    if by_rule is not None:
        class_counts["trainable_by_rule"] = len(by_rule)
    if by_rule is not None and lists["is_trainable"]:
        class_counts["trainable_by_rule_only"] = len(by_rule - lists["is_trainable"])
        class_counts["trainable_by_list_only"] = len(lists["is_trainable"] - by_rule)
    return {(figure, None): count for figure, count in class_counts.items()}
