"""Classes in the order of their counts, and the same in few bins where they are more than a picture has room for."""

from __future__ import annotations

from collections.abc import Sequence

from oilake.jobs.surveying.aggregate import Row

BINS = 200


def rank_classes(rows: Sequence[Row], *counts: str) -> list[Row]:
    """The rows by the first count, the largest first, then by the next ones, then by MID; each with its `rank` from 1."""
    ordered = sorted(rows, key=lambda row: (*(-row[name] for name in counts), row["mid"]))
    return [
        {"rank": rank, "mid": row["mid"], "name": row["name"], **{name: row[name] for name in counts}}
        for rank, row in enumerate(ordered, 1)
    ]


def bin_ranks(ranked: Sequence[Row], *counts: str) -> list[Row]:
    """Neighbours together, in at most 200 bins: first and last (rank, behind the last class), and of each count its least,
    median and most as `<count>_least`, `<count>`, `<count>_most`."""
    size = -(-len(ranked) // BINS)
    bins = (ranked[start : start + size] for start in range(0, len(ranked), size or 1))
    return [{"first": part[0]["rank"], "last": part[-1]["rank"] + 1, **_bin_counts(part, counts)} for part in bins]


def _bin_counts(part: Sequence[Row], counts: Sequence[str]) -> Row:
    row: Row = {}
    for name in counts:
        values = sorted(entry[name] for entry in part)
        row |= {f"{name}_least": values[0], name: values[len(values) // 2], f"{name}_most": values[-1]}
    return row
