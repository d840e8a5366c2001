"""What the peers do first: tar unpacks the archives to disk, two at a time."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.work import SUBSETS, TAG, Work


def unpack(work: Work, landing: Path, out: Path) -> Path:
    """The folder that holds <subset>/<member>."""
    folder = out / "unpacked"
    for subset in SUBSETS:
        (folder / TAG / subset).mkdir(parents=True)  # two tars that both make a folder get in each other's way
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: _unpack(landing / TAG / name, folder), work.archives()))
    return folder / TAG


def _unpack(archive: Path, folder: Path) -> None:
    done = subprocess.run(["tar", "-xzf", archive, "-C", folder], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"tar could not unpack {archive.name}: {done.stderr.strip()[-500:]}")
