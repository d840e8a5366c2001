"""The commits of a table, read from its log file by file: what each added, removed and said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pyarrow.fs import FileSelector

from oilake.conf.errors import StoreError
from oilake.conf.storage import StorageUri
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.tables.warehouse import Warehouse

LogFileKind = Literal["commit", "checkpoint", "checksum"]

FOLDER = "_delta_log"
KINDS: dict[LogFileKind, re.Pattern[str]] = {
    "commit": re.compile(r"\d{20}\.json"),
    "checkpoint": re.compile(r"\d{20}\.checkpoint\..*(parquet|json)"),
    "checksum": re.compile(r"\.?\d{20}\..*crc|\d{20}\.crc"),
}


@dataclass(frozen=True)
class LogFile:
    """One file of a log, by its path in the store: the version it tells of; `changed_at`: seconds since 1970."""

    path: str
    version: int
    kind: LogFileKind
    bytes: int
    changed_at: float


@dataclass(frozen=True)
class Commit:
    """What one commit did: the actions `add` and `remove`, and its own words (`commitInfo`)."""

    version: int
    adds: list[dict[str, Any]] = field(default_factory=list)
    removes: list[dict[str, Any]] = field(default_factory=list)
    info: Mapping[str, Any] = field(default_factory=dict)


def log_files(warehouse: Warehouse, table: str) -> list[LogFile]:
    """The files of the log that belong to one version, ascending by it; others are left out."""
    store, folder = open_filesystem(warehouse.table_uri(table, FOLDER))
    listed = []
    for info in store.get_file_info(FileSelector(folder, allow_not_found=True)):
        for kind, pattern in KINDS.items():
            if pattern.fullmatch(info.base_name):
                version = int(info.base_name.lstrip(".")[:20])
                listed.append(LogFile(info.path, version, kind, int(info.size), info.mtime.timestamp()))
    return sorted(listed, key=lambda file: (file.version, file.path))


def commit_uri(warehouse: Warehouse, table: str, version: int) -> StorageUri:
    """Where the file of one commit is."""
    return warehouse.table_uri(table, FOLDER, f"{version:020d}.json")


def read_commit(warehouse: Warehouse, table: str, version: int) -> Commit | None:
    """One commit; None where the log no longer holds it. StoreError when it cannot be read."""
    path = commit_uri(warehouse, table, version)
    store, inside = open_filesystem(path)
    try:
        with store.open_input_stream(inside, compression=None) as stream:
            lines = bytes(stream.read()).splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error}); check its rights and the disk") from None
    try:
        actions = [json.loads(line) for line in lines if line.strip()]
        parsed_commit = Commit(version)
        for action in actions:
            parsed_commit.adds.extend([action["add"]] if "add" in action else [])
            parsed_commit.removes.extend([action["remove"]] if "remove" in action else [])
        info: Mapping[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path}: is no commit of a Delta table ({error}); restore the table's log") from None
    return Commit(version, parsed_commit.adds, parsed_commit.removes, info)


def newest_first(warehouse: Warehouse, table: str, newest: int) -> Iterator[Commit]:
    """The commits from `newest` down, as far as the log reaches without a gap."""
    for version in range(newest, -1, -1):
        older_commit = read_commit(warehouse, table, version)
        if older_commit is None:
            return
        yield older_commit
