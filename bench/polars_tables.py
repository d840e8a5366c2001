"""usage: python -m bench.polars_tables WORK WAREHOUSE OUT: what a Polars user would write over the same Parquet files.

Everything but extra_observations, as for DuckDB. Nothing is sorted.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from bench.table_files import RELEASES, table_files

os.environ["POLARS_MAX_THREADS"] = "2"
import polars as pl

from oilake.jobs.transforms.class_ancestors import ancestor_pairs

PAIR = ["subset", "image_id", "mid"]


def main(name: str, warehouse: Path, out: Path) -> None:
    started = time.monotonic()
    table = "image_labels" if name == "reconcile" else "label_changes"
    frame = reconcile(warehouse, RELEASES[-1]) if name == "reconcile" else changes(warehouse, *RELEASES)
    (out / table).mkdir()
    frame.sink_parquet(out / table / "rows.parquet", compression="zstd", compression_level=1)
    print(json.dumps({"seconds": time.monotonic() - started}))


def rows(warehouse: Path, table: str, release: str) -> pl.LazyFrame:
    """The published rows with their partition's columns."""
    return pl.scan_parquet(table_files(warehouse, table, release), hive_partitioning=True)


def reconcile(warehouse: Path, release: str) -> pl.LazyFrame:
    """Labels, boxes and classes of a release to one row a (subset, image, MID)."""
    value, origin = pl.col("confidence"), pl.col("origin")
    said = [
        getattr(value.filter(origin == name), which)().alias(f"{name}_{which}")
        for name in ("human", "crowdsource")
        for which in ("max", "min")
    ]
    machine = value.filter(origin == "machine").max().alias("machine_confidence")
    pairs = (
        rows(warehouse, "labels", release)
        .group_by(PAIR)
        .agg(machine, *said, pl.len().cast(pl.Int32).alias("observations"))
    )
    boxed = rows(warehouse, "boxes", release).group_by(PAIR).agg(pl.len().cast(pl.Int32).alias("box_count"))
    classes = rows(warehouse, "classes", release).select("mid", "display_name", "is_trainable", "is_boxable")
    human, crowd = (pl.col(f"{name}_max") > 0 for name in ("human", "crowdsource"))
    people = pl.coalesce(human, crowd)
    both = pl.any_horizontal(
        (pl.col(f"{name}_max") != pl.col(f"{name}_min")).fill_null(False) for name in ("human", "crowdsource")
    )
    judged = pairs.join(boxed, on=PAIR, how="left").join(classes, on="mid", how="left")
    return judged.select(
        *PAIR,
        "display_name",
        "machine_confidence",
        human.alias("human_verdict"),
        crowd.alias("crowd_verdict"),
        pl.when(people)
        .then(pl.lit("positive"))
        .when(~people)
        .then(pl.lit("negative"))
        .otherwise(pl.lit("unverified"))
        .alias("verdict"),
        pl.when(human.is_not_null())
        .then(pl.lit("human"))
        .when(crowd.is_not_null())
        .then(pl.lit("crowdsource"))
        .otherwise(pl.lit("machine"))
        .alias("decided_by"),
        ((human != crowd).fill_null(False) | both).alias("is_conflict"),
        pl.when(pl.col("machine_confidence").is_not_null()).then(people).alias("machine_agrees"),
        "observations",
        pl.col("box_count").fill_null(0),
        "is_trainable",
        "is_boxable",
    )


def changes(warehouse: Path, before: str, after: str) -> pl.LazyFrame:
    """The pairs whose label is another in the later release, from image_labels of both."""
    columns = ["subset", "verdict", "decided_by", "machine_confidence"]
    sides = [
        rows(warehouse, "image_labels", release).select(
            "image_id", "mid", *(pl.col(name).alias(f"{side}_{name}") for name in columns)
        )
        for side, release in (("from", before), ("to", after))
    ]
    joined = sides[0].join(sides[1], on=["image_id", "mid"], how="full", coalesce=True)
    a, b = (
        pl.when(pl.col(f"{side}_decided_by") != "machine").then(pl.col(f"{side}_verdict")) for side in ("from", "to")
    )
    nodes = rows(warehouse, "hierarchy", after).select("path", "parent_path", "mid", "relation").collect()
    pairs = sorted(ancestor_pairs(nodes.to_dicts()))
    closure = pl.LazyFrame(pairs, {"mid": pl.String, "above": pl.String}, orient="row")
    confirmed = sides[1].filter((pl.col("to_decided_by") != "machine") & (pl.col("to_verdict") == "positive"))
    covered = confirmed.join(closure, on="mid").select("image_id", pl.col("above").alias("mid")).unique()
    joined = joined.join(covered.with_columns(is_covered=True), on=["image_id", "mid"], how="left")
    change = (
        pl.when((a == "positive") & b.is_null() & pl.col("is_covered").fill_null(False))
        .then(pl.lit("made_leaf_most"))
        .when(pl.col("from_subset").is_null())
        .then(pl.lit("added"))
        .when(pl.col("to_subset").is_null())
        .then(pl.lit("removed"))
        .when(a != b)
        .then(pl.lit("flipped"))
        .when(a.is_null() & b.is_not_null())
        .then(pl.lit("newly_verified"))
        .when(a.is_not_null() & b.is_null())
        .then(pl.lit("no_longer_verified"))
        .when(pl.col("from_machine_confidence").ne_missing(pl.col("to_machine_confidence")))
        .then(pl.lit("confidence_changed"))
    )
    return joined.with_columns(change.alias("change")).filter(pl.col("change").is_not_null())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
