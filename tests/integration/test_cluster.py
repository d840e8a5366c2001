"""A standalone cluster of two workers on this machine, one of whose executors is killed; `make cluster` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.test_download_killed import CONNECTIONS, COUNT, answered, assert_all_is_whole, published, server
from tests.support import standalone_cluster
from tests.support.http_server import Server
from tests.support.standalone_cluster import Cluster

__all__ = ["published", "server"]

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(os.environ.get("OILAKE_CLUSTER") != "1", reason="slow: make cluster runs it"),
]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Two workers of one core each."""
    with standalone_cluster.started(tmp_path) as cluster:
        yield cluster


def test_a_killed_executor_costs_its_requests_in_flight_and_nothing_else(
    published: str, server: Server, cluster: Cluster, tmp_path: Path
):
    settings = yaml.safe_load((ROOT / "conf" / "local.yaml").read_text())
    settings["master"] = cluster.url
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
    assert set(cluster.executors()) == {0, 1}
    cluster.executors()[0].kill()
    _, stderr = driver.communicate(timeout=300)
    assert driver.returncode == 0, stderr.decode()
    twice = sum(count - 1 for count in Counter(seen.path for seen in server.seen).values())
    assert_all_is_whole(published, tmp_path / "blobs", server, CONNECTIONS)
    assert twice <= CONNECTIONS
