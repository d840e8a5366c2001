"""What a person wants verified, and which images should have a blob because of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oilake.conf.errors import InputError
from oilake.jobs.blobs.locations import Location
from oilake.jobs.downloading import address_lists
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import image_ids
from oilake.jobs.verifying import blob_origins, expected_images
from oilake.jobs.verifying.expected_images import ExpectedImages
from oilake.quality.row_expectations import numpy_mask


@dataclass(frozen=True)
class VerifySelection:
    """`subsets`: none means all; `images`: a file of IDs, `ids`: IDs themselves; `origin`: of all blobs; `force`: look at
    unchanged blobs too."""

    subsets: tuple[str, ...] = ()
    images: str | None = None
    origin: str | None = None
    force: bool = False
    ids: pa.ChunkedArray | None = None


def select_images(
    warehouse: Warehouse, pin: Snapshot, location: Location, wish: VerifySelection
) -> tuple[ExpectedImages, str]:
    """(the images of the release, chosen as wished; why these should have a blob, for a person)."""
    expected = expected_images.read_expected_images(warehouse, pin)
    downloaded = blob_origins.newest_downloads(warehouse, pin.release, location)
    blob_origins.set_origins(expected, location, wish.origin, downloaded)
    if wish.ids is not None:
        expected_images.choose_expected(expected, (), wish.ids.combine_chunks())
        return expected, "those that were bad"
    if wish.subsets or wish.images:
        listed = read_ids(wish.images) if wish.images else None
        unknown = expected_images.choose_expected(expected, wish.subsets, listed)
        if listed is not None and len(unknown):
            more = f" (nor are {len(unknown) - 1:,} others)" if len(unknown) > 1 else ""
            raise InputError(
                f"--images {wish.images}: {listed[int(unknown[0])]} is no image of {pin.release}{more}; leave it out, or "
                "name the release that has it"
            )
        words = [", ".join(wish.subsets)] * bool(wish.subsets) + [f"of {wish.images}"] * bool(wish.images)
        return expected, f"chosen: {' '.join(words)}"
    if len(downloaded):
        expected.required[:] = False
        places = expected.places(downloaded["image_id"].combine_chunks())
        expected.required[places[places >= 0]] = True
        return expected, "those that were downloaded to this place"
    return expected, "all of the release; --subset or --images FILE choose some"


def read_ids(path: str) -> pa.StringArray:
    """The image IDs in a file, each once, sorted; ConfigError where it is no list of them."""
    return image_ids.as_ids(address_lists.read_id_numbers(path))


def unasked_rows(images: ExpectedImages, rows: pa.Table) -> pa.Table:
    """The rows of `blob_checks` of images that were not asked for, and of what is no image's."""
    of = rows["image_id"].combine_chunks()
    has_id = numpy_mask(of.is_valid())
    asked = np.zeros(len(rows), np.bool_)
    places = images.places(of.filter(pa.array(has_id)))
    asked[has_id] = np.where(places >= 0, images.chosen[places], False)
    return rows.filter(pa.array(~asked))
