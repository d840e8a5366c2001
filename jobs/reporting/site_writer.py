"""Writes a folder of pages whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from oilake.conf.errors import ConfigError, StoreError
from oilake.jobs.reporting.html import render
from oilake.jobs.runtime.folder_swap import swap_folder

FIRST = "index.html"
SITE_SUFFIXES = {".css", ".csv", ".html", ".ico", ".js", ".png", ".svg", ".ttf", ".woff2"}


def refuse_strangers(folder: Path, flag: str = "--to") -> None:
    """ConfigError when the folder is a file, or holds anything but pages that were made here before; `flag` names it."""
    if folder.is_file():
        raise ConfigError(f"{folder}: is a file; {flag} must name a folder")
    try:
        is_strange = folder.is_dir() and any(folder.iterdir()) and not _is_own_site(folder)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be read ({error.strerror}); name another folder with {flag}") from None
    if is_strange:
        raise ConfigError(
            f"{folder}: holds other files, which the pages would replace; name another folder with {flag}"
        )


def _is_own_site(folder: Path) -> bool:
    """Whether its first page says that it was made here, in any version, and all beside it may be of a site."""
    page, generator = folder / FIRST, render("generator.html").strip()
    if not page.is_file() or generator not in page.read_text(encoding="utf-8", errors="replace"):
        return False
    return all(path.is_dir() or path.suffix in SITE_SUFFIXES for path in folder.rglob("*"))


def write_site(folder: Path, files: Mapping[str, bytes], flag: str = "--to") -> Path:
    """Makes `files`, by their paths below it, all that is in the folder; its first page, absolute.

    A reader sees the pages of before or the new ones. StoreError when they cannot be written; then nothing changed.
    """
    folder = folder.absolute()
    refuse_strangers(folder, flag)
    new, old = (folder.with_name(f".{folder.name}.{kind}-{os.getpid()}") for kind in ("new", "old"))
    try:
        for path, content in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_bytes(content)
        swap_folder(folder, new, old)
    except OSError as error:
        raise StoreError(f"{folder}: the pages cannot be written ({error.strerror}); name another {flag}") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    return folder / FIRST
