"""Programs that read what we write, each in an environment of its own beside the jars, made once."""

from __future__ import annotations

import fcntl
import subprocess
import venv
from pathlib import Path

import pytest

PLACE = Path(__file__).parents[2] / ".jars" / "test" / "consumers"


def consumer_python(name: str, *requirements: str) -> Path:
    """The Python that has these packages; the test is skipped, and says why, where one cannot be installed.

    Of several processes that ask at once, as pytest's workers do, one makes it and the others wait.
    """
    folder = PLACE / name
    python = folder / "bin" / "python"
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".ready").is_file():
            venv.create(folder, with_pip=True, clear=True)
            options = ["--quiet", "--no-compile", "--disable-pip-version-check"]
            install = [python, "-m", "pip", "install", *options, *requirements]
            done = subprocess.run(install, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"{' '.join(requirements)} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
            (folder / ".ready").touch()
    return python


def run_consumer(python: Path, script: str, *words: str) -> str:
    """What a script prints there."""
    done = subprocess.run([python, "-c", script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
