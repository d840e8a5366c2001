"""What verify tells: how many blobs have which status, and the first few that are not as they should be."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from oilake.jobs.blobs.blob_status import BAD, STATUSES
from oilake.jobs.blobs.shown_names import name_lines
from oilake.jobs.downloading.summary import DownloadSummary


@dataclass
class Verification:
    """One location. `expected_from`: which images should have a blob there; `passed_over`: blobs that were not asked for.

    `blobs`, `bytes`: of the listing, without those passed over; `read`, `read_bytes`: looked at anew, and hashed.
    `statuses`: rows of `blob_checks` by status, with the `carried` ones, which stand from earlier checks of other images at
    this place. `shown`: by status, a few keys.
    `repair`: the download of what an earlier check found to be bad; then this is the check after it.
    """

    release: str
    location: str
    method: str
    expected: int
    expected_from: str
    changed: bool = True
    blobs: int = 0
    bytes: int = 0
    read: int = 0
    read_bytes: int = 0
    passed_over: int = 0
    carried: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    shown: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0
    start_seconds: float = 0.0
    repair: DownloadSummary | None = None

    @property
    def bad(self) -> dict[str, int]:
        """The statuses that break a promise, and how many blobs have them."""
        return {status: self.statuses[status] for status in BAD if self.statuses.get(status)}

    def as_json(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return asdict(self)

    def as_text(self) -> str:
        """The counts for a person."""
        speed = f", {self.read_bytes / 1e6 / self.seconds:,.0f} MB/s" if self.read_bytes and self.seconds else ""
        again = self.blobs - self.read
        lines = ["repair: " + line for line in self.repair.as_text().splitlines()] if self.repair else []
        lines += [
            f"{self.release}: {self.blobs:,} blobs ({self.bytes / 1e6:,.1f} MB) at {self.location}",
            f"expected: {self.expected:,} images ({self.expected_from})",
            f"method {self.method}: {self.read:,} looked at in {self.seconds:.1f} s{speed}; "
            f"{again:,} needed no look (known from before, or of no image)",
        ]
        if self.passed_over:
            lines.append(f"{self.passed_over:,} blobs were not asked for and passed over")
        if self.carried:
            lines.append(f"with {self.carried:,} rows of earlier checks of other images at this place:")
        counted = [(status, self.statuses[status]) for status in STATUSES if self.statuses.get(status)]
        lines += [f"  {status:<15}{count:>12,}" for status, count in counted]
        lines += name_lines(self.shown, self.statuses)
        if not self.changed:
            lines.append("nothing changed since the last check")
        return "\n".join(lines)

    def failure(self) -> str:
        """One sentence about what is bad."""
        counts = ", ".join(f"{status} {count:,}" for status, count in self.bad.items())
        where = f"status in ({', '.join(repr(status) for status in self.bad)})"
        return (
            f"{self.location}: {sum(self.bad.values()):,} blobs are not what {self.release} promises ({counts}); "
            f'`oilake show blob_checks --release {self.release} --where "{where}"` lists them'
        )
