"""The IDs of runs: the process's own, which its logs and its row of `job_runs` carry, and one for each publication."""

from __future__ import annotations

import uuid
from dataclasses import dataclass


@dataclass
class ProcessRun:
    """What this process is at. `run_id`: None while no job was begun; `is_taken`: whether a publication bears it."""

    run_id: str | None = None
    is_taken: bool = True


CURRENT = ProcessRun()


def begin_run() -> str:
    """Gives the process an ID for the job that begins; the ID, 16 hex digits."""
    CURRENT.run_id, CURRENT.is_taken = _random_id(), False
    return CURRENT.run_id


def new_run_id() -> str:
    """Gives an ID to what a job is about to publish: first the process's own, so that logs name it, then others."""
    if CURRENT.run_id is None or CURRENT.is_taken:
        return _random_id()
    CURRENT.is_taken = True
    return CURRENT.run_id


def _random_id() -> str:
    return uuid.uuid4().hex[:16]
