"""What is known of a location's blobs from earlier runs, published or not, found by the blob's key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from oilake.conf.errors import StoreError
from oilake.jobs.blobs import blob_keys
from oilake.jobs.blobs.reader import Method
from oilake.jobs.blobs.records import Blob, BlobFacts
from oilake.jobs.tables import parquet_reader
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.verifying.expected_images import ExpectedImages
from oilake.quality.row_expectations import numpy_mask
from oilake.schemas import loader as schemas

Row = dict[str, Any]

TABLE = "blob_checks"
REPEATED = ("subset", "status", "method", "origin", "media_type", "note", "run_id")
STRENGTH = {"listing": 0, "size": 1, "etag": 2, "full": 3}


class PreviousChecks:
    """The newest row of each blob; about 200 bytes each. `published`: how many rows the table holds."""

    def __init__(self, rows: pa.Table, published: int) -> None:
        hashes = _hash_keys(rows["key"].to_pylist())
        _, last = np.unique(hashes[::-1], return_index=True)
        places = len(hashes) - 1 - last
        self.rows, self.published = rows.take(places), published
        self._hashes = hashes[places]

    def find(self, keys: Sequence[str]) -> list[Row | None]:
        """The row of each key; None where there is none."""
        if not len(self._hashes):
            return [None] * len(keys)
        key_hashes = _hash_keys(keys)
        places = np.searchsorted(self._hashes, key_hashes)
        places[places == len(self._hashes)] = 0
        hits = np.flatnonzero(self._hashes[places] == key_hashes)
        rows = iter(self.rows.take(places[hits]).to_pylist())
        found_rows: list[Row | None] = [None] * len(keys)
        for hit in hits.tolist():
            row = next(rows)
            found_rows[hit] = row if row["key"] == keys[hit] else None
        return found_rows


def load_previous_checks(
    warehouse: Warehouse, part: dict[str, str], unfinished: Sequence[StagedFile]
) -> PreviousChecks:
    """The rows of the part as they are published, with those that an interrupted run left behind in their place."""
    names = [name for name in schemas.arrow_schema(schemas.table_schema(TABLE)).names if name != "location"]
    version = parquet_reader.newest_version(warehouse, TABLE)
    tables = (
        []
        if version is None
        else [rows for _, rows in parquet_reader.columns_of(warehouse, TABLE, version, part, names)]
    )
    published = sum(map(len, tables))
    for file in unfinished:
        try:
            tables.append(parquet_reader.read_file(warehouse.table_uri(TABLE, file.path), TABLE, names))
        except StoreError:
            continue  # what cannot be read is looked at again
    empty = schemas.arrow_schema(schemas.table_schema(TABLE)).empty_table().select(names)
    rows = pa.concat_tables([empty, *tables])
    for name in REPEATED:
        rows = rows.set_column(rows.column_names.index(name), name, rows[name].dictionary_encode())
    return PreviousChecks(rows.unify_dictionaries().combine_chunks(), published)


def still_holds(row: Row | None, blob: Blob, method: Method) -> bool:
    """Whether the blob is as it was when it was looked at, by the same method or a stronger one."""
    if row is None or row["status"] in ("missing", "unreadable") or blob.problem:
        return False
    same = row["version"] == blob.version and row["actual_size"] == blob.size
    return same and STRENGTH[row["method"]] >= STRENGTH[method]


def facts_from_row(row: Row) -> BlobFacts:
    """What was seen of a blob, from its row."""
    return BlobFacts(
        row["method"],
        row["actual_size"],
        row["actual_md5"],
        row["media_type"],
        row["is_whole"],
        row["width"],
        row["height"],
    )


def _hash_keys(keys: Sequence[str]) -> Any:
    """A 64-bit number for each key; shape (n,)."""
    return np.fromiter((xxhash.xxh3_64_intdigest(key.encode()) for key in keys), np.uint64, len(keys))


def drop_superseded(rows: pa.Table, images: ExpectedImages) -> pa.Table:
    """The rows but those of no image whose key is named after a chosen one: that blob has a row of its own by now."""
    strange = np.flatnonzero(numpy_mask(rows["image_id"].combine_chunks().is_null()))
    named = [
        (place, blob_keys.image_id_in_key(key))
        for place, key in zip(strange, rows["key"].take(strange).to_pylist(), strict=True)
    ]
    named = [(place, image_id) for place, image_id in named if image_id]
    indexes = images.places(pa.array([image_id for _, image_id in named], pa.string()))
    stays = np.ones(len(rows), np.bool_)
    stays[np.array([place for place, _ in named], np.int64)] = ~((indexes >= 0) & images.chosen[indexes])
    return rows.filter(pa.array(stays))


def complete_rows(rows: pa.Table, location: str) -> pa.Table:
    """Rows as they are known, with every column that the table stores."""
    schema = schemas.arrow_schema(schemas.table_schema(TABLE))
    table = rows.append_column("location", pa.array([location] * len(rows), pa.string()))
    return table.select(schema.names).cast(schema)
