"""A few names of each status: what a person looks at first where something is not as it should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SHOWN = 5


def keep_names(shown: dict[str, list[str]], status: str, names: Iterable[str]) -> None:
    """Adds names to those of a status, up to SHOWN."""
    shown[status] = [*shown.get(status, []), *names][:SHOWN]


def name_lines(shown: Mapping[str, list[str]], statuses: Mapping[str, int]) -> list[str]:
    """A line a status: its names, and how many others have it; `statuses`: how many have each."""
    lines = []
    for status, names in shown.items():
        more = statuses[status] - len(names)
        lines.append(f"{status}: {', '.join(names)}" + (f" and {more:,} more" if more > 0 else ""))
    return lines
