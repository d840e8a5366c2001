"""What is published of each release, and at which version of every table."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from oilake.conf.errors import ConfigError, StoreError
from oilake.jobs.tables.delta_log import files_at, newest_rows, open_version, rows_of_version
from oilake.jobs.tables.slice_versions import LostRowsError, absent_files, follow_slice
from oilake.jobs.tables.staging import StagedFile, footer_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

INGEST = "ingest"
RELEASE = "quarantine release"
SINCE = " since "
STATISTICS = {"minValues": "min.", "maxValues": "max.", "nullCount": "null_count."}


@dataclass(frozen=True)
class Snapshot:
    """The newest publication of a release."""

    release: str
    status: str
    number: int
    run_id: str
    published_at: datetime.datetime
    table_versions: dict[str, int]
    fingerprints: dict[str, str]


def pin_snapshots(warehouse: Warehouse) -> Warehouse:
    """Looks at the snapshots, as a run does once; the warehouse as it is seen from then on."""
    return replace(warehouse, pins=read_snapshots(warehouse))


def newest_snapshots(warehouse: Warehouse) -> dict[str, Snapshot]:
    """The newest snapshot of every release, by release, as the run saw them where it has looked already."""
    return read_snapshots(warehouse) if warehouse.pins is None else dict(warehouse.pins)


def read_snapshots(warehouse: Warehouse) -> dict[str, Snapshot]:
    """The newest snapshot of every release as they are now, by release; empty where nothing was published yet."""
    newest: dict[str, Snapshot] = {}
    for snapshot in _every_snapshot(warehouse):
        if snapshot.release not in newest or snapshot.number > newest[snapshot.release].number:
            newest[snapshot.release] = snapshot
    return dict(sorted(newest.items()))


def _every_snapshot(warehouse: Warehouse) -> Iterator[Snapshot]:
    for row in newest_rows(warehouse, "snapshots"):
        row["table_versions"], row["fingerprints"] = dict(row["table_versions"]), dict(row["fingerprints"])
        yield Snapshot(**row)


def ingest_times(warehouse: Warehouse) -> dict[str, datetime.datetime]:
    """When each release was ingested last, by release: jobs that publish it later leave its classes as they are."""
    publications: dict[tuple[str, int | None], datetime.datetime] = {}
    for snapshot in sorted(_every_snapshot(warehouse), key=lambda snapshot: snapshot.number):
        publications.setdefault((snapshot.release, snapshot.table_versions.get("classes")), snapshot.published_at)
    return {release: published_at for (release, _), published_at in publications.items()}


def numbered_snapshot(warehouse: Warehouse, release: str, number: int) -> Snapshot:
    """The snapshot that one publication ended with, whatever was published since."""
    return next(
        snapshot for snapshot in _every_snapshot(warehouse) if (snapshot.release, snapshot.number) == (release, number)
    )


def require_snapshot(warehouse: Warehouse, release: str) -> Snapshot:
    """The newest snapshot of `release`; ConfigError when it was never published."""
    by_release = newest_snapshots(warehouse)
    if release not in by_release:
        names = ", ".join(by_release) or "none"
        raise ConfigError(
            f"{warehouse}: release {release!r} is not published here (published: {names}); ingest it first"
        )
    return by_release[release]


def require_snapshots(warehouse: Warehouse, release: str | None) -> list[Snapshot]:
    """The newest snapshot of `release`, or of every release; ConfigError when nothing is published."""
    chosen = [require_snapshot(warehouse, release)] if release else list(newest_snapshots(warehouse).values())
    if not chosen:
        raise ConfigError(f"{warehouse}: nothing is published here; run `oilake ingest` first")
    return chosen


def slice_name(name: str, since: str | None) -> str:
    """How a snapshot names a table or job; a comparison also by the earlier release."""
    return f"{name}{SINCE}{since}" if since else name


@dataclass(frozen=True)
class PublishedSlice:
    """What is published of one table: the partition's values that it is made of, and the version that holds it."""

    partition: dict[str, str]
    version: int


