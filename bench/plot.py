"""The results as one picture: seconds and memory of each piece of work, a bar a contender."""

from __future__ import annotations

import statistics
from pathlib import Path

from bench.measure import Measured

COLOURS = {"ours": "#4e79a7", "duckdb": "#f28e2b", "polars": "#59a14f"}
LEFT, WIDTH, BAR, ROW = 150, 480, 16, 20


def plot(results: dict[str, dict[str, list[Measured]]], path: Path) -> None:
    """Writes an SVG: seconds (median, with the spread as a line) and peak memory."""
    parts, y = [], 24
    shown = (("seconds", "s", lambda m: min(m.seconds, m.wall)), ("peak memory", "GB", lambda m: m.memory / 1e9))
    for title, unit, of in shown:
        most = max(of(run) for found in results.values() for runs in found.values() for run in runs)
        parts.append(f"<text x='{LEFT}' y='{y - 8}' font-weight='bold'>{title}</text>")
        for work, found in results.items():
            for name, runs in found.items():
                parts.append(_bar(y, f"{work}, {name}", [of(run) for run in runs], most, unit, COLOURS[name]))
                y += ROW
            y += 6
        y += 34
    path.write_text(
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {LEFT + WIDTH + 90} {y}' font-family='sans-serif' "
        f"font-size='12'>{''.join(parts)}</svg>\n"
    )


def _bar(y: int, label: str, values: list[float], most: float, unit: str, colour: str) -> str:
    middle, low, high = (WIDTH * v / most for v in (statistics.median(values), min(values), max(values)))
    return (
        f"<text x='{LEFT - 6}' y='{y + BAR - 4}' text-anchor='end'>{label}</text>"
        f"<rect x='{LEFT}' y='{y}' width='{middle:.1f}' height='{BAR}' fill='{colour}'/>"
        f"<line x1='{LEFT + low:.1f}' x2='{LEFT + high:.1f}' y1='{y + BAR / 2}' y2='{y + BAR / 2}' stroke='#222'/>"
        f"<text x='{LEFT + high + 6:.1f}' y='{y + BAR - 4}'>{statistics.median(values):.2f} {unit}</text>"
    )
