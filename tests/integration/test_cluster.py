"""A standalone cluster of two workers on this machine, one of whose executors is killed; `make cluster` runs it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyspark
import pytest
import yaml

from oilake.jobs.runtime import java_home
from tests.integration.test_download_killed import CONNECTIONS, COUNT, answered, assert_all_is_whole, published, server
from tests.support.http_server import Server

__all__ = ["published", "server"]

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(os.environ.get("OILAKE_CLUSTER") != "1", reason="slow: make cluster runs it"),
]
ROOT = Path(__file__).parents[2]
SPARK = Path(pyspark.__file__).parent
DEPLOY = "org.apache.spark.deploy"
PATIENCE = 60.0


@pytest.fixture
def master(tmp_path: Path) -> Iterator[str]:
    """The master's URL; two workers of one core each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"spark://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "JAVA_HOME": java_home.find() or "",
        "SPARK_HOME": str(SPARK),
    }
    place = ["--host", "127.0.0.1"]
    worker = ["--cores", "1", "--memory", "1g", "--work-dir", str(tmp_path / "work"), "--webui-port", "0", url]
    commands = [[f"{DEPLOY}.master.Master", *place, "--port", str(port), "--webui-port", "0"]]
    commands += [[f"{DEPLOY}.worker.Worker", *place, *worker]] * 2
    running = []
    with open(tmp_path / "cluster.log", "wb") as log:
        for words in commands:
            call = [str(SPARK / "bin" / "spark-class"), *words]
            running.append(subprocess.Popen(call, env=environment, stdout=log, stderr=log))
            _wait_for(port)
    yield url
    for process in reversed(running):
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


def executors(work: Path) -> list[psutil.Process]:
    """The executors' Java processes, known by the folder that the workers of this test gave them."""
    found = []
    for one in psutil.process_iter(["cmdline", "cwd"]):
        is_executor = any("CoarseGrainedExecutorBackend" in word for word in one.info["cmdline"] or ())
        if is_executor and str(one.info["cwd"] or "").startswith(str(work)):
            found.append(one)
    return found


def test_a_killed_executor_costs_its_requests_in_flight_and_nothing_else(
    published: str, server: Server, master: str, tmp_path: Path
):
    settings = yaml.safe_load((ROOT / "conf" / "local.yaml").read_text())
    settings["master"] = master
    settings["spark"] |= {"spark.executor.memory": "512m", "spark.executorEnv.PYTHONPATH": str(ROOT)}
    settings["download"] |= {"requests_per_second": 150, "connections": CONNECTIONS, "images_per_task": 250}
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(settings))
    call = [
        sys.executable,
        "-m",
        "oilake.jobs.cli",
        "download",
        "--release",
        "v3",
        "--warehouse",
        published,
        "--subset",
        "train",
    ]
    call += ["--env", str(tmp_path / "cluster.yaml"), "--to", str(tmp_path / "blobs"), "--mirror", server.url]
    driver = subprocess.Popen([*call, "--allow-private"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while answered(server) < COUNT // 3:
        assert driver.poll() is None, driver.communicate()[1].decode()
        time.sleep(0.02)
    found = executors(tmp_path / "work")
    assert len(found) == 2
    os.kill(found[0].pid, signal.SIGKILL)
    _, stderr = driver.communicate(timeout=300)
    assert driver.returncode == 0, stderr.decode()
    twice = sum(count - 1 for count in Counter(seen.path for seen in server.seen).values())
    assert_all_is_whole(published, tmp_path / "blobs", server, CONNECTIONS)
    assert twice <= CONNECTIONS
