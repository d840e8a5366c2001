"""Hugging Face: a row an image in Parquet whose footer tells features, with a card that names the splits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from oilake.jobs.exporting.class_codes import class_places
from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.finished_shards import open_shards
from oilake.jobs.exporting.image_blocks import ImageBlock, Row
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.exporting.parquet_shards import ParquetShards
from oilake.jobs.exporting.picture_files import picture_bytes
from oilake.jobs.exporting.pictured_shards import PicturedRow, write_pictured_shard
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
    """Writes `data/<subset>-*.parquet` and `README.md`; InputError where a picture is not where --blobs says."""
    schema = dataset_schema(export.classes)
    counts = (
        _write_rows(export, folder, schema)
        if export.request.pictures is None
        else write_pictured(export, folder, schema)
    )
    (folder / "README.md").write_text(_card(export), encoding="utf-8")
    return counts


def _write_rows(export: OpenedExport, folder: Path, schema: pa.Schema) -> dict[str, int]:
    is_judged = export.has_table("image_labels")
    counts = {"images": 0, "boxes": 0}
    for subset in export.subsets:
        with ParquetShards(folder / "data" / subset, schema, SHARD_IMAGES) as shards:
            for block in export.blocks(subset, COLUMNS):
                shards.write(dataset_table(block, export.classes, is_judged))
                counts["boxes"] += len(block.tables["boxes"])
            counts["images"] += shards.rows
    return counts


def write_pictured(export: OpenedExport, folder: Path, schema: pa.Schema) -> dict[str, int]:
    """Writes the rows with the bytes of their pictures, in shards that a run which was ended goes on behind."""
    counts = Counter[str]()
    with open_shards(export, folder) as shards:
        for subset in export.subsets:
            open_rows = partial(_pictured_rows, export, subset)
            write_shard = partial(write_pictured_shard, schema)
            counts += shards.write_subset(subset, f"data/{subset}-{{number:05}}.parquet", open_rows, write_shard)
    return {"images": counts["images"], "boxes": counts["boxes"]}


def _pictured_rows(export: OpenedExport, subset: str, after: str | None) -> Iterator[PicturedRow]:
    for row, picture in rows_with_pictures(export, subset, after):
        image_id = row["image_id"]
        yield PicturedRow(image_id, {**row, "image": {"bytes": picture, "path": f"{image_id}.jpg"}})


def rows_with_pictures(export: OpenedExport, subset: str, after: str | None) -> Iterator[tuple[Row, bytes]]:
    """Yield each row of `dataset_table` behind the image `after`, and the bytes of its picture; InputError where that is not
    where --blobs says."""
    is_judged, pictures = export.has_table("image_labels"), Path(export.request.pictures or "")
    for block in export.blocks(subset, COLUMNS, after):
        for row in dataset_table(block, export.classes, is_judged).to_pylist():
            yield row, picture_bytes(pictures, subset, row["image_id"])


def dataset_schema(classes: ExportClasses) -> pa.Schema:
    """The columns, and for the library `datasets` their features."""
    names = [classes.name(mid) for mid in classes.mids]
    features = {name: _feature(kind) for name, kind in FIELDS.items()} | {"image": {"_type": "Image"}}
    features["objects"]["category"] = _list_of({"names": names, "_type": "ClassLabel"})
    note = json.dumps({"info": {"features": features}}, ensure_ascii=False)
    return pa.schema(list(FIELDS.items()), {"huggingface": note, "oilake.mids": json.dumps(classes.mids)})


def dataset_table(block: ImageBlock, classes: ExportClasses, is_judged: bool) -> pa.Table:
    """A row an image; edges of boxes as fractions: left, top, right, bottom.

    Unless labels are judged, what they say is NULL.
    """
    images = block.tables["images"]
    urls = images["original_url"].combine_chunks()
    nothing = pa.nulls(len(images), pa.binary())
    columns = {
        **{name: images[name] for name in ("image_id", *IMAGE_COLUMNS[1:])},
        "image": pa.StructArray.from_arrays([nothing, urls], fields=list(FIELDS["image"])),
        "file_name": pa.array([f"{block.subset}/{image_id}.jpg" for image_id in block.image_ids], pa.string()),
        "objects": _object_lists(block, classes),
        **{f"{verdict}_mids": _judged_mids(block, verdict, is_judged) for verdict in VERDICTS},
    }
    return pa.table([columns[name] for name in FIELDS], schema=pa.schema(list(FIELDS.items())))


def _object_lists(block: ImageBlock, classes: ExportClasses) -> pa.StructArray:
    boxes = block.tables["boxes"]
    edges = np.stack([boxes[name].to_numpy() for name in ("x_min", "y_min", "x_max", "y_max")], axis=1)
    sides = np.arange(0, edges.size + 1, edges.shape[1], dtype=np.int32)
    columns = {
        "bbox": pa.ListArray.from_arrays(pa.array(sides), pa.array(edges.ravel())),
        "category": pa.array(class_places(boxes["mid"], classes)),
        **{name: boxes[name].combine_chunks() for name in ATTRIBUTES},
    }
    starts = block.row_starts(boxes)
    lists = [pa.ListArray.from_arrays(starts, columns[field.name]) for field in OBJECTS]
    return pa.StructArray.from_arrays(lists, fields=list(OBJECTS))


def _judged_mids(block: ImageBlock, verdict: str, is_judged: bool) -> pa.Array:
    kind = FIELDS[f"{verdict}_mids"]
    if not is_judged:
        return pa.nulls(len(block.image_ids), kind)
    labels = block.tables["image_labels"]
    judged = labels.filter(pc.equal(labels["verdict"], verdict))
    return pa.ListArray.from_arrays(block.row_starts(judged), judged["mid"].combine_chunks()).cast(kind)


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
    picture = (
        "`image` is the address of the original, which may be gone."
        if export.request.pictures is None
        else "`image` holds the bytes of the picture."
    )
    return (
        f"---\n{head}---\n\n# Open Images {export.request.release}\n\n"
        "One row an image. `objects.bbox` holds left, top, right and bottom as fractions of the picture as it is stored;\n"
        "an attribute that is unknown is null. `positive_mids` and `negative_mids` are the classes that the reconciled\n"
        "labels confirm and deny; all others are unknown. "
        f"{picture}\n\n"
        "Licences: LICENSE.txt; authors: attribution/; citation: CITATION.bib; where it was taken from: export.json.\n"
    )
