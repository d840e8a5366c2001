"""The results as one picture: seconds and memory of each piece of work, a bar a contender."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.measure import Measured

COLOURS = {"ours": "#4e79a7", "duckdb": "#f28e2b", "polars": "#59a14f"}
LEFT, WIDTH, BAR, ROW = 150, 480, 16, 20


class Panel(NamedTuple):
    """One quantity of each run: what it is called, its unit, and how it is had."""

    title: str
    unit: str
    of: Callable[[Measured], float]


SECONDS = Panel("seconds", "s", lambda run: min(run.seconds, run.wall))
MEMORY = Panel("peak memory", "GB", lambda run: run.memory / 1e9)


def plot(
    results: Mapping[str, Mapping[str, Sequence[Measured]]], path: Path, panels: Sequence[Panel] = (SECONDS, MEMORY)
) -> None:
    """Writes an SVG: a panel a quantity, a bar a contender (median, with the spread as a line)."""
    parts, y = list[str](), 24
    for title, unit, of in panels:
        most = max(of(run) for found in results.values() for runs in found.values() for run in runs)
        parts.append(_panel_title(y, title))
        for work, found in results.items():
            for name, runs in found.items():
                parts.append(_bar(y, f"{work}, {name}", [of(run) for run in runs], most, unit, COLOURS[name]))
                y += ROW
            y += 6
        y += 34
    path.write_text(_panels_svg(parts, y))


def draw_bars(title: str, values: Mapping[str, float], unit: str) -> str:
    """An SVG of one bar a value, with its share of all of them."""
    parts, total = [_panel_title(24, title)], sum(values.values())
    for n, (label, value) in enumerate(values.items()):
        share = f"{unit}, {value / total:.0%}"
        parts.append(_bar(24 + n * ROW, label, [value], max(values.values()), share, COLOURS["ours"]))
    return _panels_svg(parts, 34 + len(values) * ROW)


def _panels_svg(parts: Sequence[str], height: int) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {LEFT + WIDTH + 90} {height}' font-family='sans-serif' "
        f"font-size='12'>{''.join(parts)}</svg>\n"
    )


def _panel_title(y: int, title: str) -> str:
    return f"<text x='{LEFT}' y='{y - 8}' font-weight='bold'>{title}</text>"


def _bar(y: int, label: str, values: list[float], most: float, unit: str, colour: str) -> str:
    middle, low, high = (WIDTH * v / most for v in (statistics.median(values), min(values), max(values)))
    return (
        f"<text x='{LEFT - 6}' y='{y + BAR - 4}' text-anchor='end'>{label}</text>"
        f"<rect x='{LEFT}' y='{y}' width='{middle:.1f}' height='{BAR}' fill='{colour}'/>"
        f"<line x1='{LEFT + low:.1f}' x2='{LEFT + high:.1f}' y1='{y + BAR / 2}' y2='{y + BAR / 2}' stroke='#222'/>"
        f"<text x='{LEFT + high + 6:.1f}' y='{y + BAR - 4}'>{statistics.median(values):.2f} {unit}</text>"
    )
