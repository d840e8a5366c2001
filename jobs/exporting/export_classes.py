"""The classes of an export: each with a name that no other has, and a number that no filter changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class ExportClasses:
    """Of every class of the release by MID: `names`, its name in the export, and `display_names`, as published, None where
    the release describes none. `mids`: the classes of its marks, in the order of their numbers."""

    display_names: Mapping[str, str | None]
    names: Mapping[str, str]
    mids: tuple[str, ...]

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each class of `mids` among them, from 0."""
        return {mid: n for n, mid in enumerate(self.mids)}

    def name(self, mid: str) -> str:
        """The name of a class; its MID where the release describes none."""
        return self.names.get(mid, mid)


def name_classes(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The names of rows of `classes` (mid, name) by MID: a name that several share becomes `name (/m/…)`."""
    named = {row["mid"]: row["name"] for row in rows}
    uses = Counter(named.values())
    return {mid: mid if name is None else name if uses[name] == 1 else f"{name} ({mid})" for mid, name in named.items()}


def mark_classes(
    rows: Iterable[Mapping[str, Any]], boxed: Iterable[str], masked: Iterable[str] = ()
) -> tuple[str, ...]:
    """The MIDs of the box classes that rows of `classes` list, and of those that boxes have, sorted; behind them those that
    only masks have."""
    mids = {*boxed, *(row["mid"] for row in rows if row["is_boxable"])}
    return (*sorted(mids), *sorted({*masked} - mids))