def published_slices(
    warehouse: Warehouse,
    table: str,
    release: str | None = None,
    since: str | None = None,
) -> list[PublishedSlice]:
    """The published slices of a table: of `release`, or of all; of a comparison with `since`, or with any release.

    ConfigError when there is none, or when the earlier release of a comparison was ingested anew after it.
    """
    schema = schemas.table_schema(table)
    pinned = replace(warehouse, pins=newest_snapshots(warehouse))
    chosen = [
        published_slice
        for pin in require_snapshots(pinned, release)
        for published_slice in _snapshot_slices(pinned, schema, pin, since)
    ]
    if not chosen:
        which = f"--from {since or 'R'} --to" if len(schema.slice_by) > 1 else "--release"
        raise ConfigError(
            f"{warehouse}: {table} of {release or 'any release'} is not published; "
            f"run `oilake {schema.written_by} {which} {release or 'R'}` first"
        )
    return chosen


def _snapshot_slices(
    warehouse: Warehouse, schema: schemas.Table, pin: Snapshot, since: str | None
) -> Iterator[PublishedSlice]:
    known = newest_snapshots(warehouse)
    for name in pin.table_versions:
        table, _, earlier = name.partition(SINCE)
        if table != schema.table or (since and earlier != since):
            continue
        if earlier and not _is_current(pin, known.get(earlier), schema.written_by):
            raise ConfigError(_outdated_sentence(warehouse, name, pin))
        yield current_slice(warehouse, table, pin, earlier or None)


def current_slice(warehouse: Warehouse, table: str, pin: Snapshot, since: str | None = None) -> PublishedSlice:
    """The slice of a table that a snapshot pins, at the version that holds it now (`follow`).

    LostRowsError, with the command that makes the rows again, when its files are gone.
    """
    schema = schemas.table_schema(table)
    part = dict(zip(schema.slice_by, (pin.release, since or ""), strict=False))
    pinned_at = pin.table_versions[slice_name(table, since)]
    job = schema.written_by if schema.written_by != RELEASE else INGEST
    which = f"--from {since} --to {pin.release}" if since else f"--release {pin.release}"
    remedy = f"run `oilake {job} {which}` to make them again"
    try:
        version = follow_slice(warehouse, table, pinned_at, part, pin.number)
    except LostRowsError as error:
        raise LostRowsError(f"{error}; {remedy}") from None
    gone, every = absent_files(warehouse, table, version, part)
    if gone:
        raise LostRowsError(
            f"{warehouse.table_uri(table)}: {len(gone):,} of {every:,} files of {slice_name(pin.release, since)} are gone, "
            f"such as {gone[0]}; {remedy}"
        )
    return PublishedSlice(part, version)


def lost_rows_sentence(warehouse: Warehouse, pin: Snapshot, job: str, since: str | None = None) -> str | None:
    """The sentence about the first table that `job` published of the release and whose files are gone; None where all
    are there."""
    for name in pin.table_versions:
        table, _, earlier = name.partition(SINCE)
        if schemas.table_schema(table).written_by != job or (earlier or None) != since:
            continue
        try:
            current_slice(warehouse, table, pin, since)
        except LostRowsError as error:
            return str(error).partition("; run ")[0]
    return None


def _outdated_sentence(warehouse: Warehouse, name: str, pin: Snapshot) -> str:
    table, _, earlier = name.partition(SINCE)
    job = schemas.table_schema(table).written_by
    return (
        f"{warehouse}: {earlier} was published anew after {table} was made; "
        f"run `oilake {job} --from {earlier} --to {pin.release}` again"
    )


def drop_outdated_comparisons(warehouse: Warehouse, release: str | None) -> tuple[Warehouse, list[str]]:
    """(the warehouse without comparisons, of `release` or of all, whose earlier release was published anew since, a sentence
    for each of these)."""
    kept, sentences, known = {}, list[str](), newest_snapshots(warehouse)
    for later, pin in known.items():
        versions = dict(pin.table_versions)
        for name in pin.table_versions if release in (None, later) else ():
            table, _, earlier = name.partition(SINCE)
            if earlier and not _is_current(pin, known.get(earlier), schemas.table_schema(table).written_by):
                sentences.append(_outdated_sentence(warehouse, name, pin))
                del versions[name]
        kept[later] = replace(pin, table_versions=versions)
    return replace(warehouse, pins=kept), sentences


