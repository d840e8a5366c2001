"""Adds rows to a table that belongs to no release's snapshot: all of them in one commit, or none."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties
from deltalake.exceptions import DeltaError

from oilake.jobs.runtime import run_events
from oilake.jobs.runtime.filesystem import delete_files
from oilake.jobs.tables.commits import add_action, are_committed, as_store_error, commit_persistently, written_event
from oilake.jobs.tables.delta_log import existing_table, table_to_commit
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


def append_rows(
    warehouse: Warehouse, table_name: str, rows: pa.Table, run_id: str, metadata: Mapping[str, str]
) -> None:
    """Commits `rows` (all columns of the table, the partition's too, by name); nothing where there are none.

    `metadata`: what the commit says besides its job and run, as `oilake.NAME`. StoreError when the store cannot be
    written; then no reader sees a row, unless the store cannot even tell what became of the commit.
    """
    if not len(rows):
        return
    table = schemas.table_schema(table_name)
    existing_table(warehouse, table_name)
    staged: list[StagedFile] = []
    try:
        staged += [
            stage_rows(warehouse, table, part, run_id, part_rows) for part, part_rows in _rows_by_partition(table, rows)
        ]
        _commit_staged(warehouse, table, staged, _commit_properties(table, run_id, metadata))
    except BaseException as error:
        stand = are_committed(warehouse, table_name, staged)
        if not staged or stand is False:
            delete_files([warehouse.table_uri(table_name, file.path) for file in staged])
        elif stand and isinstance(error, DeltaError | OSError):
            return  # the rows stand; what failed came after them, such as a checkpoint
        raise as_store_error(warehouse, error) from None
    run_events.tell(written_event(table_name, None, None, staged, run_id))


def _rows_by_partition(table: schemas.Table, rows: pa.Table) -> list[tuple[dict[str, str], pa.Table]]:
    """(partition's values, the rows of it as they are stored, in the table's order)."""
    schema = schemas.arrow_schema(table)
    if not table.partition_by:
        return [({}, _in_table_order(table, rows.select(schema.names).cast(schema)))]
    stored_parts = []
    for part in rows.select(list(table.partition_by)).group_by(list(table.partition_by)).aggregate([]).to_pylist():
        part_rows = rows
        for column, value in part.items():
            part_rows = part_rows.filter(pc.equal(part_rows[column], value))
        stored_parts.append((part, _in_table_order(table, part_rows.select(schema.names).cast(schema))))
    return stored_parts


def _in_table_order(table: schemas.Table, rows: pa.Table) -> pa.Table:
    return rows.sort_by([(column, "ascending") for column in table.sort_by]) if table.sort_by else rows


def _commit_staged(
    warehouse: Warehouse, table: schemas.Table, staged: list[StagedFile], properties: CommitProperties
) -> None:
    def commit_once() -> None:
        opened = table_to_commit(warehouse, table.table)
        opened.create_write_transaction(
            [add_action(file) for file in staged], "append", opened.schema(), commit_properties=properties
        )

    commit_persistently(warehouse.table_uri(table.table), commit_once)


def _commit_properties(table: schemas.Table, run_id: str, metadata: Mapping[str, str]) -> CommitProperties:
    prefixed_metadata = {f"oilake.{name}": value for name, value in metadata.items()}
    return CommitProperties(
        custom_metadata={"userMetadata": f"{table.written_by} {run_id}", "oilake.job": table.written_by}
        | {"oilake.run_id": run_id, **prefixed_metadata}
    )
