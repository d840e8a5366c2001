"""An environment of its own for the programs that are measured beside us."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path


def peer_python(folder: Path, *requirements: str) -> Path:
    """The Python of an environment with these packages, which is made at the first call."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    return python