def property_name(name: str, release: str, since: str | None) -> str:
    """The table property that says `name` of what a job published of a release."""
    return ".".join(["oilake", name, release, *([since] if since else [])])


def read_property(warehouse: Warehouse, pin: Snapshot, job: str, name: str, since: str | None = None) -> str:
    """What a job says of its publication in the properties of its tables; StoreError where the property was taken away."""
    table = next(table for table in schemas.table_names() if schemas.table_schema(table).written_by == job)
    opened = open_version(warehouse, table, current_slice(warehouse, table, pin, since).version)
    value = opened.metadata().configuration.get(property_name(name, pin.release, since))
    if value is None:
        flags = f"--from {since} --to {pin.release}" if since else f"--release {pin.release}"
        raise StoreError(
            f"{warehouse.table_uri(table)}: its property {property_name(name, pin.release, since)} is gone; "
            f"run `oilake {job} {flags} --force`"
        )
    return value


def _is_current(pin: Snapshot, earlier: Snapshot | None, job: str) -> bool:
    """Whether what a comparison read of the earlier release is what is published of it now."""
    if earlier is None:
        return False
    read = {
        name.partition(SINCE)[0]: f for name, f in pin.fingerprints.items() if name.endswith(SINCE + earlier.release)
    }
    return all(
        earlier.fingerprints.get(name) == read_fingerprint for name, read_fingerprint in read.items() if name != job
    )


@dataclass(frozen=True)
class PublishedFile:
    """One Parquet file of a published slice: where it is, its partition's values and its rows."""

    uri: str
    partition: dict[str, str]
    rows: int


def published_files(warehouse: Warehouse, table: str, pin: Snapshot) -> list[PublishedFile]:
    """The files of the release's slice, from the Delta log alone."""
    file_actions = files_at(warehouse, table, current_slice(warehouse, table, pin).version, {"release": pin.release})
    return [
        PublishedFile(warehouse.table_uri(table, action["path"]), partition, _file_rows(warehouse, table, action))
        for action, partition in file_actions
    ]


def staged_at(warehouse: Warehouse, table: str, version: int, part: Mapping[str, str]) -> list[StagedFile]:
    """The files of a table's part at one version, as they were staged once; from the Delta log alone."""
    return [
        StagedFile(
            table,
            action["path"],
            partition,
            int(action["size_bytes"]),
            _file_rows(warehouse, table, action),
            json.dumps(
                {"numRecords": _file_rows(warehouse, table, action)}
                | {key: _column_statistics(action, key) for key in STATISTICS},
                default=datetime.datetime.isoformat,
            ),
        )
        for action, partition in files_at(warehouse, table, version, part)
    ]


def _file_rows(warehouse: Warehouse, table: str, action: Mapping[str, Any]) -> int:
    """The rows of a file: as the log tells, or its footer where whoever wrote it did not say."""
    logged_rows = action.get("num_records")
    return int(logged_rows) if logged_rows is not None else footer_rows(warehouse.table_uri(table, action["path"]))


def _column_statistics(action: Mapping[str, Any], key: str) -> dict[str, Any]:
    """One of Delta's statistics by column, out of an action that is flattened."""
    by_column = {
        name.removeprefix(STATISTICS[key]): v for name, v in action.items() if name.startswith(STATISTICS[key])
    }
    return {name: value for name, value in by_column.items() if value is not None}


def rows_by_partition(warehouse: Warehouse, table: str, pin: Snapshot) -> list[tuple[dict[str, str], int]]:
    """(partition, rows) of every file of the release's slice."""
    return [(file.partition, file.rows) for file in published_files(warehouse, table, pin)]


def small_rows(
    warehouse: Warehouse, table: str, pin: Snapshot, columns: list[str] | None = None
) -> list[dict[str, Any]]:
    """The rows of the release's slice of a small table, some columns of it or all."""
    return rows_of_version(
        warehouse,
        table,
        open_version(warehouse, table, current_slice(warehouse, table, pin).version),
        columns,
        pin.release,
    )
