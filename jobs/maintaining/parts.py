"""What may be rewritten of a table: the parts of it whose newest files hold just what is published."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import NamedTuple

from oilake.jobs.tables.delta_log import open_table
from oilake.jobs.tables.published_slices import PublishedSlice, current_slice
from oilake.jobs.tables.slice_versions import LostRowsError
from oilake.jobs.tables.snapshots import SINCE, Snapshot
from oilake.jobs.tables.staged_slices import staged_at
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

# The names that we give; what is called otherwise, somebody else has written.
OUR_NAME = re.compile(r"part-\d+-(?P<run>.+)-[0-9a-f]{8}\.parquet")


class RewritableFiles(NamedTuple):
    """The newest files of a table in groups that share the partition's values; `lost`: a sentence for each slice that is
    published and not there."""

    groups: list[list[StagedFile]]
    lost: list[str]


def rewritable_files(warehouse: Warehouse, table: str, pins: Mapping[str, Snapshot]) -> RewritableFiles:
    """The files of the table that may be rewritten: those of published slices, of a table without slices all, of one that is
    gone none."""
    published, lost = _published_slices(warehouse, table, pins)
    opened = open_table(warehouse, table)
    if opened is None:
        return RewritableFiles([], lost)
    newest = opened.version()
    if not schemas.table_schema(table).slice_by:
        return RewritableFiles(_group_by_partition(staged_at(warehouse, table, newest, {})), [])
    files: list[StagedFile] = []
    for published_slice in published:
        now = staged_at(warehouse, table, newest, published_slice.partition)
        pinned = staged_at(warehouse, table, published_slice.version, published_slice.partition)
        if {file.path for file in now} == {file.path for file in pinned}:
            files += now
    return RewritableFiles(_group_by_partition(files), lost)


def _published_slices(
    warehouse: Warehouse, table: str, pins: Mapping[str, Snapshot]
) -> tuple[list[PublishedSlice], list[str]]:
    """(the published slices of a table that are there, a sentence for each other one)."""
    found, lost = list[PublishedSlice](), list[str]()
    for pin in pins.values():
        for since in (named.partition(SINCE)[2] for named in pin.table_versions if named.partition(SINCE)[0] == table):
            try:
                found.append(current_slice(warehouse, table, pin, since or None))
            except LostRowsError as error:
                lost.append(str(error))
    return found, lost


def is_ours(file: StagedFile) -> bool:
    """Whether the file was staged by one of our runs, which write sorted files only."""
    return OUR_NAME.fullmatch(posixpath.basename(file.path)) is not None


def _group_by_partition(files: list[StagedFile]) -> list[list[StagedFile]]:
    groups: dict[tuple[tuple[str, str], ...], list[StagedFile]] = {}
    for file in files:
        groups.setdefault(tuple(file.partition.items()), []).append(file)
    return list(groups.values())
