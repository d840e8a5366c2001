"""The small files of a release, read whole: class lists, class descriptions and the hierarchy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa

from oilake.conf.errors import InputError
from oilake.conf.registry import ExpectedMember
from oilake.conf.showing import brief_value
from oilake.jobs.runtime.filesystem import open_stream
from oilake.jobs.sources.csv_parser import BadRecord, Header, parse_block
from oilake.jobs.sources.csv_records import ReadBytes, read_blocks
from oilake.jobs.sources.tar_stream import AsInputError, stream_members

LARGEST_BYTES = 16 << 20
BLOCK_BYTES = 8 << 20
COLUMNS = {"classes": ("mid",), "descriptions": ("mid", "display_name")}


@dataclass(frozen=True)
class ListRow:
    """One row of a class list or of the descriptions; `display_name` is None in a list."""

    line: int
    raw: bytes
    mid: str | None
    display_name: str | None


def read_contents(
    name: str, uri: str, kind: str, wanted: Mapping[str, ExpectedMember]
) -> Iterator[tuple[ExpectedMember, bytes]]:
    """(member, its bytes) of each wanted member that the file holds. InputError when the file is damaged or too large."""
    with open_stream(uri) as stream:
        if kind == "plain":
            yield wanted[name], _read_whole(stream.read, name)
            return
        for path, read in stream_members(stream, name, wanted):
            yield wanted[path], _read_whole(read, f"{name}: {path}")


def _read_whole(read: ReadBytes, where: str) -> bytes:
    with AsInputError(where):
        data = read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise InputError(
            f"{where}: larger than {LARGEST_BYTES >> 20} MiB, which no class list is; fetch the file again"
        )
    if not data.strip():
        raise InputError(f"{where}: the file is empty; fetch it again")
    return data


def parse_list(data: bytes, file_format: str, limit: int) -> tuple[list[ListRow], list[BadRecord]]:
    """(the rows, the records that are none) of a class list or of the descriptions; both have no header."""
    names = COLUMNS[file_format]
    header, types = Header(names), dict.fromkeys(names, pa.string())
    good: list[ListRow] = []
    bad: list[BadRecord] = []
    for block in read_blocks(BytesIO(data.removeprefix(b"\xef\xbb\xbf")).read, BLOCK_BYTES):
        parsed = parse_block(block, header, types, limit)
        places = parsed.locate(np.arange(parsed.count))
        values = [parsed.columns[name].to_pylist() for name in names]
        described = values[1] if len(values) > 1 else [None] * parsed.count
        good += [
            ListRow(*place, *pair) for place, pair in zip(places, zip(values[0], described, strict=True), strict=True)
        ]
        bad += parsed.bad
    return good, bad


def parse_hierarchy(data: bytes, where: str) -> Any:
    """The JSON document of a hierarchy; InputError when it is none."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise InputError(f"{where}: this is no JSON document ({reason}); fetch the file again") from None
    waiting = [document]
    while waiting:
        node = waiting.pop()
        children = _node_children(node)
        if children is None:
            raise InputError(
                f"{where}: this is no hierarchy of named nodes (see {brief_value(node)}); fetch the file again"
            )
        waiting += children
    return document


def _node_children(node: Any) -> list[Any] | None:
    """The children of a node; None when it is no node with a name."""
    if not isinstance(node, dict) or not isinstance(node.get("name"), str):
        return None
    children = node.get("children") or []
    encodable = node["name"].encode(errors="ignore").decode() == node["name"]
    return children if isinstance(children, list) and encodable else None
