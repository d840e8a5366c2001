"""Croissant metadata of an export of Parquet files: what columns mean, checksums, licences, what to know of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.conf.errors import StoreError
from oilake.conf.yaml_loader import load_yaml
from oilake.jobs.exporting.companion_files import licence_notice, read_notice
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.filesystem import file_checksums
from oilake.schemas import loader as schemas

Entry = dict[str, Any]

STANDARD = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
PARQUET = "application/x-parquet"
TYPES = {
    pa.string(): "sc:Text", pa.float64(): "sc:Float", pa.int64(): "sc:Integer", pa.int32(): "sc:Integer",
    pa.bool_(): "sc:Boolean",
}  # fmt: skip


def croissant_metadata(folder: Path, manifest: Mapping[str, Any], descriptions: Mapping[str, str]) -> Entry:
    """The metadata as JSON-LD, whose paths are relative to the folder of the export; its Parquet files are read once.

    `descriptions`: what columns mean. A record set is a folder of Parquet files; nested columns are no fields of it.
    InputError or StoreError where a file cannot be read.
    """
    words: Entry = load_yaml(files("oilake.jobs.exporting").joinpath("notices", "croissant.yaml"))
    tables = parquet_tables(folder)
    paths = [path for table_paths in tables.values() for path in table_paths]
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
            *(_file_object(folder, path) for path in paths),
            *(_file_set(name, folder, table_paths) for name, table_paths in tables.items()),
        ],
        "recordSet": [_record_set(name, table_paths[0], descriptions) for name, table_paths in tables.items()],
    }


def parquet_tables(folder: Path) -> dict[str, list[Path]]:
    """The Parquet files of an export by the folder that they lie in, both sorted."""
    tables: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*/*.parquet")):
        tables.setdefault(path.parent.name, []).append(path)
    return tables


def column_descriptions() -> dict[str, str]:
    """What the columns of images, boxes and labels mean, by name, also under the names of BigQuery's tables."""
    described: dict[str, str] = {}
    for table in ("classes", "labels", "boxes", "images"):
        described |= {column.name: column.description for column in schemas.table_schema(table).columns}
    return described | {"label_name": described["mid"], "label_display_name": described["display_name"]}


def _file_object(folder: Path, path: Path) -> Entry:
    sums = file_checksums(str(path))
    name = path.relative_to(folder).as_posix()
    return {
        "@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": name, "contentSize": f"{sums.bytes} B",
        "encodingFormat": PARQUET, "sha256": sums.sha256,
    }  # fmt: skip


def _file_set(name: str, folder: Path, paths: Sequence[Path]) -> Entry:
    return {
        "@type": "cr:FileSet", "@id": f"{name}-files", "name": f"{name}-files", "encodingFormat": PARQUET,
        "includes": [path.relative_to(folder).as_posix() for path in paths],
    }  # fmt: skip


def _record_set(name: str, path: Path, descriptions: Mapping[str, str]) -> Entry:
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
            for column in _file_schema(path)
            if column.type in TYPES
        ],
    }


def _file_schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: cannot be read ({error_line(error)}); export again") from None
