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
from oilake.jobs.blobs.blob_store import BlobStore
from oilake.jobs.downloading.outcome import DOWNLOADED, downloads_columns
from oilake.jobs.downloading.progress import DownloadProgress, progress_bar, show_progress
from oilake.jobs.downloading.request import DownloadRequest
from oilake.jobs.downloading.task_messages import Mailbox, take_messages, unpack_rows
from oilake.jobs.tables.append_rows import append_rows
from oilake.jobs.tables.warehouse import Warehouse

FLUSH_ROWS = 20_000
FLUSH_SECONDS = 30.0
STEP_SECONDS = 0.25


@dataclass
class ResultsWriter:
    """What has come and is not in the table yet."""

    warehouse: Warehouse
    order: DownloadRequest
    store: BlobStore
    mailbox: Mailbox
    tally: DownloadProgress
    waiting: list[pa.Table] = field(default_factory=list)
    files: int = 0
    flushed: float = field(default_factory=time.monotonic)

    def collect(self) -> None:
        """Takes what finished tasks sent."""
        for message in take_messages(self.mailbox):
            table = unpack_rows(message)
            self.tally.add(table, message.present, message.other)
            if len(table):
                self.waiting.append(table)

    def is_due(self) -> bool:
        """Whether enough has come, or long enough ago, for a commit."""
        is_old = bool(self.waiting) and time.monotonic() - self.flushed >= FLUSH_SECONDS
        return is_old or sum(map(len, self.waiting)) >= FLUSH_ROWS

    def flush(self) -> None:
        """Commits what waits. In this order: no row without attribution, and no blob without a receipt or a row."""
        if self.waiting:
            table = pa.concat_tables(self.waiting)
            downloaded = table.filter(pc.equal(table["status"], DOWNLOADED))
            if len(downloaded):
                self.files += 1
                name = f"{attribution.FOLDER}/{file_name(self.order.release)}-{self.order.run_id}-{self.files:04d}.csv"
                self.store.put(name, attribution.attribution_csv(downloaded))
            properties = {"location": self.order.location, "release": self.order.release}
            append_rows(
                self.warehouse, "downloads", table.select(list(downloads_columns())), self.order.run_id, properties
            )
            self.waiting = []
            self.store.forget(downloaded["key"].to_pylist())
        self.flushed = time.monotonic()

    def watch(self, spark: Any, count: int, what: str, collected: Future[Any]) -> None:
        """Waits for the tasks, and commits and shows what they tell meanwhile."""
        with progress_bar(self.tally, self.order.release) as shown:
            while not wait([collected], STEP_SECONDS).done:
                self.collect()
                if self.is_due():
                    self.flush()
                show_progress(shown, self.tally, self.order.release)
