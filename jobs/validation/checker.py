"""Judges targets by the suites that they carry: one reading of their files, then queries for what that cannot show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from oilake.conf.release_order import release_number
from oilake.jobs.runtime.spark_session import StartSession
from oilake.jobs.tables.snapshots import Snapshot, newest_snapshots
from oilake.jobs.tables.spark_reader import read_target
from oilake.jobs.tables.targets import CheckTarget, published_targets
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import file_metrics, foreign_keys, local_queries, publish_gate, sql_expectations, uniqueness
from oilake.jobs.validation.file_metrics import TargetMetrics
from oilake.jobs.validation.foreign_keys import Reference
from oilake.jobs.validation.sql_expectations import Question
from oilake.quality import results, row_expectations, scopes
from oilake.quality.metrics import EXAMPLES, ExpectationCount
from oilake.quality.results import READER_TYPE, Result
from oilake.quality.suites import Expectation
from oilake.schemas import loader as schemas

EVERYTHING: tuple[scopes.Scope, ...] = ("row", "table", "cross_table", "release")


@dataclass(frozen=True)
class TargetFindings:
    """One target and what was found of it. `counts`: by expectation; `not_asked`: why each other expectation was not."""

    target: CheckTarget
    results: Sequence[Result]
    counts: Mapping[str, ExpectationCount]
    not_asked: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """The findings as plain data."""
        target = self.target
        return {
            "table": target.table,
            "release": target.release,
            "since": target.since,
            "version": target.version,
            "results": [asdict(result) for result in self.results],
            "not_asked": dict(self.not_asked),
        }


@dataclass(frozen=True)
class WarehouseContext:
    """The warehouse in which a target stands: what other tables and other releases it can be compared with.

    `warehouse`: as the run saw it when it found the targets, so that both are of one moment. `slices`: those that
    were asked for already, by table and release.
    """

    warehouse: Warehouse
    slices: dict[tuple[str, str | None], CheckTarget] = field(default_factory=dict)

    @classmethod
    def of_targets(cls, warehouse: Warehouse, targets: Sequence[CheckTarget]) -> WarehouseContext:
        """The warehouse in which these targets were found, which need not be looked for again."""
        return cls(warehouse, {(target.table, target.release): target for target in targets if target.since is None})

    @property
    def pins(self) -> dict[str, Snapshot]:
        """The snapshots by which the targets were found."""
        return newest_snapshots(self.warehouse)

    def is_complete(self, release: str | None) -> bool:
        """Whether all of the release is there; of what has no release, always."""
        return release is None or self.pins[release].status == "complete"

    def find(self, name: str, release: str | None) -> CheckTarget | str:
        """The slice that a query of `release` calls `name`, or why there is none."""
        table = name.removeprefix(scopes.EARLIER_PREFIX)
        if table not in schemas.table_names():
            return f"no table is called {table}"
        release_asked = release
        if table != name:
            release_asked = self._release_before(release)
            if release_asked is None:
                return f"no release before {release} is published"
            if not self.is_complete(release_asked):
                return f"{release_asked} is partial"
        if release_asked is not None and table not in self.pins[release_asked].table_versions:
            return f"{table} of {release_asked} is not published"
        if (table, release_asked) not in self.slices:
            self.slices[table, release_asked] = published_targets(self.warehouse, [table], release_asked)[0]
        return self.slices[table, release_asked]

    def _release_before(self, release: str | None) -> str | None:
        earlier = [name for name in self.pins if release and release_number(name) < release_number(release)]
        return max(earlier, key=release_number, default=None)


@dataclass
class _TargetWork:
    """One target on its way: what is asked of it, what is not and why, and what was counted."""

    target: CheckTarget
    metrics: TargetMetrics
    asked: list[Expectation]
    not_asked: dict[str, str]
    counts: dict[str, ExpectationCount] = field(default_factory=dict)


def check_targets(
    session: StartSession, targets: Sequence[CheckTarget], around: WarehouseContext | None
) -> list[TargetFindings]:
    """Judges every target by all that can be asked of it; without surroundings no other table is there to be asked."""
    asked = [_split_expectations(target, around) for target in targets]
    read_once = [
        [e for e in chosen if e.type in scopes.COUNTED_PER_ROW or target.suite.may_repeat(e)]
        for target, (chosen, _) in zip(targets, asked, strict=True)
    ]
    followed = [_target_references(target, chosen, around) for target, (chosen, _) in zip(targets, asked, strict=True)]
    metrics_by_target = file_metrics.measure_targets(session, targets, read_once, followed)
    every = [
        _TargetWork(t, f, chosen, left) for t, f, (chosen, left) in zip(targets, metrics_by_target, asked, strict=True)
    ]
    for work in every:
        _count_from_files(session, work)
    questions = [(work, open_question) for work in every for open_question in _open_questions(work, around)]
    for (work, question), answer in zip(
        questions, sql_expectations.ask_queries(session, [q for _, q in questions]), strict=True
    ):
        if isinstance(answer, str):
            work.not_asked[question.expectation.name] = answer
        else:
            work.counts[question.expectation.name] = answer
    return [_target_findings(work) for work in every]


def _target_references(
    target: CheckTarget, asked: Sequence[Expectation], around: WarehouseContext | None
) -> list[Reference]:
    """What reading the target can show of its queries, so that they need not be asked."""
    provable = []
    for expectation in asked:
        declared = expectation.meta.references
        if around is None or declared is None:
            continue
        referred_slice = around.find(declared.table, target.release)
        if isinstance(referred_slice, CheckTarget) and (
            reference := foreign_keys.provable_reference(expectation, target, referred_slice)
        ):
            provable.append(reference)
    return provable


def _split_expectations(
    target: CheckTarget, around: WarehouseContext | None
) -> tuple[list[Expectation], dict[str, str]]:
    """(the expectations to ask, why each other one is not asked, by name)."""
    chosen, left = [], {}
    for expectation in target.suite.of(*EVERYTHING):
        if expectation.meta.scope in ("cross_table", "release"):
            if around is None and (expectation.meta.reads or expectation.meta.scope == "release"):
                left[expectation.name] = "the table stands alone"
                continue
            if around and not around.is_complete(target.release):
                left[expectation.name] = f"{target.release} is partial"
                continue
        if why := _type_misfit(target, expectation):
            left[expectation.name] = why
            continue
        chosen.append(expectation)
    return chosen, left


def _type_misfit(target: CheckTarget, expectation: Expectation) -> str | None:
    """Why an expectation cannot be asked of columns of the table's types: a suite and a schema may come from anywhere."""
    if expectation.type in row_expectations.ARGUMENTS:
        return row_expectations.type_misfit(expectation.rule, target.schema)
    if expectation.type in scopes.UNIQUE and not row_expectations.are_comparable(target.schema, expectation.columns):
        return f"the values of {' and '.join(expectation.columns)} have no order, so they are no key"
    return None


