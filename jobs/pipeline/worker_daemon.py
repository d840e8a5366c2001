"""Forks Spark's Python workers on this machine with what they need loaded already: each has it, and its memory, at once.

Spark starts it as `python -m` with the name of its worker; nothing here may start a thread, which no fork takes along.
"""

from __future__ import annotations

from pkgutil import resolve_name

from pyspark import daemon

from oilake import jobs
from oilake.jobs.validation import row_filter
from oilake.schemas import loader as schemas

# By name below `jobs`, not imported: what only loads them early makes no row, so no job's fingerprint follows it to them.
# Parquet; readers of CSV, JSON and tar; files of tables.
KERNELS = ("scanning.merge_scan", "sources.splits", "tables.staging")


def load_kernels() -> None:
    """Loads the modules, and the promises about rows of every table that is read from files."""
    for name in KERNELS:
        resolve_name(f"{jobs.__name__}.{name}")
    for table in schemas.row_tables():
        row_filter.filter_expectations(table)


if __name__ == "__main__":
    load_kernels()
    daemon.manager()  # type: ignore[no-untyped-call]
