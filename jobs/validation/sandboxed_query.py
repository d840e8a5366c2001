"""Asks the queries that are not this project's own of an engine that can reach nothing, each in a process of its own."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from pyarrow import fs

from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.runtime.locked_duckdb import locked_settings
from oilake.jobs.tables.targets import CheckTarget
from oilake.quality.metrics import EXAMPLES, ExpectationCount

SECONDS = 30
ALL_SECONDS = 120
MEGABYTES = 1_000
ANSWER_BYTES = 8 << 20
STARTING_SECONDS = 30
REFUSED = "its query is not one of this version's own, and the sandbox did not answer it: {}"
# Signals with which the kernel ends a process: by the clock, by its processor time, out of memory.
CAUSES = {
    14: "it took longer than {} s",
    24: "it took longer than {} s",
    9: "it took longer than {} s or too much memory",
}


class Sandbox:
    """Asks one query after the other, until the time for all of them is used up."""

    def __init__(self, all_seconds: float = ALL_SECONDS, seconds: int = SECONDS, megabytes: int = MEGABYTES) -> None:
        self.ends = time.monotonic() + all_seconds
        self.all_seconds, self.seconds, self.megabytes = all_seconds, seconds, megabytes

    def ask(self, query: str, tables: Mapping[str, CheckTarget]) -> ExpectationCount | str:
        """The rows that the query finds in `tables`, by the names that it gives them, or why it was not asked."""
        left = int(self.ends - time.monotonic())
        if left < 1:
            return REFUSED.format(f"the {self.all_seconds:g} s that all such queries of a check may take are used up")
        remote = [t.folder for t in tables.values() if not isinstance(open_filesystem(t.folder)[0], fs.LocalFileSystem)]
        if remote:
            return REFUSED.format(f"it reads local files only; copy {remote[0]} to a folder")
        seconds = min(self.seconds, left)
        request = {
            "query": query,
            "tables": {name: _slice_files(target) for name, target in tables.items()},
            "path": sys.path,
            "seconds": seconds,
            "megabytes": self.megabytes,
            "settings": locked_settings(f"{self.megabytes}MB", 1),
            "examples": EXAMPLES,
        }
        return _count_of_answer(_run_sandbox(pickle.dumps(request), seconds))


def _slice_files(target: CheckTarget) -> dict[str, Any]:
    listed = [(open_filesystem(file.uri)[1], file.partition) for file in target.files]
    return {"schema": target.schema.serialize().to_pybytes(), "files": listed}


def _run_sandbox(request: bytes, seconds: int) -> Mapping[str, Any]:
    """The answer of a process that inherits no environment, no open file and no folder of ours."""
    text = (files("oilake.jobs.validation") / "sandbox.py").read_text(encoding="utf-8")
    command = [sys.executable, "-I", "-S", "-c", text]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, cwd=folder
        ) as process,
    ):
        try:
            answer, _ = process.communicate(request, timeout=seconds + STARTING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return {"refused": f"it took longer than {seconds} s"}
        except BaseException:
            process.kill()
            raise
    if process.returncode < 0:
        cause = CAUSES.get(-process.returncode, "the engine broke down over it, as it does when memory ends")
        return {"refused": cause.format(seconds)}
    try:
        parsed = json.loads(answer[:ANSWER_BYTES])
    except ValueError:
        return {"refused": "the engine gave no answer"}
    return parsed if isinstance(parsed, dict) else {"refused": "the engine gave no answer"}


def _count_of_answer(answer: Mapping[str, Any]) -> ExpectationCount | str:
    if "refused" in answer:
        return REFUSED.format(answer["refused"])
    rows, examples = int(answer["rows"]), list(answer["examples"])
    return ExpectationCount(rows, 0, rows, sorted(examples, key=lambda example: json.dumps(example, default=str)))
