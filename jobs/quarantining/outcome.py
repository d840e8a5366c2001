"""What became of a release's quarantine, for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from oilake.jobs.quarantining.records import (
    MovedRows,
)


@dataclass
class ReprocessOutcome:
    """One release. `released`: rows by table and by the reason they had been kept for (a row may have several); `moved`:
    rows by table; `reworded`: rows that stay with other reasons; `unjudged`: rows, by table, that only an ingest reads;
    `unlisted`: released images of a release with lists of images, which only an ingest reads."""

    release: str
    warehouse: str
    changed: bool
    judged: int
    moved: dict[str, int] = field(default_factory=dict)
    released: dict[str, dict[str, int]] = field(default_factory=dict)
    reworded: int = 0
    unjudged: dict[str, int] = field(default_factory=dict)
    unlisted: int = 0
    run_id: str | None = None
    seconds: float = 0.0
    start_seconds: float = 0.0

    def as_text(self) -> str:
        """The outcome as a few lines for a person."""
        moved = sum(self.moved.values())
        lines = [f"{self.release}: {self.judged:,} quarantined rows judged again, {moved:,} released"]
        for table, reasons in sorted(self.released.items()):
            reason_counts = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items()))
            lines.append(f"{table}: {self.moved[table]:,} rows had been kept back for {reason_counts}")
        if self.reworded:
            lines.append(f"{self.reworded:,} rows stay for other reasons than before")
        if self.unlisted:
            lines.append(
                f"images: which lists the {self.unlisted:,} released rows stand in (is_boxable, has_human_labels) is NULL "
                f"until `oilake ingest --release {self.release} --force`"
            )
        lines += [_unjudged_line(self.release, table, count) for table, count in sorted(self.unjudged.items())]
        return "\n".join([*lines, self._closing_line()])

    def _closing_line(self) -> str:
        if not self.changed:
            return (
                f"nothing to release: every row stays, for the reasons it had; nothing was written in {self.warehouse}"
            )
        return (
            f"published in {self.warehouse} by run {self.run_id}: {self.seconds:.1f} s, and {self.start_seconds:.1f} s "
            f"for Spark's start; what was made from {self.release} is withdrawn: make it again"
        )


def _unjudged_line(release: str, table: str, count: int) -> str:
    return (
        f"{table}: {count:,} rows stay unjudged, since its files make sense only as a whole; "
        f"`oilake ingest --release {release} --force` reads them again"
    )


def moved_by_table(moved_files: Sequence[MovedRows]) -> dict[str, int]:
    return dict(sorted(sum((moved.rows for moved in moved_files), Counter[str]()).items()))


def reasons_by_table(moved_files: Sequence[MovedRows]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for (table, reason), count in sorted(sum((m.reasons for m in moved_files), Counter[tuple[str, str]]()).items()):
        total.setdefault(table, {})[reason] = count
    return total
