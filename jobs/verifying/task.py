"""The kernel of verify: one share of a listing looked at, judged, and staged as rows of `blob_checks`."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from oilake.conf.errors import InputError
from oilake.conf.placeholders import Placeholders
from oilake.conf.settings import FetchSettings
from oilake.jobs.blobs import blob_status
from oilake.jobs.blobs.locations import Location
from oilake.jobs.blobs.reader import Method, inspect_blobs
from oilake.jobs.blobs.records import Blob, BlobFacts, ExpectedImage
from oilake.jobs.blobs.shown_names import keep_names
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.verifying import previous_checks
from oilake.jobs.verifying.previous_checks import Row
from oilake.quality import row_expectations
from oilake.quality import suites as quality
from oilake.schemas import loader as schemas

TABLE = "blob_checks"


class MatchedBlob(NamedTuple):
    """A blob and the image it is named after; `note`: why it is named after none, or what is odd about its place. `old`:
    its row, where that still holds."""

    blob: Blob
    image: ExpectedImage | None
    note: str | None = None
    old: Row | None = None

    @property
    def is_read(self) -> bool:
        """Whether it is to be looked at."""
        return self.image is not None and self.old is None


@dataclass(frozen=True)
class VerifyContext:
    """What every share of a run has in common."""

    warehouse: Warehouse
    release: str
    location: Location
    method: Method
    fetch: FetchSettings
    placeholders: Placeholders
    run_id: str

    @property
    def part(self) -> dict[str, str]:
        """The values of the partition that the run replaces."""
        return {"release": self.release, "location_id": self.location.id}


@dataclass
class VerifyOutcome:
    """What became of some blobs: how many have which status, the first few of each, and what was read anew.

    `bytes`: of all blobs. `unchanged`: rows that are as they were; `carried`: of these, what was not asked for this time.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    shown: dict[str, list[str]] = field(default_factory=dict)
    blobs: int = 0
    bytes: int = 0
    read: int = 0
    read_bytes: int = 0
    unchanged: int = 0
    carried: int = 0
    staged: list[StagedFile] = field(default_factory=list)

    def add(self, other: VerifyOutcome) -> None:
        """Takes the other's counts."""
        self.statuses.update(other.statuses)
        for status, keys in other.shown.items():
            keep_names(self.shown, status, keys)
        for name in ("blobs", "bytes", "read", "read_bytes", "unchanged"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.staged += other.staged


def check_blobs(share: Sequence[MatchedBlob], context: VerifyContext) -> Iterator[VerifyOutcome]:
    """One report of the share, its rows staged. InputError names an archive that is damaged."""
    read = [entry for entry in share if entry.is_read]
    pairs = [(entry.blob, entry.image.md5 if entry.image else None) for entry in read]
    looked = inspect_blobs(pairs, context.location, context.method, context.fetch, context.warehouse.storage)
    outcome = VerifyOutcome(blobs=len(share), bytes=sum(entry.blob.size for entry in share), read=len(read))
    rows = []
    for entry in share:
        facts = next(looked) if entry.is_read else _without_look(entry)
        outcome.read_bytes += (facts.size or 0) if entry.is_read and facts.method == "full" else 0
        rows.append(date_row(_check_row(entry, facts, context), entry.old, context, outcome))
    yield stage_sorted_rows(rows, context, outcome)


def _without_look(entry: MatchedBlob) -> BlobFacts:
    """A folder that cannot be listed is told as such; what else is of no image is not even opened."""
    if entry.old and entry.image:
        return previous_checks.facts_from_row(entry.old)
    is_folder = entry.blob.key.endswith("/")
    return BlobFacts(
        "listing", None if is_folder else entry.blob.size, problem=entry.blob.problem if is_folder else None
    )


def _check_row(entry: MatchedBlob, facts: BlobFacts, context: VerifyContext) -> Row:
    image, status = entry.image, blob_status.decide_status(facts, entry.image, context.placeholders)
    return {
        **_expected_columns(image),
        "key": entry.blob.key,
        "status": status,
        "method": facts.method,
        "actual_size": facts.size,
        "actual_md5": facts.md5,
        "media_type": facts.media_type,
        "is_whole": facts.is_whole,
        "width": facts.width,
        "height": facts.height,
        "version": entry.blob.version,
        "note": facts.problem or entry.note or facts.note or (entry.old or {}).get("note"),
    }


def missing_row(image: ExpectedImage, key: str) -> Row:
    """The row of an image that has no blob."""
    absent = ("actual_size", "actual_md5", "media_type", "is_whole", "width", "height", "version")
    note = "its download found a placeholder" if image.was_placeholder else None
    listed = {"key": key, "status": "missing", "method": "listing", "note": note}
    return {**_expected_columns(image), **listed, **dict.fromkeys(absent)}


def _expected_columns(image: ExpectedImage | None) -> Row:
    names = {
        "image_id": "image_id",
        "subset": "subset",
        "origin": "origin",
        "size": "expected_size",
        "md5": "expected_md5",
    }
    return {column: getattr(image, name) if image else None for name, column in names.items()}


def date_row(row: Row, old: Row | None, context: VerifyContext, outcome: VerifyOutcome) -> Row:
    """The row with its run and time: those of `old` where nothing else is different. It is counted in `outcome`."""
    is_same = old is not None and all(old[name] == value for name, value in row.items())
    outcome.unchanged += is_same
    outcome.statuses[row["status"]] += 1
    if row["status"] in (*blob_status.BAD, "unexpected"):
        keep_names(outcome.shown, row["status"], [row["key"] + (f" ({row['note']})" if row["note"] else "")])
    if is_same and old:
        return {**row, "run_id": old["run_id"], "checked_at": old["checked_at"]}
    return {**row, "run_id": context.run_id, "checked_at": datetime.datetime.now(datetime.timezone.utc)}


def stage_sorted_rows(rows: list[Row], context: VerifyContext, outcome: VerifyOutcome) -> VerifyOutcome:
    """`outcome`, with the rows staged in the order of their keys."""
    if rows:
        schema = schemas.arrow_schema(schemas.table_schema(TABLE))
        rows.sort(key=lambda row: row["key"])
        location = context.location.uri
        data = {name: [location if name == "location" else row[name] for row in rows] for name in schema.names}
        outcome.staged.append(stage_table(pa.table(data, schema=schema), context))
    return outcome


def stage_table(rows: pa.Table, context: VerifyContext) -> StagedFile:
    """Rows of `blob_checks` as one staged file; InputError when they break a promise of the table's."""
    for expectation in quality.load_suite(TABLE).expectations:
        column: Any = expectation.kwargs.get("column")
        if column not in context.part and not (good := row_expectations.passing_rows(expectation.rule, rows)).all():
            key = rows["key"][int(np.argmin(good))]
            raise InputError(
                f"{context.location.uri}: what was seen of {key} breaks a promise ({expectation.description}); rename or "
                "remove it, and please report this"
            )
    return stage_rows(context.warehouse, schemas.table_schema(TABLE), context.part, context.run_id, rows)
