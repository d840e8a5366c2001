"""Holds a publication back that breaks a critical expectation, and records what every expectation found."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from oilake.conf.errors import PromiseError
from oilake.jobs.runtime.filesystem import join
from oilake.jobs.tables.append_rows import append
from oilake.jobs.tables.publish import Publication
from oilake.jobs.tables.snapshots import Snapshot, slice_name
from oilake.jobs.tables.staging import StagedFile, read_staged
from oilake.jobs.tables.targets import File
from oilake.jobs.validation import uniqueness
from oilake.quality import results, scopes
from oilake.quality import suites as quality
from oilake.quality.metrics import Auditor, Count, Tally, are_unique
from oilake.quality.results import READER, Result
from oilake.quality.suites import Expectation
from oilake.schemas import loader as schemas

RESULTS = "quality_results"
TOLD = 3


@dataclass(frozen=True)
class Judgement:
    """All that was found of one table's slice."""

    table: str
    results: Sequence[Result]


class BrokenError(PromiseError):
    """A critical expectation is broken; `judgements` are those of every table of the publication."""

    def __init__(self, sentence: str, judgements: Sequence[Judgement]) -> None:
        super().__init__(sentence)
        self.judgements = judgements


@dataclass(frozen=True)
class Known:
    """What a job knows of its rows from making them.

    `quarantined`: rows that its filter kept out, by table and expectation; `unique`: tables whose keys it has compared
    itself; `is_complete`: whether all of the release is there, so that what was published about it can be held against it.
    """

    quarantined: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unique: Collection[str] = ()
    is_complete: bool = True


def judge(spark: SparkSession, warehouse: str, publication: Publication, known: Known) -> list[Judgement]:
    """What every expectation of the tables to be published finds in their staged files; queries are left to `check`."""
    return [_judge(spark, warehouse, table, publication, known) for table in publication.tables()]


def _judge(
    spark: SparkSession, warehouse: str, table: schemas.Table, publication: Publication, known: Known
) -> Judgement:
    suite, name = quality.load(table.table), table.table
    files = publication.slice_files(name)
    kept_out = known.quarantined.get(name, {})
    found = []
    asked: tuple[scopes.Scope, ...] = ("row", "table", "release") if known.is_complete else ("row", "table")
    for expectation in suite.of(*asked):
        if expectation.type == scopes.QUERY:
            continue
        if suite.may_repeat(expectation):
            count = _repeated(warehouse, table, files, expectation)
        elif expectation.type in scopes.UNIQUE:
            count = _keys(spark, warehouse, table, files, suite.key(), name in known.unique)
        elif expectation.type == scopes.ROW_COUNT:
            count = Count(sum(file.rows for file in files))
        elif (
            expectation.meta.scope == "release"
            or expectation.type == scopes.FILLED
            or _is_uncounted(files, expectation)
        ):
            count = _read(warehouse, files, expectation)
        else:
            count = _counted(files, expectation)
        filtered = kept_out.get(expectation.name, 0) if name in known.quarantined and expectation.meta.reason else None
        found.append(results.judged(expectation, count, filtered))
    return Judgement(name, [*found, *results.unreadable(suite, kept_out, quality.reasons())])


def _is_uncounted(files: Sequence[StagedFile], expectation: Expectation) -> bool:
    """Whether rows that may break the expectation and stay were written before anyone counted them."""
    return expectation.meta.scope == "table" and any(file.tally is None for file in files)


def _counted(files: Sequence[StagedFile], expectation: Expectation) -> Count:
    """What was counted as the files were written; rows that were judged before then, or published, keep every promise."""
    count = Count()
    for file in files:
        known = file.tally.counts.get(expectation.name) if file.tally else None
        count.add(known or Count(file.rows))
    return count


def _read(warehouse: str, files: Sequence[StagedFile], expectation: Expectation) -> Count:
    count = Count()
    for file in files:
        count.add(_whole(warehouse, file, expectation).tally.counts[expectation.name])
    return count


def _whole(warehouse: str, file: StagedFile, expectation: Expectation) -> Auditor:
    """The expectation asked of all rows of a staged file."""
    auditor = Auditor([expectation], file.partition, ())
    auditor.add(read_staged(warehouse, file))
    return auditor


def _keys(
    spark: SparkSession,
    warehouse: str,
    table: schemas.Table,
    files: Sequence[StagedFile],
    key: Sequence[str],
    is_unique: bool,
) -> Count:
    rows = sum(file.rows for file in files)
    if is_unique or are_proved(table.partition_by, key, [(file.partition, file.tally) for file in files]):
        return Count(rows)
    return uniqueness.repeated(uniqueness.staged(spark, warehouse, table, files), key, rows)


