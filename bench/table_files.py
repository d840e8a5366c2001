"""The files of published tables, as a peer asks Delta for them: by its own library, and nothing of ours."""

from __future__ import annotations

from pathlib import Path

from deltalake import DeltaTable

RELEASES = ("v2", "v3")


def table_files(warehouse: Path, table: str, release: str | None = None) -> list[str]:
    """The files of a table, of one release or of all."""
    return DeltaTable(str(warehouse / table)).file_uris(
        file_pruning_predicate=[("release", "=", release)] if release else None
    )


def rows_source(warehouse: Path, table: str, release: str | None = None) -> str:
    """DuckDB's SQL for the published rows with their partition's columns."""
    listed = ", ".join(f"'{file}'" for file in table_files(warehouse, table, release))
    return f"read_parquet([{listed}], hive_partitioning = true)"
