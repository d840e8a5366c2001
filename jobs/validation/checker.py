"""Judges targets by the suites that they carry: one reading of their files, one Spark job for what that cannot show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from pyspark.sql import SparkSession

from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.spark_reader import of_target
from oilake.jobs.tables.targets import Target, published
from oilake.jobs.validation import file_metrics, foreign_keys, publish_gate, sql_expectations, uniqueness
from oilake.jobs.validation.file_metrics import Found
from oilake.jobs.validation.foreign_keys import Reference
from oilake.jobs.validation.sql_expectations import Question
from oilake.quality import results, row_expectations, scopes
from oilake.quality.metrics import EXAMPLES, Count
from oilake.quality.results import READER, Result
from oilake.quality.suites import Expectation
from oilake.schemas import loader as schemas

EVERYTHING: tuple[scopes.Scope, ...] = ("row", "table", "cross_table", "release")


@dataclass(frozen=True)
class Checked:
    """One target and what was found of it. `counts`: by expectation; `not_asked`: why each other expectation was not."""

    target: Target
    results: Sequence[Result]
    counts: Mapping[str, Count]
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
class Surroundings:
    """The warehouse in which a target stands: what other tables and other releases it can be compared with.

    `pins`: the snapshots by which the targets were found, so that both are of one moment. `found`: the slices that were
    asked for already, by table and release.
    """

    warehouse: str
    pins: Mapping[str, Snapshot]
    found: dict[tuple[str, str | None], Target] = field(default_factory=dict)

    def is_complete(self, release: str | None) -> bool:
        """Whether all of the release is there; of what has no release, always."""
        return release is None or self.pins[release].status == "complete"

    def find(self, name: str, release: str | None) -> Target | str:
        """The slice that a query of `release` calls `name`, or why there is none."""
        table = name.removeprefix(scopes.EARLIER)
        if table not in schemas.names():
            return f"no table is called {table}"
        wanted = release
        if table != name:
            wanted = self._before(release)
            if wanted is None:
                return f"no release before {release} is published"
            if not self.is_complete(wanted):
                return f"{wanted} is partial"
        if wanted is not None and table not in self.pins[wanted].table_versions:
            return f"{table} of {wanted} is not published"
        if (table, wanted) not in self.found:
            self.found[table, wanted] = published(self.warehouse, [table], wanted, self.pins)[0]
        return self.found[table, wanted]

    def _before(self, release: str | None) -> str | None:
        earlier = [name for name in self.pins if release and int(name[1:]) < int(release[1:])]
        return max(earlier, key=lambda name: int(name[1:]), default=None)


@dataclass
class _Work:
    """One target on its way: what is asked of it, what is not and why, and what was counted."""

    target: Target
    found: Found
    asked: list[Expectation]
    not_asked: dict[str, str]
    counts: dict[str, Count] = field(default_factory=dict)


def check(spark: SparkSession, targets: Sequence[Target], around: Surroundings | None) -> list[Checked]:
    """Judges every target by all that can be asked of it; without surroundings no other table is there to be asked."""
    asked = [_asked(target, around) for target in targets]
    read_once = [
        [e for e in chosen if e.type in scopes.COUNTED or target.suite.may_repeat(e)]
        for target, (chosen, _) in zip(targets, asked, strict=True)
    ]
    followed = [_references(target, chosen, around) for target, (chosen, _) in zip(targets, asked, strict=True)]
    found = file_metrics.audit(spark, targets, read_once, followed)
    every = [_Work(t, f, chosen, left) for t, f, (chosen, left) in zip(targets, found, asked, strict=True)]
    for work in every:
        _count(spark, work)
    questions = [(work, one) for work in every for one in _questions(work, around)]
    for (work, question), answer in zip(questions, sql_expectations.ask(spark, [q for _, q in questions]), strict=True):
        if isinstance(answer, str):
            work.not_asked[question.expectation.name] = answer
        else:
            work.counts[question.expectation.name] = answer
    return [_checked(work) for work in every]


def _references(target: Target, asked: Sequence[Expectation], around: Surroundings | None) -> list[Reference]:
    """What reading the target can show of its queries, so that they need not be asked."""
    found = []
    for expectation in asked:
        declared = expectation.meta.references
        if around is None or declared is None:
            continue
        other = around.find(declared.table, target.release)
        if isinstance(other, Target) and (one := foreign_keys.reference(expectation, target, other)):
            found.append(one)
    return found


def _asked(target: Target, around: Surroundings | None) -> tuple[list[Expectation], dict[str, str]]:
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
        if why := _misfit(target, expectation):
            left[expectation.name] = why
            continue
        chosen.append(expectation)
    return chosen, left


def _misfit(target: Target, expectation: Expectation) -> str | None:
    """Why an expectation cannot be asked of columns of the table's types: a suite and a schema may come from anywhere."""
    if expectation.type in row_expectations.ARGUMENTS:
        return row_expectations.misfit(expectation.rule, target.schema)
    if expectation.type in scopes.UNIQUE and not row_expectations.are_comparable(target.schema, expectation.columns):
        return f"the values of {' and '.join(expectation.columns)} have no order, so they are no key"
    return None


