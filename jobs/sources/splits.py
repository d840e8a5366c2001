"""What one task reads: a share of an archive's stream, or a byte range of a plain file of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Any, Literal

from oilake.conf.errors import InputError
from oilake.conf.registry import ExpectedMember
from oilake.jobs.runtime.filesystem import open_file, open_stream
from oilake.jobs.sources.csv_parser import BOM, Header, is_header, positional_header, read_header
from oilake.jobs.sources.csv_records import Block, ReadBytes
from oilake.jobs.sources.json_lines import keyed_header
from oilake.jobs.sources.record_formats import record_format
from oilake.jobs.sources.record_walker import NEWLINE, Walker
from oilake.jobs.sources.tar_stream import AsInputError, stream_members

HEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class Split:
    """Share `share` of `shares` of the file at `uri`; for a plain file its bytes [start, stop) from line `line` on.

    `chunk`: bytes of text behind one staged file of a partition.
    """

    file: str
    uri: str
    kind: Literal["tar.gz", "plain"]
    chunk: int
    share: int = 0
    shares: int = 1
    start: int = 0
    stop: int = 0
    line: int = 1


@dataclass(frozen=True)
class Chunk:
    """Consecutive blocks of one member that belong together in one staged file; `number` orders them in the file."""

    expected: ExpectedMember
    number: int
    header: Header
    blocks: Iterator[Block]


def read_chunks(
    split: Split, wanted: Mapping[str, ExpectedMember], columns: Mapping[str, Mapping[str, str]], block_bytes: int
) -> Iterator[Chunk]:
    """The chunks of `split`, each to be read before the next; every member of a first share gives at least one.

    `wanted`: what the registry expects, by path; `columns`: published name -> ours, by the member's `columns`;
    `block_bytes`: text that is parsed at once.
    """
    reader = _archive_chunks if split.kind == "tar.gz" else _range_chunks
    return reader(split, wanted, columns, block_bytes)


def _archive_chunks(
    split: Split, members_by_path: Mapping[str, ExpectedMember], columns: Any, block_bytes: int
) -> Iterator[Chunk]:
    number = 0
    with open_stream(split.uri) as stream:
        for path, read in stream_members(stream, split.file, members_by_path):
            where = f"{split.file}: {path}"
            expected = members_by_path[path]
            member_blocks = record_format(expected.member.format).read_blocks(read, block_bytes, where=where)
            header, body = _separate_header(member_blocks, expected, columns, where)
            for _, group in groupby(_or_empty(body), _chunk_numbering(split.chunk)):
                if number % split.shares == split.share:
                    yield Chunk(expected, number, header, group)
                number += 1


def _range_chunks(
    split: Split, members_by_path: Mapping[str, ExpectedMember], columns: Any, block_bytes: int
) -> Iterator[Chunk]:
    expected = members_by_path[split.file]
    rows_format = record_format(expected.member.format)
    with open_file(split.uri) as file:
        header, body = _separate_header(iter([_first_block(file, split.file)]), expected, columns, split.file)
        file.seek(split.start)
        file_blocks = rows_format.read_blocks(
            _bounded_read(file, split.stop - split.start, split.file), block_bytes, split.line, split.file
        )
        if split.start == 0:
            header, body = _separate_header(file_blocks, expected, columns, split.file)
            file_blocks = body
        for number, group in groupby(_or_empty(file_blocks), _chunk_numbering(split.chunk)):
            yield Chunk(expected, split.share * 1_000_000 + number, header, group)


def read_file_header(uri: str, expected: ExpectedMember, columns: Mapping[str, Mapping[str, str]]) -> Header:
    """The header of a plain file, as `read_chunks` will find it; InputError where it cannot be read by it."""
    with open_file(uri) as file:
        return _separate_header(iter([_first_block(file, expected.path)]), expected, columns, expected.path)[0]


def read_file_end(uri: str, where: str) -> bytes:
    """The physical line that a plain file ends with and that no line end closes; empty where every line is closed."""
    with open_file(uri) as file, AsInputError(where):
        size = file.size()
        file.seek(max(0, size - HEAD_BYTES))
        return bytes(file.read()).rpartition(NEWLINE)[2]


def _first_block(file: Any, where: str) -> Block:
    with AsInputError(where):
        head = file.read(HEAD_BYTES)
    first = next(Walker(head, at_end=len(head) < HEAD_BYTES).records(), None)
    return Block(head[: first.stop] if first else b"", 1, True)


def _bounded_read(file: Any, left: int, where: str) -> ReadBytes:
    def read(size: int) -> bytes:
        nonlocal left
        with AsInputError(where):
            data: bytes = file.read(min(size, left))
            left -= len(data)
            return data

    return read


def _separate_header(
    member_blocks: Iterator[Block], expected: ExpectedMember, columns: Any, where: str
) -> tuple[Header, Iterator[Block]]:
    """(the header, the blocks behind it or, where the file has none, all of them)."""
    first = next(member_blocks, None)
    if first is None or not first.data.strip():
        raise InputError(f"{where}: the file is empty; fetch it again")
    if record_format(expected.member.format).has_keys:
        return keyed_header(columns[expected.member.columns], where), chain([first], member_blocks)
    stop = _first_record_end(first.data) if first.sound else next(Walker(first.data, at_end=True).records()).stop
    names, form = columns[expected.member.columns], expected.member.header or "present"
    if form == "absent" or (form == "either" and not is_header(first.data[:stop], names)):
        whole = replace(first, data=first.data.removeprefix(BOM))
        return positional_header(names, where), chain([whole], member_blocks)
    header = read_header(first.data[:stop], names, expected.member.optional_columns, where)
    line = first.line + first.data.count(NEWLINE, 0, stop)
    rest = replace(first, data=first.data[stop:], line=line) if stop < len(first.data) else None
    return header, chain([rest] if rest else [], member_blocks)


def _first_record_end(data: bytes) -> int:
    """Just behind the first record and its line end."""
    return int(Block(data, 1, True).ends[0])


def _or_empty(member_blocks: Iterator[Block]) -> Iterator[Block]:
    """The blocks; one without a record where there is none, so that an empty member is told of too."""
    first = next(member_blocks, None)
    return chain([first if first else Block(b"", 1, True)], member_blocks)


def _chunk_numbering(size: int) -> Callable[[Block], int]:
    text_bytes = 0

    def number(block: Block) -> int:
        nonlocal text_bytes
        text_bytes += len(block.data)
        return (text_bytes - len(block.data)) // size

    return number
