"""The real rows of V4 to V7 as a landing area, and a list of their images, of which no row is published there."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from oilake.conf.registry import Release

FOLDERS = ("2018_04", "v5", "v6", "v7")
DERIVED, BOXABLE = "v7/oidv7-class-descriptions-boxable.derived.csv", "v7/oidv7-class-descriptions-boxable.csv"
IMAGE_LIST = "2018_04/image_ids_and_rotation.csv"
COLUMNS = (
    "ImageID", "Subset", "OriginalURL", "OriginalLandingURL", "License", "AuthorProfileURL", "Author", "Title",
    "OriginalSize", "OriginalMD5", "Thumbnail300KURL", "Rotation",
)  # fmt: skip


def land_rows(real: Path, landing: Path) -> None:
    """Copies the excerpts under their published paths; skips where they are absent."""
    if not all((real / folder).is_dir() for folder in FOLDERS):
        pytest.skip(f"no real rows of V4 to V7 at {real}: they are not part of the project")
    for name in FOLDERS:
        shutil.copytree(real / name, landing / name)
    if (landing / DERIVED).is_file():
        (landing / DERIVED).rename(landing / BOXABLE)


def list_images(landing: Path, release: Release) -> None:
    """Writes a list with every image that landed rows of a release name: an address of our own, no author and no size."""
    subsets: dict[str, str] = {}
    for file in release.files:
        member = file.members[0]
        if member.format == "csv" and member.subsets and (landing / file.name).is_file():
            with open(landing / file.name, newline="", encoding="utf-8") as rows:
                subsets |= {row["ImageID"]: member.subsets[0] for row in csv.DictReader(rows) if "ImageID" in row}
    with open(landing / IMAGE_LIST, "w", newline="", encoding="utf-8") as listed:
        writer = csv.DictWriter(listed, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for image, subset in sorted(subsets.items()):
            writer.writerow({"ImageID": image, "Subset": subset, "OriginalURL": f"https://pictures.example/{image}"})
