"""One commit: tried again beside other writers, what it says of a file, and what became of it when it failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction

from oilake.conf.errors import StoreError
from oilake.conf.storage import uri_storage
from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.filesystem import is_on_s3
from oilake.jobs.runtime.run_events import TableWritten
from oilake.jobs.tables.delta_log import existing_table
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse

ATTEMPTS = 30
PAUSE = 0.1
BUSY = "other runs keep writing; run the same command again"

T = TypeVar("T")


def commit_persistently(uri: str, commit_once: Callable[[], T], busy: str = BUSY) -> T:
    """What `commit_once` gives, which looks at the table at `uri` anew and commits to it; tried again where another writer
    was first. StoreError, ending with `busy`, where that goes on, or where the store does not keep two writers apart."""
    require_safe_commits(uri)
    for attempt in range(ATTEMPTS):
        try:
            return commit_once()
        except CommitFailedError:
            time.sleep(PAUSE * attempt)
    raise StoreError(f"{uri}: {busy}")


def require_safe_commits(uri: str) -> None:
    """StoreError where a table is on S3 in a store that may lose a commit to another; asked once for each warehouse."""
    if is_on_s3(uri):
        from oilake.jobs.transport import s3_reach  # boto3 takes a while to import, and a folder needs none of it

        s3_reach.require_one_writer_of_two(uri.rpartition("/")[0], uri_storage(uri))


def add_action(file: StagedFile) -> AddAction:
    """What a commit says of one staged file."""
    return AddAction(file.path, file.size, dict(file.partition), int(time.time() * 1000), True, file.stats)


def written_event(
    table: str, release: str | None, version: int | None, files: Sequence[StagedFile], run_id: str
) -> TableWritten:
    """What is told of a commit of these files."""
    rows, size = sum(file.rows for file in files), sum(file.size for file in files)
    return TableWritten(table, release, version, rows, size, len(files), run_id)


def are_committed(warehouse: Warehouse, name: str, files: Sequence[StagedFile]) -> bool | None:
    """Whether the newest version of a table names all of the files; None where the store cannot tell."""
    try:
        uris = existing_table(warehouse, name).file_uris()
    except (StoreError, DeltaError, OSError):
        return None
    return all(any(uri.endswith(file.path) for uri in uris) for file in files)


def as_store_error(warehouse: Warehouse, error: BaseException) -> BaseException:
    """The error as a StoreError when the store is its cause, else as it is."""
    if not isinstance(error, DeltaError | OSError):
        return error
    return StoreError(
        f"{warehouse}: cannot be written ({error_line(error)}); free or mend the store, then run the same command again"
    )
