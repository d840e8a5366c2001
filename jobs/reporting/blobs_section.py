"""The report's chapter on image bytes: what became of a download, and what checks of blobs found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from jobs.blobs.judging import BAD, STATUSES
from jobs.downloading.brought import Brought
from jobs.downloading.outcome import DOWNLOADED
from jobs.verifying.verification import Verification


def chapter(brought: Brought | None, checks: Sequence[Verification]) -> str:
    """The chapter as HTML; nothing where no images were asked for."""
    told = _download(brought) if brought else ""
    told += "".join(map(_check, checks))
    return f"<h2>Are the images what the release says</h2>{told}" if told else ""


def _download(brought: Brought) -> str:
    bad = [status for status in brought.statuses if status != DOWNLOADED]
    there = f", and {brought.present:,} were there already" if brought.present else ""
    return (
        f"<h3>Downloaded to <code>{escape(brought.location)}</code></h3><p>{brought.images:,} images of "
        f"{escape(brought.release)} were wanted{there}.</p>{_counts(brought.statuses, bad)}"
    )


def _check(found: Verification) -> str:
    counts = {status: found.statuses[status] for status in STATUSES if found.statuses.get(status)}
    shown = "".join(f"<li>{escape(status)}: {escape(', '.join(keys))}</li>" for status, keys in found.shown.items())
    return (
        f"<h3>Checked at <code>{escape(found.location)}</code></h3><p>{found.blobs:,} blobs of "
        f"{escape(found.release)}, {found.expected:,} images expected; method {found.method}.</p>"
        f"{_counts(counts, BAD)}" + (f"<p>Such as:</p><ul>{shown}</ul>" if shown else "")
    )


def _counts(counts: Mapping[str, int], bad: Sequence[str]) -> str:
    rows = "".join(
        f"<tr><td class='name'>{escape(status)}</td><td{' class=bad' * (status in bad)}>{count:,}</td></tr>"
        for status, count in counts.items()
    )
    return f"<table><tr><th>status</th><th>images</th></tr>{rows}</table>" if rows else ""
