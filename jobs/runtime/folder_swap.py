"""Puts a folder in the place of another, or leaves that as it was."""

from __future__ import annotations

from pathlib import Path


def swap_folder(place: Path, fresh: Path, earlier: Path) -> None:
    """Renames `fresh` to `place`, and what stood there to `earlier`; OSError where that fails, and `place` is as before."""
    if place.is_dir():
        place.rename(earlier)
    try:
        fresh.rename(place)
    except BaseException:
        if earlier.is_dir():
            earlier.rename(place)
        raise
