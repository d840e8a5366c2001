"""Finds a Java that Spark runs on: 17 or 21."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FITTING_VERSIONS = ("17", "21")
REMEDY = (
    "no Java 17 or 21 was found; install one (on Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME to its "
    "folder, and run this again"
)


def find() -> str | None:
    """The home of the first fitting Java: JAVA_HOME, the one on PATH, then those under /usr/lib/jvm; None without one."""
    return next((str(home) for home in _candidate_homes() if _java_version(home) in FITTING_VERSIONS), None)


def _candidate_homes() -> Iterator[Path]:
    if configured_home := os.environ.get("JAVA_HOME"):
        yield Path(configured_home)
    if java_on_path := shutil.which("java"):
        yield Path(java_on_path).resolve().parent.parent
    yield from sorted(Path("/usr/lib/jvm").glob("*"))


@cache
def _java_version(home: Path) -> str | None:
    try:
        version_text = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=30
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    version_match = re.search(r'version "(\d+)', version_text)
    return version_match[1] if version_match else None


if __name__ == "__main__":
    home = find()
    print(home or "")
    raise SystemExit(0 if home else 1)
