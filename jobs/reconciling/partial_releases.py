"""Which parts of two releases are published: what one of them lacks is not removed or added."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from oilake.conf.errors import ConfigError
from oilake.jobs.reconciling.compare_tables import SnapshotsByName
from oilake.jobs.tables.slice_files import rows_by_partition
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.release_diff import FROM, TO

TABLES = ("images", "labels", "boxes", "classes", "hierarchy")
PARTIAL, MACHINE = "partial", "machine"


class PartialReleaseError(ConfigError):
    """A release was taken in part, and not the same part as the one that it is compared with."""


class PublishedPart(NamedTuple):
    """Rows of one table that a release holds: those of a subset, of people's or the machine's labels; None where a table
    has no such parts."""

    table: str
    subset: str | None
    said_by: str | None

    def as_words(self) -> str:
        """Such as `machine labels of validation`."""
        kind = f"{self.said_by} {self.table}" if self.said_by else self.table
        return f"{kind} of {self.subset}" if self.subset else kind


def refuse_partial(warehouse: Warehouse, pair: SnapshotsByName) -> None:
    """PartialReleaseError where one of two releases was taken in part and the other one holds more, or less."""
    if all(snapshot.status != PARTIAL for snapshot in pair.values()):
        return
    before, after = (published_parts(warehouse, pair[role]) for role in (FROM, TO))
    if before == after and all(snapshot.status == PARTIAL for snapshot in pair.values()):
        return
    partial = next(snapshot.release for snapshot in (pair[TO], pair[FROM]) if snapshot.status == PARTIAL)
    sentences = [
        f"{pair[role].release} holds {_parts_words(parts - others)}, which {pair[other].release} lacks"
        for role, parts, other, others in ((FROM, before, TO, after), (TO, after, FROM, before))
        if parts - others
    ]
    raise PartialReleaseError(
        f"{warehouse}: {partial} was taken in part, and what it lacks was neither removed nor added: "
        f"{'; '.join(sentences) or 'the other release is whole'}; run `oilake ingest --release {partial}` for the rest, "
        "and `oilake reconcile`, and compare then"
    )


def published_parts(warehouse: Warehouse, snapshot: Snapshot) -> set[PublishedPart]:
    """The parts of which the release has rows."""
    return {
        PublishedPart(table, partition.get("subset"), _said_by(partition.get("origin")))
        for table in TABLES
        for partition, rows in rows_by_partition(warehouse, table, snapshot)
        if rows
    }


def _said_by(origin: str | None) -> str | None:
    """People of a release may be the staff alone, or the staff and the app."""
    return None if origin is None else MACHINE if origin == MACHINE else "human"


def _parts_words(parts: Collection[PublishedPart]) -> str:
    return ", ".join(part.as_words() for part in sorted(parts, key=repr))
