"""Progress of work that takes longer than a few seconds: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def track(items: Iterable[T], total: int, what: str, unit: str) -> Iterator[T]:
    """The items as they come; on a terminal with a bar on stderr, else with one line at the end."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=what, unit=f" {unit}", leave=False, dynamic_ncols=True)
    else:
        yield from items
        say(f"{what}: {total:,} {unit if total != 1 else unit.removesuffix('s')}")


def say(line: str) -> None:
    """One plain line about what is being done, on stderr."""
    tqdm.write(line, file=sys.stderr)
