"""Spark's own cluster on 127.0.0.1: a master and two workers of one core each, as processes of the test."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
import pyspark

from oilake.jobs.runtime import java_home

SPARK = Path(pyspark.__file__).parent
DEPLOY = "org.apache.spark.deploy"
EXECUTOR = "CoarseGrainedExecutorBackend"
WORKERS = 2
BRIEF_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # which ends before a second compiler would have paid
PATIENCE = 300.0

Process = subprocess.Popen[bytes]


@dataclass
class Cluster:
    """The master's URL, and its workers by number: each has a folder `work-N` for its executors and temporary files."""

    url: str
    folder: Path
    environment: Mapping[str, str]
    log: IO[bytes]
    workers: dict[int, Process] = field(default_factory=dict)

    def work(self, number: int) -> Path:
        """The folder of a worker."""
        return self.folder / f"work-{number}"

    def begin_worker(self, number: int) -> None:
        """Starts a worker."""
        work = self.work(number)
        work.mkdir(exist_ok=True)
        (work / "tmp").mkdir(exist_ok=True)
        flags = ["--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--work-dir", str(work), "--webui-port", "0"]
        places = {"SPARK_LOCAL_DIRS": str(work), "TMPDIR": str(work / "tmp")}
        words = [f"{DEPLOY}.worker.Worker", *flags, self.url]
        self.workers[number] = _start(words, {**self.environment, **places}, self.log)

    def executors(self) -> dict[int, psutil.Process]:
        """The executors' Java processes by worker, known by the folder that they run in."""
        by_worker = {}
        for process in psutil.process_iter(["cmdline", "cwd"]):
            for number in self.workers:
                is_here = str(process.info["cwd"] or "").startswith(f"{self.work(number)}/")
                if is_here and any(EXECUTOR in word for word in process.info["cmdline"] or ()):
                    by_worker[number] = process
        return by_worker

    def processes(self) -> list[psutil.Process]:
        """All that runs in the workers' folders: executors and their Python."""
        folders = tuple(f"{self.work(number)}/" for number in self.workers)
        every = psutil.process_iter(["cwd"])
        return [process for process in every if str(process.info["cwd"] or "").startswith(folders)]


@contextmanager
def running(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[str]:
    """The master's URL, as `started`."""
    with started(folder, variables) as cluster:
        yield cluster.url


@contextmanager
def started(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A master and two workers. Logs and work lie in `folder`; `variables`: what workers hand on to their executors."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | dict(variables or {})
    environment |= {"SPARK_LOCAL_IP": "127.0.0.1", "JAVA_HOME": java_home.find() or "", "SPARK_HOME": str(SPARK)}
    environment |= {"SPARK_DAEMON_JAVA_OPTS": BRIEF_JAVA}
    place = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
    with open(folder / "cluster.log", "wb") as log:
        cluster = Cluster(f"spark://127.0.0.1:{port}", folder, environment, log)
        master = _start([f"{DEPLOY}.master.Master", *place], environment, log)
        try:
            _wait_for(port)
            for number in range(WORKERS):
                cluster.begin_worker(number)
            yield cluster
        finally:
            for process in [*cluster.workers.values(), master]:
                process.terminate()
                process.wait(20)


def _start(words: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> Process:
    call = [str(SPARK / "bin" / "spark-class"), *words]
    return subprocess.Popen(call, env=dict(environment), stdout=log, stderr=log)


def _wait_for(port: int) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the master did not start")
