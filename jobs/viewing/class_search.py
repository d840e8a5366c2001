"""Classes of a release by what a person types: a part of a name, or of a MID."""

from __future__ import annotations

from typing import Any, NamedTuple

from oilake.jobs.surveying.pinned_view import PinnedView

SHOWN_CLASSES = 100


class FoundClasses(NamedTuple):
    """The first classes that fit, and how many do."""

    shown: list[dict[str, Any]]
    total: int


def search_classes(view: PinnedView, release: str, text: str) -> FoundClasses:
    """The classes whose name or MID holds `text`, those whose name begins with it first; all where it is empty."""
    sought = " ".join(text.split()).casefold()
    fitting = [row for row in view.class_rows(release).values() if sought in _folded_name(row) or sought in row["mid"]]
    fitting.sort(key=lambda row: (not _folded_name(row).startswith(sought), _folded_name(row), row["mid"]))
    return FoundClasses(fitting[:SHOWN_CLASSES], len(fitting))


def _folded_name(row: dict[str, Any]) -> str:
    return str(row["name"] or "").casefold()
