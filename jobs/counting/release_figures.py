"""Counts every figure of a published release from its rows, once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from oilake.conf.published_pages import TrainableCondition
from oilake.conf.registry import PublishedFigures, Release
from oilake.jobs.tables.slice_files import rows_by_partition, small_rows
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.trainable_classes import LabelCount, trainable_by_rule
from oilake.schemas import loader as schemas

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

FigureKey = tuple[str, str | None]


def count_figures(spark: SparkSession, warehouse: Warehouse, pin: Snapshot, release: Release) -> dict[FigureKey, int]:
    """Every figure of the published release, by (figure, subset); a class list that the release lacks gives none."""
    name, pinned = pin.release, replace(warehouse, pins={pin.release: pin})
    figure_counts: dict[FigureKey, int] = {}
    for table in one_kind_tables(pin):
        for partition, rows in rows_by_partition(warehouse, table, pin):
            _add_rows(figure_counts, table, partition.get("subset"), rows)
    labels = read_published(spark, pinned, "labels", name)
    by_class = labels.groupBy("subset", "origin", "mid", (sf.col("confidence") > 0).alias("is_positive"))
    label_counts = [LabelCount(*row) for row in by_class.count().collect()]
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
            for seen in count_shapes(read_published(spark, pinned, table, name), f"images_with_{table}"):
                mids_by_kind[kind].update(seen.mids)
                if seen.images is not None:
                    _add_rows(figure_counts, f"images_with_{table}", seen.subset, seen.images)
    if NARRATIVES in pin.table_versions:
        narratives = read_published(spark, pinned, NARRATIVES, name).groupBy("subset")
        for subset, images in narratives.agg(sf.count_distinct("image_id")).collect():
            _add_rows(figure_counts, f"images_with_{NARRATIVES}", subset, images)
    class_rows = small_rows(warehouse, "classes", pin, ["mid", "is_trainable", "is_box_trainable"])
    images = count_images(labels, release.trainable_rule)
    by_rule = trainable_by_rule(release.trainable_rule, label_counts, images) if release.trainable_rule else None
    return (
        figure_counts
        | labelled_images(labels, {stated.figure for page in release.pages for stated in page.also})
        | _class_figures(class_rows, mids_by_kind, by_rule)
    )


def one_kind_tables(pin: Snapshot) -> list[str]:
    """The tables of rows whose number is a figure by the table's own name; those that the snapshot has."""
    tables = map(schemas.table_schema, schemas.row_tables())
    return [table.table for table in tables if not table.row_partition() and table.table in pin.table_versions]


class SeenShapes(NamedTuple):
    """What a subset's shapes are of: MIDs, and how many images (None where no release publishes it)."""

    subset: str
    mids: list[str]
    images: int | None


def count_shapes(shapes: DataFrame, figure: str) -> list[SeenShapes]:
    """The MIDs of shapes by subset, and their images where these are a `figure`, as counting them costs a sort."""
    images = sf.count_distinct("image_id") if figure in FIGURES else sf.lit(None)
    return [SeenShapes(*row) for row in shapes.groupBy("subset").agg(sf.collect_set("mid"), images).collect()]


def count_images(labels: DataFrame, rule: Sequence[TrainableCondition]) -> dict[TrainableCondition, dict[str, int]]:
    """Distinct images by MID, of the conditions that count images."""
    counts = {}
    for condition in rule:
        if condition.counts == "distinct_images":
            kept = labels.where(LABEL_KINDS[condition.labels]).where(labels["subset"].isin(*condition.subsets))
            counts[condition] = {
                row["mid"]: row[1] for row in kept.groupBy("mid").agg(sf.count_distinct("image_id")).collect()
            }
    return counts


def labelled_images(labels: DataFrame, figures: Collection[str]) -> dict[FigureKey, int]:
    """How many images have labels of a kind, by subset: of those `figures` that count them, as each costs a sort."""
    counts: dict[FigureKey, int] = {}
    for kind in ("human", "machine"):
        if (figure := f"images_with_{kind}_labels") in figures:
            kept = labels.where(LABEL_KINDS[kind]).groupBy("subset").agg(sf.count_distinct("image_id"))
            counts |= {(figure, subset): images for subset, images in kept.collect()}
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
