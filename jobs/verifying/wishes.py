"""What a person wants verified, and which images should have a blob because of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from conf.errors import ConfigError, InputError
from jobs.blobs.locations import Location
from jobs.tables.snapshots import Snapshot
from jobs.transforms import image_ids
from jobs.verifying import expected, origins
from jobs.verifying.expected import Expected
from quality.rules import mask

OFFICIAL = r"^(?:train|validation|test)(?:_[0-9a-f])?/|\.jpg$"


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
    found = expected.expected(warehouse, pin)
    downloaded = origins.downloads(warehouse, pin.release, location)
    origins.apply(found, location, wish.origin, downloaded)
    if wish.ids is not None:
        expected.choose(found, (), wish.ids.combine_chunks())
        return found, "those that were bad"
    if wish.subsets or wish.images:
        listed = ids(wish.images) if wish.images else None
        unknown = expected.choose(found, wish.subsets, listed)
        if listed is not None and len(unknown):
            raise InputError(f"{wish.images}: {listed[int(unknown[0])]} is no image of {pin.release}; leave it out")
        told = [", ".join(wish.subsets)] * bool(wish.subsets) + [f"of {wish.images}"] * bool(wish.images)
        return found, f"chosen: {' '.join(told)}"
    if len(downloaded):
        found.wanted[:] = False
        places = found.places(downloaded["image_id"].combine_chunks())
        found.wanted[places[places >= 0]] = True
        return found, "those that were downloaded to this place"
    return found, "all of the release; --subset or --images FILE choose some"


def ids(path: str) -> pa.StringArray:
    """The image IDs in a file, of lines ID or split/ID, in canonical spelling; InputError names the line that holds none."""
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({error}); --images takes a file of image IDs or split/ID, one a line"
        ) from None
    text = pa.array([line.strip() for line in lines], pa.string())
    text = pc.replace_substring_regex(text, OFFICIAL, "")
    found = image_ids.normalize(text)[0]
    wrong = np.flatnonzero(~mask(pc.match_substring_regex(found, image_ids.CANONICAL)))
    if bad := [n for n in wrong.tolist() if lines[n].strip()]:
        raise InputError(f"{path}: line {bad[0] + 1}: {lines[bad[0]].strip()[:40]!r} is no image ID (16 hex digits)")
    return found.filter(pa.array(np.isin(np.arange(len(lines)), wrong, invert=True)))


def others(found: Expected, rows: pa.Table) -> pa.Table:
    """The rows of `blob_checks` of images that were not asked for, and of what is no image's."""
    of = rows["image_id"].combine_chunks()
    has_id = mask(of.is_valid())
    asked = np.zeros(len(rows), np.bool_)
    places = found.places(of.filter(pa.array(has_id)))
    asked[has_id] = np.where(places >= 0, found.chosen[places], False)
    return rows.filter(pa.array(~asked))
