"""Finds the files of a table that nobody needs: neither its newest version, nor a snapshot, nor a run on its way."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from pyarrow.fs import FileSelector, FileType

from oilake.conf.errors import StoreError
from oilake.jobs.maintaining.parts import OUR_NAME
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables import checkpoint, delta_commits, slice_versions
from oilake.jobs.tables.delta_log import existing_table, open_version
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.published_slices import current_slice
from oilake.jobs.tables.snapshots import SINCE, Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

READERS = 8


@dataclass(frozen=True)
class LooseFile:
    """A file in a table's folder: its path in the store and below the folder, its bytes, when it was changed (seconds since
    1970)."""

    path: str
    name: str
    bytes: int
    changed_at: float

    @property
    def run(self) -> str:
        """The run that staged it; of a file that others wrote its own name."""
        our_name = OUR_NAME.fullmatch(posixpath.basename(self.name))
        return our_name["run"] if our_name else self.name


@dataclass
class UnneededFiles:
    """What lies in a table's folder and belongs to none of its states that are needed. `replaced`: other rows or files took
    its place before the cutoff; `left`: a run that ended left it; `young`: it may be a running one's; `spared`: replaced
    after the cutoff."""

    replaced: list[LooseFile] = field(default_factory=list)
    left: list[LooseFile] = field(default_factory=list)
    young: list[LooseFile] = field(default_factory=list)
    spared: list[LooseFile] = field(default_factory=list)


@dataclass(frozen=True)
class RemovalCutoffs:
    """When a file may go, in seconds since 1970: replaced up to `replaced_before` (infinite: whenever); staged by a run that
    wrote its last file before `staged_before`; noted for the next run before `noted_before`."""

    replaced_before: float
    staged_before: float
    noted_before: float
    now: float


def list_loose_files(warehouse: Warehouse, table: str) -> list[LooseFile]:
    """The Parquet files in a table's folder, committed or not; Delta takes no notice of names that begin with _ or a dot."""
    store, root = open_filesystem(warehouse.table_uri(table))
    lying = []
    for info in store.get_file_info(FileSelector(root, recursive=True, allow_not_found=True)):
        name = posixpath.relpath(info.path, root)
        is_hidden = any(step.startswith(("_", ".")) for step in name.split("/"))
        if info.type == FileType.File and name.endswith(".parquet") and not is_hidden:
            lying.append(LooseFile(info.path, name, int(info.size), info.mtime.timestamp()))
    return lying


def last_written(files: Iterable[LooseFile]) -> dict[str, float]:
    """When each run wrote its last file."""
    newest: dict[str, float] = {}
    for file in files:
        newest[file.run] = max(file.changed_at, newest.get(file.run, 0.0))
    return newest


def find_unneeded(
    warehouse: Warehouse,
    table: str,
    lying: Sequence[LooseFile],
    needed: Collection[str],
    rewritten: Collection[str],
    runs: Mapping[str, float],
    rules: RemovalCutoffs,
) -> UnneededFiles:
    """What is not needed of `lying`, which was listed before the log was read: what was committed since, the log names.

    `needed`: paths that must stay in any case; `rewritten`: files of the newest version that are about to be replaced.
    """
    active = slice_versions.part_paths(existing_table(warehouse, table), {}) - set(rewritten)
    noted = _noted_names(warehouse, table, rules.noted_before)
    idle = [file for file in lying if file.name not in active and file.name not in needed]
    unneeded = UnneededFiles()
    if not idle:
        return unneeded
    removed = _removal_times(warehouse, table) | dict.fromkeys(rewritten, rules.now)
    for file in idle:
        if file.name in removed:
            (unneeded.replaced if removed[file.name] <= rules.replaced_before else unneeded.spared).append(file)
        elif runs[file.run] < rules.staged_before and posixpath.basename(file.name) not in noted:
            unneeded.left.append(file)
        else:
            unneeded.young.append(file)
    return unneeded


class NeededFiles(NamedTuple):
    """The files of a table that snapshots and begun publications need, and the oldest version that a snapshot pins."""

    files: set[str]
    oldest: int | None


def needed_files(
    warehouse: Warehouse, table: str, pins: Mapping[str, Snapshot], begun: Sequence[Publication]
) -> NeededFiles:
    """What the newest snapshot of every release needs of a table, at its pinned version and at the one that holds it now."""
    files: set[str] = set()
    for publication in begun:
        kept = [file for some in publication.kept.values() for file in some]
        files |= {file.path for file in (*publication.files, *kept) if file.table == table}
    versions = []
    for pin in pins.values():
        for named, version in pin.table_versions.items():
            name, _, since = named.partition(SINCE)
            if name == table:
                part = dict(zip(schemas.table_schema(table).slice_by, (pin.release, since), strict=False))
                versions.append(version)
                for slice_version in {version, _current_version(warehouse, table, pin, since, version)}:
                    files |= _paths_at_version(warehouse, table, slice_version, part)
    return NeededFiles(files, min(versions, default=None))


def _current_version(warehouse: Warehouse, table: str, pin: Snapshot, since: str, version: int) -> int:
    try:
        return current_slice(warehouse, table, pin, since or None).version
    except StoreError:
        return version


def _paths_at_version(warehouse: Warehouse, table: str, version: int, part: Mapping[str, str]) -> set[str]:
    """The files of a part at one version; none where the log no longer tells it, for what it holds now is told beside."""
    try:
        return slice_versions.part_paths(open_version(warehouse, table, version), part)
    except StoreError:
        return set()


def _removal_times(warehouse: Warehouse, table: str) -> dict[str, float]:
    """When each file that commits of the log took out of the table was last taken out, in seconds since 1970."""
    versions = [file.version for file in delta_commits.log_files(warehouse, table) if file.kind == "commit"]
    with ThreadPoolExecutor(READERS) as pool:
        commits = pool.map(lambda version: delta_commits.read_commit(warehouse, table, version), versions)
    removed: dict[str, float] = {}
    for commit in (commit for commit in commits if commit is not None):
        for action in commit.removes:
            removed[action["path"]] = (action.get("deletionTimestamp") or commit.info.get("timestamp") or 0) / 1000
    return removed


def _noted_names(warehouse: Warehouse, table: str, noted_before: float) -> set[str]:
    """The names of files that an interrupted run noted for the next one, not too long ago."""
    return {
        name
        for note in checkpoint.list_notes(warehouse, table)
        if note.changed_at >= noted_before
        for name in note.files
    }


def old_notes(warehouse: Warehouse, table: str, noted_before: float) -> list[LooseFile]:
    """The notes themselves that nobody came back for."""
    return [
        LooseFile(
            note.path, posixpath.join(checkpoint.FOLDER, posixpath.basename(note.path)), note.bytes, note.changed_at
        )
        for note in checkpoint.list_notes(warehouse, table)
        if note.changed_at < noted_before
    ]
