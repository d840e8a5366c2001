"""The door for notebooks: the newest published snapshot as Spark DataFrames."""

from __future__ import annotations

from pyspark.sql import DataFrame

from oilake.conf import settings
from oilake.jobs.blobs.locations import canonical_location
from oilake.jobs.runtime import spark_session
from oilake.jobs.tables import spark_reader as published
from oilake.jobs.tables.corrected_boxes import read_corrected_boxes
from oilake.jobs.tables.images_with_blobs import with_blobs
from oilake.jobs.tables.warehouse import Warehouse


def read(
    table: str,
    release: str | None = None,
    warehouse: str | None = None,
    environment: str | None = None,
    since: str | None = None,
) -> DataFrame:
    """The rows of `table` as they were published: of `release`, or of every release, each at its newest snapshot.

    A comparison (label_changes, image_changes, class_history) is named by its later release and, by `since`, the earlier.
    `warehouse` and `environment` default to the configured ones (OILAKE_WAREHOUSE, OILAKE_ENV). ConfigError when the
    table is unknown or the release is not published.
    """
    loaded_settings = settings.environment_settings(environment, {"warehouse": warehouse})
    return published.read_published(
        spark_session.start_session(loaded_settings), Warehouse.of(loaded_settings), table, release, since
    )


def corrected_boxes(
    release: str | None = None, warehouse: str | None = None, environment: str | None = None
) -> DataFrame:
    """The rows of `boxes` without those that corrections leave out; arguments and errors as for `read`."""
    loaded_settings = settings.environment_settings(environment, {"warehouse": warehouse})
    return read_corrected_boxes(spark_session.start_session(loaded_settings), Warehouse.of(loaded_settings), release)


def images_with_blobs(
    release: str | None = None,
    location: str | None = None,
    warehouse: str | None = None,
    environment: str | None = None,
) -> DataFrame:
    """`images` with blob_location, blob_key, blob_status, blob_method, blob_width, blob_height and blob_checked_at.

    They come from the newest check by `oilake verify`, at `location` (a folder, archive or s3:// URI) or anywhere, and are
    NULL where none was made against the size and MD5 that are published now. ConfigError as for `read`.
    """
    loaded_settings = settings.environment_settings(environment, {"warehouse": warehouse})
    blob_location = canonical_location(location) if location is not None else None
    return with_blobs(
        spark_session.start_session(loaded_settings), Warehouse.of(loaded_settings), release, blob_location
    )
