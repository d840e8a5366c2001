"""What a page sees of a warehouse: the newest snapshots of one moment, and what their tables consist of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from oilake.conf.errors import ConfigError
from oilake.conf.release_order import release_number
from oilake.jobs.surveying.locked_engine import LockedEngine
from oilake.jobs.surveying.view_slice import ViewSlice, read_slice
from oilake.jobs.tables.class_names import Class
from oilake.jobs.tables.published_slices import drop_outdated_comparisons
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.snapshots import SINCE, Snapshot, newest_snapshots, pin_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.class_ancestors import ancestor_pairs
from oilake.schemas import loader as schemas

NODE_COLUMNS = ["path", "parent_path", "mid", "name", "relation"]
FIGURE_COLUMNS = ["figure", "subset", "value", "published"]
CLASS_COLUMNS = ["mid", "display_name", "name", "is_trainable", "is_boxable"]

T = TypeVar("T")
Row = dict[str, Any]
# What is remembered, the release that it is of, and what else tells it apart.
MemoryKey = tuple[str, str] | tuple[str, str, str | None]


class PinnedView:
    """A warehouse as it was at one look: what is published later is not seen by it. What was read stays in memory.

    `notes`: sentences about comparisons that are left out, since a side of theirs was published anew. `before`: an earlier
    look, from which is taken over what was read of releases that were not published since.
    """

    def __init__(self, engine: LockedEngine, warehouse: Warehouse, before: PinnedView | None = None) -> None:
        self.engine = engine
        self._warehouse, self.notes = drop_outdated_comparisons(pin_snapshots(warehouse), None)
        self._memory: dict[MemoryKey, Any] = self._still_true(before) if before else {}
        self._lock = threading.RLock()

    @property
    def place(self) -> str:
        """Where the warehouse is."""
        return self._warehouse.uri

    @property
    def releases(self) -> dict[str, Snapshot]:
        """The newest snapshot of every release, in the order of their numbers."""
        return newest_snapshots(self._warehouse)

    def snapshot(self, release: str) -> Snapshot:
        """The newest snapshot of a release; ConfigError where it is not published."""
        if release not in self.releases:
            names = ", ".join(self.releases) or "none"
            raise ConfigError(f"release {release!r} is not published here (published: {names})")
        return self.releases[release]

    def table_slice(self, table: str, release: str, since: str | None = None) -> ViewSlice | None:
        """What is published of a table; None where it is not, or this version of the program knows no such table."""
        if table not in schemas.table_names():
            return None
        pin = self.snapshot(release)
        return self.remember((table, release, since), lambda: read_slice(self._warehouse, table, pin, since))

    def earlier_releases(self, release: str) -> list[str]:
        """The releases that a release was compared with."""
        names = self.snapshot(release).table_versions
        return sorted({name.partition(SINCE)[2] for name in names if SINCE in name}, key=release_number)

    def class_rows(self, release: str) -> dict[str, Row]:
        """The classes that a release lists, by MID; none where no list was taken."""
        return self.remember(("classes of", release), lambda: self._read_classes(release))

    def listed_classes(self, release: str) -> list[Class]:
        """(MID, display name) of the release's classes."""
        return [(mid, row["display_name"]) for mid, row in self.class_rows(release).items()]

    def subclasses(self, release: str, mid: str) -> list[str]:
        """The MIDs of all classes below one in the release's hierarchy, sorted."""
        pairs = self.remember(("ancestors", release), lambda: ancestor_pairs(self.hierarchy_rows(release)))
        return sorted({below for below, above in pairs if above == mid})

    def hierarchy_rows(self, release: str) -> list[Row]:
        """The nodes of the release's hierarchy: path, parent_path, mid, name, relation; none where there is none."""
        return self.remember(("nodes of", release), lambda: self._small_rows(release, "hierarchy", NODE_COLUMNS))

    def figure_rows(self, release: str) -> list[Row]:
        """The recomputed figures of a release: figure, subset, value, published; none where they are not published."""
        return self._small_rows(release, "release_figures", FIGURE_COLUMNS)

    def attribute_names(self, release: str) -> dict[str, str]:
        """The names of the attributes that relationships give to objects, by MID."""
        rows = self.remember(
            ("attributes of", release), lambda: self._small_rows(release, "attributes", ["mid", "name"])
        )
        return {row["mid"]: row["name"] for row in rows}

    def _read_classes(self, release: str) -> dict[str, Row]:
        rows = self._small_rows(release, "classes", CLASS_COLUMNS)
        return {
            row["mid"]: row
            for row in sorted(rows, key=lambda row: ((row["name"] or row["mid"]).casefold(), row["mid"]))
        }

    def _small_rows(self, release: str, table: str, columns: list[str]) -> list[Row]:
        pin = self.snapshot(release)
        return small_rows(self._warehouse, table, pin, columns) if table in pin.table_versions else []

    def _still_true(self, before: PinnedView) -> dict[MemoryKey, Any]:
        """What an earlier look remembers of releases that are as they were; not of tables that no snapshot pins."""
        same = {release for release, pin in self.releases.items() if before.releases.get(release) == pin}
        with before._lock:
            return {
                key: value
                for key, value in before._memory.items()
                if key[1] in same and key[0] not in _unpinned_tables()
            }

    def remember(self, key: MemoryKey, read: Callable[[], T]) -> T:
        """What `read` gave once for the key."""
        with self._lock:
            if key not in self._memory:
                self._memory[key] = read()
            remembered: T = self._memory[key]
            return remembered


@cache
def _unpinned_tables() -> frozenset[str]:
    """The tables that no snapshot pins: each look reads what they are now."""
    return frozenset(name for name in schemas.table_names() if not schemas.table_schema(name).slice_by)


def missing_comparison(release: str, since: str) -> ConfigError:
    """What is said where a release was not compared with an earlier one."""
    return ConfigError(
        f"{release} is not compared with {since}; run `oilake changes --from {since} --to {release}` first"
    )
