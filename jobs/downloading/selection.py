"""Which images are downloaded: by class, verdict, box, licence, list of IDs or a condition on their rows.

Published files are read as they are, without Spark, which would take longer to begin than a small download takes; a
condition in SQL is asked of an engine that is given these rows alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.errors import ConfigError
from oilake.conf.registry import SUBSETS
from oilake.jobs.downloading import address_lists
from oilake.jobs.downloading.address_lists import AddressList, IdList
from oilake.jobs.downloading.row_selection import BLOB_KEY, LISTED_COLUMNS, Mask, Numbers, RowSelection
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables import class_names
from oilake.jobs.tables.parquet_reader import columns_of, read_file
from oilake.jobs.tables.published_slices import published_slices
from oilake.jobs.tables.row_query import RowQuery, select_rows
from oilake.jobs.tables.slice_files import PublishedFile, published_files, small_rows
from oilake.jobs.tables.snapshots import Snapshot, newest_snapshots, require_snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import image_ids
from oilake.jobs.transforms.class_ancestors import ancestor_pairs
from oilake.jobs.transforms.image_runs import are_among, distinct_images
from oilake.quality.row_expectations import numpy_mask

RowIndexes = npt.NDArray[np.int64]

NO_IMAGES: Numbers = np.empty(0, np.uint64)


@dataclass(frozen=True)
class ImageSelection:
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
class _ImageFilters:
    """What the images of a file are held against. `labelled`: of each subset the images that have the label or box;
    `blobs`: (IDs, keys)."""

    listed: IdList | AddressList | None
    labelled: dict[str, Numbers] | None
    blobs: tuple[Numbers, pa.ChunkedArray] | None


def image_choice(arguments: argparse.Namespace) -> ImageSelection:
    """What the flags of `options.add_image_choice` ask for; ConfigError where one lacks another."""
    flags = arguments
    if flags.with_subclasses and not flags.mid:
        raise ConfigError("--with-subclasses needs --mid; name a class, or leave it out")
    return ImageSelection(
        tuple(flags.subset), tuple(flags.mid), flags.with_subclasses, flags.verdict, license=flags.license,
        where=flags.where,
    )  # fmt: skip


def choose_images(warehouse: Warehouse, release: str, choice: ImageSelection) -> list[RowSelection]:
    """The images of the release that the choice leaves, but for its `where`, sorted by subset and ID.

    ConfigError where the choice does not fit the tables.
    """
    warehouse = replace(warehouse, pins=newest_snapshots(warehouse))
    labelled = _labelled_images(warehouse, release, choice) if choice.mids or choice.is_boxed else None
    blobs = None
    if choice.blobs is not None:
        blobs = image_ids.as_numbers(choice.blobs["image_id"].combine_chunks()), choice.blobs["key"]
    sets = _ImageFilters(address_lists.read_list(choice.images) if choice.images else None, labelled, blobs)
    subsets = {*(choice.subsets or SUBSETS)} & {*(choice.archive[:1] if choice.archive else SUBSETS)}
    keyed_selections = []
    for file in published_files(warehouse, "images", require_snapshot(warehouse, release)):
        if file.rows and file.partition["subset"] in subsets:
            first, selection = _select_rows(file, choice, sets)
            keyed_selections += [(selection.subset, first, selection)] * bool(len(selection.picks))
    selections = [selection for *_, selection in sorted(keyed_selections, key=lambda one: one[:2])]
    if isinstance(sets.listed, IdList) and choice == ImageSelection(images=choice.images):
        _tell_unknown(sets.listed, selections, release, choice.images)
    return selections


def _tell_unknown(listed: IdList, selections: Sequence[RowSelection], release: str, file: str | None) -> None:
    """Says how many of the listed IDs are of no image of the release."""
    selected_ids = np.concatenate([np.empty(0, np.uint64), *(selection.ids() for selection in selections)])
    unknown = np.setdiff1d(listed.numbers(), selected_ids)
    if len(unknown):
        first = f"{int(unknown[0]):016x}"
        log_line(
            f"{release}: {file}: {len(unknown):,} of its IDs are of no image there that is listed so, such as {first}"
        )


def _select_rows(file: PublishedFile, choice: ImageSelection, sets: _ImageFilters) -> tuple[int, RowSelection]:
    """(the file's first image, those of its images that are chosen)."""
    names = ["image_id", *["license"] * bool(choice.license)]
    rows = read_file(file.uri, "images", [*names, *["original_url"] * isinstance(sets.listed, AddressList)])
    subset, ids = file.partition["subset"], image_ids.as_numbers(rows["image_id"].combine_chunks())
    selected = np.ones(len(ids), np.bool_)
    if choice.archive and choice.archive[1]:
        selected &= ids >> np.uint64(60) == int(choice.archive[1], 16)
    if choice.license:
        holds = pc.match_substring(rows["license"], choice.license, ignore_case=True)
        selected &= numpy_mask(holds.fill_null(False))
    if sets.labelled is not None:
        selected &= are_among(ids, sets.labelled.get(subset, NO_IMAGES))
    picks: dict[str, Any] = {}
    if isinstance(sets.listed, IdList):
        selected &= sets.listed.hold(ids, subset)
    elif isinstance(sets.listed, AddressList):
        places = sets.listed.places(rows["original_url"])
        selected &= places >= 0
        picks = dict(zip(LISTED_COLUMNS, sets.listed.told(places[selected]), strict=True))
    places = np.flatnonzero(selected)
    if sets.blobs is not None:
        places, picks = _select_replaced(ids, selected, *sets.blobs)
    picks = {"place": pa.array(places, pa.uint32()), **picks}
    return int(ids[0]), RowSelection(file.uri, subset, pa.table(picks))


def _select_replaced(
    ids: Numbers, selected: Mask, bad: Numbers, keys: pa.ChunkedArray
) -> tuple[RowIndexes, dict[str, Any]]:
    """(ascending places of wanted images that have a blob to be replaced, each as often as it has one; the blobs' names)."""
    order = np.argsort(ids)
    nearest = order[np.minimum(np.searchsorted(ids, bad, sorter=order), len(ids) - 1)]
    blobs = np.flatnonzero((ids[nearest] == bad) & selected[nearest])
    blobs = blobs[np.argsort(nearest[blobs], kind="stable")]
    return nearest[blobs], {BLOB_KEY: keys.take(pa.array(blobs))}


def _labelled_images(warehouse: Warehouse, release: str, choice: ImageSelection) -> dict[str, Numbers]:
    """The images of each subset that have a label or a box of the chosen classes, as sorted numbers."""
    mids = find_classes(warehouse, require_snapshot(warehouse, release), choice.mids, choice.with_subclasses)
    table = "boxes" if choice.is_boxed else "image_labels"
    filters: list[tuple[str, str, object]] = [("mid", "in", mids)] * bool(mids)
    filters += [("verdict", "=", choice.verdict)] * (not choice.is_boxed)
    ids_by_subset: dict[str, list[Numbers]] = {}
    for table_slice in published_slices(warehouse, table, release):
        for part, rows in columns_of(
            warehouse, table, table_slice.version, table_slice.partition, ["image_id"], filters or None
        ):
            if len(rows):
                numbers = image_ids.as_numbers(rows["image_id"].combine_chunks())
                ids_by_subset.setdefault(part["subset"], []).append(distinct_images([numbers]))
    return {subset: distinct_images(parts) for subset, parts in ids_by_subset.items()}


def find_classes(warehouse: Warehouse, pin: Snapshot, named: Sequence[str], with_subclasses: bool) -> list[str]:
    """The MIDs of the named classes, and of those below them in the hierarchy where that is wanted.

    ConfigError for a name that is unknown or ambiguous.
    """
    listed_classes = class_names.listed_classes(warehouse, [pin]) if named else []
    mids = sorted({class_names.find_class(text, listed_classes, "--mid", pin.release) for text in named})
    if not with_subclasses:
        return mids
    nodes = small_rows(warehouse, "hierarchy", pin, ["path", "parent_path", "mid", "relation"])
    return sorted({*mids, *(below for below, above in ancestor_pairs(nodes) if above in mids)})


def keep_matching(
    warehouse: Warehouse,
    release: str,
    condition: str,
    stretches: Sequence[RowSelection],
) -> list[RowSelection]:
    """Those images whose rows meet a condition in SQL; ConfigError where it does not fit the table."""
    ids = matching_ids(warehouse, release, condition)
    kept = [part.keep(np.isin(part.ids(), ids)) for part in stretches]
    return [part for part in kept if len(part.picks)]


def matching_ids(warehouse: Warehouse, release: str, condition: str, with_blobs: bool = False) -> Numbers:
    """The images whose rows, with the checks of their blobs where that is asked, meet a condition in SQL.

    ConfigError where it does not fit the table.
    """
    rows = select_rows(warehouse, RowQuery("images", release, ("image_id",), condition, with_blobs=with_blobs))
    return image_ids.as_numbers(rows["image_id"].combine_chunks())
