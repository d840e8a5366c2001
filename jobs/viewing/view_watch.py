"""Looks now and then whether something was published, so that the viewer shows it without being started anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from oilake.jobs.surveying.locked_engine import LockedEngine
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.tables.log_heads import LogHead, is_newest, read_head
from oilake.jobs.tables.warehouse import Warehouse

LOOK_SECONDS = 2.0
WATCHED = ("snapshots", "blob_checks")


class ViewWatch:
    """The newest view of a warehouse; each request keeps the one that it began with."""

    def __init__(self, warehouse: Warehouse, clock: Callable[[], float] = time.monotonic) -> None:
        self._warehouse, self._clock, self._engine = warehouse, clock, LockedEngine(warehouse)
        self._looked_at = 0.0
        self._heads: list[LogHead] = []
        self._view: PinnedView | None = None
        self._lock = threading.Lock()

    def newest_view(self) -> PinnedView:
        """The view of now, or of a moment ago; StoreError where the tables cannot be read."""
        with self._lock:
            now = self._clock()
            if self._view is None or now - self._looked_at >= LOOK_SECONDS:
                if self._view is None or not all(is_newest(self._warehouse, head) for head in self._heads):
                    heads = [read_head(self._warehouse, table) for table in WATCHED]
                    self._view, self._heads = PinnedView(self._engine, self._warehouse, self._view), heads
                self._looked_at = now
            return self._view

    def forget_view(self) -> None:
        """Begins anew with the next look: files may have been moved by maintenance."""
        with self._lock:
            self._view = None
