"""The images of a release with the newest check of their blobs: what training code filters by."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as sf

from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.warehouse import Warehouse

RANKS = (
    "verified", "size_matches", "resized", "no_reference", "not_comparable", "md5_mismatch", "size_mismatch", "truncated",
    "placeholder", "not_an_image", "unreadable", "missing",
)  # fmt: skip
COLUMNS = ("location", "key", "status", "method", "width", "height", "checked_at")


def with_blobs(
    spark: SparkSession,
    warehouse: Warehouse,
    release: str | None = None,
    location: str | None = None,
) -> DataFrame:
    """`images` as they were published, one row each, and the newest check of its blob: blob_location, blob_key, blob_status
    and so on.

    All of them are NULL where no blob was checked (at `location`, where it is given: an absolute path or s3:// URI) against
    the size and MD5 that are published now. Of several blobs of an image the one with the best status counts, as RANKS has
    them, and of equal ones the one that was checked last.
    """
    images = read_published(spark, warehouse, "images", release)
    checks = read_published(spark, warehouse, "blob_checks").where("image_id IS NOT NULL")
    if location is not None:
        checks = checks.where(sf.col("location") == location)
    rank = sf.array_position(sf.array(*map(sf.lit, RANKS)), sf.col("status"))
    same_original = Window.partitionBy("release", "image_id", "expected_size", "expected_md5")
    best = same_original.orderBy(rank, sf.col("checked_at").desc(), "location", "key")
    checks = checks.withColumn("_n", sf.row_number().over(best)).where("_n = 1")
    chosen = checks.select(
        *("release", "image_id", "expected_size", "expected_md5"),
        *(sf.col(name).alias(f"blob_{name}") for name in COLUMNS),
    )
    same = [
        images["release"] == chosen["release"],
        images["image_id"] == chosen["image_id"],
        images["original_size"].eqNullSafe(chosen["expected_size"]),
        images["original_md5"].eqNullSafe(chosen["expected_md5"]),
    ]
    return images.join(chosen, same, "left").select(images["*"], *(chosen[f"blob_{name}"] for name in COLUMNS))
