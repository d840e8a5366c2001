"""BigQuery: Parquet in the names of the public dataset, with schemas and the lines that load them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import ImageBlock
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.exporting.parquet_shards import ParquetShards
from oilake.jobs.tables.row_batches import row_schema
from oilake.jobs.transforms import md5
from oilake.schemas import loader as schemas

TYPES: dict[pa.DataType, str] = {
    pa.string(): "STRING", pa.float64(): "FLOAT64", pa.int64(): "INT64", pa.bool_(): "BOOL",
}  # fmt: skip
DICT = pa.schema([("label_name", pa.string()), ("label_display_name", pa.string())])
BOX_COLUMNS = (
    "source", "mid", "confidence", "x_min", "x_max", "y_min", "y_max", "is_occluded", "is_truncated", "is_group_of",
    "is_depiction", "is_inside",
)  # fmt: skip
IMAGE_COLUMNS = (
    "original_url", "original_landing_url", "license", "author_profile_url", "author", "title", "original_size",
    "original_md5", "thumbnail_300k_url",
)  # fmt: skip


class PublicTable(NamedTuple):
    """A table of the public dataset: our table that it is made of, and its columns behind image_id, in that order."""

    source: str
    columns: tuple[str, ...]


TABLES = {
    "images": PublicTable("images", IMAGE_COLUMNS),
    "labels": PublicTable("labels", ("source", "mid", "confidence")),
    "annotations_bbox": PublicTable("boxes", BOX_COLUMNS),
}


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `<table>/<subset>-*.parquet`, `schemas/<table>.json` and `load.sh`; a table that the release lacks is empty."""
    read_columns = {table.source: table.columns for table in TABLES.values()}
    counts = dict.fromkeys(TABLES, 0)
    for subset in export.subsets:
        with ExitStack() as stack:
            shards = {
                name: stack.enter_context(ParquetShards(folder / name / subset, public_schema(name))) for name in TABLES
            }
            for block in export.blocks(subset, read_columns):
                for name, table_shards in shards.items():
                    table_shards.write(public_rows(name, block))
            for name, table_shards in shards.items():
                counts[name] += table_shards.rows
    with ParquetShards(folder / "dict" / "classes", DICT) as shards_of_dict:
        shards_of_dict.write(_dict_rows(export.classes))
        counts["dict"] = shards_of_dict.rows
    _write_schemas(folder)
    return counts


def public_schema(name: str) -> pa.Schema:
    """The columns of a table of the public dataset."""
    table = TABLES[name]
    ours = row_schema(table.source)
    fields = [
        pa.field("label_name" if column == "mid" else column, ours.field(column).type) for column in table.columns
    ]
    subset = [pa.field("subset", pa.string())] if name == "images" else []
    return pa.schema([pa.field("image_id", pa.string()), *subset, *fields])


def public_rows(name: str, block: ImageBlock) -> pa.Table:
    """The rows of a block under the names of the public dataset; an MD5 is base64, as published."""
    rows = block.tables[TABLES[name].source]
    if name == "images":
        place = rows.column_names.index("original_md5")
        digests = [digits and md5.to_base64(digits) for digits in rows["original_md5"].to_pylist()]
        rows = rows.set_column(place, "original_md5", pa.array(digests, pa.string()))
        rows = rows.add_column(1, "subset", pa.array([block.subset] * len(rows), pa.string()))
    return rows.rename_columns(public_schema(name).names)


def _dict_rows(classes: ExportClasses) -> pa.Table:
    """The display names, each as it was published."""
    names = sorted(classes.display_names.items())
    return pa.table([[mid for mid, _ in names], [name for _, name in names]], schema=DICT)


def _write_schemas(folder: Path) -> None:
    (folder / "schemas").mkdir()
    every: dict[str, pa.Schema] = {name: public_schema(name) for name in TABLES} | {"dict": DICT}
    for name, schema in every.items():
        describe = _descriptions(name)
        fields = [
            {"name": field.name, "type": TYPES[field.type], "mode": "NULLABLE", "description": describe(field.name)}
            for field in schema
        ]
        (folder / "schemas" / f"{name}.json").write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n")
    lines = [
        f'bq load --replace --source_format=PARQUET "$dataset.{name}" "$bucket/{name}/*.parquet" schemas/{name}.json\n'
        for name in every
    ]
    head = (
        "#!/bin/sh\n# Loads the export that lies beside this file; copy its folder to $bucket first.\nset -eu\n"
        "dataset=${1:?usage: load.sh DATASET gs://BUCKET/PREFIX}\nbucket=${2:?usage: load.sh DATASET gs://BUCKET/PREFIX}\n"
    )
    (folder / "load.sh").write_text(head + "".join(lines))
    (folder / "load.sh").chmod(0o755)


def _descriptions(name: str) -> Callable[[str], str]:
    """What each column of a public table holds, by our schemas."""
    source = TABLES[name].source if name in TABLES else "classes"
    ours = {column.name: column.description for column in schemas.table_schema(source).columns}
    renamed = {"label_name": ours.get("mid", ""), "label_display_name": ours.get("display_name", "")}
    own = {"original_md5": "MD5 of the original file in base64, as published"}
    return lambda column: own.get(column) or renamed.get(column) or ours[column]
