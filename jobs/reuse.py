"""Text that another release has already made a file of: V3 holds the machine labels of V2 byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import xxhash

from jobs.sources.records import Block
from jobs.tables import staging

TEXT = "oilake.text"


def digest(seed: bytes, names: tuple[str | None, ...]) -> Any:
    """The 128-bit xxHash of a chunk's text, begun: it tells equal from other text, and no one gains by fooling it.

    `seed`: what else decides the rows: code, schemas, quality and limits; `names`: our names of the fields.
    """
    return xxhash.xxh3_128(seed + repr(names).encode())


def through(blocks: Iterable[Block], text: Any) -> Iterator[Block]:
    """The blocks, taken into the digest as they pass."""
    for block in blocks:
        text.update(block.data)
        yield block


def origin(uri: str, sources: Mapping[str, str]) -> str | None:
    """The one origin that all sources in a file of `labels` have in a release; None where there is none or several."""
    found = {sources.get(source) for source in staging.distinct(uri, "source")}
    return found.pop() if len(found) == 1 else None
