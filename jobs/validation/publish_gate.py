"""Holds a publication back that breaks a critical expectation, and records what every expectation found."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from oilake.conf.errors import DataQualityError
from oilake.jobs.runtime import run_events
from oilake.jobs.runtime.spark_session import StartSession
from oilake.jobs.tables.append_rows import append_rows
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.snapshots import Snapshot, slice_name
from oilake.jobs.tables.staging import StagedFile, read_staged
from oilake.jobs.tables.targets import TableFile
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import uniqueness
from oilake.quality import results, scopes
from oilake.quality import suites as quality
from oilake.quality.metrics import ExpectationCount, Metrics, MetricsCollector, keys_are_unique
from oilake.quality.reasons import quarantine_reasons
from oilake.quality.results import READER_TYPE, Result
from oilake.quality.suites import Expectation
from oilake.schemas import loader as schemas

RESULTS = "quality_results"
SENTENCES = 3


@dataclass(frozen=True)
class TableResults:
    """All that was found of one table's slice."""

    table: str
    results: Sequence[Result]


class BrokenExpectationError(DataQualityError):
    """A critical expectation is broken; `judgements` are those of every table of the publication."""

    def __init__(self, sentence: str, judgements: Sequence[TableResults]) -> None:
        super().__init__(sentence)
        self.judgements = judgements


@dataclass(frozen=True)
class PublishFacts:
    """What a job knows of its rows from making them.

    `quarantined`: rows that its filter kept out, by table and expectation; `unique`: tables whose keys it has compared
    itself; `is_complete`: whether all of the release is there, so that what was published about it can be held against it.
    """

    quarantined: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unique: Collection[str] = ()
    is_complete: bool = True


def evaluate_publication(
    session: StartSession, warehouse: Warehouse, publication: Publication, facts: PublishFacts
) -> list[TableResults]:
    """What every expectation of the tables to be published finds in their staged files; queries are left to `check`."""
    return [_evaluate_table(session, warehouse, table, publication, facts) for table in publication.tables()]


def _evaluate_table(
    session: StartSession, warehouse: Warehouse, table: schemas.Table, publication: Publication, facts: PublishFacts
) -> TableResults:
    suite, name = quality.load_suite(table.table), table.table
    files = publication.slice_files(name)
    kept_out = facts.quarantined.get(name, {})
    table_results = []
    asked: tuple[scopes.Scope, ...] = ("row", "table", "release") if facts.is_complete else ("row", "table")
    for expectation in suite.of(*asked):
        if expectation.type == scopes.QUERY:
            continue
        if suite.may_repeat(expectation):
            count = _count_repeated_rows(warehouse, table, files, expectation)
        elif expectation.type in scopes.UNIQUE:
            count = _count_repeated_keys(session, warehouse, table, files, suite.key(), name in facts.unique)
        elif expectation.type == scopes.ROW_COUNT:
            count = ExpectationCount(sum(file.rows for file in files))
        elif (
            expectation.meta.scope == "release"
            or expectation.type == scopes.FILLED_SHARE
            or _is_uncounted(files, expectation)
        ):
            count = _count_by_reading(warehouse, files, expectation)
        else:
            count = _count_from_tallies(files, expectation)
        filtered = kept_out.get(expectation.name, 0) if name in facts.quarantined and expectation.meta.reason else None
        table_results.append(results.result_of_count(expectation, count, filtered))
    return TableResults(name, [*table_results, *results.unreadable_results(suite, kept_out, quarantine_reasons())])


def _is_uncounted(files: Sequence[StagedFile], expectation: Expectation) -> bool:
    """Whether rows that may break the expectation and stay were written before anyone counted them."""
    return expectation.meta.scope == "table" and any(file.tally is None for file in files)


def _count_from_tallies(files: Sequence[StagedFile], expectation: Expectation) -> ExpectationCount:
    """What was counted as the files were written; rows that were judged before then, or published, keep every promise."""
    count = ExpectationCount()
    for file in files:
        file_count = file.tally.counts.get(expectation.name) if file.tally else None
        count.add(file_count or ExpectationCount(file.rows))
    return count


def _count_by_reading(warehouse: Warehouse, files: Sequence[StagedFile], expectation: Expectation) -> ExpectationCount:
    count = ExpectationCount()
    for file in files:
        count.add(_collect_metrics(warehouse, file, expectation).tally.counts[expectation.name])
    return count


def _collect_metrics(warehouse: Warehouse, file: StagedFile, expectation: Expectation) -> MetricsCollector:
    """The expectation asked of all rows of a staged file."""
    auditor = MetricsCollector([expectation], file.partition, ())
    auditor.add(read_staged(warehouse, file))
    return auditor


def _count_repeated_keys(
    session: StartSession,
    warehouse: Warehouse,
    table: schemas.Table,
    files: Sequence[StagedFile],
    key: Sequence[str],
    is_unique: bool,
) -> ExpectationCount:
    rows = sum(file.rows for file in files)
    if is_unique or keys_proved_unique(table.partition_by, key, [(file.partition, file.tally) for file in files]):
        return ExpectationCount(rows)
    from oilake.jobs.validation import local_queries  # with DuckDB: the key of few tables is counted

    schema = pa.schema([(column.name, schemas.arrow_type(column)) for column in table.columns])
    staged = local_queries.StagedRows(warehouse.table_uri(table.table), schema, _table_files(warehouse, files))
    return local_queries.count_repeated_keys(staged, key, rows) or uniqueness.count_repeated_keys(
        uniqueness.staged_frame(session(), warehouse, table, files), key, rows
    )


