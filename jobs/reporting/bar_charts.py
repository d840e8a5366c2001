"""Charts of lying bars: where each begins and ends; `templates/bar_chart.html` draws them. Lengths are pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

THICKNESS, ROW, LEFT, LENGTH = 14, 18, 190, 640
GAP = 6
NUMBER_ROOM, SENTENCE_ROOM = 110, 320


class BarPart(NamedTuple):
    """One coloured stretch of a bar."""

    x: float
    width: float
    colour: str


class ChartBar(NamedTuple):
    """One bar: its label before it, its parts, the text behind it."""

    y: int
    label: str
    parts: list[BarPart]
    text: str
    text_x: float
    label_x: int = LEFT - 8
    height: int = THICKNESS

    @property
    def text_y(self) -> int:
        """The base line of the label and the text."""
        return self.y + THICKNESS - 2


class BarChart(NamedTuple):
    """One chart. `description`: what it shows, for those who do not see it."""

    description: str
    width: int
    height: int
    bars: list[ChartBar]


class Quantity(NamedTuple):
    """A number of rows, what they are, and the colour of its bar."""

    label: str
    rows: int
    colour: str


class Shares(NamedTuple):
    """Rows by what they are, with a colour each; together `total`."""

    label: str
    by_colour: Sequence[tuple[str, int]]
    total: int
    text: str


def logarithmic_chart(description: str, quantities: Sequence[Quantity]) -> BarChart:
    """Return a bar a quantity, its length by the logarithm."""
    most = math.log10(max((quantity.rows for quantity in quantities), default=1) + 1) or 1
    bars = []
    for index, (label, rows, colour) in enumerate(quantities):
        width = LENGTH * math.log10(rows + 1) / most
        bars.append(ChartBar(index * ROW, label, [BarPart(LEFT, width, colour)], f"{rows:,}", LEFT + width + GAP))
    return _bar_chart(description, bars, NUMBER_ROOM)


def share_chart(description: str, shares: Sequence[Shares]) -> BarChart:
    """Return a bar of full length for each, divided by share."""
    bars = [
        ChartBar(index * ROW, bar_shares.label, _bar_parts(bar_shares), bar_shares.text, LEFT + LENGTH + GAP)
        for index, bar_shares in enumerate(shares)
    ]
    return _bar_chart(description, bars, SENTENCE_ROOM)


def _bar_parts(shares: Shares) -> list[BarPart]:
    parts: list[BarPart] = []
    x = float(LEFT)
    for colour, rows in shares.by_colour:
        parts.append(BarPart(x, LENGTH * rows / shares.total, colour))
        x += parts[-1].width
    return parts


def _bar_chart(description: str, bars: list[ChartBar], room: int) -> BarChart:
    return BarChart(description, LEFT + LENGTH + room, ROW * len(bars) + 4, bars)
