"""Forks Spark's Python workers on this machine with what they need loaded already: each has it, and its memory, at once.

Spark starts it as `python -m` with the name of its worker; nothing here may start a thread, which no fork takes along.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name

from oilake import jobs
from oilake.jobs.runtime import hidden_modules

# By name below `jobs`, not imported: what only loads them early makes no row, so no job's fingerprint follows it to them.
# Parquet; readers of CSV, JSON and tar; files of tables.
KERNELS = ("scanning.merge_scan", "sources.splits", "tables.staging")


def load_kernels() -> None:
    """Loads the modules, and the promises about rows of every table that is read from files. Arrow would import pandas with
    them, which no kernel needs; who does need it, in a function of their own, imports it."""
    hidden_modules.hide_modules("pandas")
    for name in KERNELS:
        resolve_name(f"{jobs.__name__}.{name}")
    from oilake.jobs.validation import row_filter
    from oilake.schemas import loader as schemas

    for table in schemas.row_tables():
        row_filter.filter_expectations(table)
    hidden_modules.reveal_modules()


def prefer_installed_pyspark() -> None:
    """Leaves out the archives that Spark puts ahead on the path, of itself and its core's classes, where it is installed as
    a package: their modules are compiled anew by each process, and each task reads their lists of files anew (0.1 s), also
    where only a finder of theirs is left."""
    home = Path(os.environ.get("SPARK_HOME", ""))
    if (home / "__init__.py").is_file():
        archives = {home / "python" / "lib", home / "jars"}
        sys.path[:] = [path for path in sys.path if Path(path).parent not in archives]
        for path in [path for path in sys.path_importer_cache if archives & {*Path(path).parents}]:
            del sys.path_importer_cache[path]


if __name__ == "__main__":
    prefer_installed_pyspark()
    load_kernels()
    import_module("pyspark.daemon").manager()
