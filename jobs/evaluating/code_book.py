"""Texts as numbers, in the order in which they come: of files and tables whose values nobody listed before."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oilake.jobs.transforms.label_keys import Integers

UNKNOWN = -1


def rows_with_code(batch: pa.RecordBatch, codes: Integers) -> pa.RecordBatch:
    """Return the rows whose code is not UNKNOWN, with it as `code`; `codes`: of shape (rows,)."""
    return batch.append_column("code", pa.array(codes)).filter(pa.array(codes != UNKNOWN))


class CodeBook:
    """Numbers of texts, from 0 on; as small as there are distinct texts."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def texts(self) -> list[str]:
        """The texts by their numbers."""
        return list(self.numbers)

    def learn(self, texts: pa.Array) -> Integers:
        """Return the number of each text, new ones for those that never came; shape (n,), none is NULL."""
        encoded = texts.dictionary_encode()
        places = [self.numbers.setdefault(text, len(self.numbers)) for text in encoded.dictionary.to_pylist()]
        return np.asarray(np.array(places, np.int64)[encoded.indices.to_numpy()], np.int64)

    def look_up(self, texts: pa.Array) -> Integers:
        """Return the number of each text, UNKNOWN of those that never came; shape (n,)."""
        encoded = texts.dictionary_encode()
        places = [self.numbers.get(text, UNKNOWN) for text in encoded.dictionary.to_pylist()]
        return np.asarray(np.array(places, np.int64)[encoded.indices.to_numpy()], np.int64)
