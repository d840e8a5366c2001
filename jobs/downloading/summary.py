"""What one run of the download did, for a person and as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from oilake.jobs.downloading.outcome import DOWNLOADED


@dataclass
class DownloadSummary:
    """One run. `statuses`: images by what became of them, and in `reasons` the first error of each that failed; `present`:
    there before, `other` of them of another source or size; `found`: downloaded ones that an interrupted run had finished;
    `bytes`: what was brought."""

    release: str
    location: str
    images: int = 0
    present: int = 0
    other: int = 0
    found: int = 0
    bytes: int = 0
    seconds: float = 0.0
    start_seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def as_text(self) -> str:
        """The outcome in a few lines for a person."""
        came = self.statuses.get(DOWNLOADED, 0)
        bad = ", ".join(f"{count:,} {status}" for status, count in self.statuses.items() if status != DOWNLOADED)
        rate = (sum(self.statuses.values()) - self.found) / self.seconds if self.seconds else 0.0
        lines = [
            f"{self.release}: {self.images:,} images: {came:,} downloaded, {self.present:,} there already"
            + (f"; {bad}" if bad else "")
        ]
        lines += [f"  {status}: {reason}" for status, reason in self.reasons.items()]
        if self.found:
            lines.append(f"{self.found:,} of the downloaded ones were found whole: an interrupted run had brought them")
        if self.other:
            lines.append(f"{self.other:,} are there from another source or in another size, and were left as they are")
        lines.append(
            f"{self.location}: {self.bytes / 1e6:,.1f} MB in {self.seconds:.1f} s, {rate:,.0f} images/s, "
            f"and {self.start_seconds:.1f} s for Spark's start"
        )
        return "\n".join(lines)
