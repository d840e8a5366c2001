"""The rows of `repairs`: every value of a kept row that stands otherwise in its file than in its table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.transforms.normalized_batch import NormalizedBatch
from oilake.schemas import loader as schemas

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]

# The counts of `release_files`, by what the repaired column is called.
COUNT_NAMES = {
    "image_id": "image_ids_repaired",
    "mid": "mids_repaired",
    "mid_1": "mids_repaired",
    "mid_2": "mids_repaired",
}
REPAIRED_SCHEMA = pa.schema(
    [("row", pa.int64()), ("column_name", pa.string()), ("before", pa.string()), ("after", pa.string())]
)


def find_repairs(published: Mapping[str, pa.Array], normalized: NormalizedBatch, good: Mask) -> pa.Table:
    """The repaired values of the good rows: `row` (its place), `column_name`, `before` and `after`, by row and column."""
    parts = [REPAIRED_SCHEMA.empty_table()]
    for name in sorted(normalized.repaired):
        rows = np.flatnonzero(normalized.repaired[name] & good)
        sides = (columns[name].take(pa.array(rows)).cast(pa.string()) for columns in (published, normalized.columns))
        parts.append(
            pa.table([pa.array(rows), pa.array([name] * len(rows), pa.string()), *sides], schema=REPAIRED_SCHEMA)
        )
    repaired = pa.concat_tables(parts)
    return repaired.sort_by([("row", "ascending"), ("column_name", "ascending")]) if len(repaired) else repaired


def repair_counts(found: pa.Table) -> Counter[str]:
    """Repaired values by the name of their count in `release_files`."""
    counts: Counter[str] = Counter()
    for entry in found["column_name"].value_counts().to_pylist():
        counts[COUNT_NAMES[entry["values"]]] += entry["counts"]
    return counts


def repair_rows(found: pa.Table, lines: Positions | Sequence[int], table: str, file: str, member: str) -> pa.Table:
    """Rows of the table `repairs`; `lines`: of each value found, the line at which its row starts."""
    stored = schemas.arrow_schema(schemas.table_schema("repairs"))
    same = {"table_name": table, "file": file, "member": member}
    columns = {name: pa.array([value] * len(found), pa.string()) for name, value in same.items()}
    columns |= {name: found[name] for name in ("column_name", "before", "after")}
    columns["line"] = pa.array(lines, pa.int64())
    return pa.table({name: columns[name] for name in stored.names}, schema=stored)