def _repeated(warehouse: str, table: schemas.Table, files: Sequence[StagedFile], expectation: Expectation) -> Count:
    schema = schemas.arrow_schema(table)
    tallies = [file.tally for file in files if file.tally]
    if len(tallies) < len(files):
        tallies = [_whole(warehouse, file, expectation).tally for file in files]
    places = [File(join(warehouse, file.table, file.path), {**file.partition}, file.size) for file in files]
    return uniqueness.repeated_rows(places, schema, expectation, tallies)


def are_proved(
    partition_by: Sequence[str], key: Sequence[str], files: Sequence[tuple[Mapping[str, Any], Tally | None]]
) -> bool:
    """Whether the order of the rows in each partition shows that no key repeats in all of them."""
    if set(key) <= set(partition_by):
        return False
    if not set(partition_by) <= set(key):
        return not files or (len(files) == 1 and _is_unique([files[0][1]]))
    parts: dict[tuple[Any, ...], list[Tally | None]] = {}
    for partition, tally in files:
        parts.setdefault(tuple(partition.values()), []).append(tally)
    return all(_is_unique(tallies) for tallies in parts.values())


def _is_unique(tallies: Sequence[Tally | None]) -> bool:
    known = [tally for tally in tallies if tally is not None]
    return len(known) == len(tallies) and are_unique(known)


def hold(publication: Publication, judgements: Sequence[Judgement]) -> None:
    """BrokenError that names table, expectation, rows and examples when a critical expectation is broken."""
    broken = [(one.table, result) for one in judgements for result in one.results if result.is_broken]
    if not broken:
        return
    told = "; ".join(sentence(table, result) for table, result in broken[:TOLD])
    more = f"; and {len(broken) - TOLD} more" if len(broken) > TOLD else ""
    raise BrokenError(
        f"{publication.release}: {told}{more}; nothing was published by {publication.job}. "
        f"`oilake show {RESULTS} --where \"run_id = '{publication.run_id}'\"` lists all",
        judgements,
    )


def sentence(table: str, result: Result) -> str:
    """A broken expectation in words: table, name, how many rows, the first of them."""
    if result.unexpected_count is None:
        return f"{table}.{result.expectation}: {result.description}, but it has {result.observed}"
    if result.type == READER:
        files = "1 file" if result.unexpected_count == 1 else f"{result.unexpected_count:,} files"
        return f"{table}.{result.expectation}: {files} cannot be read: {result.examples[0]}"
    first = f", such as {result.examples[0]}" if result.examples else ""
    rows = "1 row breaks" if result.unexpected_count == 1 else f"{result.unexpected_count:,} rows break"
    return f"{table}.{result.expectation}: {rows} the promise that {result.description}{first}"


def record(warehouse: str, publication: Publication, judgements: Sequence[Judgement], pin: Snapshot | None) -> None:
    """Appends what was found to `quality_results`; without `pin` as what was refused and never had a version."""
    versions = pin.table_versions if pin else {}
    write(
        warehouse,
        publication.run_id,
        publication.job,
        [
            (
                one.table,
                publication.release,
                publication.since,
                versions.get(slice_name(one.table, publication.since)),
                one,
            )
            for one in judgements
        ],
    )


def record_refused(warehouse: str, publication: Publication, error: BaseException) -> None:
    """Records what the gate found when it is the reason for which nothing is published."""
    if isinstance(error, BrokenError):
        record(warehouse, publication, error.judgements, None)


def write(
    warehouse: str,
    run_id: str,
    job: str,
    found: Sequence[tuple[str, str | None, str | None, int | None, Judgement]],
) -> int:
    """Appends judgements as (table, release, since, version, judgement); the rows written."""
    now = datetime.datetime.now(datetime.timezone.utc)
    rows = []
    for table, release, since, version, judgement in sorted(found, key=lambda f: (f[0], f[1] or "", f[2] or "")):
        suite = quality.load(table)
        ran = {"run_id": run_id, "checked_at": now, "job": job, "table_name": table, "release": release, "since": since}
        carried = {"table_version": version, "suite_version": suite.version, "suite_sha256": suite.digest()}
        rows += [{**ran, **asdict(r), **carried} for r in sorted(judgement.results, key=lambda r: r.expectation)]
    schema = schemas.load(RESULTS)
    append(warehouse, RESULTS, pa.Table.from_pylist(rows, schemas.arrow_schema(schema)), run_id, {"job": job})
    return len(rows)
