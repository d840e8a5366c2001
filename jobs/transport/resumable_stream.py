"""A large file as a stream that outlives its connections: where one breaks, the next goes on at the same byte."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

from oilake.conf.settings import Fetch
from oilake.jobs.transport.retry import pause
from oilake.jobs.transport.source import AgainError, RefusedError, Source, Version
from oilake.jobs.transport.throughput import steady


def chunks(source: Source, url: str, fetch: Fetch) -> Iterator[bytes]:
    """Every byte of the file, once and in order; RefusedError when it cannot be had, or changed on the way."""
    at, vain, version = 0, 0, None
    while True:
        try:
            with source.read(url, at, version) as answer:
                if answer.start != at:
                    raise RefusedError("it cannot be continued where the connection broke")
                version = answer.version
                for block in steady(answer.chunks, fetch):
                    at, vain = at + len(block), 0
                    yield block
            _refuse_short(at, version)
            return
        except AgainError as problem:
            vain += 1
            if problem.restart or vain >= fetch.tries:
                raise RefusedError(f"{problem} (after {at:,} bytes)") from None
            time.sleep(pause(vain, problem.after, fetch))


def _refuse_short(at: int, version: Version) -> None:
    if version.bytes is not None and at < version.bytes:
        raise AgainError(f"only {at:,} of {version.bytes:,} bytes came")


class Stream(io.RawIOBase):
    """The chunks as a file that can be read from front to back."""

    def __init__(self, found: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks, self._left = found, memoryview(b"")

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
