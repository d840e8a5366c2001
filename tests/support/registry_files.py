"""Files of a registry, as tests declare them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from oilake.conf.registry import File, Member
from oilake.jobs.fetching.locations import FetchItem


def label_file(name: str, **declared: Any) -> File:
    """A plain file of labels of train."""
    member = Member("labels", name, columns="labels", subsets=("train",))
    return File(name, f"https://storage.googleapis.com/openimages/{name}", "plain", (member,), **declared)


def fetch_item(name: str, url: str, folder: Path, **declared: Any) -> FetchItem:
    """Such a file on its way from `url` into a folder."""
    return FetchItem(label_file(name, **declared), url, folder / name, name)
