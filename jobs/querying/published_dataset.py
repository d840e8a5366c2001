"""Published rows as an Arrow dataset: which files of which versions, from the log alone; no row is read yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oilake.jobs.runtime.filesystem import is_on_s3, open_filesystem
from oilake.jobs.tables.parquet_footers import find_damaged
from oilake.jobs.tables.row_batches import candidate_files, row_schema
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.sandbox import slice_dataset

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset


def open_dataset(warehouse: Warehouse, table: str, release: str | None = None, since: str | None = None) -> Dataset:
    """Return the published rows of a table, of `release` or of all, and of a comparison with `since` or with any release.

    Its columns are those of the table, in their order; instants are UTC without saying so. ConfigError where nothing is
    published, LostRowsError where files are gone or cut; StoreError where one in a folder has no footer that can be read.
    """
    of_release = {"release": release} if release and "release" in row_schema(table).names else {}
    files = candidate_files(warehouse, table, release, of_release, since)
    uris = [warehouse.table_uri(table, file.path) for file in files]
    if not is_on_s3(warehouse.uri) and (damage := find_damaged(uris)):
        raise damage
    dataset = slice_dataset(
        row_schema(table),
        ((open_filesystem(uri)[1], file.partition) for uri, file in zip(uris, files, strict=True)),
        warehouse.filesystem()[0],
    )
    return _rows_of_release(dataset, release) if of_release else dataset


def _rows_of_release(dataset: Dataset, release: str | None) -> Dataset:
    """The rows of one release, also of a table whose files hold several."""
    import pyarrow.dataset as ds

    return dataset.filter(ds.field("release") == release)
