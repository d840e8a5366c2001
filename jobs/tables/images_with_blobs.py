"""The images of a release with the newest check of their blobs: what training code filters by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from oilake.jobs.tables.row_batches import row_schema
from oilake.jobs.tables.warehouse import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

RANKS = (
    "verified", "size_matches", "resized", "no_reference", "not_comparable", "md5_mismatch", "size_mismatch", "truncated",
    "placeholder", "not_an_image", "unreadable", "missing",
)  # fmt: skip
COLUMNS = ("location", "key", "status", "method", "width", "height", "checked_at")
# What an image and the check of its blob have in common: a check against another size or MD5 is of another photo.
COMMON = {
    "release": "release",
    "image_id": "image_id",
    "original_size": "expected_size",
    "original_md5": "expected_md5",
}
IMAGE_COLUMNS = tuple(COMMON)


def blob_fields() -> list[pa.Field]:
    """Return the columns that the checks give the images."""
    checks = row_schema("blob_checks")
    return [pa.field(f"blob_{name}", checks.field(name).type) for name in COLUMNS]


def check_columns() -> list[str]:
    """Return the columns of `blob_checks` that are looked at."""
    return [*COMMON.values(), *COLUMNS]


def blobs_sql(images: str, checks: str) -> str:
    """Return the query, in words that Spark and DuckDB share, over tables of these names.

    All columns of the checks are NULL where no blob was checked against the size and MD5 that are published now. Of several
    blobs of an image the one with the best status counts, as RANKS has them, and of equal ones the one that was checked
    last.
    """
    rank = " ".join(f"WHEN '{status}' THEN {n}" for n, status in enumerate(RANKS))
    same = " AND ".join(f"i.{ours} IS NOT DISTINCT FROM c.{theirs}" for ours, theirs in COMMON.items())
    return f"""
        SELECT i.*, {", ".join(f"c.{name} AS blob_{name}" for name in COLUMNS)}
        FROM {images} AS i LEFT JOIN (
            SELECT *, row_number() OVER (
                PARTITION BY {", ".join(COMMON.values())}
                ORDER BY CASE status {rank} ELSE {len(RANKS)} END, checked_at DESC, location, key
            ) AS place FROM {checks} WHERE image_id IS NOT NULL
        ) AS c ON c.place = 1 AND {same}
    """


def with_blobs(
    spark: SparkSession, warehouse: Warehouse, release: str | None = None, location: str | None = None
) -> DataFrame:
    """Return `images` as they were published, one row each, with blob_location, blob_key, blob_status and so on
    (`blobs_sql`); `location`: an absolute path or s3:// URI."""
    from oilake.jobs.tables.spark_reader import read_published

    images = read_published(spark, warehouse, "images", release)
    checks = read_published(spark, warehouse, "blob_checks")
    if location is not None:
        checks = checks.where(checks["location"] == location)
    return spark.sql(blobs_sql("{images}", "{checks}"), images=images, checks=checks)
