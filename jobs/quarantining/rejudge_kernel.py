"""Judges quarantined rows again, each by itself, on the road of ingest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.conf.errors import InputError
from oilake.conf.registry import Release
from oilake.jobs.ingesting import repairs
from oilake.jobs.ingesting.chunk_kernel import member_transform, normalize_member
from oilake.jobs.quarantining.records import (
    FilePreview,
    MemberKey,
    MemberReader,
    MemberVerdict,
    ReprocessContext,
    Row,
)
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.sources.record_formats import record_format
from oilake.jobs.tables.repair_commands import unreadable_rows_error
from oilake.jobs.transforms.image_ids import as_numbers
from oilake.jobs.validation import row_filter
from oilake.schemas import loader as schemas

BATCH = 4096
DUPLICATE = "duplicate_image_id"


def judge_records(raws: Sequence[bytes], source: MemberReader, release: Release, limit: int) -> MemberVerdict:
    """The records of one member (without their line ends), judged as ingest would judge them now."""
    table = source.expected.member.table
    types = member_transform(source.expected, release).TYPES
    apart = record_format(source.expected.member.format).parse_separately(raws, source.header, types, limit)
    normalized = normalize_member(apart.columns, source.expected, release)
    judged = row_filter.filter_rows(normalized, row_filter.filter_expectations(table))
    good = judged.good
    reasons = {int(apart.places[row]): tuple(why) for row, why in judged.reasons.items()} | apart.bad
    repaired = repairs.find_repairs(apart.columns, normalized, good)
    repaired = repaired.set_column(0, "row", pa.array(apart.places[repaired["row"].to_numpy()]))
    return MemberVerdict(row_filter.kept_rows(normalized.columns, good), apart.places[good], repaired, reasons)


def preview_file(uri: str, context: ReprocessContext) -> FilePreview:
    """What would become of one file of `quarantine`, duplicate image IDs apart."""
    preview = FilePreview(uri)
    for start, rows in member_groups(uri):
        preview.rows += len(rows)
        source = context.sources.get(member_key(rows[0]))
        if source is None:
            preview.skipped[rows[0]["table_name"]] += len(rows)
            continue
        judged = judge_rows(uri, rows, source, context)
        preview.passing += len(judged.places)
        preview.reworded += sum(list(why) != rows[n]["reasons"] for n, why in judged.reasons.items())
        table = source.expected.member.table
        if schemas.table_schema(table).is_keyed_by_image():
            preview.tables += [table] * len(judged.places)
            preview.ids += as_numbers(image_ids_of(judged.kept)).tolist()
            preview.order += [(source.place, rows[n]["line"]) for n in judged.places.tolist()]
            preview.places += (judged.places + start).tolist()
            preview.were_duplicates += [rows[n]["reasons"] == [DUPLICATE] for n in judged.places.tolist()]
    return preview


def member_groups(uri: str) -> Iterator[tuple[int, list[Row]]]:
    """(place of the first one in the file, rows of one member that follow each other), a batch at most."""
    store, path = open_filesystem(uri)
    start = 0
    try:
        for batch in pq.ParquetFile(path, filesystem=store).iter_batches(BATCH, use_threads=False):
            for _, member_rows in groupby(batch.to_pylist(), lambda row: (row["table_name"], *member_key(row))):
                rows = list(member_rows)
                yield start, rows
                start += len(rows)
    except (OSError, pa.ArrowException) as error:
        raise unreadable_rows_error(uri, error) from None


def judge_rows(uri: str, rows: Sequence[Row], source: MemberReader, context: ReprocessContext) -> MemberVerdict:
    try:
        return judge_records([row["raw"] for row in rows], source, context.release, context.field_limit)
    except InputError as error:
        file, member = member_key(rows[0])
        raise InputError(f"{uri}: rows of {file}: {member}: {error}") from None


def member_key(row: Row) -> MemberKey:
    return row["file"], row["member"]


def image_ids_of(rows: pa.Table) -> pa.StringArray:
    """The image IDs as plain strings."""
    return rows["image_id"].cast(pa.string()).combine_chunks()
