"""The door for notebooks without Spark: what is published as an Arrow dataset, and as views of a DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oilake.conf import settings
from oilake.conf.errors import ConfigError
from oilake.jobs.querying.published_dataset import open_dataset
from oilake.jobs.querying.published_views import Values, ask_views
from oilake.jobs.tables.warehouse import Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation
    from pyarrow.dataset import Dataset


def scan(
    table: str,
    release: str | None = None,
    warehouse: str | None = None,
    environment: str | None = None,
    since: str | None = None,
) -> Dataset:
    """The rows of `table` as `oilake.read` gives them, as a pyarrow dataset: nothing is read before it is asked for rows.

    Conditions on columns choose partitions and row groups. Instants are UTC without saying so. Arguments and errors as for
    `read`.
    """
    loaded_settings = settings.environment_settings(environment, {"warehouse": warehouse})
    return open_dataset(Warehouse.of(loaded_settings), table, release, since)


def sql(
    query: str, values: Values = None, warehouse: str | None = None, environment: str | None = None
) -> DuckDBPyRelation:
    """The answer of DuckDB to one SELECT over what is published: `v3.labels` is a table of a release, `labels` that of all.

    It sees no other file, no network and no variable of the program; it may use 4 GB and no disk. `values`: those of `?` or
    `$name` in the query. ConfigError where the query does not fit, otherwise as for `read`; DuckDB's own where an answer
    that is asked for later cannot be given.
    """
    if not isinstance(query, str):
        raise ConfigError(f"the query must be a text with one SELECT, not {type(query).__name__}")
    loaded_settings = settings.environment_settings(environment, {"warehouse": warehouse})
    return ask_views(Warehouse.of(loaded_settings), query, values)
