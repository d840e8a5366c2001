"""Published rows as Arrow batches: from the files that the log names, but for those that cannot hold a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from oilake.conf.errors import ConfigError
from oilake.jobs.tables.delta_log import files_at, open_table
from oilake.jobs.tables.file_batches import Partition, Values, is_between, read_file_batches
from oilake.jobs.tables.published_slices import PublishedSlice, published_slices
from oilake.jobs.tables.repair_commands import unreadable_rows_error
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


@dataclass(frozen=True)
class CandidateFile:
    """A file of a published slice that may hold rows asked for; `rows`: None where its writer did not say."""

    path: str
    partition: dict[str, str]
    rows: int | None


def row_schema(table: str) -> pa.Schema:
    """Return all columns of a table, those of its partition too; instants are UTC without saying so."""
    columns = schemas.table_schema(table).columns
    return pa.schema([pa.field(column.name, _without_zone(schemas.arrow_type(column))) for column in columns])


def candidate_files(
    warehouse: Warehouse, table: str, release: str | None, values: Values, since: str | None = None
) -> list[CandidateFile]:
    """Return the files that hold what is published of a table, of `release` or of all; of a table without releases all.

    `since`: of a comparison only that with this earlier release. Left out is what the log shows to have no row with these
    `values`, by column. ConfigError where nothing is published.
    """
    return [
        CandidateFile(action["path"], partition, action.get("num_records"))
        for part in _readable_slices(warehouse, table, release, since)
        for action, partition in sorted(files_at(warehouse, table, part.version, part.partition), key=_file_path)
        if all(_may_hold(action, partition, column, value) for column, value in values.items())
    ]


def read_batches(
    warehouse: Warehouse, table: str, files: Sequence[CandidateFile], schema: pa.Schema, values: Values
) -> Iterator[pa.RecordBatch]:
    """Yield the files' rows in the columns of `schema`, those with the `values` and perhaps others.

    StoreError names the file that cannot be read.
    """
    for file in files:
        uri = warehouse.table_uri(table, file.path)
        try:
            yield from read_file_batches(uri, schema, file.partition, values)
        except (OSError, pa.ArrowException) as error:
            raise unreadable_rows_error(uri, error) from None


def _readable_slices(warehouse: Warehouse, table: str, release: str | None, since: str | None) -> list[PublishedSlice]:
    if schemas.table_schema(table).slice_by:
        return published_slices(warehouse, table, release, since)
    opened = open_table(warehouse, table)
    if opened is None:
        raise ConfigError(
            f"{warehouse.table_uri(table)}: there is no such table yet; run `oilake ingest --release R` first"
        )
    return [PublishedSlice({}, opened.version())]


def _file_path(file_action: tuple[Mapping[str, Any], Partition]) -> str:
    return str(file_action[0]["path"])


def _may_hold(action: Mapping[str, Any], partition: Partition, column: str, value: str) -> bool:
    if column in partition:
        return partition[column] == value
    return is_between(action.get(f"min.{column}"), action.get(f"max.{column}"), value)


def _without_zone(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp(kind.unit) if pa.types.is_timestamp(kind) else kind
