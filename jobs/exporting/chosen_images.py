"""Which images an export holds, as numbers by subset: what the flags of a download say, blobs, and a balanced sample."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.errors import ConfigError
from oilake.jobs.downloading.row_selection import RowSelection
from oilake.jobs.downloading.selection import choose_images, find_classes, matching_ids
from oilake.jobs.exporting.balanced_sample import BalancedSample
from oilake.jobs.exporting.request import ExportRequest
from oilake.jobs.scanning.merge_scan import END, Side, aligned_chunks
from oilake.jobs.tables.images_with_blobs import RANKS
from oilake.jobs.tables.slice_files import published_files
from oilake.jobs.tables.snapshots import require_snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers, are_among, distinct_images
from oilake.quality.row_expectations import numpy_mask

READ_ROWS, CHUNK_ROWS = 1 << 16, 1 << 18


def choose_ids(warehouse: Warehouse, request: ExportRequest, mids: frozenset[str] | None) -> dict[str, Numbers]:
    """The images of each subset, ascending. `mids`: as of `chosen_mids`. ConfigError if the request does not fit."""
    selections = choose_images(warehouse, request.release, request.images)
    ids = _ids_by_subset(selections)
    for condition in _conditions(request):
        kept = distinct_images([matching_ids(warehouse, request.release, condition, bool(request.blob_statuses))])
        ids = {subset: numbers[are_among(numbers, kept)] for subset, numbers in ids.items()}
    if request.per_class is not None:
        ids = _balanced_ids(warehouse, request, mids, ids)
    return {subset: numbers for subset, numbers in ids.items() if len(numbers)}


def chosen_mids(warehouse: Warehouse, request: ExportRequest) -> frozenset[str] | None:
    """The classes of --mid, with those below them where that is asked; None where all are."""
    if not request.images.mids:
        return None
    pin = require_snapshot(warehouse, request.release)
    return frozenset(find_classes(warehouse, pin, request.images.mids, request.images.with_subclasses))


def _ids_by_subset(selections: list[RowSelection]) -> dict[str, Numbers]:
    parts: dict[str, list[Numbers]] = {}
    for selection in selections:
        parts.setdefault(selection.subset, []).append(selection.ids())
    return {subset: distinct_images(numbers) for subset, numbers in parts.items()}


def _conditions(request: ExportRequest) -> list[str]:
    conditions = [request.images.where] if request.images.where else []
    if request.blob_statuses:
        if odd := sorted({*request.blob_statuses} - {*RANKS}):
            raise ConfigError(f"--blob-status {odd[0]!r}: no check says so; there is {', '.join(RANKS)}")
        conditions.append(f"blob_status IN ({', '.join(map(repr, request.blob_statuses))})")
    return conditions


def _balanced_ids(
    warehouse: Warehouse, request: ExportRequest, mids: frozenset[str] | None, ids: Mapping[str, Numbers]
) -> dict[str, Numbers]:
    """Of each subset the images of a sample of its own."""
    pin = require_snapshot(warehouse, request.release)
    if "image_labels" not in pin.table_versions:
        raise ConfigError(
            f"{warehouse}: --per-class draws from image_labels, and {request.release} has none; "
            f"run `oilake reconcile --release {request.release}` first"
        )
    files = published_files(warehouse, "image_labels", pin)
    sampled = {}
    for subset, numbers in ids.items():
        sample = BalancedSample(request.per_class or 0, request.seed)
        uris = tuple(file.uri for file in files if file.partition["subset"] == subset)
        for chunk in aligned_chunks({"labels": Side(uris, ("mid", "verdict"), READ_ROWS)}, 0, END, CHUNK_ROWS):
            _add_chunk(sample, chunk["labels"], numbers, request.images.verdict, mids)
        sampled[subset] = sample.images()
    return sampled


def _add_chunk(
    sample: BalancedSample, runs: ImageRuns, numbers: Numbers, verdict: str, mids: frozenset[str] | None
) -> None:
    images = np.repeat(runs.images, runs.lengths)
    is_asked = np.repeat(are_among(runs.images, numbers), runs.lengths)
    is_asked &= numpy_mask(pc.equal(runs.rows["verdict"].cast(pa.string()), verdict))
    mid_column = runs.rows["mid"].cast(pa.string()).combine_chunks().dictionary_encode()
    names: list[str] = mid_column.dictionary.to_pylist()
    codes = mid_column.indices.to_numpy().astype(np.int64)
    is_asked &= np.array([mids is None or mid in mids for mid in names], np.bool_)[codes]
    sample.add_labels(names, codes[is_asked], images[is_asked])
