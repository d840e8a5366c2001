"""Chooses the columns that Parquet writes as dictionaries: of values that hardly repeat one is made and given up."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

# Rows that are looked at, and the share of distinct values from which on no dictionary is made.
SAMPLE_ROWS, DISTINCT_SHARE = 1 << 12, 0.75


def repeating_columns(rows: pa.Table) -> list[str]:
    """The columns whose values repeat among rows from the middle; of nested ones their leaves, by Parquet's paths."""
    sample = rows.slice(max(len(rows) - SAMPLE_ROWS, 0) // 2, SAMPLE_ROWS).combine_chunks()
    leaves = (leaf for name in rows.column_names for leaf in _leaf_values(name, sample[name].combine_chunks()))
    return [path for path, values in leaves if len(values.unique()) <= DISTINCT_SHARE * max(len(values), 1)]


def _leaf_values(path: str, values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """(Parquet's path, the values) of each leaf of a column."""
    if pa.types.is_list(values.type):
        yield from _leaf_values(f"{path}.list.element", values.flatten())
    elif pa.types.is_map(values.type):
        yield from _leaf_values(f"{path}.key_value.key", values.keys)
        yield from _leaf_values(f"{path}.key_value.value", values.items)
    elif pa.types.is_struct(values.type):
        for field, part in zip(values.type, values.flatten(), strict=True):
            yield from _leaf_values(f"{path}.{field.name}", part)
    else:
        is_coded = pa.types.is_dictionary(values.type)
        yield path, values.cast(values.type.value_type) if is_coded else values
