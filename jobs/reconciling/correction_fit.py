"""Holds corrections against what a release has: its images, classes and boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from oilake.conf.errors import InputError
from oilake.jobs.reconciling.correction_rows import Box, Correction, CorrectionFile, FittedCorrection
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables.parquet_reader import read_file
from oilake.jobs.tables.slice_files import published_files, small_rows
from oilake.jobs.tables.snapshots import Snapshot, newest_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.box_changes import COORDINATES
from oilake.jobs.transforms.words import DROP_BOX

# How far each edge of a box may be from the published one's, as a fraction of the image.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class CorrectedContents:
    """What a release has of all that corrections name: the subset of each image, all MIDs that it lists, and the boxes of
    each image and MID with their subsets."""

    release: str
    subsets: dict[str, str]
    mids: frozenset[str]
    boxes: dict[tuple[str, str], list[tuple[str, Box]]]


def fit_corrections(
    warehouse: Warehouse, snapshot: Snapshot, file: CorrectionFile, given_path: str | None
) -> dict[int, FittedCorrection]:
    """By line the rows that apply to the release. Of rows that say the same the first counts.

    `given_path`: the file as it was given now; InputError names a row of it that does not fit. What a stored file no
    longer fits, since the release was ingested anew, is told and left out. A row for every release need not fit this one,
    but one that is published.
    """
    rows = [row for row in file.rows if row.is_for(snapshot.release)]
    contents = _read_contents(warehouse, snapshot, rows)
    fitted = [_fit_row(row, contents) for row in rows]
    misfits = [fit for fit in fitted if fit.problem]
    if given_path is None:
        _tell_misfits(snapshot.release, file, [fit for fit in misfits if not fit.row.is_for_every_release()])
    else:
        _refuse_misfits(given_path, [f for f in misfits if not (f.is_absent and f.row.is_for_every_release())])
        elsewhere = [fit for fit in misfits if fit.is_absent]
        for other in newest_snapshots(warehouse).values() if elsewhere else ():
            contents = _read_contents(warehouse, other, [fit.row for fit in elsewhere])
            elsewhere = [fit for fit in elsewhere if _fit_row(fit.row, contents).is_absent]
        _refuse_misfits(given_path, elsewhere)
    applied: dict[tuple[object, ...], FittedCorrection] = {}
    for fit in fitted:
        if not fit.problem:
            applied.setdefault(fit.statement_key(), fit)
    return {fit.row.line: fit for fit in applied.values()}


def _refuse_misfits(path: str, misfits: Sequence[FittedCorrection]) -> None:
    for fit in misfits:
        raise InputError(f"{path}: line {fit.row.line}: {fit.problem}")


def _tell_misfits(release: str, file: CorrectionFile, misfits: Sequence[FittedCorrection]) -> None:
    if misfits:
        rows = "1 row" if len(misfits) == 1 else f"{len(misfits):,} rows"
        log_line(
            f"{release}: left out, since the release no longer has what they name: {rows} of {file.name}, such as line "
            f"{misfits[0].row.line}: {misfits[0].problem}"
        )


def _read_contents(warehouse: Warehouse, snapshot: Snapshot, rows: Sequence[Correction]) -> CorrectedContents:
    ids = sorted({row.image_id for row in rows})
    subsets = _image_subsets(warehouse, snapshot, "images", ids)
    if missing := [image for image in ids if image not in subsets]:  # an image list may be taken in part, or be wrong
        subsets |= _image_subsets(warehouse, snapshot, "labels", missing)
    dropped = [row for row in rows if row.kind == DROP_BOX]
    classes = small_rows(warehouse, "classes", snapshot, ["mid"])
    boxes = _published_boxes(warehouse, snapshot, sorted({row.image_id for row in dropped}))
    return CorrectedContents(snapshot.release, subsets, frozenset(row["mid"] for row in classes), boxes)


def _image_subsets(warehouse: Warehouse, snapshot: Snapshot, table: str, ids: Sequence[str]) -> dict[str, str]:
    subsets: dict[str, str] = {}
    for file in published_files(warehouse, table, snapshot) if ids else ():
        listed = read_file(file.uri, table, ["image_id"], [("image_id", "in", ids)])
        for image in listed["image_id"].unique().to_pylist():
            subsets.setdefault(image, file.partition["subset"])
    return subsets


def _published_boxes(
    warehouse: Warehouse, snapshot: Snapshot, ids: Sequence[str]
) -> dict[tuple[str, str], list[tuple[str, Box]]]:
    boxes: dict[tuple[str, str], list[tuple[str, Box]]] = defaultdict(list)
    for file in published_files(warehouse, "boxes", snapshot) if ids else ():
        part = read_file(file.uri, "boxes", ["image_id", "mid", *COORDINATES], [("image_id", "in", ids)])
        for image, mid, *edges in zip(*(column.to_pylist() for column in part.columns), strict=True):
            boxes[image, mid].append((file.partition["subset"], (edges[0], edges[1], edges[2], edges[3])))
    return boxes


def _fit_row(row: Correction, contents: CorrectedContents) -> FittedCorrection:
    release = contents.release
    if contents.mids and row.mid not in contents.mids:  # a release that was taken in part may list no class
        problem = f"{row.mid} is no class of {release}; correct the MID (`oilake show classes` lists them), or releases"
        return FittedCorrection(row, problem=problem, is_absent=True)
    if row.image_id not in contents.subsets:
        problem = f"image {row.image_id} is not in {release}; correct the ID, or releases"
        return FittedCorrection(row, problem=problem, is_absent=True)
    if row.box is None:
        return FittedCorrection(row, contents.subsets[row.image_id])
    near = [(subset, box) for subset, box in contents.boxes.get((row.image_id, row.mid), []) if _are_near(box, row.box)]
    if len(near) == 1:
        return FittedCorrection(row, *near[0])
    where = f"of {row.mid} in image {row.image_id} has these edges within {TOLERANCE:.5f} in {release}"
    if not near:
        problem = f"no published box {where}; take them from the table boxes, or take the row out"
        return FittedCorrection(row, problem=problem, is_absent=True)
    problem = f"not one published box {where} but {len(near)}; give more digits, or take the row out"
    return FittedCorrection(row, problem=problem)


def _are_near(box: Box, other: Box) -> bool:
    return all(abs(edge - near) <= TOLERANCE + 1e-12 for edge, near in zip(box, other, strict=True))
