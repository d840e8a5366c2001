"""usage: python -m bench.dict_exports FORMAT LANDING OUT: what a script over the published CSV does; prints its counts.

`coco` goes the way of openimages2coco: a subset's rows as lists, then dicts, one `json.dump`. `yolo` collects the lines of
each image, `official` keeps the rows of the chosen images. Nothing is checked.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import published_rows
from bench.published_rows import ATTRIBUTES, BOXES, IMAGES, LABELS, NAMING_IMAGES, SIDES, SUBSETS, Row

Counts = dict[str, int]


def main(name: str, landing: Path, out: Path) -> None:
    started = time.monotonic()
    counts = WAYS[name](landing, out)
    print(json.dumps({"seconds": time.monotonic() - started, **counts}))


def write_coco(landing: Path, out: Path) -> Counts:
    names = published_rows.class_names(landing)
    numbers = {mid: number for number, mid in enumerate(names, 1)}
    sizes = published_rows.image_sizes(landing)
    counts = {"images": 0, "annotations": 0}
    for subset in SUBSETS:
        images = _coco_images(landing, subset, numbers, sizes)
        annotations = _coco_annotations(landing, subset, numbers, {image["id"]: image for image in images})
        categories = [{"id": numbers[mid], "name": name, "freebase_id": mid} for mid, name in names.items()]
        whole = {"info": {"description": "Open Images V7"}, "categories": categories, "images": images}
        with (out / f"instances_{subset}.json").open("w") as file:
            json.dump({**whole, "annotations": annotations}, file)
        counts["images"] += len(images)
        counts["annotations"] += len(annotations)
    return counts


def _coco_images(
    landing: Path, subset: str, numbers: dict[str, int], sizes: dict[str, tuple[int, int]]
) -> list[dict[str, Any]]:
    listed = list(published_rows.read_rows(landing / IMAGES[subset])[1])
    labels = list(published_rows.read_rows(landing / LABELS.format(subset))[1])
    judged: dict[bool, dict[str, list[int]]] = {True: defaultdict(list), False: defaultdict(list)}
    for row in labels:
        if row[2] in numbers:
            judged[float(row[3]) == 1][row[0]].append(numbers[row[2]])
    images = []
    for row in listed:
        width, height = sizes[row[0]]
        image = {"id": row[0], "file_name": f"{row[0]}.jpg", "original_url": row[2], "license": row[4]}
        image |= {"neg_category_ids": judged[False].get(row[0], []), "pos_category_ids": judged[True].get(row[0], [])}
        images.append({**image, "width": width, "height": height})
    return images


def _coco_annotations(
    landing: Path, subset: str, numbers: dict[str, int], images: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    places, rows = published_rows.read_rows(landing / BOXES[subset])
    read = list(rows)
    annotations = []
    for number, row in enumerate(read, 1):
        image = images[row[0]]
        left, top, right, bottom = (float(row[places[side]]) for side in SIDES)
        x, y = left * image["width"], top * image["height"]
        width, height = (right - left) * image["width"], (bottom - top) * image["height"]
        annotation = {"id": number, "image_id": row[0], "category_id": numbers[row[2]]}
        annotation |= {"bbox": [round(side, 2) for side in (x, y, width, height)], "area": round(width * height, 2)}
        annotation |= {name.lower(): int(row[places[name]]) for name in ATTRIBUTES}
        annotation["iscrowd"] = annotation.pop("isgroupof")
        annotations.append(annotation)
    return annotations


def write_yolo(landing: Path, out: Path) -> Counts:
    places_of_classes = {mid: place for place, mid in enumerate(sorted(published_rows.class_names(landing)))}
    counts = {"images": 0, "boxes": 0}
    for subset in SUBSETS:
        folder = out / "labels" / subset
        folder.mkdir(parents=True)
        places, rows = published_rows.read_rows(landing / BOXES[subset])
        lines: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            lines[row[0]].append(_yolo_line(row, places, places_of_classes))
        with (out / f"{subset}.txt").open("w") as listed:
            for image, of_image in lines.items():
                (folder / f"{image}.txt").write_text("".join(of_image))
                listed.write(f"./images/{subset}/{image}.jpg\n")
        counts["images"] += len(lines)
        counts["boxes"] += sum(map(len, lines.values()))
    return counts


def _yolo_line(row: Row, places: dict[str, int], places_of_classes: dict[str, int]) -> str:
    left, top, right, bottom = (float(row[places[side]]) for side in SIDES)
    centre = f"{(left + right) / 2:.9g} {(top + bottom) / 2:.9g}"
    return f"{places_of_classes[row[places['LabelName']]]} {centre} {right - left:.9g} {bottom - top:.9g}\n"


def write_official(landing: Path, out: Path) -> Counts:
    chosen = {row[0] for name in IMAGES.values() for row in published_rows.read_rows(landing / name)[1]}
    for name in NAMING_IMAGES:
        place = out / name
        place.parent.mkdir(parents=True, exist_ok=True)
        header, rows = published_rows.read_rows(landing / name)
        with place.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(row for row in rows if row[0] in chosen)
    return {"chosen": len(chosen)}


WAYS: dict[str, Callable[[Path, Path], Counts]] = {"coco": write_coco, "yolo": write_yolo, "official": write_official}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
