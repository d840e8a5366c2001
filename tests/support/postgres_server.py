"""A PostgreSQL server of its own in a folder, reached by a socket alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER_USER = "postgres"


def server_tool(name: str) -> str | None:
    """Where a program of the server is; None where it is not installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(installed[0]) if installed else None)


def is_installed() -> bool:
    return all(server_tool(name) for name in ("initdb", "postgres", "psql"))


@contextmanager
def running_server() -> Iterator[Path]:
    """The folder of the server's socket; the server refuses root, which runs it as its own user."""
    user = SERVER_USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        if user:
            shutil.chown(folder, user)
        data = str(folder / "data")
        initdb = [str(server_tool("initdb")), "-D", data, "-U", SERVER_USER, "--auth=trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, user=user, cwd="/")
        words = [
            str(server_tool("postgres")),
            "-D",
            data,
            "-k",
            str(folder),
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
        ]
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(words, stderr=log, stdout=log, user=user, cwd="/") as server,
        ):
            try:
                _wait_until_ready(folder)
                yield folder
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(folder: Path) -> None:
    for _ in range(600):
        if run_psql(folder, "-c", "SELECT 1").returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError((folder / "log").read_text())


def run_psql(folder: Path, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """psql with rows as lines, of columns with tabs between them."""
    call = [str(server_tool("psql")), "-h", str(folder), "-U", SERVER_USER, "-X", "-q", "-A", "-t", "-F", "\t", *words]
    return subprocess.run(call, capture_output=True, text=True, cwd=cwd, check=False)
