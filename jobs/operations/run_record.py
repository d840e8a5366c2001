"""What is known of one run of a job: collected from what the job tells as it goes on."""

from __future__ import annotations

import datetime
from argparse import Namespace
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from oilake.jobs.runtime import run_ids
from oilake.jobs.runtime.run_events import (
    FilesBrought,
    InputsRead,
    JobFailed,
    OnlyRead,
    PhaseDone,
    RunEvent,
    SettingsLoaded,
    TableJudged,
    TableWritten,
)

if TYPE_CHECKING:
    from oilake.conf.settings import Settings

Outcome = Literal["done", "refused", "failed", "interrupted", "crashed"]
OUTCOMES: dict[int, Outcome] = {0: "done", 1: "refused", 130: "interrupted"}
RELEASE_FLAGS = ("release", "from_release", "to_release")
CRASHED = 1


@dataclass
class RunRecord:
    """One run. `releases`: those that its flags name or that it published; `outcome`: None while it goes on; `message`: the
    sentence that it ended with; `peak_memory`: bytes; `settings`: None where they could not be loaded."""

    job: str
    started_at: datetime.datetime
    releases: list[str] = field(default_factory=list)
    run_id: str = ""
    ended_at: datetime.datetime | None = None
    outcome: Outcome | None = None
    exit_code: int = 0
    message: str | None = None
    peak_memory: int | None = None
    settings: Settings | None = None
    only_reads: bool = False
    phases: Counter[str] = field(default_factory=Counter)
    inputs: list[InputsRead] = field(default_factory=list)
    written: list[TableWritten] = field(default_factory=list)
    judged: list[TableJudged] = field(default_factory=list)
    brought_bytes: int = 0

    def hear(self, event: RunEvent) -> None:
        """Keeps what the job tells."""
        if isinstance(event, SettingsLoaded):
            self.settings, self.run_id = event.settings, run_ids.CURRENT.run_id or ""
        elif isinstance(event, OnlyRead):
            self.only_reads = True
        elif isinstance(event, PhaseDone):
            self.phases[event.phase] += event.seconds  # type: ignore[assignment]
        elif isinstance(event, InputsRead):
            self.inputs.append(event)
        elif isinstance(event, TableWritten):
            self.written.append(event)
            self._add_release(event.release)
        elif isinstance(event, TableJudged):
            self.judged.append(event)
        elif isinstance(event, FilesBrought):
            self.brought_bytes += event.bytes
        elif isinstance(event, JobFailed):
            self.message = event.sentence

    def end(self, exit_code: int, outcome: Outcome | None = None) -> None:
        """Notes how it ended; by its exit code where nothing else is said."""
        self.ended_at, self.exit_code = _now(), exit_code
        self.outcome = outcome or OUTCOMES.get(exit_code, "failed")

    @property
    def seconds(self) -> float:
        """Seconds from its start to its end, or until now."""
        return ((self.ended_at or _now()) - self.started_at).total_seconds()

    def phase_seconds(self) -> dict[str, float]:
        """Seconds by phase; what is in none of them is `other`."""
        phases: dict[str, float] = dict(self.phases)
        return phases | {"other": max(0.0, self.seconds - sum(phases.values()))}

    def table_rows(self) -> dict[str, int]:
        """Rows of the files that it committed, by table."""
        rows: Counter[str] = Counter()
        for event in self.written:
            rows[event.table] += event.rows
        return dict(rows)

    def total_bytes(self) -> int:
        """Bytes of all that it committed and brought."""
        return sum(event.bytes for event in self.written) + self.brought_bytes

    def publications(self) -> list[str]:
        """The IDs that its publications bear."""
        return list(dict.fromkeys(event.run_id for event in self.written))

    def _add_release(self, release: str | None) -> None:
        if release is not None and release not in self.releases:
            self.releases.append(release)


def begin_record(job: str, arguments: Namespace) -> RunRecord:
    """The record of a job that begins."""
    named: list[str] = []
    for flag in RELEASE_FLAGS:
        value = getattr(arguments, flag, None)
        named += value if isinstance(value, list) else [value] if value else []
    return RunRecord(job, _now(), list(dict.fromkeys(named)))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
