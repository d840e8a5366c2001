"""A large file as a stream that outlives its connections: where one breaks, the next goes on at the same byte."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

from oilake.conf.settings import FetchSettings
from oilake.jobs.transport.retry import pause_seconds
from oilake.jobs.transport.source import AgainError, RefusedError, Source, Version
from oilake.jobs.transport.throughput import refuse_slow_chunks


def resumed_chunks(source: Source, url: str, fetch: FetchSettings) -> Iterator[bytes]:
    """Every byte of the file, once and in order; RefusedError when it cannot be had, or changed on the way."""
    position, vain_tries, version = 0, 0, None
    while True:
        try:
            with source.read(url, position, version) as answer:
                if answer.start != position:
                    raise RefusedError("it cannot be continued where the connection broke")
                version = answer.version
                for block in refuse_slow_chunks(answer.chunks, fetch):
                    position, vain_tries = position + len(block), 0
                    yield block
            _refuse_short(position, version)
            return
        except AgainError as problem:
            vain_tries += 1
            if problem.restart or vain_tries >= fetch.tries:
                raise RefusedError(f"{problem} (after {position:,} bytes)") from None
            time.sleep(pause_seconds(vain_tries, problem.after, fetch))


def _refuse_short(at: int, version: Version) -> None:
    if version.bytes is not None and at < version.bytes:
        raise AgainError(f"only {at:,} of {version.bytes:,} bytes came")


class ChunkStream(io.RawIOBase):
    """The chunks as a file that can be read from front to back."""

    def __init__(self, chunks_to_read: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks, self._left = chunks_to_read, memoryview(b"")

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            block = next(self._chunks, None)
            if block is None:
                return 0
            self._left = memoryview(block)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def readable(self) -> bool:
        return True
