"""The formats of files of rows: how each is cut into blocks of whole records, and how these become raw columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from oilake.conf.registry import Format
from oilake.jobs.sources.csv_parser import Header, ParsedRows, SeparateRecords, parse_block, parse_separately
from oilake.jobs.sources.csv_records import Block, ReadBytes, read_blocks
from oilake.jobs.sources.json_lines import parse_line_block, parse_lines, read_line_blocks

Types = Mapping[str, pa.DataType]


class BlockReader(Protocol):
    """What cuts a stream into blocks."""

    def __call__(self, read: ReadBytes, size: int, line: int = 1, where: str = "the file") -> Iterator[Block]:
        """The stream behind `read` as blocks of about `size` bytes; `line`: the physical line of its first byte."""


@dataclass(frozen=True)
class RecordFormat:
    """`parse_separately` reads records that were cut already, such as quarantined ones. `has_quotes`: a line feed inside
    quotes ends no record. `has_keys`: each record names its columns, and no header does."""

    read_blocks: BlockReader
    parse_block: Callable[[Block, Header, Types, int], ParsedRows]
    parse_separately: Callable[[Sequence[bytes], Header, Types, int], SeparateRecords]
    has_quotes: bool = True
    has_keys: bool = False


CSV = RecordFormat(read_blocks, parse_block, parse_separately)
JSON_LINES = RecordFormat(read_line_blocks, parse_line_block, parse_lines, has_quotes=False, has_keys=True)


def record_format(name: Format) -> RecordFormat:
    """How files of rows in the format that the registry calls `name` are read."""
    return JSON_LINES if name == "json_lines" else CSV
