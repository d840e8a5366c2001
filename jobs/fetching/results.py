"""What became of each file."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

FetchStatus = Literal["fetched", "resumed", "present", "absent", "failed"]


@dataclass(frozen=True)
class FetchResult:
    """One file: size in bytes, SHA-256 (hex; None where unknown), tries, seconds, and the sentence of a failure.

    `absent`: the source has it not, and nobody is known to have it.
    """

    file: str
    url: str
    bytes: int | None
    sha256: str | None
    status: FetchStatus
    tries: int = 0
    seconds: float = 0.0
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The result with its seconds rounded."""
        return {**dataclasses.asdict(self), "seconds": round(self.seconds, 3)}


def result_line(result: FetchResult) -> str:
    """One result as one line."""
    if result.bytes is None:
        return f"{result.file}: failed: {result.error}"
    return f"{result.file}: {result.status}, {result.bytes:,} bytes in {result.seconds:.1f} s"


def summary_line(results: list[FetchResult], release: str) -> str:
    """All results as one line."""
    counts = Counter(result.status for result in results)
    counts_text = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    return f"{release}: {counts_text}; {sum(result.bytes or 0 for result in results):,} bytes"


def failure_sentence(results: list[FetchResult]) -> str | None:
    """One sentence about all files that failed: names, an address, what happened, and what to do; None where none did."""
    failed: dict[str, list[FetchResult]] = {}
    for result in results:
        if result.status == "failed":
            failed.setdefault(result.error or "", []).append(result)
    if not failed:
        return None
    failure_texts = [
        f"{', '.join(result_of_file.file for result_of_file in alike_results)} from {alike_results[0].url}: {error}"
        for error, alike_results in failed.items()
    ]
    remedy = "mend what is named, then run the same command again, it goes on where it stopped"
    return f"not fetched: {'; '.join(failure_texts)}; {remedy}"
