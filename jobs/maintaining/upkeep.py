"""What one run of `oilake maintain` does to each table, in this order: sort, bring together, delete, shorten the log."""

from __future__ import annotations

import contextlib
import math
import posixpath
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.jobs.maintaining import compaction, logs, partial_files, removal, sorting
from oilake.jobs.maintaining.parts import RewritableFiles, rewritable_files
from oilake.jobs.maintaining.removal import LooseFile, RemovalCutoffs, UnneededFiles
from oilake.jobs.runtime import spark_session
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables import delta_commits, publish
from oilake.jobs.tables.delta_log import existing_table, open_table
from oilake.jobs.tables.snapshots import Snapshot, newest_snapshots, pinned_tables
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.table_properties import change_properties, lacking_upkeep
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

HOURS = 720
# A run whose last file is older than this has ended.
STAGED_HOURS = 24
HOUR = 3600.0
DELETED = "deleted"


@dataclass(frozen=True)
class UpkeepFile:
    """One file, by its path, and its bytes."""

    path: str
    bytes: int


@dataclass(frozen=True)
class UpkeepTask:
    """One thing done to a table. `is_change`: whether it changes anything, or only says what stays."""

    table: str
    what: str
    why: str
    files: list[UpkeepFile]
    bytes: int
    is_change: bool = True


@dataclass(frozen=True)
class StorageUse:
    """The Parquet files of a table and their bytes: those that its newest version or a snapshot needs, and the idle ones,
    among them such as stay for a while."""

    files: int
    bytes: int
    idle_files: int
    idle_bytes: int


@dataclass
class Upkeep:
    """All that was done, or in a dry run would be. `waiting`: runs whose publication is to be finished; `lost`: a sentence
    for each published slice whose files are gone; `storage`: by table, as it was before files were deleted."""

    is_dry: bool
    waiting: list[str] = field(default_factory=list)
    tasks: list[UpkeepTask] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    storage: dict[str, StorageUse] = field(default_factory=dict)

    def freed_bytes(self) -> int:
        """Bytes of what was, or would be, deleted."""
        return sum(task.bytes for task in self.tasks if task.what == DELETED)

    def add(self, table: str, what: str, why: str, files: Sequence[UpkeepFile], is_change: bool = True) -> None:
        """Notes a task; one of files only where there are any."""
        self.tasks.append(UpkeepTask(table, what, why, list(files), sum(file.bytes for file in files), is_change))


def maintain(settings: Settings, only: Sequence[str], hours: float, is_dry: bool) -> Upkeep:
    """Does what is due; ConfigError where the warehouse has no table. A second run finds nothing to do."""
    warehouse, now = Warehouse.of(settings), time.time()
    if is_dry:
        warehouse = replace(warehouse, states={})
    names = [name for name in schemas.table_names() if open_table(warehouse, name) is not None]
    if not names:
        raise ConfigError(f"{warehouse}: holds no table; run `oilake ingest --release R` first")
    if missing := [name for name in only if name not in names]:
        raise ConfigError(f"{warehouse}: holds no table {', '.join(missing)}; it holds {', '.join(names)}")
    done = Upkeep(is_dry)
    begun = [publication for _, publication in publish.unfinished_publications(warehouse)]
    done.waiting = [publication.run_id for publication in begun]
    if not is_dry:
        publish.recover(warehouse)
    rules = _removal_cutoffs(hours, now)
    lying = {name: removal.list_loose_files(warehouse, name) for name in names}
    runs = removal.last_written([file for files in lying.values() for file in files])
    pins = newest_snapshots(warehouse)
    for name in sorted(pinned_tables(pins.values()) - {*names}):
        done.lost += rewritable_files(warehouse, name, pins).lost
    for name in only or names:
        _set_properties(warehouse, name, done)
        rewritten = _rewrite_files(settings, warehouse, name, pins, done)
        needed = removal.needed_files(warehouse, name, pins, begun)
        unneeded = removal.find_unneeded(
            warehouse, name, lying[name], needed.files, rewritten if is_dry else (), runs, rules
        )
        done.storage[name] = _storage_use(lying[name], unneeded, rewritten)
        _delete_unneeded(warehouse, name, unneeded, rules, hours, done)
        _shorten_log(warehouse, name, needed.oldest, rules, done)
    if not only:
        abandoned = partial_files.abandoned_files(settings.storage_uri(settings.landing), rules.noted_before)
        _remove_files("landing", "nobody went on with them", abandoned, settings.storage_uri(settings.landing), done)
    return done


def _removal_cutoffs(hours: float, now: float) -> RemovalCutoffs:
    age = max(hours, STAGED_HOURS) * HOUR
    return RemovalCutoffs(now - hours * HOUR if hours else math.inf, now - STAGED_HOURS * HOUR, now - age, now)


