"""The sides of images in pixels: from blobs that were checked, or from a file that the user gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.errors import ConfigError, InputError
from oilake.jobs.sources.typed_csv import read_typed_csv
from oilake.jobs.tables.parquet_reader import newest_version
from oilake.jobs.tables.row_query import BLOB_CHECKS, RowQuery, select_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.image_ids import are_canonical, as_numbers
from oilake.jobs.transforms.image_runs import Numbers
from oilake.jobs.transforms.label_keys import Integers

COLUMNS = {"image_id": pa.string(), "width": pa.int32(), "height": pa.int32()}
# The statuses of blobs that are the image, whole or in part, so that their header tells its sides.
PICTURES = ("verified", "size_matches", "resized", "no_reference", "not_comparable")
MEASURED = f"blob_width > 0 AND blob_height > 0 AND blob_status IN ({', '.join(map(repr, PICTURES))})"


@dataclass(frozen=True)
class ImageSizes:
    """Widths and heights in pixels of `images`, which ascend; all of shape (images,)."""

    images: Numbers
    widths: Integers
    heights: Integers

    def sides(self, image_id: str) -> tuple[int, int]:
        """Width and height of an image that is among them."""
        place = int(np.searchsorted(self.images, np.uint64(int(image_id, 16))))
        return int(self.widths[place]), int(self.heights[place])

    def of_images(self, images: Numbers) -> tuple[Integers, Integers]:
        """Widths and heights of images that are among them; both of the shape of `images`."""
        places = np.searchsorted(self.images, images)
        return self.widths[places], self.heights[places]

    def require_all(self, images: Mapping[str, Numbers], release: str, name: str) -> None:
        """ConfigError where an image has no sides; `name`: the format that needs them."""
        chosen = np.concatenate([np.empty(0, np.uint64), *images.values()])
        unknown = chosen[~np.isin(chosen, self.images)]
        if len(unknown):
            raise ConfigError(
                f"{name} counts in pixels, and the sides of {len(unknown):,} of {len(chosen):,} images are not known, such "
                f"as {int(unknown[0]):016x}; run `oilake verify --release {release} --blobs PLACE` where the images are, "
                "give --sizes FILE.csv (image_id,width,height), or leave these images out by --blob-status verified"
            )


def read_sizes(warehouse: Warehouse, release: str, file: str | None) -> ImageSizes:
    """The sides that `file` names, and where none is given those that checks of blobs measured."""
    if file is not None:
        return _sorted_sizes(_read_file(file))
    if newest_version(warehouse, BLOB_CHECKS) is None:
        return _sorted_sizes(pa.schema(list(COLUMNS.items())).empty_table())
    columns = ("image_id", "blob_width", "blob_height")
    rows = select_rows(warehouse, RowQuery("images", release, columns, MEASURED, with_blobs=True))
    return _sorted_sizes(rows.rename_columns(list(COLUMNS)))


def _read_file(file: str) -> pa.Table:
    rows = read_typed_csv(file, COLUMNS)
    ids = rows["image_id"].combine_chunks()
    sides_fit = pc.and_(pc.greater(rows["width"], 0), pc.greater(rows["height"], 0)).fill_null(False)
    odd = np.flatnonzero(~(are_canonical(ids) & ids.is_valid().to_numpy(False) & sides_fit.to_numpy()))
    if len(odd):
        shown = ",".join(str(rows[name][int(odd[0])]) for name in COLUMNS)
        raise InputError(
            f"{file}: row {int(odd[0]) + 1}: {shown[:80]!r} is no image ID of 16 hex digits with a width and a height above "
            "0; mend it"
        )
    return rows


def _sorted_sizes(rows: pa.Table) -> ImageSizes:
    numbers = as_numbers(rows["image_id"].combine_chunks())
    images, firsts = np.unique(numbers, return_index=True)
    widths, heights = (rows[name].to_numpy().astype(np.int64)[firsts] for name in ("width", "height"))
    return ImageSizes(images, widths, heights)
