"""Rows of one Parquet file of a table as Arrow batches, without row groups that its statistics rule out.

pyarrow's datasets do the same; to import them imports pandas too, which takes longer than most answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.jobs.runtime.filesystem import open_filesystem

BATCH_ROWS = 32_768

Values = Mapping[str, str]
Partition = Mapping[str, str | None]


def read_file_batches(
    uri: str, schema: pa.Schema, partition: Partition, values: Values | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file in the columns and types of `schema`; NULL where the file lacks one.

    `partition`: the values of columns that stand in no file; `values`: texts of columns that the rows asked for have; others
    may come too. OSError or pyarrow's own where the file cannot be read.
    """
    store, path = open_filesystem(uri)
    with store.open_input_file(path) as stream:
        parquet = pq.ParquetFile(stream)
        stored = [name for name in schema.names if name in parquet.schema_arrow.names]
        asked = values or {}
        groups = [
            group
            for group in range(parquet.num_row_groups)
            if _group_may_hold(parquet, group, asked) and _group_holds(parquet, group, asked, stored)
        ]
        for batch in parquet.iter_batches(BATCH_ROWS, groups, stored, use_threads=False):
            yield _complete_batch(batch, partition, schema)


def is_between(low: object, high: object, value: str) -> bool:
    """Whether statistics leave room for a text; those that are none, or of another type, do."""
    return not ((isinstance(low, str) and value < low) or (isinstance(high, str) and value > high))


def _group_may_hold(parquet: pq.ParquetFile, group: int, values: Values) -> bool:
    described = parquet.metadata.row_group(group)
    for n in range(described.num_columns if values else 0):
        column = described.column(n)
        statistics: Any = column.statistics if column.path_in_schema in values else None
        has_range = statistics is not None and statistics.has_min_max
        if has_range and not is_between(statistics.min, statistics.max, values[column.path_in_schema]):
            return False
    return True


def _group_holds(parquet: pq.ParquetFile, group: int, values: Values, stored: list[str]) -> bool:
    """Whether each value stands in its column of the group, which is read alone where there are others to be spared."""
    for name, value in values.items():
        if name in stored and len(stored) > len(values) and parquet.schema_arrow.field(name).type == pa.string():
            column = parquet.read_row_group(group, [name], use_threads=False).column(0)
            if column.index(value).as_py() < 0:
                return False
    return True


def _complete_batch(batch: pa.RecordBatch, partition: Partition, schema: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for field in schema:
        if field.name in batch.schema.names:
            arrays.append(_as_type(batch.column(field.name), field.type))
        else:
            value = pa.scalar(partition.get(field.name), pa.string())
            arrays.append(pa.repeat(_as_type(value, field.type), batch.num_rows))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_type(value: Any, kind: pa.DataType) -> Any:
    """An array or scalar in another type; whose casts load all functions of pyarrow.compute, also where there is none."""
    return value if value.type == kind else value.cast(kind)
