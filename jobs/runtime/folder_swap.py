"""Puts a folder or a text in the place of another, or leaves that as it was."""

from __future__ import annotations

import os
from contextlib import suppress
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


def replace_text(place: Path, text: str) -> None:
    """Makes `text` what stands in the file; OSError where that fails, and the file is as before. A device is written to."""
    if place.exists() and not place.is_file():
        place.write_text(text, encoding="utf-8")
        return
    place = Path(os.path.realpath(place))
    fresh = place.with_name(f"{place.name}.{os.getpid()}.new")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(place)
    except BaseException as error:
        with suppress(OSError):
            fresh.unlink()
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(place), None  # of the other name nobody but this function knows
        raise
