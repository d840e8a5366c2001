"""Plots over the versions of a table, as inline SVG that reads on a phone and on paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from jobs.judging.looks import Look
from jobs.reporting.html import COLOURS, WORDS, counted
from jobs.reporting.table_history import State, state

WIDTH, HEIGHT, TOP, BOTTOM, SIDE = 340, 150, 22, 24, 6
SHOWN = 24
LABELLED = 8
LEAST = 3.0
ROWS = "#4e79a7"
STACKED: tuple[State, ...] = ("kept", "noted", "warned", "broken")


def bars(caption: str, looks: Sequence[Look], count: Callable[[Look], int | None], colour: str, unit: str) -> str:
    """A bar a look; what was not counted has none."""
    shown = looks[-SHOWN:]
    values = [count(look) for look in shown]
    most = max((value for value in values if value), default=1)
    drawn = ""
    for at, (look, value) in enumerate(zip(shown, values, strict=True)):
        x, wide = _place(at, len(shown))
        told = "not counted" if value is None else counted(value, unit)
        tall = max(LEAST, _tall(value, most)) if value else 0.0
        drawn += _bar(x, wide, HEIGHT - BOTTOM - tall, tall, colour, f"{where(look)}: {told}")
        if len(shown) <= LABELLED or at == len(shown) - 1:
            drawn += _text(x + wide / 2, HEIGHT - BOTTOM - tall - 4, "–" if value is None else short(value))
    told = ", ".join("not counted" if value is None else f"{value:,}" for value in values)
    return _figure(caption, f"{caption}, the oldest first: {told}", drawn + _axis(shown), len(looks))


def kept(caption: str, looks: Sequence[Look]) -> str:
    """A bar a look: promises kept, to note, warned of and broken, one on the other."""
    shown = looks[-SHOWN:]
    counts = [{one: _count(look, one) for one in STACKED} for look in shown]
    most = max((sum(found.values()) for found in counts), default=1) or 1
    drawn = ""
    for at, (look, found) in enumerate(zip(shown, counts, strict=True)):
        x, wide = _place(at, len(shown))
        y = float(HEIGHT - BOTTOM)
        for one in STACKED:
            if found[one]:
                tall = max(LEAST, _tall(found[one], most))
                y -= tall
                drawn += _bar(x, wide, y, tall, COLOURS[one], f"{where(look)}: {found[one]:,} {WORDS[one][1]}")
        if len(shown) <= LABELLED or at == len(shown) - 1:
            drawn += _text(x + wide / 2, y - 4, _parts(found))
    told = "; ".join(", ".join(f"{n} {WORDS[one][1]}" for one, n in found.items() if n) for found in counts)
    return _figure(caption, f"{caption}, the oldest first: {told}", drawn + _axis(shown), len(looks))


def where(look: Look) -> str:
    """Which look it was, in words."""
    version = "a refused version" if look.version is None else f"version {look.version}"
    return f"{version}, {look.job} of {look.checked_at}"


def short(count: int) -> str:
    """A count that fits over a bar: 812, 43.2k, 8.04M."""
    for size, sign in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if count >= size:
            return f"{count / (1000 if sign == 'k' else size):.3g}{sign}"
    return f"{count:,}"


def _count(look: Look, wanted: State) -> int:
    return sum(state(result) == wanted for result in look.judged)


def _parts(found: dict[State, int]) -> str:
    """`34`, or `32+2✗` where some are not kept."""
    others = "".join(f"+{found[one]}{WORDS[one][0]}" for one in STACKED[1:] if found[one])
    return f"{found['kept']}{others}"


def _tall(value: int, most: int) -> float:
    return (HEIGHT - TOP - BOTTOM) * value / most


def _place(at: int, count: int) -> tuple[float, float]:
    """(left edge, width) of a bar."""
    step = (WIDTH - 2 * SIDE) / max(count, 4)
    return SIDE + at * step + step * 0.15, step * 0.7


def _bar(x: float, wide: float, y: float, tall: float, colour: str, told: str) -> str:
    return (
        f"<rect x='{x:.1f}' y='{y:.1f}' width='{wide:.1f}' height='{tall:.1f}' fill='{colour}'>"
        f"<title>{escape(told)}</title></rect>"
    )


def _text(x: float, y: float, told: str) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='middle'>{escape(told)}</text>"


def _axis(looks: Sequence[Look]) -> str:
    """The base line, and under each bar the version; where a version was looked at again, once."""
    y = HEIGHT - BOTTOM
    drawn = f"<line x1='{SIDE}' x2='{WIDTH - SIDE}' y1='{y}' y2='{y}' stroke='#555'/>"
    before: object = ""
    for at, look in enumerate(looks):
        x, wide = _place(at, len(looks))
        if look.version != before and (len(looks) <= 2 * LABELLED or at % 3 == 0):
            drawn += _text(x + wide / 2, y + 15, "refused" if look.version is None else f"{look.version}")
        before = look.version
    return drawn


def _figure(caption: str, told: str, drawn: str, looks: int) -> str:
    more = f", the last {SHOWN} of {looks}" if looks > SHOWN else ""
    return (
        f"<figure><figcaption>{escape(caption)}{more}</figcaption>"
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{escape(told)}' font-size='12' fill='#1c1c1c'>"
        f"{drawn}</svg></figure>"
    )
