"""Opens tables in a warehouse, for reading: what commits opens a state of its own (`table_to_commit`)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from threading import Lock
from typing import Any, Protocol, TypeVar

import pyarrow as pa
from deltalake import DeltaTable, Metadata, Schema
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.table import ProtocolVersions

from oilake.conf.errors import InputError, StoreError
from oilake.conf.places import refuse_odd_warehouse
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.filesystem import FileState, file_state
from oilake.jobs.tables.delta_commits import commit_uri
from oilake.jobs.tables.file_batches import read_file_batches
from oilake.jobs.tables.repair_commands import unreadable_rows_error
from oilake.jobs.tables.warehouse import Warehouse

KEPT_STATES = 256

# Delta's add action of a file, flattened, and its partition's values.
FileAction = tuple[dict[str, Any], dict[str, str]]

T = TypeVar("T")


class TableState(Protocol):
    """One state of a table as a reader sees it; others of this process may hold the same object, which stays as it is."""

    @property
    def file_actions(self) -> list[FileAction]: ...
    @property
    def table_uri(self) -> str: ...
    def remember_read(self, key: tuple[str, ...], read: Callable[[], T]) -> T: ...
    def protocol(self) -> ProtocolVersions: ...
    def version(self) -> int: ...
    def schema(self) -> Schema: ...
    def metadata(self) -> Metadata: ...
    def transaction_version(self, app_id: str) -> int | None: ...
    def file_uris(self) -> list[str]: ...


class RememberedTable(DeltaTable):
    """One state of a table, of which each thing is read once."""

    @cached_property
    def file_actions(self) -> list[FileAction]:
        """(Delta's add action, its partition's values) of every file, from the log alone."""
        actions = pa.RecordBatchReader.from_stream(self.get_add_actions(flatten=True)).read_all()
        parts = {key: key.removeprefix("partition.") for key in actions.column_names if key.startswith("partition.")}
        return [(action, {name: action[key] for key, name in parts.items()}) for action in actions.to_pylist()]

    @cached_property
    def _memory(self) -> dict[tuple[str, ...], Any]:
        return {}

    def remember_read(self, key: tuple[str, ...], read: Callable[[], T]) -> T:
        """What `read` gave of this state the first time it was asked for under the key."""
        if key not in self._memory:
            self._memory[key] = read()
        remembered: T = self._memory[key]
        return remembered


# By table and version, as `Warehouse.states`, which travels and can hold no locks.
_OPENING: dict[tuple[str, int | None], Lock] = {}
# What this process opened last, by the version and the file of its commit: as long as that is as it was, so is the state.
_kept: OrderedDict[tuple[Warehouse, str, int, FileState], RememberedTable] = OrderedDict()
_newest: dict[tuple[Warehouse, str], int] = {}
_keeping = Lock()


def open_table(warehouse: Warehouse, table: str) -> TableState | None:
    """The newest state of a table, or None where there is none yet."""
    return _remember_state(warehouse, table, None, lambda: _open_newest(warehouse, table))


def _open_newest(warehouse: Warehouse, table: str) -> RememberedTable | None:
    """The newest state: behind the version that was the newest before, the log is asked for the next ones by their names."""
    version = _newest.get((warehouse, table), -1)
    if (commit := _commit_state(warehouse, table, version)) is None:
        opened = _open_anew(warehouse, table)
        if opened is None:
            return None
        version = opened.version()
        commit, open_state = _commit_state(warehouse, table, version), lambda: opened
    else:
        while following := _commit_state(warehouse, table, version + 1):
            version, commit = version + 1, following
        open_state = partial(_open_version, warehouse, table, version)
    _newest[warehouse, table] = version
    return _keep_state(warehouse, table, version, commit, open_state)


def _open_anew(warehouse: Warehouse, table: str) -> RememberedTable | None:
    refuse_odd_warehouse(warehouse.table_uri(table))
    warehouse.require_reachable()
    try:
        return RememberedTable(warehouse.table_uri(table), storage_options=warehouse.storage_options())
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise StoreError(
            f"{warehouse.table_uri(table)}: cannot be read ({error_line(error)}); check the path and its rights"
        ) from None


def open_version(warehouse: Warehouse, table: str, version: int) -> TableState:
    """The state of a table at one version; StoreError when its log cannot give it."""
    opened = _remember_state(warehouse, table, version, lambda: _open_kept(warehouse, table, version))
    assert opened is not None
    return opened


def _remember_state(
    warehouse: Warehouse, table: str, version: int | None, open_state: Callable[[], TableState | None]
) -> TableState | None:
    """What `open_state` gives, or gave before in a run that remembers, also to another of its threads."""
    if warehouse.states is None:
        return open_state()
    with _OPENING.setdefault((table, version), Lock()):
        if (table, version) not in warehouse.states:
            warehouse.states[table, version] = open_state()
        return warehouse.states[table, version]


def _open_kept(warehouse: Warehouse, table: str, version: int) -> RememberedTable:
    commit = _commit_state(warehouse, table, version)
    return _keep_state(warehouse, table, version, commit, lambda: _open_version(warehouse, table, version))


def _keep_state(
    warehouse: Warehouse, table: str, version: int, commit: FileState | None, open_state: Callable[[], RememberedTable]
) -> RememberedTable:
    """The state that was kept of this version and the file of its commit; else what `open_state` gives, which is kept where
    the log has the commit."""
    if commit is None:
        return open_state()
    key = (warehouse, table, version, commit)
    with _keeping:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    opened = open_state()
    with _keeping:
        _kept[key] = opened
        while len(_kept) > KEPT_STATES:
            _kept.popitem(last=False)
    return opened


def _commit_state(warehouse: Warehouse, table: str, version: int) -> FileState | None:
    try:
        return commit_state(warehouse, table, version)
    except InputError as error:
        raise StoreError(str(error)) from None


def commit_state(warehouse: Warehouse, table: str, version: int) -> FileState | None:
    """The state of the file of one commit; None where the log has none. InputError where the store does not answer."""
    return file_state(commit_uri(warehouse, table, version)) if version >= 0 else None


def _open_version(warehouse: Warehouse, table: str, version: int) -> RememberedTable:
    try:
        return RememberedTable(warehouse.table_uri(table), version, warehouse.storage_options())
    except (DeltaError, OSError) as error:
        raise StoreError(
            f"{warehouse.table_uri(table)}: version {version} cannot be read ({error_line(error)}); restore the table's "
            "folder"
        ) from None


def files_at(warehouse: Warehouse, table: str, version: int, part: Mapping[str, str]) -> list[FileAction]:
    """(Delta's add action, its partition's values) of every file of a table's part at one version, from the log alone."""
    file_actions = open_version(warehouse, table, version).file_actions
    return [(action, partition) for action, partition in file_actions if part.items() <= partition.items()]


