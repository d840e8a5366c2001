"""usage: python -m bench.small_peer ANSWER WAREHOUSE [IMAGE]: a small answer by hand, with deltalake and
DuckDB.

It knows this warehouse alone: no pinned snapshot, no spelling of an ID but the canonical one, no word of what is missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

TABLES = ("images", "labels", "boxes", "image_labels")
MID = "^(/m/0[0-9b-df-hj-np-tv-z_]+|/g/[0-9a-z_]+|/oi/m_0[0-9b-df-hj-np-tv-z_]+)$"
# What `labels` promises of its rows.
PROMISES = (
    "regexp_matches(release, '^v[0-9]+$')",
    "subset IN ('train', 'validation', 'test')",
    "origin IN ('machine', 'human', 'crowdsource')",
    "source IS NOT NULL",
    "regexp_matches(image_id, '^[0-9a-f]{16}$')",
    f"regexp_matches(mid, '{MID}')",
    "origin <> 'machine' OR confidence BETWEEN 0 AND 1",
    "origin = 'machine' OR confidence IN (0, 1)",
)


def print_rows(sql: str) -> None:
    """The rows of a query, all of them."""
    import duckdb

    duckdb.sql(sql).show(max_rows=10_000)


def show(warehouse: Path, image: str) -> None:
    from bench.table_files import rows_source

    print_rows(f"SELECT * FROM {rows_source(warehouse, 'labels')} LIMIT 3")


def history(warehouse: Path, image: str) -> None:
    from bench.table_files import rows_source

    for table in TABLES:
        print_rows(f"SELECT * FROM {rows_source(warehouse, table)} WHERE image_id = '{image}' ORDER BY release")


def quarantine(warehouse: Path, image: str) -> None:
    from bench.table_files import rows_source

    print_rows(
        "SELECT release, table_name, file, member, reason, count(*) AS rows "
        f"FROM (SELECT *, unnest(reasons) AS reason FROM {rows_source(warehouse, 'quarantine')}) GROUP BY ALL ORDER BY ALL"
    )


def releases(warehouse: Path, image: str) -> None:
    from bench.table_files import rows_source

    snapshots = rows_source(warehouse, "snapshots")
    print_rows(
        f"SELECT release, arg_max(status, number), max(published_at) FROM {snapshots} GROUP BY release ORDER BY release"
    )


def figures(warehouse: Path, image: str) -> None:
    """Rows, images and classes of each table by subset."""
    from bench.table_files import rows_source

    for table in TABLES:
        classes = ", count(DISTINCT mid) AS classes" if table != "images" else ""
        print_rows(
            f"SELECT subset, count(*) AS rows, count(DISTINCT image_id) AS images{classes} "
            f"FROM {rows_source(warehouse, table, 'v3')} GROUP BY subset ORDER BY subset"
        )


def check(warehouse: Path, image: str) -> None:
    """The promises about rows of `labels`, and whether its images and classes are there."""
    from bench.table_files import rows_source

    labels, images, classes = (rows_source(warehouse, table) for table in ("labels", "images", "classes"))
    counts = ", ".join(f"count_if(({promise}) IS NOT TRUE)" for promise in PROMISES)
    print_rows(f"SELECT release, count(*), {counts} FROM {labels} GROUP BY release ORDER BY release")
    print_rows(f"SELECT count(*) FROM {labels} ANTI JOIN {images} USING (release, subset, image_id)")
    print_rows(f"SELECT count(*) FROM {labels} ANTI JOIN {classes} USING (release, mid)")


def status(warehouse: Path, image: str) -> None:
    """Version, files and bytes of every table."""
    import pyarrow as pa
    from deltalake import DeltaTable

    for folder in sorted(warehouse.iterdir()):
        if (folder / "_delta_log").is_dir():
            table = DeltaTable(str(folder))
            sizes = pa.table(table.get_add_actions(flatten=True))["size_bytes"].to_pylist()
            print(folder.name, table.version(), len(sizes), sum(sizes))


def version(warehouse: Path, image: str) -> None:
    print(metadata.version("open-images-lakehouse"))


def usage(warehouse: Path, image: str) -> None:
    argparse.ArgumentParser(description=__doc__).print_help()


ANSWERS: dict[str, Callable[[Path, str], None]] = {
    "show": show,
    "history": history,
    "quarantine": quarantine,
    "releases": releases,
    "figures": figures,
    "check": check,
    "status": status,
    "version": version,
    "help": usage,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.small_peer", description=__doc__)
    parser.add_argument("answer", choices=list(ANSWERS))
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("image", nargs="?", default="")
    arguments = parser.parse_args()
    ANSWERS[arguments.answer](arguments.warehouse, arguments.image)


if __name__ == "__main__":
    main()
