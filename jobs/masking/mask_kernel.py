"""The kernel of `verify --masks`: the members of a share of a zip, each held against its row, staged as `mask_checks`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zipfile import ZipFile, ZipInfo

import pyarrow as pa

from oilake.conf.mask_rules import MaskRules
from oilake.jobs.blobs.mask_pictures import DamagedMaskError, MaskBox, MaskFacts, read_mask
from oilake.jobs.masking.listed_masks import BATCH, EDGES, ROW_COLUMNS, ListedMasks, Row
from oilake.jobs.masking.outcome import EXTRA, MISSING, VERIFIED, MaskOutcome
from oilake.jobs.sources.zip_members import DamagedMemberError, DamagedZipError, file_members, open_zip, read_member
from oilake.jobs.tables import parquet_reader
from oilake.jobs.tables.staging import Writer
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

TABLE, LISTED = "mask_checks", "masks"
ID_DIGITS = 16


@dataclass(frozen=True)
class MaskSplit:
    """Share `part` of `parts` of one zip, which lies at `uri` (None: it is not there). `archive`: its published path;
    `digit`: the first of its images' IDs."""

    subset: str
    digit: str
    archive: str
    uri: str | None
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
class MaskContext:
    """What every split of a run has in common; `row_files`: Parquet files of `masks`, by subset."""

    warehouse: Warehouse
    release: str
    run_id: str
    rules: MaskRules
    row_files: dict[str, tuple[str, ...]]


class MaskVerdict(NamedTuple):
    """What is held of one mask: see the columns of `mask_checks`."""

    status: str
    reason: str | None = None
    note: str | None = None
    bytes: int | None = None
    facts: MaskFacts | None = None


def check_masks(split: MaskSplit, context: MaskContext) -> Iterator[MaskOutcome]:
    """One report of the split, its rows staged. The first share of a zip tells of the rows that it lacks."""
    listed = _listed_masks(split, context)
    outcome = MaskOutcome()
    partition = {"release": context.release, "subset": split.subset}
    writer = Writer(context.warehouse, schemas.table_schema(TABLE), partition, context.run_id, 0)
    rows: list[Row] = []
    for row in _check_split(split, listed, context.rules, outcome):
        outcome.count_mask(row["status"], row["reason"], row["mask_path"])
        rows.append(row)
        if len(rows) == BATCH:
            writer.write(_as_table(rows))
            rows = []
    if rows:
        writer.write(_as_table(rows))
    if outcome.statuses:
        outcome.staged.append(writer.close())
    yield outcome


def _as_table(rows: list[Row]) -> pa.Table:
    schema = schemas.arrow_schema(schemas.table_schema(TABLE))
    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)


def _listed_masks(split: MaskSplit, context: MaskContext) -> ListedMasks:
    """The rows of `masks` whose images belong to the zip."""
    first, after = (digit + "0" * (ID_DIGITS - 1) for digit in (split.digit, chr(ord(split.digit) + 1)))
    filters = [("image_id", ">=", first), ("image_id", "<", after)]
    files = context.row_files[split.subset]
    columns = [*ROW_COLUMNS, *EDGES]
    return ListedMasks.of(pa.concat_tables(parquet_reader.read_file(path, LISTED, columns, filters) for path in files))


def _check_split(split: MaskSplit, listed: ListedMasks, rules: MaskRules, outcome: MaskOutcome) -> Iterator[Row]:
    if split.uri is None:
        yield from _without_member(split, listed, {}, MaskVerdict(MISSING, "no_archive"))
        return
    try:
        with open_zip(split.uri) as archive:
            yield from _check_members(archive, split, listed, rules, outcome)
    except DamagedZipError as error:
        if split.part == 0:
            yield from _without_member(split, listed, {}, MaskVerdict("unreadable", "damaged_archive", str(error)))


def _check_members(
    archive: ZipFile, split: MaskSplit, listed: ListedMasks, rules: MaskRules, outcome: MaskOutcome
) -> Iterator[Row]:
    members = file_members(archive)
    firsts = {base_name(members[n]): n for n in range(len(members) - 1, -1, -1)}
    if split.part == 0:
        yield from _without_member(split, listed, firsts, MaskVerdict(MISSING, "not_in_archive"))
    for n in share_places(len(members), split.part, split.parts):
        member, name = members[n], base_name(members[n])
        outcome.members += 1
        outcome.bytes += member.file_size
        masks = listed.named(name) if firsts[name] == n else []
        if not masks:
            reason = "unlisted" if firsts[name] == n else "repeated"
            extra = {**dict.fromkeys(ROW_COLUMNS), "mask_path": member.filename}
            yield _check_row(split, extra, MaskVerdict(EXTRA, reason, None, member.file_size))
            continue
        verdicts = _judge_member(archive, member, [mask.box for mask in masks], rules)
        for mask, verdict in zip(masks, verdicts, strict=True):
            yield _check_row(split, mask.columns, verdict)


def base_name(member: ZipInfo) -> str:
    """The name of a member without the folders in the zip."""
    return member.filename.rpartition("/")[2]


def share_places(count: int, part: int, parts: int) -> range:
    """The places of one share of `count` neighbours: shares are even, and each place is in one."""
    return range(count * part // parts, count * (part + 1) // parts)


def _without_member(
    split: MaskSplit, listed: ListedMasks, members: Mapping[str, int], verdict: MaskVerdict
) -> Iterator[Row]:
    """The rows that none of the members is named after."""
    for mask in listed.without(members):
        yield _check_row(split, mask.columns, verdict)


def _judge_member(
    archive: ZipFile, member: ZipInfo, boxes: Sequence[MaskBox], rules: MaskRules
) -> Iterator[MaskVerdict]:
    """What is held of the member beside the box of each row that names it."""
    try:
        facts = read_mask(read_member(archive, member, rules.max_bytes), rules)
    except (DamagedMemberError, DamagedMaskError) as error:
        yield from [MaskVerdict("unreadable", error.reason, str(error), member.file_size)] * len(boxes)
        return
    for box in boxes:
        is_inside = facts.lies_inside(box, rules.box_tolerance)
        status = "blank" if is_inside is None else VERIFIED if is_inside else "outside_box"
        yield MaskVerdict(status, None, None, member.file_size, facts)


def _check_row(split: MaskSplit, columns: Row, verdict: MaskVerdict) -> Row:
    facts = verdict.facts
    edges = dict(zip(EDGES, facts.extent, strict=True)) if facts and facts.extent else dict.fromkeys(EDGES)
    return {
        **columns,
        **edges,
        "archive": split.archive,
        "status": verdict.status,
        "reason": verdict.reason,
        "note": verdict.note,
        "bytes": verdict.bytes,
        "width": facts.width if facts else None,
        "height": facts.height if facts else None,
        "foreground_share": facts.share if facts else None,
        "is_inside_box": verdict.status == VERIFIED if facts and facts.extent else None,
    }
