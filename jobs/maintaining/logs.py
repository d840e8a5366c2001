"""Shortens the log of a table: a checkpoint where commits have piled up, and no more commits than somebody needs."""

from __future__ import annotations

from collections.abc import Sequence

from deltalake.exceptions import DeltaError

from oilake.jobs.tables.commits import as_store_error
from oilake.jobs.tables.delta_commits import LogFile
from oilake.jobs.tables.delta_log import table_to_commit
from oilake.jobs.tables.warehouse import Warehouse

COMMITS = 10


def is_due(files: Sequence[LogFile], newest: int) -> bool:
    """Whether so many commits came after the last checkpoint that the newest version is to have one."""
    return newest - max((file.version for file in files if file.kind == "checkpoint"), default=0) >= COMMITS


def write_checkpoint(warehouse: Warehouse, table: str) -> None:
    """Writes a checkpoint of the newest version; StoreError when the store cannot be written."""
    try:
        table_to_commit(warehouse, table).create_checkpoint()
    except (DeltaError, OSError) as error:
        raise as_store_error(warehouse, error) from None


def superfluous_files(files: Sequence[LogFile], oldest_needed: int, written_before: float) -> list[LogFile]:
    """The files, ascending, of versions before the newest checkpoint from which every needed version can still be read.

    Only such as were written before the cutoff (seconds since 1970), and none after one that stays: the log has no gaps.
    """
    checkpoint_versions = [
        file.version for file in files if file.kind == "checkpoint" and file.version <= oldest_needed
    ]
    start = max(checkpoint_versions, default=0)
    going = []
    for file in sorted(files, key=lambda file: file.version):
        if file.version >= start or file.changed_at > written_before:
            break
        going.append(file)
    return going
