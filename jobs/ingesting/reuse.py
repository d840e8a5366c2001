"""Text that another release has already made a file of: V3 holds the machine labels of V2 byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import xxhash

from oilake.conf.registry import IdForm
from oilake.jobs.sources.csv_records import Block
from oilake.jobs.tables import parquet_reader

TEXT_NOTE = "oilake.text"


@dataclass(frozen=True)
class ReusableFile:
    """A published file of `labels` and the origin of its rows."""

    uri: str
    origin: str


def begin_digest(
    seed: bytes, names: tuple[str | None, ...], form: IdForm | None = None, null_values: object = None
) -> Any:
    """The 128-bit xxHash of a chunk's text, begun: it tells equal from other text, and no one gains by fooling it.

    `seed`: what else decides the rows: code, schemas, quality and limits; `names`: our names of the fields; `form`: how
    IDs are written; `null_values`: what stands for no value.
    """
    return xxhash.xxh3_128(seed + repr((names, form, null_values)).encode())


def hash_blocks(blocks: Iterable[Block], text: Any) -> Iterator[Block]:
    """The blocks, taken into the digest as they pass."""
    for block in blocks:
        text.update(block.data)
        yield block


def is_same_origin(known: ReusableFile, sources: Mapping[str, str]) -> bool:
    """Whether the sources in the file have the same origin in this release: rows are judged by it."""
    return {sources.get(source) for source in parquet_reader.distinct_values(known.uri, "source")} == {known.origin}
