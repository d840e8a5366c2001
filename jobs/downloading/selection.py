"""Which images are downloaded: by class, verdict, box, licence, list of IDs or a condition on their rows.

Published files are read as they are, without Spark, which would take longer to begin than a small download takes; only a
condition in SQL is Spark's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from oilake.jobs.downloading import address_lists
from oilake.jobs.downloading.address_lists import Addresses, Ids
from oilake.jobs.downloading.request import SUBSETS
from oilake.jobs.downloading.row_selection import KEY, LISTED, Mask, Numbers, Stretch
from oilake.jobs.runtime.error_text import SPARK_ERRORS
from oilake.jobs.runtime.progress import say
from oilake.jobs.tables import class_names, where_conditions
from oilake.jobs.tables.delta_log import uri
from oilake.jobs.tables.parquet_reader import columns_of, read_file
from oilake.jobs.tables.snapshots import PublishedFile, Snapshot, files, pinned, slices, small_rows, snapshots
from oilake.jobs.tables.spark_reader import read
from oilake.jobs.transforms import image_ids
from oilake.jobs.transforms.class_ancestors import ancestors
from oilake.quality.row_expectations import mask

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Choice:
    """What --subset, --mid and their like say; what is empty or None chooses nothing away.

    `archive`: (subset, first digit of the IDs or nothing) of the one archive that the images are to come from. `blobs`:
    only these images, under these names (`image_id`, sorted, and `key`), several of one image each by itself.
    """

    subsets: tuple[str, ...] = ()
    mids: tuple[str, ...] = ()
    with_subclasses: bool = False
    verdict: str = "positive"
    is_boxed: bool = False
    license: str | None = None
    images: str | None = None
    where: str | None = None
    archive: tuple[str, str] | None = None
    blobs: pa.Table | None = None


@dataclass(frozen=True)
class _Sets:
    """What the images of a file are held against. `labelled`: of each subset the images that have the label or box;
    `blobs`: (IDs, keys)."""

    listed: Ids | Addresses | None
    labelled: dict[str, Numbers] | None
    blobs: tuple[Numbers, pa.ChunkedArray] | None


def chosen(warehouse: str, release: str, choice: Choice, known: Mapping[str, Snapshot] | None = None) -> list[Stretch]:
    """The images of the release that the choice leaves, but for its `where`, sorted by subset and ID.

    `known`: all snapshots, where they were read before. ConfigError where the choice does not fit the tables.
    """
    known = snapshots(warehouse) if known is None else known
    labelled = _labelled(warehouse, release, choice, known) if choice.mids or choice.is_boxed else None
    blobs = None
    if choice.blobs is not None:
        blobs = image_ids.as_numbers(choice.blobs["image_id"].combine_chunks()), choice.blobs["key"]
    sets = _Sets(address_lists.read(choice.images) if choice.images else None, labelled, blobs)
    subsets = {*(choice.subsets or SUBSETS)} & {*(choice.archive[:1] if choice.archive else SUBSETS)}
    found = []
    for file in files(warehouse, "images", pinned(warehouse, release, known)):
        if file.rows and file.partition["subset"] in subsets:
            first, stretch = _stretch(file, choice, sets)
            found += [(stretch.subset, first, stretch)] * bool(len(stretch.picks))
    stretches = [stretch for *_, stretch in sorted(found, key=lambda one: one[:2])]
    if isinstance(sets.listed, Ids) and choice == Choice(images=choice.images):
        _tell_unknown(sets.listed, stretches, release, choice.images)
    return stretches


def _tell_unknown(listed: Ids, stretches: Sequence[Stretch], release: str, file: str | None) -> None:
    """Says how many of the listed IDs are of no image of the release."""
    found = np.concatenate([np.empty(0, np.uint64), *(stretch.ids() for stretch in stretches)])
    unknown = np.setdiff1d(listed.numbers(), found)
    if len(unknown):
        first = f"{int(unknown[0]):016x}"
        say(f"{release}: {file}: {len(unknown):,} of its IDs are of no image there that is listed so, such as {first}")


def _stretch(file: PublishedFile, choice: Choice, sets: _Sets) -> tuple[int, Stretch]:
    """(the file's first image, those of its images that are chosen)."""
    names = ["image_id", *["license"] * bool(choice.license)]
    rows = read_file(file.uri, "images", [*names, *["original_url"] * isinstance(sets.listed, Addresses)])
    subset, ids = file.partition["subset"], image_ids.as_numbers(rows["image_id"].combine_chunks())
    wanted = np.ones(len(ids), np.bool_)
    if choice.archive and choice.archive[1]:
        wanted &= ids >> np.uint64(60) == int(choice.archive[1], 16)
    if choice.license:
        holds = pc.match_substring(rows["license"], choice.license, ignore_case=True)
        wanted &= mask(holds.fill_null(False))
    if sets.labelled is not None:
        wanted &= np.isin(ids, sets.labelled.get(subset, ()))
    picks: dict[str, Any] = {}
    if isinstance(sets.listed, Ids):
        wanted &= sets.listed.hold(ids, subset)
    elif isinstance(sets.listed, Addresses):
        places = sets.listed.places(rows["original_url"])
        wanted &= places >= 0
        picks = dict(zip(LISTED, sets.listed.told(places[wanted]), strict=True))
    places = np.flatnonzero(wanted)
    if sets.blobs is not None:
        places, picks = _replaced(ids, wanted, *sets.blobs)
    picks = {"place": pa.array(places, pa.uint32()), **picks}
    return int(ids[0]), Stretch(file.uri, subset, pa.table(picks))


def _replaced(ids: Numbers, wanted: Mask, bad: Numbers, keys: pa.ChunkedArray) -> tuple[Places, dict[str, Any]]:
    """(ascending places of wanted images that have a blob to be replaced, each as often as it has one; the blobs' names)."""
    order = np.argsort(ids)
    nearest = order[np.minimum(np.searchsorted(ids, bad, sorter=order), len(ids) - 1)]
    blobs = np.flatnonzero((ids[nearest] == bad) & wanted[nearest])
    blobs = blobs[np.argsort(nearest[blobs], kind="stable")]
    return nearest[blobs], {KEY: keys.take(pa.array(blobs))}


def _labelled(warehouse: str, release: str, choice: Choice, known: Mapping[str, Snapshot]) -> dict[str, Numbers]:
    """The images of each subset that have a label or a box of the chosen classes, as sorted numbers."""
    mids = classes(warehouse, pinned(warehouse, release, known), choice.mids, choice.with_subclasses)
    table = "boxes" if choice.is_boxed else "image_labels"
    wanted: list[tuple[str, str, object]] = [("mid", "in", mids)] * bool(mids)
    wanted += [("verdict", "=", choice.verdict)] * (not choice.is_boxed)
    found: dict[str, list[Numbers]] = {}
    for one in slices(warehouse, table, release, known=known):
        for part, rows in columns_of(warehouse, table, one.version, one.partition, ["image_id"], wanted or None):
            if len(rows):
                numbers = image_ids.as_numbers(rows["image_id"].combine_chunks())
                found.setdefault(part["subset"], []).append(np.unique(numbers))
    return {subset: np.unique(np.concatenate(parts)) for subset, parts in found.items()}


def classes(warehouse: str, pin: Snapshot, named: Sequence[str], with_subclasses: bool) -> list[str]:
    """The MIDs of the named classes, and of those below them in the hierarchy where that is wanted.

    ConfigError for a name that is unknown or ambiguous.
    """
    known = class_names.listed(warehouse, [pin]) if named else []
    mids = sorted({class_names.find(text, known, "--mid", pin.release) for text in named})
    if not with_subclasses:
        return mids
    nodes = small_rows(warehouse, "hierarchy", pin, ["path", "parent_path", "mid", "relation"])
    return sorted({*mids, *(below for below, above in ancestors(nodes) if above in mids)})


def meeting(
    spark: SparkSession,
    warehouse: str,
    release: str,
    condition: str,
    stretches: Sequence[Stretch],
    known: Mapping[str, Snapshot] | None = None,
) -> list[Stretch]:
    """Those images whose rows meet a condition in Spark SQL; ConfigError where it does not fit the table."""
    met = where_conditions.where(read(spark, warehouse, "images", release, known=known), condition)
    try:
        rows = met.select(sf.unhex("image_id").alias("image_id")).toArrow()
    except SPARK_ERRORS as error:
        raise where_conditions.broken(error, uri(warehouse, "images"), condition) from None
    chunks = [one for one in rows["image_id"].cast(pa.binary(8)).chunks if len(one)]
    found = [np.frombuffer(one.buffers()[1], ">u8", len(one), 8 * one.offset) for one in chunks]
    ids = np.concatenate([np.empty(0, np.uint64), *found])
    kept = [one.keep(np.isin(one.ids(), ids)) for one in stretches]
    return [one for one in kept if len(one.picks)]
