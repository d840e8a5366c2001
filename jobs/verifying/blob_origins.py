"""Where the blobs of a location came from: what `downloads` says of each, else the place itself, unless a person says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.blobs.locations import Location
from oilake.jobs.tables import parquet_reader
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.verifying.expected_images import ORIGINS, ExpectedImages
from oilake.schemas import loader as schemas

DOWNLOADS = "downloads"
PLACEHOLDER = "placeholder"
NAMES = ["image_id", "location", "source", "status", "is_resized", "downloaded_at"]


def set_origins(images: ExpectedImages, location: Location, origin: str | None, downloads: pa.Table) -> None:
    """Sets the origin of every image's blob; `origin`: what a person says of all of them."""
    if location.is_cvdf:
        images.origins[:] = ORIGINS.index("cvdf")
    _apply_downloads(images, downloads)
    if origin:
        images.origins[:] = ORIGINS.index(origin)


def _apply_downloads(images: ExpectedImages, downloads: pa.Table) -> None:
    places = images.places(downloads["image_id"].combine_chunks()) if len(downloads) else np.empty(0, np.int64)
    matched = np.flatnonzero(places >= 0)
    rows = downloads.take(matched)
    sources = [
        "cvdf" if resized else source if source in ORIGINS else "other"
        for source, resized in zip(rows["source"].to_pylist(), rows["is_resized"].to_pylist(), strict=True)
    ]
    images.origins[places[matched]] = [ORIGINS.index(source) for source in sources]
    images.is_placeholder[places[matched]] = [status == PLACEHOLDER for status in rows["status"].to_pylist()]


def newest_downloads(warehouse: Warehouse, release: str, location: Location) -> pa.Table:
    """The newest row of `downloads` of each image at the location, columns as NAMES; none where nothing was downloaded."""
    empty = pa.table({name: pa.array([], pa.string()) for name in NAMES})
    version = parquet_reader.newest_version(warehouse, DOWNLOADS) if DOWNLOADS in schemas.table_names() else None
    if version is None:
        return empty
    table = schemas.table_schema(DOWNLOADS)
    part = {"release": release} if "release" in table.partition_by else {}
    stored = [column.name for column in table.stored()]
    columns = [name for name in [*NAMES, "release"] if name in stored]
    parts = [
        _rows_at_location(rows, release, location)
        for _, rows in parquet_reader.columns_of(warehouse, DOWNLOADS, version, part, columns)
    ]
    rows = pa.concat_tables(parts) if parts else empty
    if not len(rows):
        return empty
    rows = rows.sort_by("downloaded_at")
    ids = rows["image_id"].combine_chunks().dictionary_encode()
    newest = np.zeros(len(ids.dictionary), np.int64)
    newest[ids.indices.to_numpy()] = np.arange(len(rows))  # the last of equal places stays
    return rows.take(newest)


def _rows_at_location(rows: pa.Table, release: str, location: Location) -> pa.Table:
    rows = rows.filter(pc.equal(rows["location"], location.uri))
    return rows.filter(pc.equal(rows["release"], release)) if "release" in rows.column_names else rows
