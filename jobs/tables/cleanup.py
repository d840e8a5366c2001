"""Takes away staged files that nobody will publish."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyarrow.fs import FileSelector

from oilake.jobs.runtime.filesystem import delete_files, open_filesystem
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse


def discard_staged(warehouse: Warehouse, run_id: str, tables: Iterable[str]) -> int:
    """Deletes the files that a run staged and did not publish, of the tables that it writes; how many there were."""
    store, _ = warehouse.filesystem()
    count = 0
    for table in tables:
        _, folder = open_filesystem(warehouse.table_uri(table))
        for info in store.get_file_info(FileSelector(folder, recursive=True, allow_not_found=True)):
            if f"-{run_id}-" in info.base_name:
                store.delete_file(info.path)
                count += 1
    return count


def delete_replaced(files: Sequence[StagedFile], warehouse: Warehouse) -> None:
    """Deletes staged files that others have replaced."""
    delete_files([warehouse.table_uri(file.table, file.path) for file in files])
