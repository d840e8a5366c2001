"""Programs that read what we write, each in an environment of its own beside the jars, made once."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

import pytest

PLACE = Path(__file__).parents[2] / ".jars" / "test" / "consumers"


def consumer_python(name: str, requirement: str) -> Path:
    """The Python that has a package; the test is skipped, and says why, where it cannot be installed."""
    folder = PLACE / name
    python = folder / "bin" / "python"
    if not (folder / ".ready").is_file():
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{requirement} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
        (folder / ".ready").touch()
    return python


def run_consumer(python: Path, script: str, *words: str) -> str:
    """What a script prints there."""
    done = subprocess.run([python, "-c", script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
