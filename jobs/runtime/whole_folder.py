"""Writes a folder whole or not at all, one process at a time, and never among tables."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oilake.conf.errors import ConfigError, StoreError, os_cause
from oilake.conf.places import refuse_odd_folder
from oilake.jobs.runtime.file_lock import HeldLockError, hold_lock
from oilake.jobs.runtime.folder_swap import swap_folder

LOG = "_delta_log"
EARLIER = ".earlier"


def local_place(text: str, flag: str) -> Path:
    """The folder that `--flag` names, links followed; ConfigError where it is none of this machine, a file, or lies among
    tables."""
    if not text:
        raise ConfigError(f"--{flag} is empty; it must name a folder")
    if "://" in text:
        raise ConfigError(f"--{flag} {text}: it is written to a folder of this machine; copy it from there")
    refuse_odd_folder(flag, text)
    place = Path(os.path.realpath(text))
    if place.exists() and not place.is_dir():
        raise ConfigError(f"{place}: is a file; --{flag} must name a folder")
    refuse_taken(place, f"--{flag}")
    return place


def refuse_taken(place: Path, flag: str) -> None:
    """ConfigError where the place must not be replaced: the caller is in it, or it lies in a table or in a warehouse."""
    if Path.cwd().is_relative_to(place):
        raise ConfigError(f"{place}: is where this is called, and would be replaced; name a folder below it by {flag}")
    for folder in (place, *place.parents):
        if (folder / LOG).is_dir() or (folder / "snapshots" / LOG).is_dir():
            raise ConfigError(f"{place}: lies in {folder}, which holds tables; name a folder elsewhere by {flag}")


@contextmanager
def whole_folder(place: Path, noun: str, flag: str) -> Iterator[Path]:
    """A new folder beside `place`, which it becomes when all within is done; whatever fails, `place` stays as it was.

    What a process that was killed left beside it is cleared away. `noun`: what is written. ConfigError where another
    process writes it, StoreError where the disk cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(place.with_name(f".{place.name}.lock")):
            _clear_leftovers(place)
            folder = Path(tempfile.mkdtemp(prefix=_unfinished_prefix(place), dir=place.parent))
            try:
                yield folder
                folder.chmod(0o777 & ~_process_umask())
                earlier = folder.with_name(f"{folder.name}{EARLIER}")
                swap_folder(place, folder, earlier)
                shutil.rmtree(earlier, ignore_errors=True)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except HeldLockError as error:
        raise ConfigError(
            f"{place}: another run (process {error.holder}) is writing there; wait for it, or name another {flag}"
        ) from None
    except OSError as error:
        raise StoreError(f"{place}: {noun} cannot be written ({os_cause(error)}); name another {flag}") from None


def _unfinished_prefix(place: Path) -> str:
    return f".{place.name}.unfinished-"


def _clear_leftovers(place: Path) -> None:
    """Deletes what processes that were killed left unfinished; what one had moved aside comes back where nothing took its
    place."""
    for left in sorted(place.parent.iterdir()):
        if left.name.startswith(_unfinished_prefix(place)):
            if left.name.endswith(EARLIER) and not place.exists():
                left.rename(place)
            else:
                shutil.rmtree(left, ignore_errors=True)


def _process_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
