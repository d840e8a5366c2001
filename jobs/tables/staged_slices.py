"""The files of a table's part as they were staged once, from the Delta log."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from oilake.jobs.tables.delta_log import files_at
from oilake.jobs.tables.slice_files import file_rows
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse

STATISTICS = {"minValues": "min.", "maxValues": "max.", "nullCount": "null_count."}


def staged_at(warehouse: Warehouse, table: str, version: int, part: Mapping[str, str]) -> list[StagedFile]:
    """The files of a table's part at one version, as they were staged once; from the Delta log alone."""
    staged = []
    for action, partition in files_at(warehouse, table, version, part):
        rows = file_rows(warehouse, table, action)
        told = {"numRecords": rows} | {key: _column_statistics(action, key) for key in STATISTICS}
        statistics = json.dumps(told, default=datetime.datetime.isoformat)
        staged.append(StagedFile(table, action["path"], partition, int(action["size_bytes"]), rows, statistics))
    return staged


def _column_statistics(action: Mapping[str, Any], key: str) -> dict[str, Any]:
    """One of Delta's statistics by column, out of an action that is flattened."""
    by_column = {
        name.removeprefix(STATISTICS[key]): v for name, v in action.items() if name.startswith(STATISTICS[key])
    }
    return {name: value for name, value in by_column.items() if value is not None}
