"""A V3 release of a few rows that a person can read, written as the published archives, with any member replaced."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

TAG = "2017_11"
URL = "https://c1.staticflickr.com/1"
MD5 = "XrY7u+Ae7tCTyVK7j1rNww=="
IMAGE_HEADER = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,"
    "OriginalSize,OriginalMD5,Thumbnail300KURL"
)
LABEL_HEADER = "ImageID,Source,LabelName,Confidence"
TRAIN_BOX_HEADER = f"{LABEL_HEADER},XMin,XMax,YMin,YMax"
BOX_HEADER = f"{TRAIN_BOX_HEADER},IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
SUBSETS = {"train": "1", "validation": "2", "test": "3"}
ARCHIVES = {
    "images": "images.csv",
    "annotations_machine": "annotations-machine.csv",
    "annotations_human": "annotations-human.csv",
    "annotations_human_bbox": "annotations-human-bbox.csv",
}
DOG, CAT, TREE = "/m/0bt9lr", "/m/01yrx", "/m/07j7r"


def image_id(n: int, subset: str = "train") -> str:
    """The n-th image ID of a subset."""
    return f"{SUBSETS[subset]}{n:015x}"


def image_row(image: str, subset: str = "train", author: str = '"Ann"', title: str = '"A dog"') -> str:
    """One line of an images.csv."""
    return f"{image},{subset},{URL}/{image}_o.jpg,{URL}/{image},{URL}/by,{URL}/ann,{author},{title},11,{MD5},"


def lines(header: str, *rows: str) -> bytes:
    """A CSV file of these lines."""
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


def members() -> dict[str, bytes]:
    """Every member of the release by its path: four images a subset, two machine and two human labels, one box."""
    found = {}
    for subset in SUBSETS:
        ids = [image_id(n, subset) for n in range(4)]
        folder = f"{TAG}/{subset}"
        found[f"{folder}/images.csv"] = lines(IMAGE_HEADER, *(image_row(i, subset) for i in ids))
        found[f"{folder}/annotations-machine.csv"] = lines(
            LABEL_HEADER, f"{ids[0]},machine,{DOG},0.9", f"{ids[1]},machine,{CAT},0.5"
        )
        found[f"{folder}/annotations-human.csv"] = lines(
            LABEL_HEADER, f"{ids[0]},verification,{DOG},1", f"{ids[1]},crowdsource-verification,{CAT},0"
        )
        attributes = "" if subset == "train" else ",1,0,-1,0,0"
        header = TRAIN_BOX_HEADER if subset == "train" else BOX_HEADER
        found[f"{folder}/annotations-human-bbox.csv"] = lines(
            header, f"{ids[0]},xclick,{DOG},1,0.1,0.9,0.250000,0.75{attributes}"
        )
    found[f"{TAG}/classes.txt"] = f"{DOG}\n{CAT}\n{TREE}\n".encode()
    found[f"{TAG}/classes-trainable.txt"] = f"{DOG}\n{CAT}\n".encode()
    found[f"{TAG}/classes-bbox.txt"] = f"{DOG}\n{TREE}\n".encode()
    found[f"{TAG}/classes-bbox-trainable.txt"] = f"{DOG}\n".encode()
    found[f"{TAG}/class-descriptions.csv"] = f'{DOG},Dog\r\n{CAT},"Cat ""felis"""\r\n{TREE},Tree\r\n'.encode()
    return found


HIERARCHY = {"name": "Entity", "children": [{"name": "Dog", "size": 1000}, {"name": "Tree", "size": 1000}]}


def land(folder: Path, replaced: Mapping[str, bytes] | None = None, leave_out: tuple[str, ...] = ()) -> Path:
    """Writes the release's archives to `folder`/2017_11, with some members replaced or left out; `folder`."""
    contents = {path: data for path, data in {**members(), **(replaced or {})}.items() if path not in leave_out}
    target = folder / TAG
    target.mkdir(parents=True, exist_ok=True)
    for archive, name in ARCHIVES.items():
        _pack(target / f"{archive}_{TAG}.tar.gz", {p: d for p, d in contents.items() if p.endswith(f"/{name}")})
    _pack(target / f"classes_{TAG}.tar.gz", {p: d for p, d in contents.items() if "/class" in p})
    (target / "bbox_hierarchy.json").write_text(json.dumps(HIERARCHY))
    return folder


def _pack(path: Path, contents: Mapping[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
