"""A download that is killed in the middle of thousands of blobs: the next run finishes it, and asks for little twice."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from PIL import Image

from oilake.jobs import cli
from tests.integration.test_download import attributed, blobs, rows
from tests.support import http_server, photos
from tests.support.http_server import Server
from tests.support.photos import Photo

pytestmark = [pytest.mark.fault, pytest.mark.slow]

COUNT, CONNECTIONS, TASKS = 2_000, 8, 2
FOUND = [Photo(f"1{n:015x}", photos.jpeg(n)) for n in range(COUNT)]
IN_FLIGHT = CONNECTIONS * TASKS


@pytest.fixture
def server() -> Iterator[Server]:
    with http_server.running() as found:
        photos.serve(found, FOUND)
        yield found


@pytest.fixture(scope="module")
def published(empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("killed")
    landing = photos.landed(folder / "landing", {"train": [photos.row(one) for one in FOUND]})
    shutil.copytree(empty_warehouse, folder / "warehouse")
    call = ["ingest", "--release", "v3", "--warehouse", str(folder / "warehouse"), "--landing", str(landing)]
    assert cli.main(call) == 0
    return str(folder / "warehouse")


@pytest.fixture
def command(published: str, server: Server, tmp_path: Path) -> list[str]:
    settings = yaml.safe_load(Path("conf/local.yaml").read_text())
    settings["master"] = f"local[{TASKS}]"
    settings["download"] |= {"requests_per_second": None, "connections": CONNECTIONS, "images_per_task": 250}
    (tmp_path / "env.yaml").write_text(yaml.safe_dump(settings))
    given = ["--warehouse", published, "--env", str(tmp_path / "env.yaml"), "--to", str(tmp_path / "blobs")]
    given += ["--mirror", server.url, "--allow-private", "--json", "--subset", "train"]
    return [sys.executable, "-m", "oilake.jobs.cli", "download", "--release", "v3", *given]


def answered(server: Server) -> int:
    return len(server.seen)


def interrupted(command: list[str], server: Server, when: int, kill: Callable[[subprocess.Popen[bytes]], None]) -> int:
    """Starts the command, and kills it once so many requests have come; its exit code, when all of it is gone."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    while answered(server) < when:
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.01)
    family = psutil.Process(process.pid).children(recursive=True)
    kill(process)
    process.communicate()
    psutil.wait_procs(family, timeout=20)
    for one in family:
        if one.is_running():
            one.kill()
    return process.returncode


def finished(command: list[str]) -> dict[str, int]:
    done = subprocess.run(command, capture_output=True, timeout=170)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, int] = json.loads(done.stdout)
    return found


def assert_all_is_whole(published: str, folder: Path, server: Server, most_twice: int) -> None:
    there = blobs(folder)
    assert there == {one.key: one.data for one in FOUND}, "whole, and no half file or receipt beside"
    told = rows(published, str(folder))
    assert {image: row["status"] for image, row in told.items()} == dict.fromkeys(
        (one.image for one in FOUND), "downloaded"
    )
    assert {(row["key"], row["md5"], row["bytes"]) for row in told.values()} == {
        (key, hashlib.md5(data).hexdigest(), len(data)) for key, data in there.items()
    }
    assert {row["key"] for row in attributed(folder)} == set(there)
    asked = Counter(seen.path for seen in server.seen)
    assert set(asked) == {one.path for one in FOUND}
    assert max(asked.values()) <= 2
    assert sum(count - 1 for count in asked.values()) <= most_twice, "only what was in flight is asked for twice"


def test_a_killed_driver_loses_nothing_and_little_is_fetched_twice(
    command: list[str], published: str, server: Server, tmp_path: Path
):
    """Of resized images, which nothing but their receipts tells whole from damaged."""
    command = [*command, "--resize", "24"]
    code = interrupted(command, server, COUNT // 2, lambda process: os.kill(process.pid, signal.SIGKILL))
    assert code == -signal.SIGKILL
    before = [key for key in blobs(tmp_path / "blobs") if not key.partition("/")[2].startswith(".")]
    assert COUNT // 2 - IN_FLIGHT <= len(before) < COUNT
    summary = finished(command)
    assert summary["present"] + summary["found"] == len(before)
    assert summary["found"] > 0
    asked = Counter(seen.path for seen in server.seen)
    assert (len(asked), max(asked.values()) <= 2) == (COUNT, True)
    assert sum(count - 1 for count in asked.values()) <= IN_FLIGHT
    there = blobs(tmp_path / "blobs")
    assert sorted(there) == sorted(one.key for one in FOUND), "no half file and no receipt is left"
    for data in there.values():
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert max(image.size) == 24
    told = rows(published, str(tmp_path / "blobs"))
    md5s = {(key, hashlib.md5(data).hexdigest()) for key, data in there.items()}
    assert {(row["key"], row["md5"]) for row in told.values()} == md5s


def test_ctrl_c_ends_cleanly_and_the_next_run_goes_on(
    command: list[str], published: str, server: Server, tmp_path: Path
):
    code = interrupted(command, server, COUNT // 2, lambda process: os.killpg(process.pid, signal.SIGINT))
    assert code == 130
    there = [key for key in blobs(tmp_path / "blobs") if not key.partition("/")[2].startswith(".")]
    assert len(there) < COUNT
    finished(command)
    assert_all_is_whole(published, tmp_path / "blobs", server, IN_FLIGHT)
