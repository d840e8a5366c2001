"""One row of a file of corrections, what it comes to in a release, and both as rows of the table `corrections`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from oilake.jobs.transforms.box_changes import COORDINATES
from oilake.jobs.transforms.words import CORRECTIONS
from oilake.schemas import loader as schemas

EVERY_RELEASE = "*"

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Correction:
    """One row of the file. `line`: the physical line at which it starts; `verdict`: positive or negative, None of a box;
    `box`: its edges x_min, x_max, y_min, y_max as given, None of a verdict; `releases`: names, or `*` alone."""

    line: int
    image_id: str
    mid: str
    kind: str
    verdict: str | None
    box: Box | None
    who: str
    why: str
    releases: tuple[str, ...]

    def is_for(self, release: str) -> bool:
        """Whether the row names the release, or every one."""
        return release in self.releases or self.is_for_every_release()

    def is_for_every_release(self) -> bool:
        """Whether it holds in each release that has what it names."""
        return self.releases == (EVERY_RELEASE,)

    def shares_release(self, other: Correction) -> bool:
        """Whether there is a release that both are for."""
        return self.is_for_every_release() or any(map(other.is_for, self.releases))


@dataclass(frozen=True)
class CorrectionFile:
    """All rows of one file; `name`: the file's own, without its folder; `sha256`: of its bytes, in hex."""

    name: str
    sha256: str
    rows: tuple[Correction, ...]


@dataclass(frozen=True)
class FittedCorrection:
    """What a row comes to in one release: `subset` of the image or box; `box`: the edges of the published one; `problem`:
    why it cannot be applied, None where it can, and `is_absent` where the release has nothing of the kind."""

    row: Correction
    subset: str | None = None
    box: Box | None = None
    problem: str | None = None
    is_absent: bool = False

    def statement_key(self) -> tuple[object, ...]:
        """What it says, whoever says it."""
        return self.row.kind, self.row.image_id, self.row.mid, self.box


def table_rows(file: CorrectionFile, fitted: Mapping[int, FittedCorrection]) -> pa.Table:
    """The rows of the table, sorted; `fitted`: by line what is applied in the release."""
    records = [_table_record(file, row, fitted.get(row.line)) for row in file.rows]
    records.sort(key=lambda record: (record["image_id"], record["mid"], record["line"]))
    return pa.Table.from_pylist(records, schemas.arrow_schema(schemas.table_schema(CORRECTIONS)))


def _table_record(file: CorrectionFile, row: Correction, applied: FittedCorrection | None) -> dict[str, Any]:
    return {
        "image_id": row.image_id,
        "mid": row.mid,
        "kind": row.kind,
        "verdict": row.verdict,
        **dict(zip(COORDINATES, row.box or (None,) * 4, strict=True)),
        "who": row.who,
        "why": row.why,
        "releases": ";".join(row.releases),
        "is_applied": applied is not None,
        "subset": applied.subset if applied else None,
        "published_box": dict(zip(COORDINATES, applied.box, strict=True)) if applied and applied.box else None,
        "file": file.name,
        "file_sha256": file.sha256,
        "line": row.line,
    }


def file_of_rows(name: str, sha256: str, records: Sequence[Mapping[str, Any]]) -> CorrectionFile:
    """The file that rows of the table were made of."""
    rows = [
        Correction(
            record["line"],
            record["image_id"],
            record["mid"],
            record["kind"],
            record["verdict"],
            None if record["x_min"] is None else tuple(record[name] for name in COORDINATES),
            record["who"],
            record["why"],
            tuple(record["releases"].split(";")),
        )
        for record in records
    ]
    return CorrectionFile(name, sha256, tuple(sorted(rows, key=lambda row: row.line)))
