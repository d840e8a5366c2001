"""Image IDs are unique in a release: finds the rows that come after an earlier one with the same ID."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from jobs.kernel import Report

Positions = npt.NDArray[np.int64]


def duplicates(reports: Sequence[Report]) -> dict[tuple[str, int], Positions]:
    """Positions, among the kept rows of a chunk, of rows whose image ID an earlier row has; by (file, chunk).

    `reports`: those of `images` in the order of the registry's files and of their chunks, which decides who is earlier.
    Sorting all IDs of a full release as 64-bit numbers takes about a second and 220 MB.
    """
    chunks = [report for report in reports if len(report.ids)]
    if not chunks:
        return {}
    ids = np.concatenate([report.ids for report in chunks])
    order = np.argsort(ids, kind="stable")
    later = order[1:][ids[order[1:]] == ids[order[:-1]]]
    starts = np.cumsum([0, *(len(report.ids) for report in chunks)])
    found: dict[tuple[str, int], Positions] = {}
    for n in np.unique(np.searchsorted(starts, later, side="right") - 1).tolist():
        mine = later[(later >= starts[n]) & (later < starts[n + 1])] - starts[n]
        found[chunks[n].file, chunks[n].number] = np.sort(mine)
    return found
