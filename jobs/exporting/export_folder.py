"""The folder of an export: there whole or not at all, and never in place of something else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oilake.conf.errors import ConfigError, StoreError, os_cause
from oilake.conf.places import refuse_odd_folder
from oilake.jobs.runtime.folder_swap import swap_folder

MANIFEST = "export.json"
# What `oilake card` adds to an export.
CROISSANT, CARD = "croissant.json", "README.md"
UNCOUNTED = {MANIFEST, CROISSANT, CARD}


def export_place(text: str) -> Path:
    """The folder of --out; ConfigError where it is none, or holds anything but an earlier export."""
    if "://" in text:
        raise ConfigError(f"--out {text}: an export is written to a folder of this machine; copy it from there")
    refuse_odd_folder("out", text)
    place = Path(os.path.abspath(text))
    if place.exists() and not place.is_dir():
        raise ConfigError(f"{place}: is a file; --out must name a folder")
    if place.is_dir() and any(place.iterdir()) and not _is_own(place):
        raise ConfigError(f"{place}: holds files that no export wrote; move them away, or name a new folder by --out")
    return place


def _is_own(place: Path) -> bool:
    """Whether the folder holds the files of one export and no others."""
    try:
        manifest = json.loads((place / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("file_names") == file_names(place)


def file_names(folder: Path) -> dict[str, int | str]:
    """How many files an export's folder holds, and the SHA-256 of their sorted names; the manifest and cards left out."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    counted = sorted(names - UNCOUNTED)
    return {"count": len(counted), "sha256": hashlib.sha256("\n".join(counted).encode()).hexdigest()}


@contextmanager
def unfinished_folder(place: Path) -> Iterator[Path]:
    """A new folder beside `place`, which it becomes when all within is done; whatever fails, `place` stays as it was.

    StoreError where the disk cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.unfinished-", dir=place.parent))
        try:
            yield folder
            folder.chmod(0o777 & ~_process_umask())
            earlier = folder.with_name(f"{folder.name}.earlier")
            swap_folder(place, folder, earlier)
            shutil.rmtree(earlier, ignore_errors=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{place}: the export cannot be written ({os_cause(error)}); name another --out") from None


def _process_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
