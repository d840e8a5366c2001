"""What there is to check: the slices of tables, each with the suite that its table carries and the files that hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from oilake.conf.errors import ConfigError
from oilake.conf.file_names import leads_out
from oilake.conf.storage import StorageUri, uri_storage
from oilake.jobs.runtime.filesystem import is_local_file, join_uri
from oilake.jobs.tables.delta_log import TableState, existing_table, open_table, open_version
from oilake.jobs.tables.published_slices import published_slices
from oilake.jobs.tables.snapshots import newest_snapshots, pinned_tables
from oilake.jobs.tables.suite_properties import SUITE, carried_suite
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality.suites import Suite
from oilake.schemas import loader as schemas

# With these the Parquet files alone do not tell what the rows are.
UNREAD_FEATURES = {"deletionVectors", "columnMapping"}
SLICED_BY = ("release", "to_release", "from_release")


@dataclass(frozen=True)
class TableFile:
    """One Parquet file of a table: where it is, its partition's values, its size in bytes."""

    uri: str
    partition: dict[str, str | None]
    size: int


@dataclass(frozen=True)
class CheckTarget:
    """One release's rows of one table at one version; of a table without releases all rows.

    `schema`: of all its columns; `spark_schema`: the same as Spark's JSON; `part`: the values that its rows share.
    """

    table: str
    folder: str
    version: int
    suite: Suite
    schema: pa.Schema
    spark_schema: str
    partition_by: tuple[str, ...]
    release: str | None = None
    since: str | None = None
    files: list[TableFile] = field(default_factory=list)
    part: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How a person calls it: the table and its release."""
        releases = [self.release, f"since {self.since}" if self.since else None]
        return " ".join([self.table, *(release for release in releases if release)])


def published_targets(warehouse: Warehouse, tables: Sequence[str], release: str | None) -> list[CheckTarget]:
    """The published slices of some tables, of one release or of all, in the order of the tables.

    ConfigError when nothing is published there, or nothing of a table that is the only one asked for.
    """
    of_release = [pin for name, pin in newest_snapshots(warehouse).items() if release in (None, name)]
    held = pinned_tables(of_release)
    targets: list[CheckTarget] = []
    for name in tables:
        folder = warehouse.table_uri(name)
        if not schemas.table_schema(name).slice_by:
            targets += [_make_target(name, folder, existing_table(warehouse, name), {})] if release is None else []
            continue
        if len(tables) > 1 and name not in held:
            continue
        suite = carried_suite(existing_table(warehouse, name))
        for published_slice in published_slices(warehouse, name, release):
            targets.append(
                _make_target(
                    name,
                    folder,
                    open_version(warehouse, name, published_slice.version),
                    published_slice.partition,
                    suite,
                )
            )
    return targets


def copied_targets(path: str, release: str | None, is_blank: bool = False) -> list[CheckTarget]:
    """The slices of the newest version of the table in a folder, which may be a copy of one that is published elsewhere.

    ConfigError when there is no Delta table, none of the release, one whose files do not tell its rows, or, unless it may
    be blank, one that carries no expectations.
    """
    opened = open_copy(path)
    name, folder = warehouse_of_folder(path)[1], StorageUri(path.rstrip("/"), uri_storage(path))
    if strange := set(opened.protocol().reader_features or ()) & UNREAD_FEATURES:
        raise ConfigError(
            f"{path}: uses Delta's {', '.join(sorted(strange))}, which we do not read; copy its rows to a table without"
        )
    suite = Suite(name, ()) if is_blank and SUITE not in opened.metadata().configuration else carried_suite(opened)
    parts = {_releases_of(file.partition): file.partition for file in _files_of(folder, opened)}
    targets = []
    for (slice_release, _), partition in sorted(parts.items(), key=str):
        chosen: dict[str, str | None] = {key: partition[key] for key in SLICED_BY if key in partition}
        if release is None or slice_release == release:
            targets.append(_make_target(suite.name, folder, opened, chosen, suite))
    if release is not None and not targets:
        held_releases = ", ".join(sorted({name for name, _ in parts if name})) or "none"
        raise ConfigError(f"{path}: holds no row of release {release!r}; take one that it holds: {held_releases}")
    return targets or [_make_target(suite.name, folder, opened, {}, suite)]


def warehouse_of_folder(path: str) -> tuple[Warehouse, str]:
    """(the folder above as a warehouse, the table's name) of the folder that a path leads to."""
    folder, _, name = path.rstrip("/").rpartition("/")
    return Warehouse(folder or ("/" if path.startswith("/") else "."), uri_storage(path)), name


def open_copy(path: str) -> TableState:
    """The newest state of the table in a folder; ConfigError when there is none."""
    opened = None if is_local_file(path) else open_table(*warehouse_of_folder(path))
    if opened is None:
        raise ConfigError(
            f"{path}: is neither a table of the warehouse nor a folder that holds a Delta table; "
            "give a table's name, or the folder in which its _delta_log lies"
        )
    return opened


def _make_target(
    table: str,
    folder: str,
    opened: TableState,
    part: Mapping[str, str | None],
    suite: Suite | None = None,
) -> CheckTarget:
    files = [file for file in _files_of(folder, opened) if part.items() <= file.partition.items()]
    release, since = _releases_of(part)
    schema = pa.schema(opened.schema().to_arrow())
    spark_schema = opened.schema().to_json()
    partition_by = tuple(opened.metadata().partition_columns)
    version = int(opened.version())
    return CheckTarget(
        table,
        folder,
        version,
        suite or carried_suite(opened),
        schema,
        spark_schema,
        partition_by,
        release,
        since,
        files,
        part,
    )


def _files_of(folder: str, opened: TableState) -> list[TableFile]:
    return [
        TableFile(join_uri(folder, _path_inside(folder, action["path"])), dict(partition), int(action["size_bytes"]))
        for action, partition in opened.file_actions
    ]


def _path_inside(folder: str, path: str) -> str:
    """The path of a file below the table's folder, which the log holds as part of a URI.

    ConfigError for one that leads out of the folder: a copy would show what else lies on this machine.
    """
    plain = unquote(path)
    if leads_out(plain):
        raise ConfigError(
            f"{folder}: its log names the file {path}, which is not in its folder; copy the rows to a table of its own"
        )
    return plain


def _releases_of(partition: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """(release, earlier release of a comparison) that partition values name, as texts whatever their columns hold."""
    release, since = (partition.get(name) for name in ("release", "from_release"))
    release = partition.get("to_release") if release is None else release
    return None if release is None else str(release), None if since is None else str(since)
