"""The pieces of work that are compared: which files go in, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

TAG = "2017_11"
SUBSETS = ("train", "validation", "test")


class PlainFile(NamedTuple):
    """A published file of rows: its path below the landing area; which lists its images stand in; `is_source`: its rows go
    to the table, in the order of the image IDs."""

    path: str
    lists: tuple[str, ...] = ()
    is_source: bool = True
    is_sorted: bool = True


@dataclass(frozen=True)
class Work:
    """`files`: archive and member name (below <tag>/<subset>/) of each kind of row, by table; `plain`: the same for a
    release of plain CSV; `starts_at`: whether the work reads files, or the tables that were made of them."""

    name: str
    title: str
    files: Mapping[str, tuple[tuple[str, str], ...]]
    starts_at: Literal["archives", "plain", "tables"] = "archives"
    plain: Mapping[str, tuple[PlainFile, ...]] = field(default_factory=dict)
    release: str = "v3"

    def archives(self) -> list[str]:
        """The archives that the work reads."""
        return [f"{archive}_{TAG}.tar.gz" for members in self.files.values() for archive, _ in members]

    def table_names(self) -> list[str]:
        """The tables that the work makes."""
        return list(self.plain or self.files)


IMAGES = {"images": (("images", "images.csv"),)}
LABELS = {
    "labels": (
        ("annotations_machine", "annotations-machine.csv"),
        ("annotations_human", "annotations-human.csv"),
    )
}
BOXES = {"boxes": (("annotations_human_bbox", "annotations-human-bbox.csv"),)}

BOTH_LISTS = ("is_boxable", "has_human_labels")
BOXABLE_TRAIN = "2018_04/train/train-images-boxable-with-rotation.csv"
PLAIN_IMAGES = {
    "images": (
        PlainFile("2018_04/image_ids_and_rotation.csv"),
        PlainFile(BOXABLE_TRAIN, ("is_boxable",), is_source=False),
        PlainFile("v6/oidv6-train-images-with-labels-with-rotation.csv", ("has_human_labels",), is_source=False),
        PlainFile("2018_04/validation/validation-images-with-rotation.csv", BOTH_LISTS, is_source=False),
        PlainFile("2018_04/test/test-images-with-rotation.csv", BOTH_LISTS, is_source=False),
    )
}
UNSORTED_IMAGES = {"images": (PlainFile(BOXABLE_TRAIN, ("is_boxable",), is_sorted=False),)}
PLAIN_LABELS = {
    "labels": tuple(
        PlainFile(f"v7/oidv7-{subset}-annotations-{made_by}-imagelabels.csv")
        for subset in ("train", "val", "test")
        for made_by in ("machine", "human")
    )
}
# Train alone has the 21 columns with the points that were clicked.
PLAIN_BOXES = {
    "boxes": (
        PlainFile("v6/oidv6-train-annotations-bbox.csv"),
        PlainFile("v5/validation-annotations-bbox.csv"),
        PlainFile("v5/test-annotations-bbox.csv"),
    )
}

NARRATIVES = {
    "narratives": (
        *(
            PlainFile(f"annotations/open_images_train_v6_localized_narratives-{shard:05d}-of-00010.jsonl")
            for shard in range(10)
        ),
        *(PlainFile(f"annotations/open_images_{subset}_localized_narratives.jsonl") for subset in SUBSETS[1:]),
    )
}

POINTS = {
    "points": tuple(PlainFile(f"v7/oidv7-{subset}-annotations-point-labels.csv") for subset in ("train", "val", "test"))
}

WORK = {
    work.name: work
    for work in (
        Work("labels", "labels of V3: archives to typed Parquet sorted by image", LABELS),
        Work("images", "images of V3: archives to normalized Parquet", IMAGES),
        Work("boxes", "boxes of V3: archives to typed Parquet", BOXES),
        Work("release", "the whole V3", {**IMAGES, **LABELS, **BOXES}),
        Work("plain_labels", "labels of V7: plain CSV to typed Parquet", {}, "plain", PLAIN_LABELS, "v7"),
        Work("plain_images", "images of V7 with their lists: plain CSV to Parquet", {}, "plain", PLAIN_IMAGES, "v7"),
        Work("unsorted_images", "boxable images of V7, which are not sorted", {}, "plain", UNSORTED_IMAGES, "v7"),
        Work("plain_boxes", "boxes of V7: plain CSV of 21 and 13 columns to Parquet", {}, "plain", PLAIN_BOXES, "v7"),
        Work("plain_release", "the whole V7", {}, "plain", {**PLAIN_IMAGES, **PLAIN_LABELS, **PLAIN_BOXES}, "v7"),
        Work("narratives", "narratives of V6: JSON Lines to nested Parquet", {}, "plain", NARRATIVES, "v6"),
        Work("points", "points of V7: plain CSV to typed Parquet", {}, "plain", POINTS, "v7"),
        Work("reconcile", "the tables of V3 to one row an image and class", {"image_labels": ()}, "tables"),
        Work("changes", "image_labels of V2 and V3 to what changed", {"label_changes": ()}, "tables"),
    )
}
