"""Follows a published slice through later commits that only moved its rows into other files, such as a compaction's.

A snapshot pins a version. Whoever compacts a table replaces the files of that version, and whoever vacuums it deletes them;
the rows stand in a later version then. Which one, the log tells: the newest version in which the files of the slice were
changed only by commits without data change. Commits to other slices may lie between.
"""

from __future__ import annotations

import datetime
import posixpath
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from pyarrow.fs import FileSelector

from oilake.conf.errors import StoreError
from oilake.jobs.runtime.filesystem import join_uri, open_filesystem
from oilake.jobs.tables import delta_commits
from oilake.jobs.tables.delta_log import TableState, open_table, open_version
from oilake.jobs.tables.warehouse import Warehouse

APPLICATION = "oilake:"
# By how many seconds the clocks of two machines may differ of which one makes a table and another publishes.
CLOCKS_APART = 60


class UnfitFiles(NamedTuple):
    """Files of a slice by their paths in the table's folder. `gone`: not there; `damaged`: of another size than the log
    says; `every`: how many the slice has in all."""

    gone: list[str]
    damaged: list[str]
    every: int

    def unfit_sentence(self, release: str) -> str | None:
        """Word how many files of the release are unfit, with an example; None where none is."""
        for paths, state in ((self.gone, "gone"), (self.damaged, "damaged (they have another size than was written)")):
            if paths:
                return f"{len(paths):,} of {self.every:,} files of {release} are {state}, such as {paths[0]}"
        return None


class LostRowsError(StoreError):
    """Rows that were published cannot be had any more: their files are gone or damaged, or the part of the log that names
    them is gone."""


def part_paths(opened: TableState, part: Mapping[str, str]) -> set[str]:
    """The files of a table's part in one of its states, relative to its folder."""
    return {action["path"] for action, partition in opened.file_actions if part.items() <= partition.items()}


def follow_slice(warehouse: Warehouse, table: str, version: int, part: Mapping[str, str], number: int) -> int:
    """The version that holds the rows which a publication committed to the part at `version`: that one while its files
    are those of the newest, else the newest before a commit that changed rows.

    `number`: of the release's newest publication. Where the log no longer reaches back to the version, the newest
    checkpoint to which no later publication committed takes its place; LostRowsError when there is none.
    """
    newest = open_table(warehouse, table)
    if newest is None:
        raise LostRowsError(f"{warehouse.table_uri(table)}: the table is gone")
    if newest.version() == version:
        return version
    try:
        pinned = part_paths(open_version(warehouse, table, version), part)
    except StoreError:
        return _from_checkpoint(warehouse, table, newest, version, part, number)
    if pinned == part_paths(newest, part):
        return version
    reached = _last_unchanged_version(warehouse, table, version, newest.version(), pinned, part)
    return _from_checkpoint(warehouse, table, newest, version, part, number) if reached is None else reached


def refuse_foreign_version(
    warehouse: Warehouse, table: str, version: int, part: Mapping[str, str], published_at: datetime.datetime
) -> None:
    """LostRowsError where `version` is not the one that a publication committed to the part, as a table that was made anew
    or put back counts its versions again. `published_at`: of the release's newest publication."""
    try:
        opened = open_version(warehouse, table, version)
    except StoreError:
        return  # the log no longer reaches back to it
    release = _release_of(part)
    where, created = warehouse.table_uri(table), opened.metadata().created_time
    if created and created > (published_at.timestamp() + CLOCKS_APART) * 1000:
        raise LostRowsError(f"{where}: it was made anew after {release} was published, and holds none of its rows")
    if part_paths(opened, part) and _release_of_commit(warehouse, table, opened) not in (None, release):
        raise LostRowsError(
            f"{where}: version {version} is not the one that was published of {release}: an older state of the table was "
            "put back"
        )


def _release_of_commit(warehouse: Warehouse, table: str, opened: TableState) -> str | None:
    """The release to which the commit of a state belongs, by its own words; None where it has none or is cleaned away."""

    def read_release() -> str | None:
        commit = delta_commits.read_commit(warehouse, table, opened.version())
        return commit.info.get("oilake.release") if commit else None

    return opened.remember_read(("release of its commit",), read_release)


def _release_of(part: Mapping[str, str]) -> str:
    """The release of a part, the later one of a comparison."""
    return part.get("release") or part.get("to_release", "")


def _last_unchanged_version(
    warehouse: Warehouse, table: str, start: int, stop: int, held: Collection[str], part: Mapping[str, str]
) -> int | None:
    """The last version up to `stop` before one that changes rows of the part; None where a commit between is not there."""
    active, reached = set(held), start
    for version in range(start + 1, stop + 1):
        commit = delta_commits.read_commit(warehouse, table, version)
        if commit is None:
            return None
        added = [action for action in commit.adds if _touches_part(action, part)]
        removed = [action for action in commit.removes if action["path"] in active]
        if any(action.get("dataChange", True) for action in (*added, *removed)):
            return reached
        active = (active - {action["path"] for action in removed}) | {action["path"] for action in added}
        reached = version
    return reached


def _touches_part(action: Mapping[str, Any], part: Mapping[str, str]) -> bool:
    return part.items() <= (action.get("partitionValues") or {}).items()


def _from_checkpoint(
    warehouse: Warehouse, table: str, newest: TableState, version: int, part: Mapping[str, str], number: int
) -> int:
    """As `follow`, from the newest checkpoint in which no later publication of the release has committed to the table.

    Publications are numbered, and Delta keeps the newest number of each release; what else changed rows, in commits that
    the log has lost, cannot be told.
    """
    release = _release_of(part)
    checkpoints = {file.version for file in delta_commits.log_files(warehouse, table) if file.kind == "checkpoint"}
    for start in sorted(
        (checkpoint_version for checkpoint_version in checkpoints if version < checkpoint_version <= newest.version()),
        reverse=True,
    ):
        opened = open_version(warehouse, table, start)
        if (opened.transaction_version(APPLICATION + release) or 0) <= number:
            reached = _last_unchanged_version(warehouse, table, start, newest.version(), part_paths(opened, part), part)
            if reached is not None:
                return reached
    raise LostRowsError(
        f"{warehouse.table_uri(table)}: its log no longer tells what version {version} held of {release}"
    )


def unfit_files(warehouse: Warehouse, table: str, version: int, part: Mapping[str, str]) -> UnfitFiles:
    """Find the files of a table's part at one version that are not there or not whole, by their sizes; one listing."""
    opened = open_version(warehouse, table, version)
    sizes = {
        action["path"]: action["size_bytes"]
        for action, partition in opened.file_actions
        if part.items() <= partition.items()
    }
    folder = warehouse.table_uri(table)
    store, root = open_filesystem(folder)
    below = posixpath.commonpath([posixpath.dirname(path) for path in sizes]) if sizes else ""
    selector = FileSelector(
        open_filesystem(join_uri(folder, below))[1] if below else root, allow_not_found=True, recursive=True
    )
    infos = store.get_file_info(selector) if sizes else []
    held = {posixpath.relpath(info.path, root): info.size for info in infos}
    gone = sorted(sizes.keys() - held.keys())
    return UnfitFiles(
        gone, sorted(path for path in sizes.keys() & held.keys() if sizes[path] != held[path]), len(sizes)
    )
