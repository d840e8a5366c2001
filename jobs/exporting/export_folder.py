"""The folder of an export: never in place of something else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from oilake.conf.errors import ConfigError
from oilake.jobs.runtime.whole_folder import local_place

MANIFEST = "export.json"
# What `oilake card` adds to an export.
CROISSANT, CARD = "croissant.json", "README.md"
UNCOUNTED = {MANIFEST, CROISSANT, CARD}


def export_place(text: str) -> Path:
    """The folder of --out; ConfigError where it cannot be one, or holds anything but an earlier export."""
    place = local_place(text, "out")
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
    return describe_names(file_paths(folder))


def file_paths(folder: Path) -> set[str]:
    """The paths of all files in a folder, below it."""
    paths = set[str]()
    for place, _, names in os.walk(folder):
        below = "".join(f"{part}/" for part in Path(place).relative_to(folder).parts)
        paths.update(f"{below}{name}" for name in names)
    return paths


def describe_names(names: Iterable[str]) -> dict[str, int | str]:
    """As `file_names`, of names that an export's folder holds."""
    counted = sorted({*names} - UNCOUNTED)
    return {"count": len(counted), "sha256": hashlib.sha256("\n".join(counted).encode()).hexdigest()}
