"""Rows of `images` of two releases to rows of `image_changes`, compared column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.transforms.image_ids import as_ids
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers
from oilake.jobs.transforms.release_diff import (
    FROM,
    TO,
    ChosenRows,
    MatchedRows,
    match_rows,
    name_lists,
    side_name,
    side_subsets,
)
from oilake.quality.row_expectations import RowMask, numpy_mask
from oilake.schemas.loader import arrow_schema, table_schema

COLUMNS = table_schema("images").compared_columns()
CHANGES = ("added", "removed", "moved_subset", "metadata_changed")

Bits = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ImageChangeBatch:
    """Some changed images: their IDs as numbers, and one bit a compared column that differs; both of shape (rows,)."""

    change: str
    from_subset: str | None
    to_subset: str | None
    images: Numbers
    columns: Bits


def compare_images(chunk: Mapping[str, ImageRuns], given: Mapping[str, Sequence[str]]) -> pa.Table:
    """The changed rows in the order of image_id; none where all are equal.

    `chunk`: all rows of some images, by side (see transforms/release_diff.py), strings plain; `given`: the columns that each
    side gives. Only what both sides give can differ: a list that one release lacks of a subset changes none of its images.
    """
    compared = [name for name in COLUMNS if any(name in columns for columns in given.values())]
    before, after = (
        {subset: _ascending_runs(chunk[side_name(role, subset)]) for subset in side_subsets(chunk, role)}
        for role in (FROM, TO)
    )
    met, removed, added = match_rows(
        {subset: part.images for subset, part in before.items()},
        {subset: part.images for subset, part in after.items()},
    )
    batches = [
        _changed_images(
            matched,
            before[matched.before],
            after[matched.after],
            {
                n: name
                for n, name in enumerate(compared)
                if name in given[side_name(FROM, matched.before)] and name in given[side_name(TO, matched.after)]
            },
        )
        for matched in met
    ]
    batches += [
        _one_sided_images("removed", subset, None, before[subset].images[gone]) for subset, gone in removed.items()
    ]
    batches += [_one_sided_images("added", None, subset, after[subset].images[new]) for subset, new in added.items()]
    return _changes_table(batches, compared)


def _ascending_runs(part: ImageRuns) -> ImageRuns:
    """One run a row, in ascending order."""
    images = np.repeat(part.images, part.lengths)
    if (images[1:] < images[:-1]).any():
        order = np.argsort(images, kind="stable")
        return ImageRuns(part.rows.take(pa.array(order)), images[order], np.ones(len(images), np.int64))
    return ImageRuns(part.rows, images, np.ones(len(images), np.int64))


def _changed_images(
    met: MatchedRows, before: ImageRuns, after: ImageRuns, compared: Mapping[int, str]
) -> ImageChangeBatch:
    """The images among those that both releases have which moved or are described otherwise; `compared`: columns by bit."""
    images = before.images[met.left]
    differ = np.zeros(len(images), np.int64)
    for n, name in compared.items():
        differ |= (
            _values_differ(_chosen_column(before, name, met.left), _chosen_column(after, name, met.right)).astype(
                np.int64
            )
            << n
        )
    if met.before != met.after:
        return ImageChangeBatch("moved_subset", met.before, met.after, images, differ)
    changed = np.flatnonzero(differ)
    return ImageChangeBatch("metadata_changed", met.before, met.after, images[changed], differ[changed])


def _chosen_column(part: ImageRuns, name: str, chosen: ChosenRows) -> pa.ChunkedArray:
    """Some values of a column; NULL where the files are older than the column."""
    if name not in part.rows.column_names:
        type_ = arrow_schema(table_schema("images")).field(name).type
        return pa.chunked_array([pa.nulls(len(part.images[chosen]), type_)])
    column = part.rows[name]
    return column if isinstance(chosen, slice) else column.take(pa.array(chosen))


def _values_differ(before: pa.ChunkedArray, after: pa.ChunkedArray) -> RowMask:
    """Where the values differ, NULL being a value like any other; shape (rows,)."""
    differs = pc.not_equal(before, after)
    if differs.null_count:
        differs = pc.if_else(pc.is_null(differs), pc.xor(pc.is_null(before), pc.is_null(after)), differs)
    return numpy_mask(differs)


def _one_sided_images(change: str, old: str | None, new: str | None, images: Numbers) -> ImageChangeBatch:
    return ImageChangeBatch(change, old, new, images, np.zeros(len(images), np.int64))


def _changes_table(batches: Sequence[ImageChangeBatch], compared: Sequence[str]) -> pa.Table:
    images = np.concatenate([batch.images for batch in batches])
    order = np.argsort(images, kind="stable")
    columns: dict[str, pa.Array] = {
        "image_id": as_ids(images[order]),
        "change": _repeat_values([batch.change for batch in batches], batches, order),
        "from_subset": _repeat_values([batch.from_subset for batch in batches], batches, order),
        "to_subset": _repeat_values([batch.to_subset for batch in batches], batches, order),
        "columns_changed": name_lists(np.concatenate([batch.columns for batch in batches])[order], compared),
    }
    return pa.table({name: columns[name] for name in arrow_schema(table_schema("image_changes")).names})


def _repeat_values(
    values: Sequence[str | None], batches: Sequence[ImageChangeBatch], order: Bits
) -> pa.DictionaryArray:
    """A value that all rows of each part have, for every row."""
    places = np.repeat(np.arange(len(batches)), [len(batch.images) for batch in batches])[order]
    return pa.array(values, pa.string()).dictionary_encode().take(pa.array(places))
