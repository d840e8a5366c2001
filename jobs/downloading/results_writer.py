"""The driver's side: rows of finished tasks go to the attribution, then to `downloads`, and then the receipts may go."""

from __future__ import annotations

import time
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.file_names import file_name
from oilake.jobs.blobs import attribution
from oilake.jobs.blobs.blob_store import Store
from oilake.jobs.downloading.outcome import DOWNLOADED, columns
from oilake.jobs.downloading.progress import Tally, bar, show
from oilake.jobs.downloading.request import Order
from oilake.jobs.downloading.task_messages import Mailbox, rows, take
from oilake.jobs.tables.append_rows import append

FLUSH_ROWS = 20_000
FLUSH_SECONDS = 30.0
STEP_SECONDS = 0.25


@dataclass
class Ledger:
    """What has come and is not in the table yet."""

    warehouse: str
    order: Order
    store: Store
    mailbox: Mailbox
    tally: Tally
    waiting: list[pa.Table] = field(default_factory=list)
    files: int = 0
    flushed: float = field(default_factory=time.monotonic)

    def collect(self) -> None:
        """Takes what finished tasks sent."""
        for letter in take(self.mailbox):
            found = rows(letter)
            self.tally.add(found, letter.present, letter.other)
            if len(found):
                self.waiting.append(found)

    def is_due(self) -> bool:
        """Whether enough has come, or long enough ago, for a commit."""
        is_old = bool(self.waiting) and time.monotonic() - self.flushed >= FLUSH_SECONDS
        return is_old or sum(map(len, self.waiting)) >= FLUSH_ROWS

    def flush(self) -> None:
        """Commits what waits. In this order: no row without attribution, and no blob without a receipt or a row."""
        if self.waiting:
            found = pa.concat_tables(self.waiting)
            there = found.filter(pc.equal(found["status"], DOWNLOADED))
            if len(there):
                self.files += 1
                name = f"{attribution.FOLDER}/{file_name(self.order.release)}-{self.order.run_id}-{self.files:04d}.csv"
                self.store.put(name, attribution.text(there.to_pylist()))
            told = {"location": self.order.location, "release": self.order.release}
            append(self.warehouse, "downloads", found.select(list(columns())), self.order.run_id, told)
            self.waiting = []
            self.store.forget(there["key"].to_pylist())
        self.flushed = time.monotonic()

    def watch(self, spark: Any, count: int, what: str, collected: Future[Any]) -> None:
        """Waits for the tasks, and commits and shows what they tell meanwhile."""
        with bar(self.tally, self.order.release) as shown:
            while not wait([collected], STEP_SECONDS).done:
                self.collect()
                if self.is_due():
                    self.flush()
                show(shown, self.tally, self.order.release)
