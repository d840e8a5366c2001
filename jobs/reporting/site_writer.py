"""Writes a folder of pages whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from oilake.conf.errors import ConfigError
from oilake.jobs.reporting.html import render
from oilake.jobs.runtime.whole_folder import refuse_taken, whole_folder

FIRST = "index.html"
# The templates of what a site's pages say they are, so that one of another kind is not replaced.
DOCS_MARK, REPORT_MARK = "generator.html", "site_generator.html"
SITE_SUFFIXES = {".css", ".csv", ".html", ".ico", ".js", ".png", ".svg", ".ttf", ".woff2"}


def refuse_strangers(folder: Path, mark: str, flag: str) -> None:
    """ConfigError when the folder is a file, must not be replaced, or holds anything but pages with this mark that were made
    here before; `flag` names it."""
    if folder.is_file():
        raise ConfigError(f"{folder}: is a file; {flag} must name a folder")
    refuse_taken(_real_place(folder), flag)
    try:
        is_strange = folder.is_dir() and any(folder.iterdir()) and not _is_own_site(folder, mark)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be read ({error.strerror}); name another folder with {flag}") from None
    if is_strange:
        raise ConfigError(
            f"{folder}: holds other files, which the pages would replace; name another folder with {flag}"
        )


def _real_place(folder: Path) -> Path:
    """Where the folder is, links followed."""
    return Path(os.path.realpath(folder))


def _is_own_site(folder: Path, mark: str) -> bool:
    """Whether its first page has the mark, in any version, and all beside it may be of a site."""
    page, generator = folder / FIRST, render(mark).strip()
    if not page.is_file() or generator not in page.read_text(encoding="utf-8", errors="replace"):
        return False
    return all(path.is_dir() or path.suffix in SITE_SUFFIXES for path in folder.rglob("*"))


def write_site(folder: Path, files: Mapping[str, bytes], mark: str, flag: str) -> Path:
    """Makes `files`, by their paths below it, all that is in the folder; its first page, absolute.

    A reader sees the pages of before, which have the same mark, or the new ones. StoreError when they cannot be written;
    then nothing changed.
    """
    place = _real_place(folder)
    refuse_strangers(place, mark, flag)
    with whole_folder(place, "the pages", flag) as new:
        for path, content in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_bytes(content)
    return place / FIRST
