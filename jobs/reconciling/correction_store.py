"""The corrections that a warehouse keeps: the newest file that was given to any of its releases."""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from oilake.jobs.reconciling.correction_file import read_corrections
from oilake.jobs.reconciling.correction_fit import fit_corrections
from oilake.jobs.reconciling.correction_rows import CorrectionFile, file_of_rows, table_rows
from oilake.jobs.tables.delta_log import open_table
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.snapshots import Snapshot, newest_snapshots
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.words import CORRECTIONS, DROP_BOX
from oilake.schemas import loader as schemas

PROPERTY = f"oilake.{CORRECTIONS}."


@dataclass(frozen=True)
class FileNote:
    """What the table's properties say of the file that a release was corrected by; `given_at`: when it was first given,
    in UTC as ISO 8601."""

    given_at: str
    name: str
    sha256: str


@dataclass(frozen=True)
class CorrectionCounts:
    """The file, its rows, and how many verdicts and boxes to leave out of it are applied in a release."""

    file: str
    rows: int
    verdicts: int
    boxes: int

    def as_text(self) -> str:
        """The counts in one line for a person."""
        return (
            f"corrections of {self.file}: rows {self.rows:,}, verdicts applied {self.verdicts:,}, boxes left out "
            f"{self.boxes:,}"
        )


class StagedCorrections(NamedTuple):
    """The staged rows of the table, if any, and what they come to."""

    file: StagedFile | None
    counts: CorrectionCounts


@dataclass(frozen=True)
class GivenCorrections:
    """The file that counts; `path`: where it was given now, None where it is kept from an earlier run."""

    file: CorrectionFile
    given_at: str
    path: str | None

    def property_text(self) -> str:
        """What the table's properties say of it."""
        return json.dumps(asdict(FileNote(self.given_at, self.file.name, self.file.sha256)), sort_keys=True)


def find_corrections(warehouse: Warehouse, path: str | None, releases: Collection[str]) -> GivenCorrections | None:
    """The file at `path`, else the one that was given last to any release; None where none ever was.

    ConfigError or InputError where a given file cannot be taken; `releases`: all names that it may use.
    """
    notes = _file_notes(warehouse)
    newest = max(notes.values(), key=lambda note: note.given_at, default=None)
    if path is not None:
        file = read_corrections(Path(path), releases)
        is_same = newest is not None and newest.sha256 == file.sha256
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        return GivenCorrections(file, newest.given_at if newest and is_same else now, path)
    if newest is None:
        return None
    release = next(release for release, note in notes.items() if note == newest)
    records = small_rows(warehouse, CORRECTIONS, newest_snapshots(warehouse)[release])
    return GivenCorrections(file_of_rows(newest.name, newest.sha256, records), newest.given_at, None)


def _file_notes(warehouse: Warehouse) -> dict[str, FileNote]:
    """What is said of each release's file, of those whose rows are published."""
    opened = open_table(warehouse, CORRECTIONS)
    configuration = opened.metadata().configuration if opened is not None else {}
    texts = {key.removeprefix(PROPERTY): text for key, text in configuration.items() if key.startswith(PROPERTY)}
    published = newest_snapshots(warehouse)
    return {
        release: FileNote(**json.loads(text))
        for release, text in texts.items()
        if release in published and CORRECTIONS in published[release].table_versions
    }


def stage_corrections(
    warehouse: Warehouse, snapshot: Snapshot, given: GivenCorrections, run_id: str
) -> StagedCorrections:
    """The release's rows of the table, in one file, none where the file holds none. InputError as for fit_corrections."""
    fitted = fit_corrections(warehouse, snapshot, given.file, given.path)
    boxes = sum(fit.row.kind == DROP_BOX for fit in fitted.values())
    counts = CorrectionCounts(given.file.name, len(given.file.rows), len(fitted) - boxes, boxes)
    if not given.file.rows:
        return StagedCorrections(None, counts)
    part, schema = {"release": snapshot.release}, schemas.table_schema(CORRECTIONS)
    return StagedCorrections(stage_rows(warehouse, schema, part, run_id, table_rows(given.file, fitted)), counts)
