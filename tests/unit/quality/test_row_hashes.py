"""Hashes of rows: the same text has the same hash beside any other, and texts as long as image IDs are told apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oilake.quality.row_hashes import hash_rows, repeated_hashes

IDS = [f"{n:016x}" for n in (*range(5000), *range(2**64 - 5000, 2**64), *range(2**52, 2**63, 2**52))]


def hashes_of(values: list[str | None], coded: bool = False) -> list[int]:
    column = pa.array(values, pa.string())
    return hash_rows(pa.table({"a": column.dictionary_encode() if coded else column}), ["a"]).tolist()


def test_image_ids_are_told_apart_and_have_one_hash_whatever_stands_beside_them():
    assert len({*hashes_of(IDS)}) == len({*IDS})
    mixed = ["short", *IDS, None, "longer than an image ID", ""]
    assert hashes_of(mixed)[1 : len(IDS) + 1] == hashes_of(IDS) == hashes_of(IDS, coded=True)
    assert hashes_of(mixed, coded=True) == hashes_of(mixed)
    assert hash_rows(pa.table({"a": IDS}).slice(7, 100), ["a"]).tolist() == hashes_of(IDS)[7:107]


def test_only_rows_that_stand_twice_are_repeated():
    rows = pa.table({"image_id": [*IDS, IDS[3]], "mid": ["/m/01"] * (len(IDS) + 1)})
    hashes = hash_rows(rows, ["image_id", "mid"])
    assert repeated_hashes([hashes]).tolist() == [hashes[3]]
    assert np.flatnonzero(hashes == hashes[3]).tolist() == [3, len(IDS)]
