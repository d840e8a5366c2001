"""What a job tells of itself as it goes on, to whoever listens: the record of runs, metrics, lineage.

Where nobody listens nothing is kept. Telling never fails and writes nothing: listeners collect, and write when the job has
ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from oilake.conf.settings import Settings
    from oilake.quality.results import Result


class SettingsLoaded(NamedTuple):
    """The environment that the job works in."""

    settings: Settings


class OnlyRead(NamedTuple):
    """The job, as it was called, changes nothing in the warehouse: no record is kept of it. Told before the settings."""


class PhaseDone(NamedTuple):
    """One phase of the work: spark (its start), stage, gate or publish."""

    phase: str
    seconds: float


class InputsRead(NamedTuple):
    """What a publication was made from: URIs of landed files with their SHA-256, or tables (`TABLE`, `TABLE of R`) with the
    versions that were read."""

    names: Mapping[str, str]
    are_files: bool = False


class TableWritten(NamedTuple):
    """One commit to a table. `version`: None where the commit does not tell it; `rows`, `bytes`, `files`: what it added."""

    table: str
    release: str | None
    version: int | None
    rows: int
    bytes: int
    files: int
    run_id: str


class FilesBrought(NamedTuple):
    """Bytes of files or images that came to the landing area or to a place of blobs."""

    bytes: int


class TableJudged(NamedTuple):
    """What a gate or a check found of one slice; `version`: None where the gate refused it."""

    table: str
    release: str | None
    since: str | None
    version: int | None
    results: Sequence[Result]


class JobFailed(NamedTuple):
    """The sentence that the job ends with."""

    sentence: str


RunEvent = SettingsLoaded | OnlyRead | PhaseDone | InputsRead | TableWritten | FilesBrought | TableJudged | JobFailed
Listener = Callable[[RunEvent], None]
LISTENERS: list[Listener] = []


def tell(event: RunEvent) -> None:
    """Hands the event to all who listen."""
    for listener in LISTENERS:
        listener(event)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Lets the listener hear what is told inside."""
    LISTENERS.append(listener)
    try:
        yield
    finally:
        LISTENERS.remove(listener)


@contextmanager
def timed_phase(phase: str) -> Iterator[None]:
    """Tells how long what is done inside took, also where it fails."""
    started = time.monotonic()
    try:
        yield
    finally:
        tell(PhaseDone(phase, time.monotonic() - started))
