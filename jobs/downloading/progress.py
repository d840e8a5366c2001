"""How far a download is: counts, rate and time left, as a bar on a terminal and as lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from oilake.jobs.downloading.outcome import DOWNLOADED
from oilake.jobs.runtime.progress import log_line

LINE_SECONDS = 30.0


@dataclass
class DownloadProgress:
    """`total`: images to look at. `statuses`: those of new rows, and in `reasons` the first error of each that failed;
    `found`: downloaded ones that were found whole."""

    total: int
    present: int = 0
    other: int = 0
    found: int = 0
    bytes: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    last_line: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        """Images that are settled, there before or not."""
        return self.present + self.statuses.total()

    def add(self, rows: pa.Table, present: int, other: int) -> None:
        """Counts part of a task's work."""
        self.present += present
        self.other += other
        for entry in rows["status"].value_counts().to_pylist():
            status = entry["values"]
            self.statuses[status] += entry["counts"]
            if status != DOWNLOADED and status not in self.reasons:
                self.reasons[status] = rows["error"][pc.index(rows["status"], status).as_py()].as_py()
        asked = rows.filter(pc.greater(rows["tries"], 0))
        self.found += pc.sum(pc.equal(rows["status"], DOWNLOADED)).as_py() or 0
        self.found -= pc.sum(pc.equal(asked["status"], DOWNLOADED)).as_py() or 0
        self.bytes += pc.sum(asked["bytes"]).as_py() or 0

    def failures(self) -> str:
        """The images that did not come, by kind."""
        bad = [(count, status) for status, count in self.statuses.items() if status != DOWNLOADED]
        return ", ".join(f"{count:,} {status}" for count, status in sorted(bad, reverse=True))

    def line(self, release: str) -> str:
        """Where it stands, in one line."""
        seconds = time.monotonic() - self.started
        rate = self.done / seconds if seconds else 0.0
        left = f", {(self.total - self.done) / rate / 60:,.0f} min left" if rate else ""
        bad = f"; {self.failures()}" if self.failures() else ""
        return f"{release}: {self.done:,} of {self.total:,} images, {rate:,.0f}/s{left}{bad}"


def progress_bar(tally: DownloadProgress, release: str) -> Any:
    """A bar over all images; where there is no terminal it shows nothing."""
    return tqdm(total=tally.total, desc=release, unit=" images", leave=False, disable=None, dynamic_ncols=True)


def show_progress(shown: Any, tally: DownloadProgress, release: str) -> None:
    """Brings the bar up to date; without a terminal tells a line now and then."""
    if not shown.disable:
        shown.n = tally.done
        shown.set_postfix_str(tally.failures(), refresh=False)
        shown.refresh()
    elif time.monotonic() - tally.last_line >= LINE_SECONDS:
        tally.last_line = time.monotonic()
        log_line(tally.line(release))
