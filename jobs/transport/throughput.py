"""How fast bytes must come."""

from __future__ import annotations

import time
from collections.abc import Iterator

from oilake.conf.settings import FetchSettings
from oilake.jobs.transport.source import AgainError, FailureCause


def refuse_slow_chunks(chunks: Iterator[bytes], fetch: FetchSettings) -> Iterator[bytes]:
    """The chunks, as long as they come fast enough: a drip would never be silent for long, and never end."""
    began, count = time.monotonic(), 0
    for block in chunks:
        yield block
        count += len(block)
        seconds = time.monotonic() - began
        if seconds >= fetch.timeout_seconds:
            if count < fetch.least_bytes_per_second * seconds:
                raise AgainError(f"only {count:,} bytes came in {seconds:.0f} s", cause=FailureCause("slow"))
            began, count = time.monotonic(), 0
