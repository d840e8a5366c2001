"""What a table promises and what became of each promise, slice by slice, as far as it is known today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from oilake.jobs.validation.validation_history import ValidationRun
from oilake.quality.results import READER_TYPE, Result
from oilake.quality.suites import Suite

State = Literal["kept", "broken", "warned", "noted", "unknown"]
STATES: dict[str, State] = {"critical": "broken", "warning": "warned", "info": "noted"}


@dataclass(frozen=True)
class TableColumn:
    """One column as the Delta log describes it."""

    name: str
    type: str
    nullable: bool
    meaning: str


@dataclass(frozen=True)
class Promise:
    """One promise in one slice. `result`: the newest of a published version, in `look`; `kept_out`: rows that the filter
    sent to quarantine when the slice was last ingested, None where no filter ran."""

    name: str
    description: str
    scope: str
    severity: str
    remedy: str | None
    reason: str | None
    result: Result | None
    look: ValidationRun | None
    kept_out: int | None
    why_not: str | None = None

    @property
    def state(self) -> State:
        """What became of it."""
        return result_state(self.result)


@dataclass(frozen=True)
class KeptOut:
    """Rows that the filter or the reader kept out of a slice, and the reason under which they stand in quarantine."""

    description: str
    reason: str
    rows: int


@dataclass(frozen=True)
class TablePart:
    """One release of a table (or all of a table without releases), with every look at it, the oldest first."""

    suite: Suite
    release: str
    since: str
    looks: Sequence[ValidationRun]

    @property
    def name(self) -> str:
        """How a person calls it: `v3`, `v3 since v2`, or `all rows`."""
        return (
            " ".join(part for part in (self.release, f"since {self.since}" if self.since else "") if part) or "all rows"
        )

    @property
    def published(self) -> Sequence[ValidationRun]:
        """The looks at what was published, without refused publications."""
        return [look for look in self.looks if look.version is not None]

    @property
    def newest(self) -> ValidationRun | None:
        """The last look at what was published."""
        return self.published[-1] if self.published else None

    @cached_property
    def promises(self) -> list[Promise]:
        """Every promise of the suite in its order, then the files that the newest look could not read."""
        declared = [
            Promise(
                e.name,
                e.description,
                e.meta.scope,
                e.severity,
                e.meta.remedy,
                e.meta.reason,
                *self._last_result(e.name),
                self._quarantined_count(e.name),
                self._why_not(e.name),
            )
            for e in self.suite.expectations
        ]
        last = self.newest.results.values() if self.newest else ()
        unreadable = [r for r in last if r.type == READER_TYPE and r.quarantined_count is None]
        return declared + [
            Promise(r.expectation, r.description, r.scope, r.severity, None, None, r, self.newest, None)
            for r in unreadable
        ]

    @cached_property
    def kept_out(self) -> list[KeptOut]:
        """Rows that broke a promise, or that nobody could read, when the slice was last ingested."""
        filtered = [KeptOut(p.description, p.reason or p.name, p.kept_out) for p in self.promises if p.kept_out]
        read = next((look for look in reversed(self.published) if _counts_quarantined(look)), None)
        unread = [r for r in read.results.values() if r.type == READER_TYPE] if read else []
        return filtered + [
            KeptOut(r.description, r.expectation, r.quarantined_count) for r in unread if r.quarantined_count
        ]

    def _last_result(self, name: str) -> tuple[Result | None, ValidationRun | None]:
        look = next((look for look in reversed(self.published) if name in look.results), None)
        return (look.results[name], look) if look else (None, None)

    def _quarantined_count(self, name: str) -> int | None:
        counts = [look.results[name].quarantined_count for look in self.published if name in look.results]
        return next((count for count in reversed(counts) if count is not None), None)

    def _why_not(self, name: str) -> str | None:
        return self.newest.not_asked.get(name) if self.newest else None


def _counts_quarantined(look: ValidationRun) -> bool:
    return any(result.quarantined_count is not None for result in look.results.values())


@dataclass(frozen=True)
class TableHistory:
    """One table: what it says of itself, and its slices. `version`: the newest of its Delta log."""

    name: str
    folder: str
    description: str
    grain: str
    version: int
    columns: Sequence[TableColumn]
    suite: Suite
    looks: Sequence[ValidationRun]

    @cached_property
    def slices(self) -> list[TablePart]:
        """The slices that were ever judged, by release."""
        names = sorted({look.slice for look in self.looks})
        return [TablePart(self.suite, *name, [look for look in self.looks if look.slice == name]) for name in names]

    @property
    def rows(self) -> int | None:
        """Rows of all slices as they were last counted."""
        counted = [look.rows for part in self.slices if (look := part.newest) and look.rows is not None]
        return sum(counted) if counted else None

    @cached_property
    def states(self) -> Counter[State]:
        """How many promises of all slices are in which state."""
        return Counter(promise.state for part in self.slices for promise in part.promises)

    @property
    def verdict(self) -> State:
        """The worst that became of any promise; one that is only to note does not count."""
        worst: tuple[State, ...] = ("broken", "warned", "kept")
        return next((state for state in worst if self.states[state]), "unknown")

    @property
    def last_look(self) -> ValidationRun | None:
        """The newest look at any slice."""
        return self.looks[-1] if self.looks else None


def result_state(result: Result | None) -> State:
    """What a result comes to."""
    if result is None:
        return "unknown"
    return "kept" if result.success else STATES.get(result.severity, "broken")
