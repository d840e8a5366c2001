"""Publishes a few rows without Spark, and sends itself a signal on the way: `python -m tests.publications …`.

Every row says in one of its columns which run it is of, so that a mixture of two runs is seen wherever it is read.
"""

from __future__ import annotations

import argparse
import os
import signal
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from oilake.jobs.tables import publish
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

MARKS = {
    "images": "license",
    "labels": "source",
    "boxes": "source",
    "classes": "display_name",
    "hierarchy": "name",
    "quarantine": "member",
    "repairs": "member",
    "release_files": "member",
}
VALUES: dict[str, Any] = {
    "string": "x",
    "bigint": 1,
    "int": 1,
    "double": 0.5,
    "boolean": True,
    "binary": b"x",
    "array<string>": ["x"],
    "array<struct<x:double,y:double>>": [{"x": 0.5, "y": 0.5}],
}


def publish_rows(
    place: str | Warehouse, run_id: str, rows: int, release: str = "v3", tables: Iterable[str] = MARKS
) -> Snapshot:
    """Publishes `rows` rows of every table, all of them marked with `run_id`."""
    warehouse = place if isinstance(place, Warehouse) else Warehouse.at(place)
    files = tuple(_staged(warehouse, table, run_id, rows, release) for table in tables)
    fingerprint, inputs = f"fingerprint of {run_id}", {"file": run_id}
    return publish.publish(warehouse, Publication(release, run_id, "complete", fingerprint, "ingest", inputs, files))


def _staged(warehouse: Warehouse, name: str, run_id: str, rows: int, release: str) -> StagedFile:
    table = schemas.table_schema(name)
    columns = {column.name: [VALUES[column.type]] * rows for column in table.stored()}
    columns[MARKS[name]] = [run_id] * rows
    constant = {"release": release, "subset": "train", "origin": "machine"}
    partition = {key: constant[key] for key in table.partition_by}
    return stage_rows(warehouse, table, partition, run_id, pa.table(columns, schema=schemas.arrow_schema(table)))


def send_on(events: Mapping[str, str]) -> None:
    """Sends this process a signal: `commit:2` is just behind its second commit, `commit` behind each, `open:3` before it
    opens a table again."""
    happened: Counter[str] = Counter()
    commit, opened = DeltaTable.create_write_transaction, DeltaTable.__init__

    def note(what: str) -> None:
        happened[what] += 1
        if name := events.get(f"{what}:{happened[what]}") or events.get(what):
            os.kill(os.getpid(), signal.Signals[f"SIG{name}"])

    def noted_commit(self: DeltaTable, *arguments: Any, **named: Any) -> None:
        commit(self, *arguments, **named)
        note("commit")

    def noted_open(self: DeltaTable, *arguments: Any, **named: Any) -> None:
        note("open")
        opened(self, *arguments, **named)

    DeltaTable.create_write_transaction = noted_commit  # type: ignore[method-assign]
    DeltaTable.__init__ = noted_open  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("warehouse")
    parser.add_argument("runs", help="run IDs, one publication each, with commas between")
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--on", action="append", default=[], metavar="EVENT=SIGNAL")
    arguments = parser.parse_args()
    send_on(dict(event.split("=") for event in arguments.on))
    for run_id in arguments.runs.split(","):
        publish_rows(arguments.warehouse, run_id, arguments.rows)


def race(warehouses: list[str], run_id: str, rows: int, barrier: Any) -> None:
    """Publishes into each warehouse in turn, at the same moment as whoever else waits at the barrier."""
    for warehouse in warehouses:
        barrier.wait(60)
        publish_rows(warehouse, run_id, rows)


if __name__ == "__main__":
    main()
