"""What is true of a sample, as CSV: defects, classes, images and labels that changed, for tests of later jobs.

In `label_changes_v2_v3.csv` a pair (image, MID) is `added` or `removed` when one release has no human label of it,
`flipped` when both have one and the verdicts differ, `conflict` when V3's crowd contradicts V3's staff (who kept V2's
verdict), `repeated` when V3 holds the same row twice. No pair stands there twice.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from oilake.conf.registry import SUBSETS
from oilake.jobs.synthetic import pairs
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.release_rules import AFTER, ARCHIVES, BEFORE, FIRST
from oilake.jobs.synthetic.slice_rows import VANISHED, SampleSlice, SubsetRows

DEFECTS = ("release", "file", "member", "line", "kind", "reason", "record_hex")
IMAGES = ("image_id", "from_subset", "to_subset")
LABELS = ("subset", "image_id", "mid", "change")
CLASSES = ("mid", "releases", "renamed_in", "renamed_from", "renamed_to")
LABELS_UP_TO = 0.01
IMAGE_CHANGES, LABEL_CHANGES = f"image_changes_{FIRST}_{BEFORE}.csv", f"label_changes_{BEFORE}_{AFTER}.csv"


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One CSV file: the header and the rows."""
    with open(path, "w", encoding="utf-8", newline="") as out:
        _write_rows(out, [header, *rows])


def append_csv(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """More rows of a CSV file."""
    with open(path, "a", encoding="utf-8", newline="") as out:
        _write_rows(out, rows)


def read_truth(out: Path, name: str) -> list[dict[str, str]]:
    """The rows of <out>/truth/<name>, texts by their column."""
    with open(out / "truth" / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write_rows(out: IO[str], rows: Iterable[Sequence[Any]]) -> None:
    csv.writer(out, lineterminator="\n").writerows(rows)


def image_rows(sample_slice: SampleSlice) -> list[tuple[str, str, str]]:
    """Images of V1's validation set that V2 put elsewhere or left out, sorted by ID."""
    rows = [(name, "validation", "test") for name in sample_slice.parts["test"].names.to_pylist()]
    if VANISHED in sample_slice.parts:
        rows += [(name, "validation", "") for name in sample_slice.parts[VANISHED].names.to_pylist()]
    return sorted(rows)


def label_rows(sample_slice: SampleSlice, classes: SampleClasses) -> Iterator[tuple[str, str, str, str]]:
    """Pairs whose human labels differ between V2 and V3."""
    for subset in SUBSETS:
        yield from _label_changes(subset, sample_slice.parts[subset], classes)


def _label_changes(subset: str, part: SubsetRows, classes: SampleClasses) -> Iterator[tuple[str, str, str, str]]:
    assert part.labels is not None
    names = part.names.to_pylist()
    rows = [(pair, change) for change, changed in part.labels.changes.items() for pair in np.sort(changed).tolist()]
    for pair, change in sorted(rows):
        yield subset, names[pair >> pairs.CLASS_BITS], classes.mids[pair & pairs.CLASS_MASK], change


def class_rows(classes: SampleClasses) -> Iterator[tuple[str, str, str, str, str]]:
    """Every class by MID: the releases whose dictionary lists it, and its renaming, if any."""
    for code in np.argsort(classes.place).tolist():
        listed = [release for release in ARCHIVES if classes.listed[release][code]]
        renamed = ("", "", "")
        for before, after in itertools.pairwise(listed):
            names = classes.names[before][code], classes.names[after][code]
            if names[0] != names[1]:
                renamed = (after, *names)
        yield (classes.mids[code], " ".join(listed), *renamed)
