"""Replaces one part of a table that belongs to no release's snapshot, in one commit: readers see the old rows or the new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deltalake import CommitProperties, Transaction
from deltalake.exceptions import DeltaError

from oilake.conf.errors import StoreError
from oilake.jobs.runtime import run_events
from oilake.jobs.tables.commits import add_action, are_committed, as_store_error, commit_persistently, written_event
from oilake.jobs.tables.delta_log import open_table, table_to_commit
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


def replacement_number(warehouse: Warehouse, table: str, part: Mapping[str, str]) -> int:
    """How often this part was replaced so far; 0 where the table is not there yet."""
    opened = open_table(warehouse, table)
    return (opened.transaction_version(_application_id(part)) or 0) if opened is not None else 0


def replace_part(
    warehouse: Warehouse, table: str, part: Mapping[str, str], files: Sequence[StagedFile], begun: int, run_id: str
) -> None:
    """Commits `files` as all rows of the part; `begun` is the part's number when the run read it.

    StoreError when another run has replaced the part meanwhile, or when the store cannot be written.
    """
    schema = schemas.table_schema(table)

    def commit_once() -> None:
        opened = table_to_commit(warehouse, table)
        if (opened.transaction_version(_application_id(part)) or 0) != begun:
            if files and are_committed(warehouse, table, files):
                return  # by an earlier try, whose answer was lost
            raise StoreError(
                f"{warehouse.table_uri(table)}: another run has replaced the same rows meanwhile; run it again"
            )
        opened.create_write_transaction(
            [add_action(file) for file in files],
            "overwrite",
            opened.schema(),
            list(schema.partition_by),
            [(column, "=", value) for column, value in part.items()],
            commit_properties=_commit_properties(schema, part, begun + 1, run_id),
        )

    try:
        commit_persistently(warehouse.table_uri(table), commit_once)
    except (DeltaError, OSError) as error:
        if not files or not are_committed(warehouse, table, files):
            raise as_store_error(warehouse, error) from None
    run_events.tell(written_event(table, part.get("release"), None, files, run_id))


def _application_id(part: Mapping[str, str]) -> str:
    return ":".join(["oilake", *part.values()])


def _commit_properties(schema: schemas.Table, part: Mapping[str, str], number: int, run_id: str) -> CommitProperties:
    run_metadata = {"userMetadata": " ".join([*part.values(), schema.written_by]), "oilake.run_id": run_id}
    return CommitProperties(
        custom_metadata={**run_metadata, "oilake.job": schema.written_by},
        max_commit_retries=0,
        app_transactions=[Transaction(_application_id(part), number)],
    )
