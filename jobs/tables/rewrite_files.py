"""Puts files in the place of others that hold the same rows: a commit that changes no data, which readers follow."""

from __future__ import annotations

import time
from collections.abc import Sequence

from deltalake import CommitProperties
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from oilake.conf.errors import DataQualityError, StoreError
from oilake.jobs.tables.cleanup import delete_replaced
from oilake.jobs.tables.commits import are_committed, as_store_error, commit_persistently
from oilake.jobs.tables.delta_log import table_to_commit
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

MAINTAIN = "maintain"


def exchange_files(
    warehouse: Warehouse, table: str, old: Sequence[StagedFile], new: Sequence[StagedFile], run_id: str
) -> bool:
    """Commits `new` instead of `old`; whether it did. Where another run has replaced an old one, the new ones are deleted.

    DataQualityError when they do not hold as many rows; StoreError when the store cannot be written.
    """

    def commit_once() -> bool:
        opened = table_to_commit(warehouse, table)
        active = {action["path"] for action, _ in opened.file_actions}
        if not {file.path for file in old} <= active:
            return {file.path for file in new} <= active  # by an earlier try, whose answer was lost
        opened.create_write_transaction(
            _exchange_actions(old, new),
            "append",
            opened.schema(),
            list(schemas.table_schema(table).partition_by),
            commit_properties=CommitProperties(
                custom_metadata={"userMetadata": MAINTAIN, "oilake.job": MAINTAIN, "oilake.run_id": run_id},
                max_commit_retries=0,
            ),
        )
        return True

    if sum(file.rows for file in old) != sum(file.rows for file in new):
        delete_replaced(new, warehouse)
        raise DataQualityError(f"{table}: rewritten files hold another number of rows; please report this")
    try:
        is_exchanged = commit_persistently(warehouse.table_uri(table), commit_once)
    except (DeltaError, OSError, StoreError) as error:
        stand = are_committed(warehouse, table, new)
        if stand is False:
            delete_replaced(new, warehouse)
        if not stand:
            raise as_store_error(warehouse, error) from None
        is_exchanged = True
    if not is_exchanged:
        delete_replaced(new, warehouse)
    return is_exchanged


def _exchange_actions(old: Sequence[StagedFile], new: Sequence[StagedFile]) -> list[AddAction | RemoveAction]:
    now = int(time.time() * 1000)
    added = [AddAction(file.path, file.size, dict(file.partition), now, False, file.stats) for file in new]
    return [*added, *(RemoveAction(file.path, False, now, file.size, dict(file.partition)) for file in old)]
