"""Croissant metadata of an export of Parquet files: what columns mean, checksums, licences, what to know of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.conf.errors import StoreError
from oilake.conf.yaml_loader import load_yaml
from oilake.jobs.exporting.companion_files import licence_notice, read_notice
from oilake.jobs.exporting.export_files import ExportFiles
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.filesystem import file_checksums, open_filesystem
from oilake.schemas import loader as schemas

Entry = dict[str, Any]

STANDARD = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
PARQUET = "application/x-parquet"
TYPES = {
    pa.string(): "sc:Text", pa.float64(): "sc:Float", pa.int64(): "sc:Integer", pa.int32(): "sc:Integer",
    pa.bool_(): "sc:Boolean",
}  # fmt: skip


def croissant_metadata(export: ExportFiles, manifest: Mapping[str, Any], descriptions: Mapping[str, str]) -> Entry:
    """The metadata as JSON-LD, whose paths are relative to the place of the export; its Parquet files are read once.

    `descriptions`: what columns mean. A record set is a folder of Parquet files; nested columns are no fields of it.
    InputError or StoreError where a file cannot be read.
    """
    words: Entry = load_yaml(files("oilake.jobs.exporting").joinpath("notices", "croissant.yaml"))
    tables = export.parquet_tables
    names = [name for table_files in tables.values() for name in table_files]
    columns = {name: _file_schema(export.file_uri(name)) for name in names}
    return {
        "@context": words["context"],
        "@type": "sc:Dataset",
        "conformsTo": STANDARD,
        "name": f"open_images_{manifest['release']}",
        "description": f"{words['name']} {manifest['release']}, {manifest['format']}, snapshot {manifest['snapshot']} of "
        f"{manifest['published_at']}. {licence_notice()}",
        "license": words["annotation_license"],
        "url": words["url"],
        "version": f"{manifest['release'].removeprefix('v')}.0.{manifest['snapshot']}",
        "datePublished": manifest["published_at"],
        "creator": {"@type": "sc:Organization", "name": words["publisher"]},
        "keywords": words["keywords"],
        "citeAs": read_notice("CITATION.bib"),
        **{f"rai:{name}": text for name, text in words["responsible"].items()},
        "distribution": [
            *(_file_object(export, name) for name in names),
            *(_file_set(table, table_files) for table, table_files in tables.items()),
        ],
        "recordSet": [
            _record_set(table, columns[table_files[0]], descriptions) for table, table_files in tables.items()
        ],
    }


def column_descriptions() -> dict[str, str]:
    """What the columns of images, boxes and labels mean, by name, also under the names of BigQuery's tables."""
    described: dict[str, str] = {}
    for table in ("classes", "labels", "boxes", "images"):
        described |= {column.name: column.description for column in schemas.table_schema(table).columns}
    return described | {"label_name": described["mid"], "label_display_name": described["display_name"]}


def _file_object(export: ExportFiles, name: str) -> Entry:
    sums = file_checksums(export.file_uri(name))
    return {
        "@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": name, "contentSize": f"{sums.bytes} B",
        "encodingFormat": PARQUET, "sha256": sums.sha256,
    }  # fmt: skip


def _file_set(name: str, table_files: Sequence[str]) -> Entry:
    return {
        "@type": "cr:FileSet", "@id": f"{name}-files", "name": f"{name}-files", "encodingFormat": PARQUET,
        "includes": list(table_files),
    }  # fmt: skip


def _record_set(name: str, columns: pa.Schema, descriptions: Mapping[str, str]) -> Entry:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column.name}",
                "name": f"{name}/{column.name}",
                "description": descriptions.get(column.name, column.name),
                "dataType": TYPES[column.type],
                "source": {"fileSet": {"@id": f"{name}-files"}, "extract": {"column": column.name}},
            }
            for column in columns
            if column.type in TYPES
        ],
    }


def _file_schema(uri: str) -> pa.Schema:
    store, path = open_filesystem(uri)
    try:
        return pq.read_schema(path, filesystem=store)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{uri}: cannot be read ({error_line(error)}); export again") from None