def _rewrite_files(
    settings: Settings, warehouse: Warehouse, name: str, pins: Mapping[str, Snapshot], done: Upkeep
) -> set[str]:
    """Sorts and brings together what should be; the files that are replaced."""
    run_id = uuid.uuid4().hex[:16]
    rewritable_parts = rewritable_files(warehouse, name, pins)
    done.lost += rewritable_parts.lost
    rewritten: set[str] = set()
    for files in rewritable_parts.groups:
        if (
            out_of_order := sorting.disordered_files(warehouse, name, files)
            if schemas.table_schema(name).slice_by
            else []
        ):
            _note_task(done, name, "sorted again", "others rewrote them out of order", out_of_order)
            rewritten |= {file.path for file in out_of_order}
            if not done.is_dry:
                sorting.sort_files(spark_session.start_session(settings), warehouse, name, out_of_order, run_id)
    again = rewritable_parts if done.is_dry or not rewritten else rewritable_files(warehouse, name, pins)
    return rewritten | _compact_parts(warehouse, name, again, rewritten, run_id, done)


def _compact_parts(
    warehouse: Warehouse, name: str, rewritable_parts: RewritableFiles, rewritten: set[str], run_id: str, done: Upkeep
) -> set[str]:
    replaced: set[str] = set()
    for files in rewritable_parts.groups:
        left = [file for file in files if file.path not in rewritten]
        for group in compaction.plan_compaction(warehouse, name, left):
            part = " ".join(group[0].partition.values())
            _note_task(
                done, name, "brought together", " ".join(["into one file", *(["of", part] if part else [])]), group
            )
            if done.is_dry or compaction.compact_files(warehouse, name, group, run_id):
                replaced |= {file.path for file in group}
    return replaced


def _note_task(done: Upkeep, name: str, what: str, why: str, files: Sequence[StagedFile]) -> None:
    done.add(name, what, why, [UpkeepFile(file.path, file.size) for file in files])


def _set_properties(warehouse: Warehouse, name: str, done: Upkeep) -> None:
    if lacking := lacking_upkeep(existing_table(warehouse, name).metadata().configuration):
        done.add(name, "given", f"the properties {', '.join(lacking)}", [])
        if not done.is_dry:
            change_properties(warehouse, name, lacking_upkeep)


def _storage_use(lying: Sequence[LooseFile], unneeded: UnneededFiles, rewritten: set[str]) -> StorageUse:
    """What lies there; files that are about to be rewritten are still in use."""
    every_idle = (*unneeded.replaced, *unneeded.left, *unneeded.young, *unneeded.spared)
    idle = [file.bytes for file in every_idle if file.name not in rewritten]
    return StorageUse(len(lying) - len(idle), sum(file.bytes for file in lying) - sum(idle), len(idle), sum(idle))


def _delete_unneeded(
    warehouse: Warehouse, name: str, unneeded: UnneededFiles, rules: RemovalCutoffs, hours: float, done: Upkeep
) -> None:
    folder = warehouse.table_uri(name)
    notes = removal.old_notes(warehouse, name, rules.noted_before)
    _remove_files(name, "they were replaced, and no snapshot needs them", unneeded.replaced, folder, done)
    _remove_files(name, "a run that ended left them", [*unneeded.left, *notes], folder, done)
    kept = {
        f"replaced in the last {hours:g} hours": unneeded.spared,
        f"staged by a run that wrote in the last {STAGED_HOURS} hours": unneeded.young,
    }
    for why, files in kept.items():
        if files:
            done.add(name, "kept", why, [UpkeepFile(file.name, file.bytes) for file in files], is_change=False)


def _remove_files(name: str, why: str, files: Sequence[LooseFile], place: str, done: Upkeep) -> None:
    if not files:
        return
    done.add(name, DELETED, why, [UpkeepFile(file.name, file.bytes) for file in files])
    if not done.is_dry:
        store, _ = open_filesystem(place)
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                store.delete_file(file.path)


def _shorten_log(warehouse: Warehouse, name: str, oldest: int | None, rules: RemovalCutoffs, done: Upkeep) -> None:
    """A checkpoint where one is due, then the commits go that no needed version is read from."""
    newest = existing_table(warehouse, name).version()
    files = delta_commits.log_files(warehouse, name)
    if logs.is_due(files, newest):
        done.add(name, "given", f"a checkpoint of version {newest}", [])
        if not done.is_dry:
            logs.write_checkpoint(warehouse, name)
            files = delta_commits.log_files(warehouse, name)
        else:
            files = [*files, delta_commits.LogFile("", newest, "checkpoint", 0, rules.now)]
    going = logs.superfluous_files(files, newest if oldest is None else oldest, rules.replaced_before)
    lying = [LooseFile(file.path, posixpath.basename(file.path), file.bytes, file.changed_at) for file in going]
    _remove_files(
        name,
        "the log is read from a later checkpoint",
        lying,
        warehouse.table_uri(name, delta_commits.FOLDER),
        done,
    )
