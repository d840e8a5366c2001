"""Judges targets by the suites that they carry: one reading of their files, one Spark job a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from pyspark.sql import DataFrame, SparkSession

from jobs import audit, gate, queries, uniqueness
from jobs.audit import Found
from jobs.progress import track
from jobs.tables.read import at_version, read
from jobs.tables.snapshots import Snapshot, snapshots
from jobs.tables.targets import Target
from quality import results, scopes
from quality.loader import Expectation
from quality.results import READER, Result
from quality.tally import EXAMPLES, Count

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
    """The warehouse in which a target stands: what other tables and other releases it can be compared with."""

    warehouse: str
    pins: Mapping[str, Snapshot]

    @classmethod
    def of(cls, warehouse: str) -> Surroundings:
        """The warehouse as it is published now."""
        return cls(warehouse, snapshots(warehouse))

    def is_complete(self, release: str | None) -> bool:
        """Whether all of the release is there; of what has no release, always."""
        return release is None or self.pins[release].status == "complete"

    def frame(self, spark: SparkSession, name: str, release: str | None) -> DataFrame | str:
        """The table that a query of `release` calls `name`, or why there is none."""
        table = name.removeprefix(scopes.EARLIER)
        wanted = release
        if table != name:
            wanted = self._before(release)
            if wanted is None:
                return f"no release before {release} is published"
            if not self.is_complete(wanted):
                return f"{wanted} is partial"
        if wanted is not None and table not in self.pins[wanted].table_versions:
            return f"{table} of {wanted} is not published"
        return read(spark, self.warehouse, table, wanted)

    def _before(self, release: str | None) -> str | None:
        earlier = [name for name in self.pins if release and int(name[1:]) < int(release[1:])]
        return max(earlier, key=lambda name: int(name[1:]), default=None)


def check(spark: SparkSession, targets: Sequence[Target], around: Surroundings | None) -> list[Checked]:
    """Judges every target by all that can be asked of it; without surroundings no other table is there to be asked."""
    asked = [_asked(target, around) for target in targets]
    read_once = [[e for e in chosen if e.type not in scopes.ARGUMENTS] for chosen, _ in asked]
    found = audit.audit(spark, targets, read_once)
    steps = track(zip(targets, asked, found, strict=True), len(targets), "judging", "tables")
    return [_judge(spark, target, chosen, left, one, around) for target, (chosen, left), one in steps]


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
        chosen.append(expectation)
    return chosen, left


def _judge(
    spark: SparkSession,
    target: Target,
    chosen: Sequence[Expectation],
    left: dict[str, str],
    found: Found,
    around: Surroundings | None,
) -> Checked:
    whole = found.total()
    counts: dict[str, Count] = {}
    for expectation in chosen:
        if found.unreadable and expectation.type in scopes.ARGUMENTS:
            left[expectation.name] = "a file cannot be read"
        elif expectation.type == scopes.QUERY:
            asked = _ask(spark, target, expectation, around)
            if isinstance(asked, Count):
                counts[expectation.name] = asked
            else:
                left[expectation.name] = asked
        elif expectation.type in scopes.UNIQUE:
            counts[expectation.name] = _keys(spark, target, found)
        elif expectation.type == scopes.ROW_COUNT:
            counts[expectation.name] = Count(whole.rows)
        else:
            counts[expectation.name] = whole.counts.get(expectation.name, Count())
    judged = [results.judged(e, counts[e.name]) for e in chosen if e.name in counts]
    return Checked(target, [*judged, *_damage(found)], counts, left)


def _ask(spark: SparkSession, target: Target, expectation: Expectation, around: Surroundings | None) -> Count | str:
    others: dict[str, DataFrame] = {}
    for name in expectation.meta.reads:
        assert around is not None
        frame = around.frame(spark, name, target.release)
        if isinstance(frame, str):
            return frame
        others[name] = frame
    return queries.ask(spark, expectation, _frame(spark, target), others)


def _keys(spark: SparkSession, target: Target, found: Found) -> Count:
    rows = found.total().rows
    if gate.are_proved(target.partition_by, target.suite.key(), found.tallies):
        return Count(rows)
    return uniqueness.repeated(_frame(spark, target), target.suite.key(), rows)


def _frame(spark: SparkSession, target: Target) -> DataFrame:
    frame = at_version(spark, target.folder, target.version)
    release = "release" if target.since is None else "to_release"
    for column, value in ((release, target.release), ("from_release", target.since)):
        if value is not None:
            frame = frame.where(frame[column] == value)
    return frame


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
                told.append(f"  {result.severity}: {gate.sentence(one.target.table, result)}")
        for why in dict.fromkeys(one.not_asked.values()):
            names = [name for name, cause in one.not_asked.items() if cause == why]
            told.append(f"  not asked, {why}: {', '.join(names)}")
    return told
