"""The metrics that a job leaves when it has ended: of the warehouse as it is now, and of the run itself."""

from __future__ import annotations

from oilake.conf.errors import StoreError
from oilake.conf.settings import Settings
from oilake.jobs.operations import job_runs, metrics_file, warehouse_status
from oilake.jobs.operations.run_record import RunRecord
from oilake.jobs.operations.warehouse_status import RunStatus, WarehouseStatus
from oilake.jobs.tables.warehouse import Warehouse


def write_run_metrics(record: RunRecord, settings: Settings, path: str) -> None:
    """Writes them to the file at `path`; of a warehouse that cannot be read those of the run alone. StoreError when the
    file cannot be written."""
    runs = [] if record.only_reads else _statuses_of(record)
    metrics_file.write_metrics(path, _readable_status(Warehouse.of(settings)), runs)


def _statuses_of(record: RunRecord) -> list[RunStatus]:
    row = job_runs.run_row(record)
    releases: list[str | None] = [*record.releases] or [None]
    return [warehouse_status.run_status(row, release) for release in releases]


def _readable_status(warehouse: Warehouse) -> WarehouseStatus | None:
    try:
        return warehouse_status.read_status(warehouse)
    except StoreError:
        return None
