"""Says what seven releases hold and what changed between them, from a sample's files: tarfile, csv and json alone."""

from __future__ import annotations

import base64
import html
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.support import plain_sample, sample_reading
from tests.support.plain_sample import Box, Pair, Row

RELEASES = ("v1", "v2", "v3", "v4", "v5", "v6", "v7")
LIST_COLUMNS = ("is_boxable", "has_human_labels")
DESCRIBED = {
    "original_url": "OriginalURL",
    "original_landing_url": "OriginalLandingURL",
    "license": "License",
    "author_profile_url": "AuthorProfileURL",
    "author": "Author",
    "title": "Title",
    "original_size": "OriginalSize",
    "original_md5": "OriginalMD5",
    "thumbnail_300k_url": "Thumbnail300KURL",
    "rotation": "Rotation",
}
LABELLED = {
    release: "2018_04/train/train-images-with-labels-with-rotation.csv"
    if release in ("v4", "v5")
    else "v6/oidv6-train-images-with-labels-with-rotation.csv"
    for release in RELEASES[3:]
}
BOXABLE = "2018_04/train/train-images-boxable-with-rotation.csv"
LEAST_IOU = 0.5


class BoxChange(NamedTuple):
    """What became of one box; `iou` rounded to nine digits, as its truth has it."""

    image: str
    mid: str
    change: str
    before: Box | None
    after: Box | None
    iou: float | None


def is_plain(release: str) -> bool:
    """Whether its files are plain CSV: V4 and later."""
    return release not in sample_reading.ARCHIVES


def subsets(release: str) -> tuple[str, ...]:
    """The subsets that the release has."""
    return plain_sample.SUBSETS if is_plain(release) else sample_reading.SUBSETS[release]


def label_files(release: str, subset: str) -> list[str]:
    """The files of labels of V4 and later, people's and the machine's."""
    return [plain_sample.file_of(names, release, subset) for names in (plain_sample.HUMAN, plain_sample.MACHINE)]


@cache
def people(sample: Path, release: str) -> dict[Pair, bool]:
    """What people decide of each pair: staff before the crowd, yes before no."""
    given: dict[Pair, dict[bool, set[bool]]] = defaultdict(lambda: defaultdict(set))
    for row in _label_rows(sample, release, "human", plain_sample.HUMAN):
        is_crowd = row["Source"] == "crowdsource-verification"
        given[row["ImageID"], row["LabelName"]][is_crowd].add(float(row["Confidence"]) == 1)
    return {pair: True in by_source[min(by_source)] for pair, by_source in given.items()}


@cache
def machine(sample: Path, release: str) -> dict[Pair, float]:
    """The highest machine confidence of each pair that has one."""
    highest: dict[Pair, float] = {}
    for row in _label_rows(sample, release, "machine", plain_sample.MACHINE):
        pair = row["ImageID"], row["LabelName"]
        highest[pair] = max(highest.get(pair, 0.0), float(row["Confidence"]))
    return highest


def _label_rows(sample: Path, release: str, kind: str, names: dict[str, dict[str, str]]) -> Iterator[Row]:
    for subset in subsets(release):
        if is_plain(release):
            yield from plain_sample.rows(sample, plain_sample.file_of(names, release, subset))
        elif (release, kind, subset) != ("v1", "human", "train"):
            yield from sample_reading.rows(sample, release, kind, subset)


@cache
def boxes(sample: Path, release: str) -> dict[Pair, list[Box]]:
    """The edges of every pair's boxes, in the order of the file."""
    edges: dict[Pair, list[Box]] = defaultdict(list)
    for subset in subsets(release):
        if is_plain(release):
            box_rows = plain_sample.rows(sample, plain_sample.file_of(plain_sample.BOXES, release, subset))
        else:
            box_rows = sample_reading.rows(sample, release, "boxes", subset)
        for row in box_rows:
            x_min, x_max, y_min, y_max = (float(row[name]) for name in plain_sample.SIDES)
            edges[row["ImageID"], row["LabelName"]].append((x_min, x_max, y_min, y_max))
    return dict(edges)


@cache
def images(sample: Path, release: str) -> dict[str, dict[str, Any]]:
    """Image ID -> its subset and what describes it, as the table has it; columns that the release lacks are absent."""
    if is_plain(release):
        rows = plain_sample.rows(sample, plain_sample.IMAGES)
        described = {row["ImageID"]: {"subset": row["Subset"], **_described(row)} for row in rows}
        return _with_lists(sample, release, described)
    return {
        row["ImageID"]: {"subset": subset, **_described(row)}
        for subset in subsets(release)
        for row in sample_reading.rows(sample, release, "images", subset)
    }