def existing_table(warehouse: Warehouse, name: str) -> TableState:
    """The newest state of a table that was made; StoreError where it is gone."""
    return _refuse_gone(warehouse, name, open_table(warehouse, name))


def table_to_commit(warehouse: Warehouse, name: str) -> RememberedTable:
    """The newest state of a table that was made, opened anew, since a commit changes it; StoreError where it is gone."""
    return _refuse_gone(warehouse, name, _open_anew(warehouse, name))


def _refuse_gone(warehouse: Warehouse, name: str, table: T | None) -> T:
    if table is None:
        raise StoreError(
            f"{warehouse.table_uri(name)}: the table is gone; restore it, or ingest into an empty warehouse"
        )
    return table


def newest_rows(warehouse: Warehouse, table: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The newest rows of a small table; none where it is not there yet."""
    opened = open_table(warehouse, table)
    return rows_of_version(warehouse, table, opened, columns) if opened is not None and opened.version() else []


def latest_rows(warehouse: Warehouse, table: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a table of publications, without files that hold none but earlier ones of their releases, as the log
    tells; none where it is not there yet."""
    opened = open_table(warehouse, table)
    if opened is None or not opened.version():
        return []
    rows = opened.remember_read(
        ("latest rows", *(columns or ())),
        lambda: _rows_of_files(warehouse, table, opened, _latest_files(opened.file_actions), columns),
    )
    return [dict(row) for row in rows]


def _latest_files(file_actions: Sequence[FileAction]) -> list[FileAction]:
    """The files that may hold the greatest number of a release; one that tells of no single release may."""
    latest: dict[str, int] = {}
    for action, _ in file_actions:
        if (release := _single_release(action)) is not None:
            latest[release] = max(latest.get(release, 0), action["max.number"])
    return [
        (action, partition)
        for action, partition in file_actions
        if (release := _single_release(action)) is None or action["max.number"] == latest[release]
    ]


def _single_release(action: Mapping[str, Any]) -> str | None:
    """The one release that all rows of a file are of, by its statistics; None where these do not tell it."""
    release: str | None = action.get("min.release")
    return release if release == action.get("max.release") and action.get("max.number") is not None else None


def rows_of_version(
    warehouse: Warehouse, table: str, opened: TableState, columns: list[str] | None = None, release: str | None = None
) -> list[dict[str, Any]]:
    """The rows of one state of a small table, of one release where it is given."""
    chosen = [entry for entry in opened.file_actions if release is None or entry[1]["release"] == release]
    return _rows_of_files(warehouse, table, opened, chosen, columns)


def _rows_of_files(
    warehouse: Warehouse, table: str, opened: TableState, files: Sequence[FileAction], columns: list[str] | None
) -> list[dict[str, Any]]:
    """The rows of some files of a table.

    Read through Arrow's own file system: deltalake's calls Python from Arrow's threads, which at times outlive the
    interpreter and abort the process as it ends.
    """
    whole = pa.schema(opened.schema().to_arrow())
    schema = whole if columns is None else pa.schema([whole.field(name) for name in columns])
    row_records: list[dict[str, Any]] = []
    try:
        for action, partition in files:
            for batch in read_file_batches(warehouse.table_uri(table, action["path"]), schema, partition):
                row_records += batch.to_pylist()
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(warehouse.table_uri(table), error) from None
    return row_records
