"""Finds a Java that Spark runs on: 17 or 21."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

FIT = ("17", "21")
REMEDY = (
    "no Java 17 or 21 was found; install one (on Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME to its "
    "folder, and run this again"
)


def find() -> str | None:
    """The home of the first fitting Java: JAVA_HOME, the one on PATH, then those under /usr/lib/jvm; None without one."""
    return next((str(home) for home in _homes() if _version(home) in FIT), None)


def _homes() -> Iterator[Path]:
    if given := os.environ.get("JAVA_HOME"):
        yield Path(given)
    if found := shutil.which("java"):
        yield Path(found).resolve().parent.parent
    yield from sorted(Path("/usr/lib/jvm").glob("*"))


def _version(home: Path) -> str | None:
    try:
        told = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=30).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)', told)
    return found[1] if found else None


if __name__ == "__main__":
    home = find()
    print(home or "")
    raise SystemExit(0 if home else 1)
