"""What became of an image, and the rows of `downloads` that tell it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from oilake.jobs.blobs.attribution import COLUMNS
from oilake.jobs.downloading.request import DownloadRequest, blob_key
from oilake.jobs.transport.address_guard import without_secrets
from oilake.jobs.transport.source import FailureCause
from oilake.schemas import loader as schemas

DOWNLOADED = "downloaded"
LONGEST = 500
ANSWERS = {404: "not_found", 410: "gone", 429: "rate_limited", 408: "server_error"}
FAILURES = {"forbidden": "refused", "slow": "too_slow", "cut": "cut", "other": "error"}


@dataclass(frozen=True)
class ImageOutcome:
    """One image; see schemas/downloads.yaml for the columns."""

    status: str
    error: str | None = None
    url: str | None = None
    http_code: int | None = None
    bytes: int | None = None
    md5: str | None = None
    is_resized: bool = False
    tries: int = 0
    seconds: float = 0.0


def failed_outcome(
    status: str, sentence: str, tries: int, seconds: float, url: str | None = None, code: int | None = None
) -> ImageOutcome:
    """An image that did not come."""
    return ImageOutcome(status, sentence, url, code, tries=tries, seconds=seconds)


def failure_status(cause: FailureCause) -> str:
    """The status of the closed list for what the last try met."""
    if cause.failure != "answer" or cause.code is None:
        return FAILURES.get(cause.failure, "error")
    return ANSWERS.get(cause.code, "server_error" if cause.code >= 500 else "refused")


def downloads_columns() -> dict[str, pa.DataType]:
    """Name and type of all columns of `downloads`, the partition's too."""
    return {column.name: schemas.arrow_type(column) for column in schemas.table_schema("downloads").columns}


def downloads_rows(outcomes: Sequence[tuple[Mapping[str, Any], ImageOutcome]], order: DownloadRequest) -> pa.Table:
    """(image, outcome) pairs as rows of `downloads`, with the columns of the attribution beside them."""
    now = datetime.datetime.now(datetime.timezone.utc)
    shared: dict[str, Any] = {"release": order.release, "location": order.location, "source": order.source}
    shared |= {"run_id": order.run_id, "downloaded_at": now}
    rows = [
        shared | vars(image_outcome) | _described_columns(image, image_outcome, order)
        for image, image_outcome in outcomes
    ]
    data = {name: pa.array([row[name] for row in rows], kind) for name, kind in downloads_columns().items()}
    beside = {name: pa.array([image[name] for image, _ in outcomes], pa.string()) for name in COLUMNS}
    return pa.table({**data, **beside})


def _described_columns(image: Mapping[str, Any], image_outcome: ImageOutcome, order: DownloadRequest) -> dict[str, Any]:
    return {
        "subset": image["subset"],
        "image_id": image["image_id"],
        "key": blob_key(image, order.resize),
        "url": without_secrets(image_outcome.url) if image_outcome.url else None,
        "error": image_outcome.error[:LONGEST] if image_outcome.error else None,
    }
