"""The door for notebooks: the newest published snapshot as Spark DataFrames."""

from __future__ import annotations

from pyspark.sql import DataFrame

from conf import settings
from jobs import session
from jobs.tables import read as published


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
    chosen = settings.load(environment, {"warehouse": warehouse})
    return published.read(session.start(chosen), chosen.warehouse, table, release, since)
