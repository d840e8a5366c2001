"""Replaces a publication's slice of one table, in one commit that is made once however often it is tried."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from oilake.jobs.tables import delta_commits
from oilake.jobs.tables.commits import add_action, commit_persistently
from oilake.jobs.tables.delta_log import TableState, existing_table, table_to_commit
from oilake.jobs.tables.publication import Publication, application_id, is_commit_of, publication_properties
from oilake.jobs.tables.published_slices import property_name
from oilake.jobs.tables.slice_versions import part_paths
from oilake.jobs.tables.staged_slices import staged_at
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


def commit_slice(warehouse: Warehouse, schema: schemas.Table, number: int, publication: Publication) -> int:
    """Replaces the publication's slice of one table; the version that holds it.

    Where it is empty and stays so, nothing is committed, and any version that is not older holds it.
    """
    name = schema.table
    staged: list[AddAction | RemoveAction] = [add_action(file) for file in publication.files if file.table == name]
    kept, part = publication.kept.get(name), publication.slice(schema)

    def commit_once() -> int:
        table = table_to_commit(warehouse, name)
        if (table.transaction_version(application_id(publication.release)) or 0) >= number:
            return _slice_version(warehouse, name, table, number, publication)
        if _set_properties(table, publication):
            table = table_to_commit(warehouse, name)
        elif not staged and not kept and not part_paths(table, part):
            return table.version()
        table.create_write_transaction(
            staged if kept is None else [*staged, *_exchange_actions(warehouse, table, name, part, kept)],
            "overwrite" if kept is None else "append",
            table.schema(),
            list(schema.partition_by),
            [(column, "=", value) for column, value in part.items()] if kept is None else None,
            commit_properties=publication_properties(publication, number),
        )
        return _slice_version(warehouse, name, existing_table(warehouse, name), number, publication)

    return commit_persistently(warehouse.table_uri(name), commit_once)


def _exchange_actions(
    warehouse: Warehouse, table: TableState, name: str, part: Mapping[str, str], kept: Sequence[StagedFile]
) -> list[AddAction | RemoveAction]:
    """What leaves no file of the slice but the kept ones, whatever files are in it now."""
    active = {file.path: file for file in staged_at(warehouse, name, table.version(), part)}
    kept_paths = {file.path for file in kept}
    now = int(time.time() * 1000)
    gone = [
        RemoveAction(f.path, True, now, f.size, dict(f.partition)) for p, f in active.items() if p not in kept_paths
    ]
    return [*gone, *(add_action(file) for file in kept if file.path not in active)]


def _set_properties(table: DeltaTable, publication: Publication) -> bool:
    """Sets the table's properties where they change, which makes writers of other releases try again; whether it did."""
    new_properties = {
        property_name(name, publication.release, publication.since): value
        for name, value in publication.properties.items()
    }
    stored = table.metadata().configuration
    changed = {name: value for name, value in new_properties.items() if stored.get(name) != value}
    if changed:
        table.alter.set_table_properties(changed, raise_if_not_exists=False)
    return bool(changed)


def _slice_version(warehouse: Warehouse, name: str, table: TableState, number: int, publication: Publication) -> int:
    """The version at which the publication's slice was committed."""
    for commit in delta_commits.newest_first(warehouse, name, table.version()):
        if is_commit_of(commit.info, number, publication):
            return commit.version
    return table.version()  # the commit was cleaned from the log; no later publication of the release is in the table
