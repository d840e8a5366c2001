"""What lies beside every export: licence, citation, who made each image, and from which snapshot it was taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.blobs.attribution import COLUMNS, FOLDER, attribution_rows, attribution_writer
from oilake.jobs.exporting.export_folder import MANIFEST, file_names
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.runtime.filesystem import file_checksums
from oilake.jobs.tables.parquet_reader import newest_version
from oilake.jobs.tables.row_query import BLOB_CHECKS

NOTICES = ("LICENSE.txt", "CITATION.bib")


def licence_notice() -> str:
    """What every export says of licences, a paragraph a thought in one line each."""
    paragraphs = read_notice("LICENSE.txt").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def read_notice(name: str) -> str:
    """The text of a notice."""
    return files("oilake.jobs.exporting").joinpath("notices", name).read_text(encoding="utf-8")


def write_companions(export: OpenedExport, folder: Path, counts: Mapping[str, int]) -> None:
    """Writes the notices, `attribution/<subset>.csv` and, last, the manifest, which counts the files."""
    for name in NOTICES:
        (folder / name).write_text(read_notice(name), encoding="utf-8")
    (folder / FOLDER).mkdir()
    for subset in export.subsets:
        _write_attribution(export, subset, folder / FOLDER / f"{subset}.csv")
    manifest = export_manifest(export, counts) | {"file_names": file_names(folder)}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def export_manifest(export: OpenedExport, counts: Mapping[str, int]) -> dict[str, Any]:
    """What tells one export from another: the same manifest means the same bytes. Checks of blobs are of no snapshot, so it
    names the version of their table."""
    request, snapshot = export.request, export.snapshot
    sizes = request.sizes and {"name": Path(request.sizes).name, "sha256": file_checksums(request.sizes).sha256}
    return {
        "format": request.format,
        "release": request.release,
        "status": snapshot.status,
        "snapshot": snapshot.number,
        "published_at": snapshot.published_at.isoformat(),
        "blob_checks_version": newest_version(export.warehouse, BLOB_CHECKS),
        "sizes": sizes,
        "table_versions": dict(sorted(snapshot.table_versions.items())),
        "filters": request.filters(),
        "counts": dict(counts),
        "program": f"oilake {version('open-images-lakehouse')}",
    }


def _write_attribution(export: OpenedExport, subset: str, path: Path) -> None:
    with attribution_writer(path) as writer:
        for block in export.blocks(subset, {"images": COLUMNS}):
            images = block.tables["images"]
            keys = pc.binary_join_element_wise(f"{subset}/", images["image_id"], ".jpg", "")
            rows = images.append_column("key", keys).append_column("is_resized", pa.repeat(False, len(images)))
            writer.write_table(attribution_rows(rows))
