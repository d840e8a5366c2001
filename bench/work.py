"""The pieces of work that are compared: which files go in, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TAG = "2017_11"
SUBSETS = ("train", "validation", "test")


@dataclass(frozen=True)
class Work:
    """`files`: archive and member name (below <tag>/<subset>/) of each kind of row, by table; `starts_at`: whether the
    work reads the archives, or the tables that were made of them."""

    name: str
    title: str
    files: dict[str, tuple[tuple[str, str], ...]]
    starts_at: Literal["archives", "tables"] = "archives"

    def archives(self) -> list[str]:
        """The archives that the work reads."""
        return [f"{archive}_{TAG}.tar.gz" for members in self.files.values() for archive, _ in members]


IMAGES = {"images": (("images", "images.csv"),)}
LABELS = {
    "labels": (
        ("annotations_machine", "annotations-machine.csv"),
        ("annotations_human", "annotations-human.csv"),
    )
}
BOXES = {"boxes": (("annotations_human_bbox", "annotations-human-bbox.csv"),)}

WORK = {
    work.name: work
    for work in (
        Work("labels", "labels of V3: archives to typed Parquet sorted by image", LABELS),
        Work("images", "images of V3: archives to normalized Parquet", IMAGES),
        Work("boxes", "boxes of V3: archives to typed Parquet", BOXES),
        Work("release", "the whole V3", {**IMAGES, **LABELS, **BOXES}),
        Work("reconcile", "the tables of V3 to one row an image and class", {"image_labels": ()}, "tables"),
        Work("changes", "image_labels of V2 and V3 to what changed", {"label_changes": ()}, "tables"),
    )
}
