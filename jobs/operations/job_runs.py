"""The table `job_runs`: a row for each run of a job, added when it has ended, in one commit."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from oilake.conf.settings import Settings
from oilake.conf.showing import brief_text
from oilake.jobs.operations.run_record import RunRecord
from oilake.jobs.runtime.code_version import project_version
from oilake.jobs.tables import ddl
from oilake.jobs.tables.append_rows import append_rows
from oilake.jobs.tables.delta_log import open_table
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

TABLE = "job_runs"
LONGEST_MESSAGE = 1000


def append_run(record: RunRecord, settings: Settings) -> None:
    """Adds the run to the warehouse that it worked in; nothing where that has no table. StoreError when it cannot be
    written."""
    warehouse = Warehouse.of(settings)
    if open_table(warehouse, TABLE) is None:
        if open_table(warehouse, "snapshots") is None:
            return
        ddl.create_table(warehouse, TABLE)
    rows = pa.Table.from_pylist([run_row(record)], schemas.arrow_schema(schemas.table_schema(TABLE)))
    append_rows(warehouse, TABLE, rows, record.run_id, {"called_job": record.job})


def run_row(record: RunRecord) -> dict[str, Any]:
    """The row of a run that has ended."""
    table_rows = record.table_rows()
    return {
        "run_id": record.run_id,
        "job": record.job,
        "releases": record.releases,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "seconds": record.seconds,
        "phase_seconds": record.phase_seconds(),
        "table_rows": table_rows,
        "rows": sum(table_rows.values()),
        "bytes": record.total_bytes(),
        "peak_memory_bytes": record.peak_memory,
        "outcome": record.outcome,
        "exit_code": record.exit_code,
        "message": brief_text(record.message, LONGEST_MESSAGE) if record.message else None,
        "publications": record.publications(),
        "code_version": project_version(),
    }
