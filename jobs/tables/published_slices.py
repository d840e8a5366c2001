"""Which rows of a table are published: the slices that snapshots pin, at the versions that hold them now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from oilake.conf.errors import ConfigError, StoreError
from oilake.jobs.tables.delta_log import open_version
from oilake.jobs.tables.repair_commands import FORCE, remake_command, slice_command
from oilake.jobs.tables.slice_versions import LostRowsError, follow_slice, refuse_foreign_version, unfit_files
from oilake.jobs.tables.snapshots import (
    SINCE,
    Snapshot,
    newest_snapshots,
    require_snapshots,
    slice_name,
)
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas


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
        raise ConfigError(
            f"{warehouse}: {table} of {release or 'any release'} is not published; "
            f"run {slice_command(table, release, since)} first"
        )
    return chosen


def _snapshot_slices(
    warehouse: Warehouse, schema: schemas.Table, pin: Snapshot, since: str | None
) -> Iterator[PublishedSlice]:
    newest = newest_snapshots(warehouse)
    for name in pin.table_versions:
        table, _, earlier = name.partition(SINCE)
        if table != schema.table or (since and earlier != since):
            continue
        if earlier and not _is_current(pin, newest.get(earlier), schema.written_by):
            raise ConfigError(_outdated_sentence(warehouse, name, pin))
        yield current_slice(warehouse, table, pin, earlier or None)


def current_slice(warehouse: Warehouse, table: str, pin: Snapshot, since: str | None = None) -> PublishedSlice:
    """The slice of a table that a snapshot pins, at the version that holds it now (`follow`).

    LostRowsError, with the command that makes the rows again, when its files are gone or damaged.
    """
    schema = schemas.table_schema(table)
    part = dict(zip(schema.slice_by, (pin.release, since or ""), strict=False))
    pinned_at = pin.table_versions[slice_name(table, since)]
    remedy = f"run {remake_command(table, pin.release, since)} to make them again"
    try:
        version = follow_slice(warehouse, table, pinned_at, part, pin.number)
        refuse_foreign_version(warehouse, table, pinned_at, part, pin.published_at)
    except LostRowsError as error:
        raise LostRowsError(f"{error}; {remedy}") from None
    if sentence := unfit_files(warehouse, table, version, part).unfit_sentence(slice_name(pin.release, since)):
        raise LostRowsError(f"{warehouse.table_uri(table)}: {sentence}; {remedy}")
    return PublishedSlice(part, version)


def lost_rows_sentence(warehouse: Warehouse, pin: Snapshot, job: str, since: str | None = None) -> str | None:
    """The sentence about the first table that `job` published of the release and whose files are gone or damaged; None where
    all are whole."""
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
    command = slice_command(table, pin.release, earlier)
    return f"{warehouse}: {earlier} was published anew after {table} was made; run {command} again"


def drop_outdated_comparisons(warehouse: Warehouse, release: str | None) -> tuple[Warehouse, list[str]]:
    """(the warehouse without comparisons, of `release` or of all, whose earlier release was published anew since, a sentence
    for each of these)."""
    kept, sentences, newest = {}, list[str](), newest_snapshots(warehouse)
    for later, pin in newest.items():
        versions = dict(pin.table_versions)
        for name in pin.table_versions if release in (None, later) else ():
            table, _, earlier = name.partition(SINCE)
            if earlier and not _is_current(pin, newest.get(earlier), schemas.table_schema(table).written_by):
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
        raise StoreError(
            f"{warehouse.table_uri(table)}: its property {property_name(name, pin.release, since)} is gone; "
            f"run {remake_command(table, pin.release, since, FORCE)}"
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
