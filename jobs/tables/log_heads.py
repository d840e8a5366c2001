"""The end of a table's log, and whether it is still its end: asked of two names, without reading the log."""

from __future__ import annotations

from typing import NamedTuple

from oilake.jobs.runtime.filesystem import FileState
from oilake.jobs.tables.delta_log import commit_state
from oilake.jobs.tables.parquet_reader import newest_version
from oilake.jobs.tables.warehouse import Warehouse


class LogHead(NamedTuple):
    """The newest commit of a table; `version`: -1 where there is no table yet, `state`: of its file, if it is there."""

    table: str
    version: int
    state: FileState | None


def read_head(warehouse: Warehouse, table: str) -> LogHead:
    """The newest commit of a table; StoreError where its log cannot be read."""
    version = newest_version(warehouse, table)
    at = -1 if version is None else version
    return LogHead(table, at, commit_state(warehouse, table, at))


def is_newest(warehouse: Warehouse, head: LogHead) -> bool:
    """Whether the commit is there as it was, and none follows it. InputError where the store does not answer."""
    return (
        commit_state(warehouse, head.table, head.version + 1) is None
        and commit_state(warehouse, head.table, head.version) == head.state
    )
