"""The classes of a release as a vocabulary: a MID is the place at which it stands there, in the order of the strings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassVocabulary:
    """`mids`: distinct and sorted; beside each its display name and flags, NULL where nothing is known or published."""

    mids: pa.StringArray
    display_names: pa.DictionaryArray
    is_trainable: pa.BooleanArray
    is_boxable: pa.BooleanArray

    def codes(self, mids: pa.StringArray) -> Codes:
        """The place of each MID, all of which are known."""
        return np.asarray(pc.index_in(mids, value_set=self.mids).to_numpy().astype(np.int64))

    def including(self, columns: Iterable[pa.ChunkedArray]) -> ClassVocabulary:
        """These classes and every other MID in the dictionaries of `columns`, of which nothing is known."""
        distinct = pa.concat_arrays(
            [self.mids[:0], *(chunk.dictionary for column in columns for chunk in column.chunks)]
        )
        unknown = pc.unique(distinct.filter(pc.invert(pc.is_in(distinct, value_set=self.mids))))
        if not len(unknown):
            return self
        order = pc.sort_indices(pa.concat_arrays([self.mids, unknown]))
        place = pc.if_else(pc.less(order, len(self.mids)), order, None)
        return ClassVocabulary(
            pa.concat_arrays([self.mids, unknown]).take(order),
            self.display_names.take(place),
            self.is_trainable.take(place),
            self.is_boxable.take(place),
        )


def build_vocabulary(rows: Sequence[Mapping[str, Any]]) -> ClassVocabulary:
    """The vocabulary of the rows of `classes` (mid, display_name, is_trainable, is_boxable)."""
    ordered = sorted(rows, key=lambda row: str(row["mid"]))
    return ClassVocabulary(
        pa.array([row["mid"] for row in ordered], pa.string()),
        pa.array([row["display_name"] for row in ordered], pa.string()).dictionary_encode(),
        pa.array([row["is_trainable"] for row in ordered], pa.bool_()),
        pa.array([row["is_boxable"] for row in ordered], pa.bool_()),
    )