def _count_from_files(session: StartSession, work: _TargetWork) -> None:
    """Counts what the files tell; where one of them cannot be read, only broken promises are certain."""
    whole = work.metrics.total()
    for expectation in work.asked:
        if expectation.type == scopes.QUERY:
            continue
        count = whole.counts.get(expectation.name, ExpectationCount())
        if work.metrics.unreadable and (expectation.type in scopes.ARGUMENTS or not count.unexpected):
            work.not_asked[expectation.name] = "a file cannot be read"
        elif work.target.suite.may_repeat(expectation):
            tallies = [tally for _, tally in work.metrics.tallies]
            target = work.target
            work.counts[expectation.name] = uniqueness.count_repeated_rows(
                target.files, target.schema, expectation, tallies
            )
        elif expectation.type in scopes.UNIQUE:
            work.counts[expectation.name] = _count_repeated_keys(
                session, work.target, work.metrics, expectation.columns
            )
        elif expectation.type == scopes.ROW_COUNT:
            work.counts[expectation.name] = ExpectationCount(whole.rows)
        else:
            work.counts[expectation.name] = count


def _open_questions(work: _TargetWork, around: WarehouseContext | None) -> Iterator[Question]:
    """The queries that can be asked; of the others it is noted why not."""
    for expectation in work.asked:
        if expectation.type != scopes.QUERY:
            continue
        other_slices = {
            name: around.find(name, work.target.release) if around else "" for name in expectation.meta.reads
        }
        causes = [slice_or_cause for slice_or_cause in other_slices.values() if isinstance(slice_or_cause, str)]
        if work.metrics.unreadable:
            causes.append("a file cannot be read")
        if causes:
            work.not_asked[expectation.name] = causes[0]
        elif expectation.name in work.metrics.shown:
            work.counts[expectation.name] = ExpectationCount()
        else:
            yield Question(
                expectation, work.target, {n: t for n, t in other_slices.items() if isinstance(t, CheckTarget)}
            )


def _target_findings(work: _TargetWork) -> TargetFindings:
    judged = [results.result_of_count(e, work.counts[e.name]) for e in work.asked if e.name in work.counts]
    return TargetFindings(work.target, [*judged, *_unreadable_files_result(work.metrics)], work.counts, work.not_asked)


def _count_repeated_keys(
    session: StartSession, target: CheckTarget, metrics: TargetMetrics, key: Sequence[str]
) -> ExpectationCount:
    rows = metrics.total().rows
    if key == target.suite.key() and publish_gate.keys_proved_unique(target.partition_by, key, metrics.tallies):
        return ExpectationCount(rows)
    return count_repeated_keys(session, target, key, rows)


def count_repeated_keys(session: StartSession, target: CheckTarget, key: Sequence[str], rows: int) -> ExpectationCount:
    """Rows of the target, of `rows` in all, whose key another row has too: counted here where it is small, else by Spark."""
    return local_queries.count_repeated_keys(target, key, rows) or uniqueness.count_repeated_keys(
        read_target(session(), target), key, rows
    )


def _unreadable_files_result(metrics: TargetMetrics) -> list[Result]:
    """Files that nobody can read, as a broken promise of the whole table."""
    if not metrics.unreadable:
        return []
    examples = tuple(f"{uri}: {cause}" for uri, cause in metrics.unreadable[:EXAMPLES])
    return [
        Result(
            "files_are_readable",
            READER_TYPE,
            (),
            "table",
            "critical",
            "every file of the table can be read in the types of its columns",
            False,
            element_count=len(metrics.unreadable) + len(metrics.tallies),
            unexpected_count=len(metrics.unreadable),
            examples=examples,
        )
    ]


def findings_lines(checked: Sequence[TargetFindings]) -> list[str]:
    """A line a table and release, and one for each promise that is broken or was not asked."""
    text_lines = []
    for findings in checked:
        kept = sum(result.success for result in findings.results)
        text_lines.append(
            f"{findings.target.name} (version {findings.target.version}): {kept} of {len(findings.results)} promises kept"
        )
        for result in findings.results:
            if not result.success:
                text_lines.append(f"  {result.severity}: {publish_gate.broken_sentence(findings.target.table, result)}")
        text_lines += [f"  {line}" for line in not_asked_lines(findings)]
    return text_lines


def not_asked_lines(findings: TargetFindings) -> list[str]:
    """A line a cause for which promises were not asked, with their names."""
    causes: dict[str, list[str]] = {}
    for name, cause in findings.not_asked.items():
        causes.setdefault(cause, []).append(name)
    return [f"not asked, {cause}: {', '.join(names)}" for cause, names in causes.items()]
