"""Rows of `images` of two releases to rows of `image_changes`, compared column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.transforms.image_ids import as_ids
from oilake.jobs.transforms.image_runs import Numbers, Runs
from oilake.jobs.transforms.release_diff import FROM, TO, Chosen, Met, meet, side, subsets
from oilake.quality.row_expectations import Mask, mask
from oilake.schemas.loader import arrow_schema, load

KEYS = ("release", "subset", "image_id")
COLUMNS = tuple(column.name for column in load("images").columns if column.name not in KEYS)
CHANGES = ("added", "removed", "moved_subset", "metadata_changed")

Bits = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Changed:
    """Some changed images: their IDs as numbers, and one bit a column of COLUMNS that differs; both of shape (rows,)."""

    change: str
    from_subset: str | None
    to_subset: str | None
    images: Numbers
    columns: Bits


def compare(chunk: Mapping[str, Runs]) -> pa.Table:
    """The changed rows in the order of image_id; none where all are equal.

    `chunk`: all rows of some images with COLUMNS, by side (see transforms/sides.py), strings plain.
    """
    before, after = (
        {subset: _ascending(chunk[side(role, subset)]) for subset in subsets(chunk, role)} for role in (FROM, TO)
    )
    met, removed, added = meet(
        {subset: part.images for subset, part in before.items()},
        {subset: part.images for subset, part in after.items()},
    )
    found = [_both(one, before[one.before], after[one.after]) for one in met]
    found += [_one("removed", subset, None, before[subset].images[gone]) for subset, gone in removed.items()]
    found += [_one("added", None, subset, after[subset].images[new]) for subset, new in added.items()]
    return _table(found)


def _ascending(part: Runs) -> Runs:
    """One run a row, in ascending order."""
    images = np.repeat(part.images, part.lengths)
    if (images[1:] < images[:-1]).any():
        order = np.argsort(images, kind="stable")
        return Runs(part.rows.take(pa.array(order)), images[order], np.ones(len(images), np.int64))
    return Runs(part.rows, images, np.ones(len(images), np.int64))


def _both(met: Met, before: Runs, after: Runs) -> Changed:
    """The images among those that both releases have which moved or are described otherwise."""
    images = before.images[met.left]
    differ = np.zeros(len(images), np.int64)
    for n, name in enumerate(COLUMNS):
        differ |= _distinct(_column(before, name, met.left), _column(after, name, met.right)).astype(np.int64) << n
    if met.before != met.after:
        return Changed("moved_subset", met.before, met.after, images, differ)
    changed = np.flatnonzero(differ)
    return Changed("metadata_changed", met.before, met.after, images[changed], differ[changed])


def _column(part: Runs, name: str, chosen: Chosen) -> pa.ChunkedArray:
    """Some values of a column; NULL where the files are older than the column."""
    if name not in part.rows.column_names:
        type_ = arrow_schema(load("images")).field(name).type
        return pa.chunked_array([pa.nulls(len(part.images[chosen]), type_)])
    column = part.rows[name]
    return column if isinstance(chosen, slice) else column.take(pa.array(chosen))


def _distinct(before: pa.ChunkedArray, after: pa.ChunkedArray) -> Mask:
    """Where the values differ, NULL being a value like any other; shape (rows,)."""
    found = pc.not_equal(before, after)
    if found.null_count:
        found = pc.if_else(pc.is_null(found), pc.xor(pc.is_null(before), pc.is_null(after)), found)
    return mask(found)


def _one(change: str, old: str | None, new: str | None, images: Numbers) -> Changed:
    return Changed(change, old, new, images, np.zeros(len(images), np.int64))


def _table(found: Sequence[Changed]) -> pa.Table:
    images = np.concatenate([one.images for one in found])
    order = np.argsort(images, kind="stable")
    columns: dict[str, pa.Array] = {
        "image_id": as_ids(images[order]),
        "change": _repeated([one.change for one in found], found, order),
        "from_subset": _repeated([one.from_subset for one in found], found, order),
        "to_subset": _repeated([one.to_subset for one in found], found, order),
        "columns_changed": _names(np.concatenate([one.columns for one in found])[order]),
    }
    return pa.table({name: columns[name] for name in arrow_schema(load("image_changes")).names})


def _repeated(values: Sequence[str | None], found: Sequence[Changed], order: Bits) -> pa.DictionaryArray:
    """A value that all rows of each part have, for every row."""
    places = np.repeat(np.arange(len(found)), [len(one.images) for one in found])[order]
    return pa.array(values, pa.string()).dictionary_encode().take(pa.array(places))


def _names(bits: Bits) -> pa.ListArray:
    """The names of the columns whose bits are set."""
    is_set = (bits[:, None] >> np.arange(len(COLUMNS))) & 1
    offsets = np.zeros(len(bits) + 1, np.int32)
    np.cumsum(is_set.sum(axis=1), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(COLUMNS).take(pa.array(np.nonzero(is_set)[1])))
