"""What became of masks: how many have which status, and the first few that are not as they should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from oilake.jobs.blobs.shown_names import keep_names, name_lines
from oilake.jobs.tables.staging import StagedFile

VERIFIED, EXTRA, MISSING = "verified", "extra", "missing"
BAD = ("missing", "unreadable", "blank", "outside_box", "extra")


@dataclass
class MaskOutcome:
    """Some masks. `statuses`, `reasons`: rows of `mask_checks`; `shown`: by status, a few names; `members`, `bytes`: of the
    zips' files, as their directories tell."""

    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    shown: dict[str, list[str]] = field(default_factory=dict)
    members: int = 0
    bytes: int = 0
    staged: list[StagedFile] = field(default_factory=list)

    def count_mask(self, status: str, reason: str | None, name: str) -> None:
        """Counts one row; its name is kept where it is one of the first of a bad status."""
        self.statuses[status] += 1
        if reason:
            self.reasons[reason] += 1
        if status in BAD:
            keep_names(self.shown, status, [f"{name} ({reason})" if reason else name])

    def add(self, other: MaskOutcome) -> None:
        """Takes the other's counts."""
        self.statuses.update(other.statuses)
        self.reasons.update(other.reasons)
        for status, names in other.shown.items():
            keep_names(self.shown, status, names)
        self.members += other.members
        self.bytes += other.bytes
        self.staged += other.staged


@dataclass
class SubsetChecks:
    """The published rows of one subset. `digest`: of what they were made from; `zips`: how many of them were there."""

    digest: str
    zips: int
    members: int
    bytes: int
    statuses: dict[str, int]
    reasons: dict[str, int]


@dataclass
class MaskVerification:
    """What `mask_checks` holds of a release. `checked`: the subsets that were looked at now, the others stand as they were;
    `shown`: by status, a few of the names that are bad; `seconds` of the work, `start_seconds` of Spark's start."""

    release: str
    landing: str
    changed: bool
    subsets: dict[str, SubsetChecks]
    checked: tuple[str, ...] = ()
    shown: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0
    start_seconds: float = 0.0

    @property
    def statuses(self) -> Counter[str]:
        """Rows by status, of all subsets."""
        return _sum_counts(checks.statuses for checks in self.subsets.values())

    @property
    def bad(self) -> dict[str, int]:
        """The statuses that break a promise, and how many masks have them."""
        return {status: self.statuses[status] for status in BAD if self.statuses[status]}

    def as_json(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {**asdict(self), "statuses": dict(self.statuses)}

    def as_text(self) -> str:
        """The counts for a person."""
        every = self.subsets.values()
        listed = sum(self.statuses.values()) - self.statuses[EXTRA]
        zips, members = sum(checks.zips for checks in every), sum(checks.members for checks in every)
        megabytes = sum(checks.bytes for checks in every) / 1e6
        lines = [
            f"{self.release}: {listed:,} masks of {', '.join(self.subsets)}, {members:,} PNGs ({megabytes:,.1f} MB) in "
            f"{zips} zips at {self.landing}"
        ]
        if self.changed:
            lines.append(f"looked at {', '.join(self.checked) or 'nothing anew'} in {self.seconds:.1f} s")
        counted = [(status, self.statuses[status]) for status in (VERIFIED, *BAD) if self.statuses[status]]
        lines += [f"  {status:<12}{count:>12,}" for status, count in counted]
        reasons = _sum_counts(checks.reasons for checks in every)
        if reasons:
            lines.append("reasons: " + ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items())))
        lines += name_lines(self.shown, self.statuses)
        return "\n".join(lines if self.changed else [*lines, "nothing changed since the last check"])

    def failure(self) -> str:
        """One sentence about what is bad."""
        counts = ", ".join(f"{status} {count:,}" for status, count in self.bad.items())
        return (
            f"{self.release}: {sum(self.bad.values()):,} masks are not as the table masks promises ({counts}); `oilake show "
            f"mask_checks --release {self.release} --where \"status <> 'verified'\"` lists them"
        )


def _sum_counts(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total
