"""Plans ranges of image IDs of about as many rows each, from where the row groups of the files lie."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from oilake.jobs.scanning.merge_scan import END, RowGroup, Side, row_groups

READERS = 8
# More rows than this are shared by several tasks; and no range, so that no file made of it, has many more than that.
SHARED = 1 << 20
LARGEST = 8_000_000


@dataclass(frozen=True)
class KeyRange:
    """The images of one subset from `low` up to, without, `high`, as numbers; about `rows` rows. `sides` hold only files
    that may have some of them."""

    subset: str
    low: int
    high: int
    rows: int
    sides: dict[str, Side]


def plan_key_ranges(subset: str, sides: Mapping[str, Side], cores: int, largest: int | None = None) -> list[KeyRange]:
    """The spans of one subset, ascending; together they cover every image. Reads the footers of all files.

    None has many more than `largest` rows (LARGEST unless given).
    """
    uris = sorted({uri for side in sides.values() for uri in side.files})
    with ThreadPoolExecutor(READERS) as pool:
        groups = dict(zip(uris, pool.map(row_groups, uris), strict=True))
    every = [group for file_groups in groups.values() for group in file_groups]
    edges = [0, *cut_points(every, _range_count(sum(group.rows for group in every), cores, largest or LARGEST)), END]
    spans = []
    for low, high in pairwise(edges):
        within = {uri: math.ceil(sum(_rows_below(g, high) - _rows_below(g, low) for g in groups[uri])) for uri in uris}
        held = {name: _files_within(side, groups, low, high) for name, side in sides.items()}
        spans.append(KeyRange(subset, low, high, sum(within.values()), held))
    return spans


def _files_within(side: Side, groups: Mapping[str, Sequence[RowGroup]], low: int, high: int) -> Side:
    return replace(side, files=tuple(u for u in side.files if any(g.low < high and g.high >= low for g in groups[u])))


def _range_count(rows: int, cores: int, largest: int) -> int:
    """A multiple of the tasks that share the rows, so that each gets as many spans."""
    tasks = max(1, min(cores, math.ceil(rows / SHARED)))
    return tasks * math.ceil(max(rows, 1) / (largest * tasks))


def cut_points(groups: Iterable[RowGroup], count: int) -> list[int]:
    """At most `count` - 1 image IDs, ascending and above 0, that divide the rows of the groups evenly.

    Inside a row group IDs are taken to be spread evenly: a cut that is not where it should be makes spans uneven, and
    nothing else.
    """
    row_groups_held = list(groups)
    edges = sorted({edge for group in row_groups_held for edge in (group.low, group.high + 1)})
    if not edges or count < 2:
        return []
    before = [sum(_rows_below(group, edge) for group in row_groups_held) for edge in edges]
    beyond = [float(edge - edges[0]) for edge in edges]  # doubles tell small numbers apart, not large ones
    cut_distances = np.interp([before[-1] * n / count for n in range(1, count)], before, beyond)
    return sorted({min(max(edges[0] + int(distance), 1), END - 1) for distance in cut_distances})


def _rows_below(group: RowGroup, image: int) -> float:
    share = (image - group.low) / (group.high + 1 - group.low)
    return group.rows * min(max(share, 0.0), 1.0)


def balance_by_rows(spans: Sequence[KeyRange], tasks: int) -> list[list[KeyRange]]:
    """The spans of each task, no more tasks than given; the largest first, each to the task that has fewest rows."""
    shares: list[list[KeyRange]] = [[] for _ in range(min(tasks, len(spans)))]
    loads = [(0, n) for n in range(len(shares))]
    for span in sorted(spans, key=lambda span: -span.rows):
        rows, n = heapq.heappop(loads)
        shares[n].append(span)
        heapq.heappush(loads, (rows + span.rows, n))
    return shares
