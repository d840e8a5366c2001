"""Hugging Face: a row an image in Parquet whose footer tells features, with a card that names the splits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import ImageBlock, Row
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.exporting.parquet_shards import ParquetShards
from oilake.jobs.transforms.boxes import ATTRIBUTES, COORDINATES

IMAGE_COLUMNS = ("original_url", "license", "author", "title", "rotation")
COLUMNS = {
    "images": IMAGE_COLUMNS,
    "boxes": ("mid", *COORDINATES, *ATTRIBUTES),
    "image_labels": ("mid", "verdict"),
}
SHARD_IMAGES = 200_000
VERDICTS = ("positive", "negative")

OBJECTS = pa.struct(
    [
        ("bbox", pa.list_(pa.list_(pa.float64()))),
        ("category", pa.list_(pa.int64())),
        *((name, pa.list_(pa.bool_())) for name in ATTRIBUTES),
    ]
)
FIELDS: Mapping[str, pa.DataType] = {
    "image": pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    "image_id": pa.string(),
    "file_name": pa.string(),
    **{name: pa.int32() if name == "rotation" else pa.string() for name in IMAGE_COLUMNS[1:]},
    "objects": OBJECTS,
    **{f"{verdict}_mids": pa.list_(pa.string()) for verdict in VERDICTS},
}


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `data/<subset>-*.parquet` and `README.md`."""
    schema = dataset_schema(export.classes)
    is_judged = export.has_table("image_labels")
    counts = {"images": 0, "boxes": 0}
    for subset in export.subsets:
        with ParquetShards(folder / "data" / subset, schema, SHARD_IMAGES) as shards:
            for block in export.blocks(subset, COLUMNS):
                shards.write(pa.Table.from_pylist(dataset_rows(block, export.classes, is_judged), schema))
                counts["boxes"] += len(block.tables["boxes"])
            counts["images"] += shards.rows
    (folder / "README.md").write_text(_card(export), encoding="utf-8")
    return counts


def dataset_schema(classes: ExportClasses) -> pa.Schema:
    """The columns, and for the library `datasets` their features."""
    names = [classes.name(mid) for mid in classes.mids]
    features = {name: _feature(kind) for name, kind in FIELDS.items()} | {"image": {"_type": "Image"}}
    features["objects"]["category"] = _list_of({"names": names, "_type": "ClassLabel"})
    note = json.dumps({"info": {"features": features}}, ensure_ascii=False)
    return pa.schema(list(FIELDS.items()), {"huggingface": note, "oilake.mids": json.dumps(classes.mids)})


def dataset_rows(block: ImageBlock, classes: ExportClasses, is_judged: bool) -> list[Row]:
    """A row an image; edges of boxes as fractions: left, top, right, bottom.

    Unless labels are judged, what they say is NULL.
    """
    boxes, labels = block.rows_by_image("boxes"), block.rows_by_image("image_labels")
    rows = []
    for image in block.rows("images"):
        image_id = image["image_id"]
        rows.append(
            {
                **image,
                "image": {"bytes": None, "path": image["original_url"]},
                "file_name": f"{block.subset}/{image_id}.jpg",
                "objects": _objects(boxes.get(image_id, []), classes),
                **(_judged_mids(labels.get(image_id, [])) if is_judged else {}),
            }
        )
    return rows


def _objects(boxes: list[Row], classes: ExportClasses) -> dict[str, list[Any]]:
    return {
        "bbox": [[box["x_min"], box["y_min"], box["x_max"], box["y_max"]] for box in boxes],
        "category": [classes.places[box["mid"]] for box in boxes],
        **{name: [box[name] for box in boxes] for name in ATTRIBUTES},
    }


def _judged_mids(labels: list[Row]) -> dict[str, list[str]]:
    return {f"{v}_mids": [label["mid"] for label in labels if label["verdict"] == v] for v in VERDICTS}


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return {kind.field(n).name: _feature(kind.field(n).type) for n in range(kind.num_fields)}
    if pa.types.is_list(kind):
        return _list_of(_feature(kind.value_type))
    return {"dtype": "float64" if kind == pa.float64() else str(kind), "_type": "Value"}


def _list_of(feature: dict[str, Any]) -> dict[str, Any]:
    """A list, in the word that every version of `datasets` reads."""
    return {"feature": feature, "_type": "Sequence"}


def _card(export: OpenedExport) -> str:
    files = [{"split": subset, "path": f"data/{subset}-*.parquet"} for subset in export.subsets]
    head = yaml.safe_dump(
        {
            "license": "cc-by-4.0",
            "task_categories": ["object-detection", "image-classification"],
            "configs": [{"config_name": "default", "data_files": files}],
        },
        sort_keys=False,
    )
    return (
        f"---\n{head}---\n\n# Open Images {export.request.release}\n\n"
        "One row an image. `objects.bbox` holds left, top, right and bottom as fractions of the picture as it is stored;\n"
        "an attribute that is unknown is null. `positive_mids` and `negative_mids` are the classes that the reconciled\n"
        "labels confirm and deny; all others are unknown. `image` is the address of the original, which may be gone.\n\n"
        "Licences: LICENSE.txt; authors: attribution/; citation: CITATION.bib; where it was taken from: export.json.\n"
    )
