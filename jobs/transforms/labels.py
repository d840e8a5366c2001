"""Rows of a labels file to columns of the table `labels`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.registry import ExpectedMember, IdForm, Release
from oilake.jobs.transforms import dictionary_arrays, image_ids, mids, numbers
from oilake.jobs.transforms.normalized_batch import NormalizedBatch

DICTIONARY = pa.dictionary(pa.int32(), pa.string())
TYPES = {"image_id": pa.string(), "source": DICTIONARY, "mid": DICTIONARY, "confidence": DICTIONARY}


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`: the published columns as text (see TYPES), each of shape (rows,)."""
    result = NormalizedBatch({})
    add_ids_and_mids(result, raw, expected.member.ids)
    result.columns["source"] = raw["source"]
    result.columns["origin"] = dictionary_arrays.map_distinct(
        raw["source"], lambda values: _label_origins(values, release.sources)
    )[0]
    confidence, bad = dictionary_arrays.convert_distinct(raw["confidence"], numbers.to_doubles)
    result.add("confidence", confidence, bad, "invalid_confidence")
    return result


def add_ids_and_mids(
    result: NormalizedBatch, raw: Mapping[str, pa.Array], form: IdForm | None, mid_columns: Sequence[str] = ("mid",)
) -> None:
    """The image IDs and MIDs of labels, boxes and the like, each distinct one normalized once."""
    ids = dictionary_arrays.by_runs(raw["image_id"])
    read = dictionary_arrays.map_distinct(ids, partial(image_ids.normalize, form=form))
    result.add_image_ids(ids, *read, image_ids.unread_reason(form))
    add_mids(result, raw, mid_columns)


def add_mids(result: NormalizedBatch, raw: Mapping[str, pa.Array], mid_columns: Sequence[str]) -> None:
    """The MIDs of these columns, each distinct one normalized once."""
    for name in mid_columns:
        result.add_repaired(name, *dictionary_arrays.map_distinct(raw[name], mids.normalize))


def _label_origins(values: pa.StringArray, sources: Mapping[str, str]) -> tuple[pa.StringArray, npt.NDArray[np.bool_]]:
    """The origin of each source; NULL where the release declares none, which the suite quarantines as `unknown_source`."""
    index = pc.index_in(values, value_set=pa.array(list(sources), pa.string()))
    return pa.array(list(sources.values()), pa.string()).take(index), np.zeros(len(values), np.bool_)
