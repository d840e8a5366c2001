"""Spark's own cluster on 127.0.0.1: a master and two workers of one core each, as processes of the test."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyspark

from oilake.jobs.runtime import java_home

SPARK = Path(pyspark.__file__).parent
DEPLOY = "org.apache.spark.deploy"
WORKERS = 2
PATIENCE = 60.0


@contextmanager
def running(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[str]:
    """The master's URL. Logs and work lie in `folder`; `variables`: what the workers hand on to their executors."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"spark://127.0.0.1:{port}"
    environment = os.environ | dict(variables or {})
    environment |= {"SPARK_LOCAL_IP": "127.0.0.1", "JAVA_HOME": java_home.find() or "", "SPARK_HOME": str(SPARK)}
    place = ["--host", "127.0.0.1"]
    worker = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / "work"), "--webui-port", "0", url]
    commands = [[f"{DEPLOY}.master.Master", *place, "--port", str(port), "--webui-port", "0"]]
    commands += [[f"{DEPLOY}.worker.Worker", *place, *worker]] * WORKERS
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with open(folder / "cluster.log", "wb") as log:
            for words in commands:
                call = [str(SPARK / "bin" / "spark-class"), *words]
                processes.append(subprocess.Popen(call, env=environment, stdout=log, stderr=log))
                _wait_for(port)
        yield url
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(20)


def _wait_for(port: int) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the master did not start")