def _described(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {ours: row[theirs] or None for ours, theirs in DESCRIBED.items() if theirs in row}
    for name in ("author", "title"):
        values[name] = values[name] and unicodedata.normalize("NFC", html.unescape(values[name]))
    for name, parse in (
        ("original_size", int),
        ("original_md5", lambda text: base64.b64decode(text).hex()),
        ("rotation", lambda text: int(float(text))),
    ):
        if values.get(name) is not None:
            values[name] = parse(values[name])
    return values


def _with_lists(sample: Path, release: str, described: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """All images of validation and test stand in both lists."""
    for column, name in zip(LIST_COLUMNS, (BOXABLE, LABELLED[release]), strict=True):
        listed = {row["ImageID"] for row in plain_sample.rows(sample, name)}
        for image, row in described.items():
            row[column] = row["subset"] != "train" or image in listed
    return described


def class_names(sample: Path, release: str) -> dict[str, str]:
    """MID -> name of the classes that V3 and later list."""
    if is_plain(release):
        return plain_sample.class_names(sample, release)
    descriptions = sample_reading.member(sample, release, "classes", "class-descriptions.csv")
    return dict(record for record in sample_reading.records(descriptions, header=False))


def label_changes(sample: Path, before: str, after: str) -> dict[Pair, str]:
    """The change of each (image, MID) between two releases, the later of which is V4 or later."""
    said, seen = ([read(sample, release) for release in (before, after)] for read in (people, machine))
    below, positive = plain_sample.descendants(sample), defaultdict(set)
    for (image, mid), verdict in said[1].items():
        if verdict:
            positive[image].add(mid)
    changes = {}
    for pair in set().union(*said, *seen):
        old, new = (verdicts.get(pair) for verdicts in said)
        is_there = [pair in said[n] or pair in seen[n] for n in (0, 1)]
        if not is_there[0]:
            changes[pair] = "added"
        elif old and new is None and below.get(pair[1], set()) & positive[pair[0]]:
            changes[pair] = "made_leaf_most"
        elif not is_there[1]:
            changes[pair] = "removed"
        elif old != new:
            changes[pair] = "newly_verified" if old is None else "no_longer_verified" if new is None else "flipped"
        elif seen[0].get(pair) != seen[1].get(pair):
            changes[pair] = "confidence_changed"
    return changes


def image_changes(sample: Path, before: str, after: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Image ID -> (change, columns that differ), of the columns that both releases have."""
    old, new = images(sample, before), images(sample, after)
    changes: dict[str, tuple[str, tuple[str, ...]]] = {}
    for image in old.keys() | new.keys():
        if image not in old or image not in new:
            changes[image] = ("added" if image not in old else "removed", ())
            continue
        left, right = old[image], new[image]
        differ = tuple(name for name in left if name in right and name != "subset" and left[name] != right[name])
        if left["subset"] != right["subset"]:
            changes[image] = ("moved_subset", differ)
        elif differ:
            changes[image] = ("metadata_changed", differ)
    return changes


def class_changes(sample: Path, before: str, after: str) -> dict[str, tuple[str, str | None, str | None]]:
    """MID -> (change, name before, name after), of every class of both."""
    old, new = class_names(sample, before), class_names(sample, after)
    return {mid: (_class_change(old.get(mid), new.get(mid)), old.get(mid), new.get(mid)) for mid in {*old, *new}}


def _class_change(old: str | None, new: str | None) -> str:
    if old is None or new is None:
        return "added" if old is None else "removed"
    return "kept" if old == new else "renamed"


def box_changes(sample: Path, before: str, after: str) -> list[BoxChange]:
    """Every box of both releases: equal ones first, then the best of all one-to-one matches, tried out."""
    old, new = boxes(sample, before), boxes(sample, after)
    return [
        change for pair in sorted({*old, *new}) for change in _pair_changes(pair, old.get(pair, []), new.get(pair, []))
    ]


def _pair_changes(pair: Pair, before: Sequence[Box], after: Sequence[Box]) -> Iterator[BoxChange]:
    left, right = list(before), list(after)
    for box in before:
        if box in right:
            left.remove(box)
            right.remove(box)
            yield BoxChange(*pair, "unchanged", box, box, 1.0)
    partners = _best_match(left, right)
    for row, column in partners.items():
        yield BoxChange(
            *pair, "redrawn", left[row], right[column], round(plain_sample.iou(left[row], right[column]), 9)
        )
    yield from (BoxChange(*pair, "removed", box, None, None) for n, box in enumerate(left) if n not in partners)
    taken = set(partners.values())
    yield from (BoxChange(*pair, "added", None, box, None) for n, box in enumerate(right) if n not in taken)


def _best_match(left: Sequence[Box], right: Sequence[Box]) -> dict[int, int]:
    """Row -> column of the one-to-one match with the greatest sum of IoUs of at least a half, by trying all of them."""
    overlaps = [
        {column: iou for column, box in enumerate(right) if (iou := plain_sample.iou(row_box, box)) >= LEAST_IOU}
        for row_box in left
    ]

    @cache
    def best_from(row: int, taken: frozenset[int]) -> tuple[float, tuple[int | None, ...]]:
        if row == len(overlaps):
            return 0.0, ()
        total, rest = best_from(row + 1, taken)
        best: tuple[float, tuple[int | None, ...]] = (total, (None, *rest))
        for column, iou in overlaps[row].items():
            if column not in taken:
                total, rest = best_from(row + 1, taken | {column})
                best = max(best, (total + iou, (column, *rest)), key=lambda choice: choice[0])
        return best

    return {row: column for row, column in enumerate(best_from(0, frozenset())[1]) if column is not None}
