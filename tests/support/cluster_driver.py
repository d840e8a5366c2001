"""A driver of jobs on a cluster as a process of its own: started when a job is first called, killed at will."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0
STEP = 0.05


class JobEnd(NamedTuple):
    """How a call ended: its exit code (negative: the driver was killed) and all that it said."""

    code: int
    text: str

    @property
    def last_words(self) -> str:
        """The last line that is not empty."""
        return next((line for line in reversed(self.text.splitlines()) if line.strip()), "")


@dataclass
class ClusterDriver:
    """The process, and the file that it writes to. `family`: what it had started when it was killed."""

    log: Path
    variables: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    family: list[psutil.Process] = field(default_factory=list)

    def call(self, words: Sequence[str], on_halt: Callable[[], object] | None = None) -> JobEnd:
        """Runs a job to its end; `on_halt` is called behind each commit, where the process halts and then goes on. A job
        without end is killed: its answer would be taken for that of the next."""
        process = self.process if self.process and self.process.poll() is None else self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        begins = self.log.stat().st_size
        process.stdin.write(json.dumps({"words": list(words), "halts": on_halt is not None}).encode() + b"\n")
        process.stdin.flush()
        ends = time.monotonic() + PATIENCE
        while not select.select([process.stdout], [], [], STEP)[0]:
            if time.monotonic() > ends:
                self.kill()
                raise AssertionError(f"{words}: no end in {PATIENCE:g} s; {self.log.read_text()[-2000:]}")
            if on_halt and psutil.Process(process.pid).status() == psutil.STATUS_STOPPED:
                on_halt()
                process.send_signal(signal.SIGCONT)
        answer = process.stdout.readline()
        text = self.log.read_bytes()[begins:].decode()
        return JobEnd(json.loads(answer) if answer else process.wait(20), text)

    def java(self) -> psutil.Process:
        """The driver's Java."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if child.name() == "java")

    def kill(self) -> None:
        """kill -9, as the kernel does where memory is short."""
        assert self.process is not None
        self.family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()

    def end(self) -> None:
        """Ends it as at the end of its input."""
        if self.process and self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait(60)

    def _start(self) -> subprocess.Popen[bytes]:
        call = [sys.executable, "-m", "tests.support.driver_process"]
        with open(self.log, "ab") as log:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
            self.process = subprocess.Popen(call, cwd=ROOT, env=os.environ | dict(self.variables), **pipes)  # type: ignore[call-overload]
        return self.process
