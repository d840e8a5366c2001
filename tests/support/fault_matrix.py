"""The matrix of faults and jobs, which stands in fault_matrix.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_MATRIX: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())

RELEASES: list[str] = _MATRIX["releases"]
BEFORE: list[str] = _MATRIX["before"]
WITHOUT: dict[str, str] = _MATRIX["without"]


@dataclass(frozen=True)
class MatrixFault:
    """A fault: what it is, whom it befalls, and where that is a list of jobs why it spares the others."""

    what: str
    befalls: str | list[str]
    others: str = ""

    def meets(self, job: MatrixJob) -> bool:
        """Whether it befalls a job."""
        if isinstance(self.befalls, list):
            return job.name in self.befalls
        return self.befalls == "jobs" or job.runs_on == "executors"


@dataclass(frozen=True)
class MatrixJob:
    """A job: its words, when a fault strikes it, how it may end undisturbed."""

    name: str
    words: str
    strikes_at: str = _MATRIX["strikes_at"]
    exit_codes: tuple[int, ...] = (0,)
    killed_behind: int = 2
    runs_on: str = "executors"


JOBS = {
    name: MatrixJob(name, **{key: tuple(value) if isinstance(value, list) else value for key, value in job.items()})
    for name, job in _MATRIX["jobs"].items()
}
FAULTS = {name: MatrixFault(**fault) for name, fault in _MATRIX["faults"].items()}
CASES = [(name, job.name) for name, fault in FAULTS.items() for job in JOBS.values() if fault.meets(job)]
