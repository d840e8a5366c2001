"""The small files of a release, read whole: class lists, class descriptions and the hierarchy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from oilake.conf.errors import InputError
from oilake.conf.registry import ExpectedMember, HeaderForm
from oilake.conf.showing import brief_value
from oilake.jobs.runtime.filesystem import open_stream
from oilake.jobs.sources.csv_parser import BOM, BadRecord, is_header, parse_block, positional_header, read_header
from oilake.jobs.sources.csv_records import ReadBytes, read_blocks
from oilake.jobs.sources.tar_stream import AsInputError, stream_members
from oilake.jobs.transforms import hierarchy

LARGEST_BYTES = 16 << 20
BLOCK_BYTES = 8 << 20
MID_COLUMN = "LabelName"
COLUMNS = {
    "classes": {MID_COLUMN: "mid"},
    "descriptions": {MID_COLUMN: "mid", "DisplayName": "display_name"},
}


@dataclass(frozen=True)
class ListRow:
    """One row of a class list or of the descriptions; `display_name` is None in a list."""

    line: int
    raw: bytes
    mid: str | None
    display_name: str | None


class ParsedList(NamedTuple):
    """The `rows` of a list, the records that are none, and its first line where that is a `header`."""

    rows: list[ListRow]
    bad: list[BadRecord]
    header: str | None


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


def parse_list(data: bytes, file_format: str, limit: int, where: str, header: HeaderForm = "absent") -> ParsedList:
    """The rows of a class list or of the descriptions, its line ends as they come.

    `header`: `either` takes a first line that names LabelName for one. InputError, starting with `where`, when a header is
    required and missing, or lacks a column.
    """
    columns = COLUMNS[file_format]
    data = data.removeprefix(BOM)
    heading, _, rest = data.partition(b"\n")
    if header == "present" or (header == "either" and is_header(heading, [MID_COLUMN])):
        names, data, line = read_header(heading, columns, (), where), rest, 2
    else:
        names, line = positional_header(columns, where), 1
    types = dict.fromkeys(columns.values(), pa.string())
    rows: list[ListRow] = []
    bad: list[BadRecord] = []
    for block in read_blocks(BytesIO(data).read, BLOCK_BYTES, line, where):
        parsed = parse_block(block, names, types, limit)
        places = parsed.locate(np.arange(parsed.count))
        mids = parsed.columns["mid"].to_pylist()
        described = parsed.columns["display_name"].to_pylist() if "display_name" in types else [None] * parsed.count
        rows += [ListRow(*place, *pair) for place, pair in zip(places, zip(mids, described, strict=True), strict=True)]
        bad += parsed.bad
    return ParsedList(rows, bad, names.text)


def parse_hierarchy(data: bytes, where: str) -> Any:
    """The JSON document of a hierarchy; InputError when it is none, or when its nodes are not all of one form."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise InputError(f"{where}: this is no JSON document ({reason}); fetch the file again") from None
    form = hierarchy.node_form(document)
    waiting = [document]
    while waiting:
        node = waiting.pop()
        children = _node_children(node, form)
        if children is None:
            raise InputError(
                f"{where}: this is no hierarchy of {form.description} (see {brief_value(node)}); fetch the file again"
            )
        waiting += children
    return document


def _node_children(node: Any, form: hierarchy.NodeForm) -> list[Any] | None:
    """The children of a node; None when it is no node of that form, or holds something that a row would not tell."""
    if not isinstance(node, dict) or not isinstance(node.get(form.label), str) or not form.is_label(node[form.label]):
        return None
    below = [node[key] or [] for key in form.relations if key in node]
    if any(key in node for key in hierarchy.RELATION_KEYS - form.relations.keys()):
        return None
    return [child for children in below for child in children] if all(isinstance(c, list) for c in below) else None