def _count(spark: SparkSession, work: _Work) -> None:
    """Counts what the files tell; where one of them cannot be read, only broken promises are certain."""
    whole = work.found.total()
    for expectation in work.asked:
        if expectation.type == scopes.QUERY:
            continue
        count = whole.counts.get(expectation.name, Count())
        if work.found.unreadable and (expectation.type in scopes.ARGUMENTS or not count.unexpected):
            work.not_asked[expectation.name] = "a file cannot be read"
        elif work.target.suite.may_repeat(expectation):
            tallies = [one for _, one in work.found.tallies]
            target = work.target
            work.counts[expectation.name] = uniqueness.repeated_rows(target.files, target.schema, expectation, tallies)
        elif expectation.type in scopes.UNIQUE:
            work.counts[expectation.name] = _keys(spark, work.target, work.found, expectation.columns)
        elif expectation.type == scopes.ROW_COUNT:
            work.counts[expectation.name] = Count(whole.rows)
        else:
            work.counts[expectation.name] = count


def _questions(work: _Work, around: Surroundings | None) -> Iterator[Question]:
    """The queries that can be asked; of the others it is noted why not."""
    for expectation in work.asked:
        if expectation.type != scopes.QUERY:
            continue
        others = {name: around.find(name, work.target.release) if around else "" for name in expectation.meta.reads}
        causes = [found for found in others.values() if isinstance(found, str)]
        if work.found.unreadable:
            causes.append("a file cannot be read")
        if causes:
            work.not_asked[expectation.name] = causes[0]
        elif expectation.name in work.found.shown:
            work.counts[expectation.name] = Count()
        else:
            yield Question(expectation, work.target, {n: t for n, t in others.items() if isinstance(t, Target)})


def _checked(work: _Work) -> Checked:
    judged = [results.judged(e, work.counts[e.name]) for e in work.asked if e.name in work.counts]
    return Checked(work.target, [*judged, *_damage(work.found)], work.counts, work.not_asked)


def _keys(spark: SparkSession, target: Target, found: Found, key: Sequence[str]) -> Count:
    rows = found.total().rows
    if key == target.suite.key() and publish_gate.are_proved(target.partition_by, key, found.tallies):
        return Count(rows)
    return uniqueness.repeated(of_target(spark, target), key, rows)


def _damage(found: Found) -> list[Result]:
    """Files that nobody can read, as a broken promise of the whole table."""
    if not found.unreadable:
        return []
    examples = tuple(f"{uri}: {cause}" for uri, cause in found.unreadable[:EXAMPLES])
    return [
        Result(
            "files_are_readable",
            READER,
            (),
            "table",
            "critical",
            "every file of the table can be read in the types of its columns",
            False,
            element_count=len(found.unreadable) + len(found.tallies),
            unexpected_count=len(found.unreadable),
            examples=examples,
        )
    ]


def lines(checked: Sequence[Checked]) -> list[str]:
    """A line a table and release, and one for each promise that is broken or was not asked."""
    told = []
    for one in checked:
        kept = sum(result.success for result in one.results)
        told.append(f"{one.target.name} (version {one.target.version}): {kept} of {len(one.results)} promises kept")
        for result in one.results:
            if not result.success:
                told.append(f"  {result.severity}: {publish_gate.sentence(one.target.table, result)}")
        told += [f"  {line}" for line in not_asked(one)]
    return told


def not_asked(one: Checked) -> list[str]:
    """A line a cause for which promises were not asked, with their names."""
    causes: dict[str, list[str]] = {}
    for name, cause in one.not_asked.items():
        causes.setdefault(cause, []).append(name)
    return [f"not asked, {cause}: {', '.join(names)}" for cause, names in causes.items()]