def _table_files(warehouse: Warehouse, files: Sequence[StagedFile]) -> list[TableFile]:
    return [TableFile(warehouse.table_uri(file.table, file.path), {**file.partition}, file.size) for file in files]


def _count_repeated_rows(
    warehouse: Warehouse, table: schemas.Table, files: Sequence[StagedFile], expectation: Expectation
) -> ExpectationCount:
    schema = schemas.arrow_schema(table)
    tallies = [file.tally for file in files if file.tally]
    if len(tallies) < len(files):
        tallies = [_collect_metrics(warehouse, file, expectation).tally for file in files]
    return uniqueness.count_repeated_rows(_table_files(warehouse, files), schema, expectation, tallies)


def keys_proved_unique(
    partition_by: Sequence[str], key: Sequence[str], files: Sequence[tuple[Mapping[str, Any], Metrics | None]]
) -> bool:
    """Whether the order of the rows in each partition shows that no key repeats in all of them."""
    if set(key) <= set(partition_by):
        return False
    if not set(partition_by) <= set(key):
        return not files or (len(files) == 1 and _tallies_prove_unique([files[0][1]]))
    parts: dict[tuple[Any, ...], list[Metrics | None]] = {}
    for partition, tally in files:
        parts.setdefault(tuple(partition.values()), []).append(tally)
    return all(_tallies_prove_unique(tallies) for tallies in parts.values())


def _tallies_prove_unique(tallies: Sequence[Metrics | None]) -> bool:
    counted = [tally for tally in tallies if tally is not None]
    return len(counted) == len(tallies) and keys_are_unique(counted)


def raise_if_broken(publication: Publication, judgements: Sequence[TableResults]) -> None:
    """BrokenError that names table, expectation, rows and examples when a critical expectation is broken."""
    broken = [(judgement.table, result) for judgement in judgements for result in judgement.results if result.is_broken]
    if not broken:
        return
    sentences = "; ".join(broken_sentence(table, result) for table, result in broken[:SENTENCES])
    more = f"; and {len(broken) - SENTENCES} more" if len(broken) > SENTENCES else ""
    raise BrokenExpectationError(
        f"{publication.release}: {sentences}{more}; nothing was published by {publication.job}. "
        f"`oilake show {RESULTS} --where \"run_id = '{publication.run_id}'\"` lists all",
        judgements,
    )


def broken_sentence(table: str, result: Result) -> str:
    """A broken expectation in words: table, name, how many rows, the first of them."""
    if result.unexpected_count is None:
        return f"{table}.{result.expectation}: {result.description}, but it has {result.observed}"
    if result.type == READER_TYPE:
        files = "1 file" if result.unexpected_count == 1 else f"{result.unexpected_count:,} files"
        return f"{table}.{result.expectation}: {files} cannot be read: {result.examples[0]}"
    first = f", such as {result.examples[0]}" if result.examples else ""
    rows = "1 row breaks" if result.unexpected_count == 1 else f"{result.unexpected_count:,} rows break"
    return f"{table}.{result.expectation}: {rows} the promise that {result.description}{first}"


def record_results(
    warehouse: Warehouse, publication: Publication, judgements: Sequence[TableResults], pin: Snapshot | None
) -> None:
    """Appends what was found to `quality_results`; without `pin` as what was refused and never had a version."""
    versions = pin.table_versions if pin else {}
    for judgement in judgements:
        version = versions.get(slice_name(judgement.table, publication.since))
        slice_of = (judgement.table, publication.release, publication.since, version)
        run_events.tell(run_events.TableJudged(*slice_of, tuple(judgement.results)))
    write_results(
        warehouse,
        publication.run_id,
        publication.job,
        [
            (
                judgement.table,
                publication.release,
                publication.since,
                versions.get(slice_name(judgement.table, publication.since)),
                judgement,
            )
            for judgement in judgements
        ],
    )


def record_refused(warehouse: Warehouse, publication: Publication, error: BaseException) -> None:
    """Records what the gate found when it is the reason for which nothing is published."""
    if isinstance(error, BrokenExpectationError):
        record_results(warehouse, publication, error.judgements, None)


def write_results(
    warehouse: Warehouse,
    run_id: str,
    job: str,
    judgements: Sequence[tuple[str, str | None, str | None, int | None, TableResults]],
) -> int:
    """Appends judgements as (table, release, since, version, judgement); the rows written."""
    now = datetime.datetime.now(datetime.timezone.utc)
    rows = []
    for table, release, since, version, judgement in sorted(judgements, key=lambda f: (f[0], f[1] or "", f[2] or "")):
        suite = quality.load_suite(table)
        ran = {"run_id": run_id, "checked_at": now, "job": job, "table_name": table, "release": release, "since": since}
        carried = {"table_version": version, "suite_version": suite.version, "suite_sha256": suite.digest()}
        rows += [{**ran, **asdict(r), **carried} for r in sorted(judgement.results, key=lambda r: r.expectation)]
    schema = schemas.table_schema(RESULTS)
    append_rows(warehouse, RESULTS, pa.Table.from_pylist(rows, schemas.arrow_schema(schema)), run_id, {"job": job})
    return len(rows)
