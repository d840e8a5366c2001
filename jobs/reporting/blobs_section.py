"""What the report says about image bytes: what became of a download, and what checks of blobs found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from oilake.jobs.blobs.blob_status import BAD, STATUSES
from oilake.jobs.downloading.outcome import DOWNLOADED
from oilake.jobs.downloading.summary import DownloadSummary
from oilake.jobs.verifying.summary import Verification


class StatusRow(NamedTuple):
    """How many images have one status, and whether that is worse than it should be."""

    status: str
    images: int
    is_bad: bool


class LocationCheck(NamedTuple):
    """The check of one location, and its blobs by status."""

    verification: Verification
    rows: list[StatusRow]


class BlobsSection(NamedTuple):
    """All that is said of image bytes; nothing where no images were asked for."""

    download: DownloadSummary | None
    download_rows: list[StatusRow]
    checks: list[LocationCheck]


def blobs_section(download: DownloadSummary | None, verifications: Sequence[Verification]) -> BlobsSection:
    """Return what `templates/blobs_section.html` shows."""
    statuses = download.statuses if download else {}
    return BlobsSection(
        download,
        _status_rows(statuses, [status for status in statuses if status != DOWNLOADED]),
        [LocationCheck(verification, _check_rows(verification)) for verification in verifications],
    )


def _check_rows(verification: Verification) -> list[StatusRow]:
    present = [status for status in STATUSES if verification.statuses.get(status)]
    return _status_rows({status: verification.statuses[status] for status in present}, BAD)


def _status_rows(statuses: Mapping[str, int], bad: Sequence[str]) -> list[StatusRow]:
    return [StatusRow(status, images, status in bad) for status, images in statuses.items()]
