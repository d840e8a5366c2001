"""A published table as a person reads it, on a terminal or on a page: figures by subset, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class FigureCell(NamedTuple):
    """A recomputed figure in words; bad where another was published."""

    text: str
    is_bad: bool


class FigureRow(NamedTuple):
    """One figure of every subset, and of the release as a whole."""

    label: str
    cells: Sequence[FigureCell]


class FigureTable(NamedTuple):
    """One of the published tables, as far as it could be recomputed."""

    title: str
    rows: Sequence[FigureRow]
