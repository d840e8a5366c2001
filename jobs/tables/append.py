"""Appends rows to a table that grows with every run; whoever reads it sees all rows of an append or none."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping

import pyarrow as pa
from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction

from conf.errors import StoreError
from jobs.files import delete, join
from jobs.tables.open import existing, uri
from jobs.tables.staging import StagedFile, stage
from jobs.tables.trouble import told
from schemas import loader as schemas

ATTEMPTS = 30
PAUSE = 0.1


def append(warehouse: str, table: str, rows: pa.Table, metadata: Mapping[str, str]) -> int:
    """Appends `rows`, in the columns and order of the table's schema; the version that holds them.

    `metadata` stands in the commit as `oilake.NAME`. StoreError when the store cannot be written.
    """
    try:
        return _append(warehouse, table, rows, metadata)
    except (DeltaError, OSError) as error:
        raise StoreError(
            f"{uri(warehouse, table)}: cannot be written ({told(error)}); free or mend the store and run again"
        ) from None


def _append(warehouse: str, table: str, rows: pa.Table, metadata: Mapping[str, str]) -> int:
    schema = schemas.load(table)
    staged = stage(warehouse, schema, {}, uuid.uuid4().hex[:16], rows)
    added = AddAction(staged.path, staged.size, {}, int(time.time() * 1000), True, staged.stats)
    properties = CommitProperties(
        custom_metadata={f"oilake.{name}": value for name, value in metadata.items()}, max_commit_retries=0
    )
    for attempt in range(ATTEMPTS):
        opened = existing(warehouse, table)
        try:
            opened.create_write_transaction([added], "append", opened.schema(), commit_properties=properties)
            return int(existing(warehouse, table).version())
        except CommitFailedError:
            time.sleep(PAUSE * attempt)
        except BaseException:
            if not is_committed(warehouse, table, staged):
                delete([join(uri(warehouse, table), staged.path)])
            raise
    delete([join(uri(warehouse, table), staged.path)])
    raise StoreError(f"{uri(warehouse, table)}: other runs keep writing; run the same command again")


def is_committed(warehouse: str, table: str, file: StagedFile) -> bool:
    """Whether a commit names the file; a store that cannot tell is taken to."""
    try:
        return any(found.endswith(file.path) for found in existing(warehouse, table).file_uris())
    except (StoreError, DeltaError, OSError):
        return True
