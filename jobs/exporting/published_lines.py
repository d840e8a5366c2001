"""Rows of the tables as lines of published CSV files and of files of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.published_forms import PublishedForm
from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.exporting.published_texts import published_texts
from oilake.jobs.sources.csv_parser import column_spellings, header_names, read_header

NEEDS_QUOTES = '[",\r\n]'


@dataclass(frozen=True)
class FileColumns:
    """What a file of rows has: `published` names and, in the same order, `ours`. `header`: the line above the rows, None
    where there is none; `optional`: our names of those that a line of JSON may lack."""

    published: tuple[str, ...]
    ours: tuple[str, ...]
    header: str | None
    optional: frozenset[str]


def file_columns(release: Release, expected: ExpectedMember, header: str | None) -> FileColumns:
    """The columns of a file: those of the `header` that it had, where one is known, else those that the registry requires.

    InputError where the header lacks a column that the registry requires now.
    """
    columns = release.columns[expected.member.columns or ""]
    optional = frozenset(columns[name] for name in expected.member.optional_columns)
    if header is not None:
        read = read_header(header.encode(), columns, expected.member.optional_columns, expected.path)
        names = header_names(header.encode())
        pairs = [(published, ours) for published, ours in zip(names, read.names, strict=True) if ours is not None]
    else:
        is_needed = expected.member.format == "json_lines"
        pairs = [
            (names[0], ours) for ours, names in column_spellings(columns).items() if is_needed or ours not in optional
        ]
    has_line = expected.member.format != "json_lines" and (
        header is not None or expected.member.header in (None, "present")
    )
    published = tuple(name for name, _ in pairs)
    return FileColumns(published, tuple(ours for _, ours in pairs), ",".join(published) if has_line else None, optional)


def csv_lines(
    rows: pa.Table, columns: Sequence[str], subset: str | None, expected: ExpectedMember, form: PublishedForm
) -> bytes:
    """The rows as lines, `columns` by our names; each with its line end."""
    fields = [
        quote_fields(published_texts(name, rows, subset, expected, form), name in form.quoted) for name in columns
    ]
    return join_lines(fields, form)


def line_break(form: PublishedForm) -> str:
    """The characters that end a line."""
    return "\r\n" if form.line_end == "crlf" else "\n"


def join_lines(fields: Sequence[pa.Array], form: PublishedForm) -> bytes:
    """Lines of fields, arrays of text of shape (rows,), that are quoted already."""
    lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*fields, ","), line_break(form), "")
    whole = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines), "")
    content: bytes = whole[0].as_buffer().to_pybytes()
    return content


def quote_fields(texts: pa.Array, is_quoted: bool) -> pa.Array:
    """RFC 4180: in quotes is what holds a comma, a quote or a line end, or `is_quoted` and not empty."""
    needs = pc.not_equal(texts, "") if is_quoted else pc.match_substring_regex(texts, NEEDS_QUOTES)
    if not pc.any(needs, min_count=0).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


def json_lines(rows: pa.Table, columns: FileColumns) -> bytes:
    """The rows as lines of JSON; a NULL that may lack has no key."""
    lines = []
    for row in rows.to_pylist():
        pairs = [(name, ours, row[ours]) for name, ours in zip(columns.published, columns.ours, strict=True)]
        values = {name: value for name, ours, value in pairs if value is not None or ours not in columns.optional}
        lines.append(json.dumps(values) + "\n")
    return "".join(lines).encode()
