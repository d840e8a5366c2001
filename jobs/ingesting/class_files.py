"""Class lists, descriptions and the hierarchy of a release: small enough to be read and staged by the driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from oilake.conf import hierarchy_names
from oilake.conf.registry import ExpectedMember
from oilake.jobs.ingesting import repairs
from oilake.jobs.ingesting.chunk_kernel import ChunkReport, IngestContext, quarantine_rows
from oilake.jobs.sources import class_lists
from oilake.jobs.sources.csv_parser import BadRecord
from oilake.jobs.sources.splits import Split
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.transforms import classes, hierarchy, mids
from oilake.jobs.transforms.normalized_batch import NormalizedBatch
from oilake.jobs.validation import row_filter
from oilake.schemas import loader as schemas


@dataclass
class ClassFileContents:
    """What the small files held: display names by MID, the lists by name, and the hierarchy's document.

    `list_names`: those of a list that describes its classes too; where the descriptions name a class otherwise, they hold.
    """

    names: dict[str, str | None] = field(default_factory=dict)
    list_names: dict[str, str | None] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    document: dict[str, object] | None = None
    reports: list[ChunkReport] = field(default_factory=list)


def ingest_class_files(splits: list[Split], context: IngestContext) -> tuple[list[ChunkReport], list[StagedFile]]:
    """(a report a member, the staged files of `classes`, `hierarchy`, `quarantine` and `repairs`)."""
    contents = ClassFileContents()
    for split in splits:
        members = context.wanted[split.file]
        for expected, data in class_lists.read_contents(split.file, split.uri, split.kind, members):
            _read_member(split.file, expected, data, context, contents)
    staged = [file for report in contents.reports for file in report.beside()]
    partition = {"release": context.release.release}
    table = classes.join_lists({**contents.list_names, **contents.names}, contents.lists)
    for name, rows in (("classes", table), ("hierarchy", _hierarchy_rows(contents, table))):
        if rows is not None and len(rows):
            staged.append(stage_rows(context.warehouse, schemas.table_schema(name), partition, context.run_id, rows))
    return contents.reports, staged


def _hierarchy_rows(contents: ClassFileContents, table: pa.Table) -> pa.Table | None:
    if contents.document is None:
        return None
    rows = hierarchy.hierarchy_rows(contents.document, table, hierarchy_names.load_reviewed_names())
    report = next(report for report in contents.reports if report.table == "hierarchy")
    report.read = report.kept = len(rows)
    return rows


def _read_member(
    file: str, expected: ExpectedMember, data: bytes, context: IngestContext, contents: ClassFileContents
) -> None:
    member = expected.member
    report = ChunkReport(file, expected.path, member.table, len(contents.reports))
    contents.reports.append(report)
    if member.format == "hierarchy":
        contents.document = class_lists.parse_hierarchy(data, f"{file}: {expected.path}")
        return
    where = f"{file}: {expected.path}"
    header = member.header or "either"
    rows, bad, report.header = class_lists.parse_list(data, member.format, context.field_limit, where, header)
    good, refused = _separate_rows(rows, report, context)
    if member.format == "descriptions":
        (contents.list_names if member.list else contents.names).update(good)
    if member.list:
        contents.lists[member.list] = [mid for mid, _ in good]
    report.read, report.kept = len(rows) + len(bad), len(good)
    report.broken.update(reason for record in bad for reason in record.reasons)
    _stage_quarantine([*bad, *refused], report, context)


def _separate_rows(
    rows: list[class_lists.ListRow], report: ChunkReport, context: IngestContext
) -> tuple[list[tuple[str, str | None]], list[BadRecord]]:
    """(MID and display name of each good row, the others); of rows with one MID the first is the good one."""
    normalized = NormalizedBatch({})
    published = pa.array([row.mid for row in rows], pa.string())
    values, repaired = mids.normalize(published)
    normalized.add_repaired("mid", values, repaired)
    promised = [e for e in row_filter.filter_expectations("classes") if e.kwargs.get("column") == "mid"]
    judged = row_filter.filter_rows(normalized, promised)
    reasons = judged.reasons
    report.broken.update(judged.broken)
    good: dict[str, str | None] = {}
    for n, (row, mid) in enumerate(zip(rows, values.to_pylist(), strict=True)):
        if n not in reasons and mid in good:
            reasons[n] = ["duplicate_mid"]
            report.broken[row_filter.KEY] += 1
        elif n not in reasons:
            good[mid] = row.display_name
    places = sorted(reasons)
    is_good = np.isin(np.arange(len(rows)), places, invert=True)
    _list_repairs(repairs.find_repairs({"mid": published}, normalized, is_good), rows, report, context)
    refused = [BadRecord(rows[n].line, rows[n].raw, tuple(reasons[n])) for n in np.array(places, int).tolist()]
    return list(good.items()), refused


def _list_repairs(
    repaired: pa.Table, rows: list[class_lists.ListRow], report: ChunkReport, context: IngestContext
) -> None:
    if not len(repaired):
        return
    report.mids_repaired = len(repaired)
    lines = [rows[n].line for n in repaired["row"].to_pylist()]
    listed = repairs.repair_rows(repaired, lines, report.table, report.file, report.member)
    partition = {"release": context.release.release}
    report.repairs = stage_rows(context.warehouse, schemas.table_schema("repairs"), partition, context.run_id, listed)


def _stage_quarantine(bad: list[BadRecord], report: ChunkReport, context: IngestContext) -> None:
    for record in bad:
        for reason in record.reasons:
            report.reasons[reason] = report.reasons.get(reason, 0) + 1
    if bad:
        rows = quarantine_rows(sorted(bad, key=lambda r: r.line), report.table, report.file, report.member)
        partition = {"release": context.release.release}
        report.quarantined = stage_rows(
            context.warehouse, schemas.table_schema("quarantine"), partition, context.run_id, rows
        )


def is_small(expected: Mapping[str, ExpectedMember]) -> bool:
    """Whether a file holds nothing but small members: lists of classes and the hierarchy."""
    return all(e.member.table not in schemas.row_tables() for e in expected.values())
