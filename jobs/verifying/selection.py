"""What a person wants verified, and which images should have a blob because of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oilake.conf.errors import InputError
from oilake.jobs.blobs.locations import Location
from oilake.jobs.downloading import address_lists
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.transforms import image_ids
from oilake.jobs.verifying import blob_origins, expected_images
from oilake.jobs.verifying.expected_images import Expected
from oilake.quality.row_expectations import mask


@dataclass(frozen=True)
class Wishes:
    """`subsets`: none means all; `images`: a file of IDs, `ids`: IDs themselves; `origin`: of all blobs; `force`: look at
    unchanged blobs too."""

    subsets: tuple[str, ...] = ()
    images: str | None = None
    origin: str | None = None
    force: bool = False
    ids: pa.ChunkedArray | None = None


def images(warehouse: str, pin: Snapshot, location: Location, wish: Wishes) -> tuple[Expected, str]:
    """(the images of the release, chosen as wished; why these should have a blob, for a person)."""
    found = expected_images.expected(warehouse, pin)
    downloaded = blob_origins.downloads(warehouse, pin.release, location)
    blob_origins.apply(found, location, wish.origin, downloaded)
    if wish.ids is not None:
        expected_images.choose(found, (), wish.ids.combine_chunks())
        return found, "those that were bad"
    if wish.subsets or wish.images:
        listed = ids(wish.images) if wish.images else None
        unknown = expected_images.choose(found, wish.subsets, listed)
        if listed is not None and len(unknown):
            more = f" (nor are {len(unknown) - 1:,} others)" if len(unknown) > 1 else ""
            raise InputError(
                f"--images {wish.images}: {listed[int(unknown[0])]} is no image of {pin.release}{more}; leave it out, or "
                "name the release that has it"
            )
        told = [", ".join(wish.subsets)] * bool(wish.subsets) + [f"of {wish.images}"] * bool(wish.images)
        return found, f"chosen: {' '.join(told)}"
    if len(downloaded):
        found.wanted[:] = False
        places = found.places(downloaded["image_id"].combine_chunks())
        found.wanted[places[places >= 0]] = True
        return found, "those that were downloaded to this place"
    return found, "all of the release; --subset or --images FILE choose some"


def ids(path: str) -> pa.StringArray:
    """The image IDs in a file, each once, sorted; ConfigError where it is no list of them."""
    return image_ids.as_ids(address_lists.numbers(path))


def others(found: Expected, rows: pa.Table) -> pa.Table:
    """The rows of `blob_checks` of images that were not asked for, and of what is no image's."""
    of = rows["image_id"].combine_chunks()
    has_id = mask(of.is_valid())
    asked = np.zeros(len(rows), np.bool_)
    places = found.places(of.filter(pa.array(has_id)))
    asked[has_id] = np.where(places >= 0, found.chosen[places], False)
    return rows.filter(pa.array(~asked))
