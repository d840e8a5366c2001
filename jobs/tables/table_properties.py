"""Sets properties of a table where they change, while others may do the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from oilake.jobs.tables.commits import commit_persistently
from oilake.jobs.tables.delta_log import table_to_commit
from oilake.jobs.tables.warehouse import Warehouse

# A stranger's VACUUM, and the cleaning that goes with checkpoints, know nothing of snapshots: with their defaults they leave
# alone what is younger than this. `oilake maintain` knows what is needed. Whoever opens a table reads all commits since its
# last checkpoint; delta-rs alone would make one every hundred.
LOG_UPKEEP = {
    "delta.deletedFileRetentionDuration": "interval 3650 days",
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.checkpointInterval": "10",
}


def change_properties(
    warehouse: Warehouse, name: str, changes: Callable[[Mapping[str, str]], Mapping[str, str]]
) -> Mapping[str, str] | None:
    """Sets what `changes` makes of the properties that are stored; these, or None where nothing changes.

    StoreError when other runs keep changing them.
    """

    def commit_once() -> Mapping[str, str] | None:
        table = table_to_commit(warehouse, name)
        stored: Mapping[str, str] = table.metadata().configuration
        new_values = dict(changes(stored))
        if not new_values:
            return None
        table.alter.set_table_properties(new_values, raise_if_not_exists=False)
        return stored

    return commit_persistently(warehouse.table_uri(name), commit_once)


def migrate_upkeep(warehouse: Warehouse, name: str) -> list[str]:
    """Gives a table what it lacks of LOG_UPKEEP, what somebody set stays; a sentence where it did."""
    stored = change_properties(warehouse, name, lacking_upkeep)
    if stored is None:
        return []
    return [f"{name}: got the properties {', '.join(lacking_upkeep(stored))}"]


def lacking_upkeep(stored: Mapping[str, str]) -> dict[str, str]:
    """What the stored properties lack of LOG_UPKEEP."""
    return {key: value for key, value in LOG_UPKEEP.items() if key not in stored}
