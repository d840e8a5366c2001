"""Class lists, descriptions and the hierarchy of a release: small enough to be read and staged by the driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from oilake.conf import hierarchy_names
from oilake.conf.registry import Expected
from oilake.jobs.ingesting import repairs
from oilake.jobs.ingesting.chunk_kernel import Context, Report, quarantine_rows
from oilake.jobs.sources import class_lists
from oilake.jobs.sources.csv_parser import BadRecord
from oilake.jobs.sources.splits import Split
from oilake.jobs.tables.staging import StagedFile, stage
from oilake.jobs.transforms import classes, hierarchy, mids
from oilake.jobs.transforms.normalized_batch import Normalized
from oilake.jobs.validation import row_filter
from oilake.schemas import loader as schemas


@dataclass
class Found:
    """What the small files held: display names by MID, the lists by name, and the hierarchy's document."""

    names: dict[str, str | None] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    document: dict[str, object] | None = None
    reports: list[Report] = field(default_factory=list)


def ingest(splits: list[Split], context: Context) -> tuple[list[Report], list[StagedFile]]:
    """(a report a member, the staged files of `classes`, `hierarchy`, `quarantine` and `repairs`)."""
    found = Found()
    for split in splits:
        wanted = context.wanted[split.file]
        for expected, data in class_lists.contents(split.file, split.uri, split.kind, wanted):
            _read(split.file, expected, data, context, found)
    staged = [file for report in found.reports for file in report.beside()]
    partition = {"release": context.release.release}
    table = classes.join(found.names, found.lists)
    for name, rows in (("classes", table), ("hierarchy", _nodes(found, table))):
        if rows is not None and len(rows):
            staged.append(stage(context.warehouse, schemas.load(name), partition, context.run_id, rows))
    return found.reports, staged


def _nodes(found: Found, table: pa.Table) -> pa.Table | None:
    if found.document is None:
        return None
    rows = hierarchy.nodes(found.document, classes.boxable_by_name(table), hierarchy_names.load())
    report = next(report for report in found.reports if report.table == "hierarchy")
    report.read = report.kept = len(rows)
    return rows


def _read(file: str, expected: Expected, data: bytes, context: Context, found: Found) -> None:
    member = expected.member
    report = Report(file, expected.path, member.table, len(found.reports))
    found.reports.append(report)
    if member.format == "hierarchy":
        found.document = class_lists.hierarchy(data, f"{file}: {expected.path}")
        return
    rows, bad = class_lists.rows(data, member.format, context.field_limit)
    good, refused = _split(rows, report, context)
    if member.format == "descriptions":
        found.names.update(good)
    else:
        found.lists[member.list or ""] = [mid for mid, _ in good]
    report.read, report.kept = len(rows) + len(bad), len(good)
    report.broken.update(reason for record in bad for reason in record.reasons)
    _quarantine([*bad, *refused], report, context)


def _split(
    rows: list[class_lists.ListRow], report: Report, context: Context
) -> tuple[list[tuple[str, str | None]], list[BadRecord]]:
    """(MID and display name of each good row, the others); of rows with one MID the first is the good one."""
    normalized = Normalized({})
    published = pa.array([row.mid for row in rows], pa.string())
    values, repaired = mids.normalize(published)
    normalized.add_repaired("mid", values, repaired)
    promised = [e for e in row_filter.expectations("classes") if e.kwargs.get("column") == "mid"]
    judged = row_filter.judge(normalized, promised)
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
    _list_repairs(repairs.of_kept({"mid": published}, normalized, is_good), rows, report, context)
    refused = [BadRecord(rows[n].line, rows[n].raw, tuple(reasons[n])) for n in np.array(places, int).tolist()]
    return list(good.items()), refused


def _list_repairs(found: pa.Table, rows: list[class_lists.ListRow], report: Report, context: Context) -> None:
    if not len(found):
        return
    report.mids_repaired = len(found)
    lines = [rows[n].line for n in found["row"].to_pylist()]
    listed = repairs.of_member(found, lines, report.table, report.file, report.member)
    partition = {"release": context.release.release}
    report.repairs = stage(context.warehouse, schemas.load("repairs"), partition, context.run_id, listed)


def _quarantine(bad: list[BadRecord], report: Report, context: Context) -> None:
    for record in bad:
        for reason in record.reasons:
            report.reasons[reason] = report.reasons.get(reason, 0) + 1
    if bad:
        rows = quarantine_rows(sorted(bad, key=lambda r: r.line), report.table, report.file, report.member)
        partition = {"release": context.release.release}
        report.quarantined = stage(context.warehouse, schemas.load("quarantine"), partition, context.run_id, rows)


def is_small(expected: Mapping[str, Expected]) -> bool:
    """Whether a file holds nothing but small members."""
    return all(e.member.format != "csv" for e in expected.values())
