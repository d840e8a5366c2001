"""What a long run has staged so far, so that the next one goes on from there: one JSON file a part of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from deltalake.exceptions import DeltaError
from pyarrow import fs

from oilake.conf.errors import StoreError
from oilake.conf.file_names import file_name
from oilake.jobs.runtime.filesystem import delete_files, make_parent, open_filesystem
from oilake.jobs.tables.delta_log import existing_table
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse

FOLDER = "_unfinished"  # Delta takes no notice of names that begin so


def _note_path(warehouse: Warehouse, table: str, part: Mapping[str, str]) -> str:
    return warehouse.table_uri(table, FOLDER, "-".join(map(file_name, part.values())) + ".json")


def write_note(warehouse: Warehouse, table: str, part: Mapping[str, str], files: Sequence[StagedFile]) -> None:
    """Notes all that is staged of the part, in place of what was noted before; the file is always whole."""
    store, path = open_filesystem(_note_path(warehouse, table, part))
    make_parent(store, path)
    new = f"{path}.new" if isinstance(store, fs.LocalFileSystem) else path
    with store.open_output_stream(new, compression=None) as stream:
        stream.write(json.dumps([asdict(file) for file in files]).encode())
    if new != path:
        store.move(new, path)


def read_note(warehouse: Warehouse, table: str, part: Mapping[str, str]) -> list[StagedFile]:
    """What an earlier run noted and did not publish; nothing where the note cannot be read."""
    return _noted_files(*open_filesystem(_note_path(warehouse, table, part)))


def _noted_files(store: fs.FileSystem, path: str) -> list[StagedFile]:
    try:
        with store.open_input_stream(path, compression=None) as stream:
            file_records: list[dict[str, Any]] = json.loads(stream.read())
        return [StagedFile(**file) for file in file_records]
    except (OSError, ValueError, TypeError):
        return []


@dataclass(frozen=True)
class CheckpointNote:
    """One note: its path in the store, its bytes, when it was changed (seconds since 1970), the names of its files."""

    path: str
    bytes: int
    changed_at: float
    files: tuple[str, ...]


def list_notes(warehouse: Warehouse, table: str) -> list[CheckpointNote]:
    """The notes of all parts of a table; one that cannot be read names no file."""
    store, folder = open_filesystem(warehouse.table_uri(table, FOLDER))
    listed = []
    for info in store.get_file_info(fs.FileSelector(folder, allow_not_found=True)):
        files = tuple(file.path.rpartition("/")[2] for file in _noted_files(store, info.path))
        listed.append(CheckpointNote(info.path, int(info.size), info.mtime.timestamp(), files))
    return listed


def forget_note(warehouse: Warehouse, table: str, part: Mapping[str, str]) -> None:
    """Removes the note."""
    delete_files([_note_path(warehouse, table, part)])


def delete_unnoted(warehouse: Warehouse, table: str, run_id: str, kept: Sequence[StagedFile]) -> None:
    """Deletes what a run staged and did not note; nothing where it may be committed, since the table cannot be asked."""
    store, folder = open_filesystem(warehouse.table_uri(table))
    try:
        committed = {action["path"] for action, _ in existing_table(warehouse, table).file_actions}
    except (StoreError, DeltaError, OSError):
        return
    names = {path.rpartition("/")[2] for path in (*committed, *(file.path for file in kept))}
    for info in store.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True)):
        if f"-{run_id}-" in info.base_name and info.base_name not in names:
            store.delete_file(info.path)
