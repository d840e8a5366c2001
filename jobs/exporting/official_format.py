"""The release's own files again, whole or cut to the chosen images: published names, headers and forms of values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from oilake.conf.errors import ConfigError
from oilake.conf.registry import File, landing_path
from oilake.jobs.exporting.csv_files import write_csv
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.exporting.published_lines import csv_lines, file_columns, json_lines, line_break
from oilake.jobs.exporting.published_lists import class_file, hierarchy_file
from oilake.jobs.exporting.published_texts import stored_column
from oilake.jobs.exporting.written_members import MemberKey, MemberPlan, RowShare, WrittenMember, has_rows, plan_members
from oilake.jobs.sources.written_tars import add_stream, open_packed_tar
from oilake.jobs.tables.row_batches import row_schema
from oilake.jobs.transforms.image_ids import as_numbers
from oilake.jobs.transforms.images import LIST_COLUMNS
from oilake.quality.row_expectations import numpy_mask
from oilake.schemas.loader import table_schema

NOTE = "files.csv"
NOTE_COLUMNS = ("file", "member", "rows", "why_not")


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes every file where `ingest` finds it below a landing area, and `files.csv`, which tells what was not written.

    ConfigError where nobody noted which files the release was read from.
    """
    read_files = export.small_rows("release_files")
    if not read_files:
        release = export.request.release
        raise ConfigError(
            f"{export.warehouse}: release_files does not tell which files {release} was read from; run `oilake ingest "
            f"--release {release}` first"
        )
    plan = plan_members(export.release, read_files, export.subsets)
    rows: dict[MemberKey, int] = {}
    for file in export.release.files:
        members = [member for member in plan.written if member.expected.file.name == file.name]
        if members:
            place = folder / landing_path(export.release, file.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            rows |= _write_file(export, file, members, place)
    _write_note(plan, rows, folder / NOTE)
    return {"files": len({key.file for key in rows}), "rows": sum(rows.values())}


def _write_file(export: OpenedExport, file: File, members: list[WrittenMember], place: Path) -> dict[MemberKey, int]:
    """A file of one member, or an archive of several; the rows of each."""
    if file.kind == "plain":
        (member,) = members
        with place.open("wb") as stream:
            return {member.key: _write_member(export, member, stream)}
    rows = {}
    with open_packed_tar(place) as archive:
        for member in members:
            with TemporaryFile(dir=place.parent) as unpacked:
                rows[member.key] = _write_member(export, member, unpacked)
                add_stream(archive, member.expected.path, unpacked)
    return rows


def _write_member(export: OpenedExport, member: WrittenMember, stream: BinaryIO) -> int:
    """Writes the content of one member; how many rows it has."""
    declared = member.expected.member
    if has_rows(member):
        return _write_rows(export, member, stream)
    rows = export.small_rows(declared.table)
    if declared.format == "hierarchy":
        stream.write(hierarchy_file(rows))
        return len(rows)
    content, count = class_file(rows, declared, member.header, member.form)
    stream.write(content)
    return count


def _write_rows(export: OpenedExport, member: WrittenMember, stream: BinaryIO) -> int:
    expected, form, count = member.expected, member.form, 0
    columns = file_columns(export.release, expected, member.header)
    if columns.header is not None:
        stream.write(f"{columns.header}{line_break(form)}".encode())
    for subset, rows in _member_rows(export, member, columns.ours):
        is_json = expected.member.format == "json_lines"
        stream.write(json_lines(rows, columns) if is_json else csv_lines(rows, columns.ours, subset, expected, form))
        count += len(rows)
    return count


def _member_rows(
    export: OpenedExport, member: WrittenMember, names: tuple[str, ...]
) -> Iterator[tuple[str | None, pa.Table]]:
    """Yield (subset, rows of the table) of a member in blocks; rows of no image have no subset and are one block."""
    table = member.expected.member.table
    stored = dict.fromkeys(column for name in names if (column := stored_column(name)) is not None)
    if "image_id" not in stored:
        yield None, pa.Table.from_pylist(export.small_rows(table), row_schema(table))
        return
    lists = [LIST_COLUMNS[name] for name in member.expected.member.image_lists] if member.lists else []
    columns = tuple(name for name in (*stored, *lists) if name != "image_id")
    origins = member.form.origins if "origin" in table_schema(table).partition_by else ()
    for subset, share in member.shares.items():
        for block in export.published_blocks(subset, table, columns, origins):
            yield subset, _shared_rows(block.tables[table], share, lists)


def _shared_rows(rows: pa.Table, share: RowShare, lists: list[str]) -> pa.Table:
    """The rows of one share of the image IDs, those alone that all the lists hold."""
    is_taken = np.ones(len(rows), np.bool_)
    if share.parts > 1:
        numbers = as_numbers(rows["image_id"].combine_chunks())
        is_taken &= numbers // np.uint64((1 << 64) // share.parts + 1) == share.part
    for name in lists:
        is_taken &= numpy_mask(rows[name].fill_null(False))
    return rows if is_taken.all() else rows.filter(pa.array(is_taken))


def _write_note(plan: MemberPlan, rows: dict[MemberKey, int], place: Path) -> None:
    written = ((*key, count, "") for key, count in rows.items())
    left_out = ((*key, 0, reason) for key, reason in plan.left_out.items())
    write_csv(place, NOTE_COLUMNS, (*written, *left_out))
