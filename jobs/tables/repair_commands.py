"""The commands that make published rows, once or again, as the sentences of errors name them."""

from __future__ import annotations

import re

from oilake.conf.errors import StoreError
from oilake.jobs.runtime.error_text import error_line
from oilake.schemas import loader as schemas

# Both stand in for a name that whoever reads the sentence must give.
ANY_RELEASE, REINGEST = "R", "oilake ingest --release R --force"
RELEASE, FORCE = "quarantine release", " --force"
FILE_PLACE = re.compile(
    r"(?:^|/)(?P<table>\w+)(?P<partition>(?:/\w+=[^/]*)*)(?:/[^/=]+\.parquet)?/?$",
)


def slice_command(table: str, release: str | None, since: str | None = None) -> str:
    """The command in backticks that makes the rows of a table: of `release`, of a comparison with `since`."""
    return _job_command(schemas.table_schema(table).written_by, table, release, since)


def remake_command(table: str, release: str | None, since: str | None = None, flags: str = "") -> str:
    """The command in backticks that makes published rows once more; those released from quarantine follow an ingest.
    `flags`: what stands at its end, with a blank before it."""
    job = schemas.table_schema(table).written_by
    return _job_command("ingest" if job == RELEASE else job, table, release, since, flags)


def _job_command(job: str, table: str, release: str | None, since: str | None, flags: str = "") -> str:
    later, earlier = release or ANY_RELEASE, since or ANY_RELEASE
    which = f"--from {earlier} --to {later}" if len(schemas.table_schema(table).slice_by) > 1 else f"--release {later}"
    return f"`oilake {job} {which}{flags}`"


def unreadable_rows_error(path: str, error: BaseException) -> StoreError:
    """What is said of rows that cannot be read: the file or the table's folder, why, and the command that makes them again.

    `path` lies in the folder of a table, in that of its partition where it has one.
    """
    return StoreError(f"{path}: cannot be read ({error_line(error)}); {repair_sentence(path)}")


def repair_sentence(path: str) -> str:
    """The words of the remedy for a file of a table, or for all of its folder."""
    place = FILE_PLACE.search(path)
    if place is None or place["table"] not in schemas.table_names():
        return f"check the disk, or run `{REINGEST}`"
    schema = schemas.table_schema(place["table"])
    if not schema.slice_by:
        return "restore it from a copy"
    partition = dict(part.split("=", 1) for part in place["partition"].strip("/").split("/") if part)
    release, since = (partition.get(name) for name in (schema.slice_by[0], "from_release"))
    return f"check the disk, or run {remake_command(schema.table, release, since, FORCE)}"
