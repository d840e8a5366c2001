"""What is published of a release: rows by subset and kind, kept, quarantined and repaired, read back from the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from oilake.conf.registry import Release, expected_members
from oilake.jobs.ingesting.chunk_kernel import ChunkReport
from oilake.jobs.tables.held_parts import held_parts, parts_text
from oilake.jobs.tables.slice_files import rows_by_partition, small_rows
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas.loader import published_tables

COUNTS = ["rows_read", "rows_kept", "rows_quarantined", "image_ids_repaired", "mids_repaired"]


def row_kinds() -> tuple[str, ...]:
    """Name the kinds of rows that releases have, in the order of the tables."""
    return tuple(kind for table in published_tables() for kind in table.kind_names())


def count_columns() -> tuple[str, ...]:
    """Name the counts that a summary has of a subset: rows by kind, and what became of those that were read."""
    return (*row_kinds(), "kept", "quarantined")


@dataclass
class Summary:
    """One release. `rows`: subset ("all" for tables without one) -> kind -> rows; `changed`: whether this run did it.

    `seconds`: the work, checksums and the making of tables included; `start_seconds`: Spark's start beside it.
    """

    release: str
    title: str
    warehouse: str
    status: str
    changed: bool
    rows: dict[str, dict[str, int]]
    totals: dict[str, int]
    reasons: dict[str, int]
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    start_seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The summary as plain data."""
        return asdict(self)

    def as_text(self) -> str:
        """The summary as a few lines for a person."""
        lines = [f"warning: {warning}" for warning in self.warnings]
        lines += table_lines([self])
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.items())
        lines.append(
            f"{self.release}: {self.totals['rows_read']:,} rows read, {self.totals['rows_kept']:,} kept, "
            f"{self.totals['rows_quarantined']:,} quarantined" + (f" ({reasons})" if reasons else "")
        )
        if self.totals["image_ids_repaired"] or self.totals["mids_repaired"]:
            lines.append(
                f"repaired: {self.totals['image_ids_repaired']:,} image IDs, {self.totals['mids_repaired']:,} MIDs; "
                "`oilake show repairs` lists them"
            )
        lines.append(self._outcome_line())
        return "\n".join(lines)

    def _outcome_line(self) -> str:
        if not self.changed:
            return f"nothing changed since it was published ({self.status}) in {self.warehouse}; --force redoes it"
        return (
            f"published ({self.status}) in {self.warehouse}: {self.seconds:.1f} s, "
            f"and {self.start_seconds:.1f} s for Spark's start"
        )


def summarize_release(
    release: Release, warehouse: Warehouse, pin: Snapshot, reports: Sequence[ChunkReport] | None = None
) -> Summary:
    """The summary of a published release; `reports` are those of the run that published it just now, if one did."""
    files = small_rows(warehouse, "release_files", pin)
    totals = {name: sum(row[name] for row in files) for name in COUNTS}
    reasons: Counter[str] = Counter()
    for row in small_rows(warehouse, "quarantine", pin, ["reasons"]):
        reasons.update(row["reasons"])
    return Summary(
        release.release,
        release.title,
        warehouse.uri,
        pin.status,
        reports is not None,
        _rows_by_subset(release, warehouse, pin, files),
        totals,
        dict(sorted(reasons.items())),
        [*_partial_warnings(pin, files), *_read_warnings(reports or []), *_list_warnings(files)],
    )


def _rows_by_subset(
    release: Release, warehouse: Warehouse, pin: Snapshot, files: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, int]]:
    rows: dict[str, Counter[str]] = {subset: Counter() for subset in (*release.subsets, "all")}
    for table in published_tables():
        for partition, count in (
            rows_by_partition(warehouse, table.table, pin) if table.table in pin.table_versions else ()
        ):
            kind = next((partition[name] for name in table.row_partition()), table.table)
            rows[partition.get("subset", "all")][kind] += count
    subsets = {(file.name, e.path): e.subset for file in release.files for e in expected_members(release, file)}
    for row in files:
        counts = rows[subsets.get((row["file"], row["member"])) or "all"]
        counts.update(kept=row["rows_kept"], quarantined=row["rows_quarantined"])
    return {subset: dict(counts) for subset, counts in rows.items() if counts}


def _partial_warnings(pin: Snapshot, files: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"the release is partial: it holds {parts_text(held_parts(files))}"] if pin.status == "partial" else []


def _list_warnings(files: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{row['file']}: {row['member']}: lists {row['images_unmatched']:,} images of which images has no row"
        for row in files
        if row.get("images_unmatched")
    ]


def _read_warnings(reports: Sequence[ChunkReport]) -> list[str]:
    totals: Counter[tuple[str, str]] = Counter()
    headed = {(report.file, report.member) for report in reports if report.header is not None}
    extra: dict[tuple[str, str], dict[str, None]] = {}
    for report in reports:
        totals[report.file, report.member] += report.read
        extra.setdefault((report.file, report.member), {}).update(dict.fromkeys(report.extra_columns))
    messages = [
        f"{file if member == file else f'{file}: {member}'}: unknown columns were left out: {', '.join(names)}"
        for (file, member), names in extra.items()
        if names
    ]
    messages += [
        f"{key[0]}: {key[1]}: holds {'a header and ' if key in headed else ''}no row"
        for key, n in totals.items()
        if not n
    ]
    return sorted(messages)


def table_lines(summaries: Sequence[Summary]) -> list[str]:
    """A table for a terminal, one line a release and subset."""
    columns = [c for c in count_columns() if any(c in counts for s in summaries for counts in s.rows.values())]
    lines = ["release subset    " + "".join(f" {column}".rjust(13) for column in columns)]
    for summary in summaries:
        for subset, counts in summary.rows.items():
            cells = (f"{counts[column]:,}" if column in counts else "–" for column in columns)
            lines.append(
                f"{summary.release:<8}{subset:<10}"
                + "".join(cell.rjust(max(13, len(column) + 1)) for cell, column in zip(cells, columns, strict=True))
            )
    return lines
