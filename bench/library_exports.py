"""usage: PYTHON -m bench.library_exports FORMAT LANDING OUT: the same by the formats' own libraries; prints its counts.

`tfrecord` is written by the package of that name, `huggingface` by `datasets`, from the published CSV. Runs in an
environment of its own, and so imports nothing of ours but the reading of CSV.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import published_rows
from bench.published_rows import ATTRIBUTES, IMAGES, SIDES, SUBSETS

SHARD_IMAGES = 5_000
KEYS = {"XMin": "xmin", "XMax": "xmax", "YMin": "ymin", "YMax": "ymax"}


def main(name: str, landing: Path, out: Path) -> None:
    started = time.monotonic()
    counts = {"tfrecord": write_tfrecord, "huggingface": write_huggingface}[name](landing, out)
    print(json.dumps({"seconds": time.monotonic() - started, **counts}))


def write_tfrecord(landing: Path, out: Path) -> dict[str, int]:
    from tfrecord.writer import TFRecordWriter

    numbers = {mid: number for number, mid in enumerate(sorted(published_rows.class_names(landing)), 1)}
    images = 0
    for subset in SUBSETS:
        writer = None
        for n, image in enumerate(_chosen_images(landing, subset)):
            if n % SHARD_IMAGES == 0:
                if writer is not None:
                    writer.close()
                writer = TFRecordWriter(str(out / f"{subset}-{n // SHARD_IMAGES:05}.tfrecord"))
            writer.write(_image_example(image, subset, numbers))
            images += 1
        if writer is not None:
            writer.close()
    return {"images": images}


def _image_example(image: dict[str, Any], subset: str, numbers: dict[str, int]) -> dict[str, tuple[list[Any], str]]:
    boxes, labels = image["boxes"], image["labels"]
    name = f"{subset}/{image['row'][0]}.jpg"
    return {
        "image/filename": ([name.encode()], "byte"),
        "image/source_id": ([image["row"][0].encode()], "byte"),
        **{f"image/object/bbox/{key}": ([box[side] for box in boxes], "float") for side, key in KEYS.items()},
        "image/object/class/text": ([box["mid"].encode() for box in boxes], "byte"),
        "image/object/class/label": ([numbers[box["mid"]] for box in boxes], "int"),
        **{f"image/object/{flag[2:].lower()}": ([box[flag] for box in boxes], "int") for flag in ATTRIBUTES},
        "image/class/text": ([mid.encode() for mid in labels], "byte"),
        "image/class/label": ([numbers[mid] for mid in labels], "int"),
        "image/class/confidence": ([float(is_there) for is_there in labels.values()], "float"),
    }


def write_huggingface(landing: Path, out: Path) -> dict[str, int]:
    import datasets
    from datasets import ClassLabel, Dataset, Features, List, Value

    datasets.disable_progress_bars()
    names = published_rows.class_names(landing)
    numbers = {mid: number for number, mid in enumerate(names)}
    flags = {flag: List(Value("int8")) for flag in ATTRIBUTES}
    category = List(ClassLabel(names=list(names.values())))
    texts = {name: Value("string") for name in ("image_id", "license", "author", "title")}
    mids = {name: List(Value("string")) for name in ("positive_mids", "negative_mids")}
    objects = {"bbox": List(List(Value("float64"))), "category": category, **flags}
    # An Image in all but its name: of that type `datasets` asks each address for its size before it writes.
    image = {"bytes": Value("binary"), "path": Value("string")}
    features = Features({"image": image, **texts, "objects": objects, **mids})
    counts = {"images": 0}
    for subset in SUBSETS:
        rows = Dataset.from_generator(
            _dataset_rows,
            features=features,
            gen_kwargs={"landing": landing, "subset": subset, "numbers": numbers},
            cache_dir=str(out / "cache"),
        )
        rows.to_parquet(str(out / f"{subset}.parquet"))
        counts["images"] += len(rows)
    return counts


def _dataset_rows(landing: Path, subset: str, numbers: dict[str, int]) -> Iterator[dict[str, Any]]:
    for image in _chosen_images(landing, subset):
        boxes, labels, row = image["boxes"], image["labels"], image["row"]
        yield {
            "image": {"bytes": None, "path": row[2]},
            "image_id": row[0],
            "license": row[4],
            "author": row[6],
            "title": row[7],
            "objects": {
                "bbox": [[box[side] for side in SIDES] for box in boxes],
                "category": [numbers[box["mid"]] for box in boxes],
                **{flag: [box[flag] for box in boxes] for flag in ATTRIBUTES},
            },
            "positive_mids": [mid for mid, is_there in labels.items() if is_there],
            "negative_mids": [mid for mid, is_there in labels.items() if not is_there],
        }


def _chosen_images(landing: Path, subset: str) -> Iterator[dict[str, Any]]:
    """Yield each image's row, boxes and labels in the order of its list."""
    boxes = published_rows.boxes_by_image(landing, subset)
    labels = published_rows.labels_by_image(landing, subset)
    for row in published_rows.read_rows(landing / IMAGES[subset])[1]:
        yield {"row": row, "boxes": boxes.get(row[0], []), "labels": labels.get(row[0], {})}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
