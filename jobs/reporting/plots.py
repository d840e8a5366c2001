"""Plots over the versions of a table: where each bar stands and what it says; `templates/plot.html` draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from oilake.jobs.reporting import palette
from oilake.jobs.reporting.table_history import State, result_state
from oilake.jobs.reporting.wording import STATES, counted
from oilake.jobs.validation.validation_history import ValidationRun

TOP = 22
SHOWN = 24
LABELLED = 8
LEAST_HEIGHT = 3.0
LEAST_COLUMNS = 4
STACKED: tuple[State, ...] = ("kept", "noted", "warned", "broken")


class Canvas(NamedTuple):
    """The size of a plot, and where its base line lies; in pixels from its upper left corner."""

    width: int = 340
    height: int = 150
    left: int = 6
    right: int = 334
    base: int = 126


class PlotBar(NamedTuple):
    """One bar, or a part of it: its upper edge and height in pixels, and what it says when pointed at."""

    y: float
    height: float
    colour: str
    title: str


class PlotColumn(NamedTuple):
    """What stands over one version. `label` over the bars and `version` under them are empty where they would crowd."""

    x: float
    width: float
    bars: list[PlotBar]
    label: str
    version: str

    @property
    def middle(self) -> float:
        """Where its labels are centred."""
        return self.x + self.width / 2

    @property
    def label_y(self) -> float:
        """The base line of the label over its bars."""
        return min((bar.y for bar in self.bars), default=float(CANVAS.base)) - 4


class Plot(NamedTuple):
    """One plot. `description`: its values in words; `left_out`: older looks that it does not show."""

    caption: str
    description: str
    columns: list[PlotColumn]
    left_out: int


CANVAS = Canvas()


def count_plot(
    caption: str, looks: Sequence[ValidationRun], count: Callable[[ValidationRun], int | None], colour: str, unit: str
) -> Plot:
    """Return a plot of one bar a look; what was not counted has none. `unit`: the noun of what is counted."""
    values = [count(look) for look in looks[-SHOWN:]]
    most = max((value for value in values if value), default=1)
    stacks = [
        [_standing_bar(CANVAS.base, value or 0, most, colour, "not counted" if value is None else counted(value, unit))]
        for value in values
    ]
    labels = ["–" if value is None else short_count(value) for value in values]
    description = ", ".join("not counted" if value is None else f"{value:,}" for value in values)
    return _plot_of_stacks(caption, description, looks, stacks, labels)


def state_plot(caption: str, looks: Sequence[ValidationRun]) -> Plot:
    """Return a plot of one bar a look: promises kept, to note, warned of and broken, one on the other."""
    counts = [_state_counts(look) for look in looks[-SHOWN:]]
    most = max((sum(by_state.values()) for by_state in counts), default=1) or 1
    stacks = [_stacked_bars(by_state, most) for by_state in counts]
    described = (", ".join(f"{n} {STATES[name].word}" for name, n in by_state.items() if n) for by_state in counts)
    return _plot_of_stacks(
        caption, "; ".join(described), looks, stacks, [_stack_label(by_state) for by_state in counts]
    )


def look_title(look: ValidationRun) -> str:
    """Word which look it was."""
    version = "a refused version" if look.version is None else f"version {look.version}"
    return f"{version}, {look.job} of {look.checked_at}"


def short_count(count: int) -> str:
    """Word a count so that it fits over a bar: 812, 43.2k, 8.04M."""
    for size, unit, sign in ((10**9, 10**9, "G"), (10**6, 10**6, "M"), (10**4, 10**3, "k")):
        if count >= size:
            return f"{count / unit:.3g}{sign}"
    return f"{count:,}"


def _state_counts(look: ValidationRun) -> dict[State, int]:
    states = [result_state(result) for result in look.judged]
    return {name: states.count(name) for name in STACKED}


def _stacked_bars(by_state: dict[State, int], most: int) -> list[PlotBar]:
    bars: list[PlotBar] = []
    for name, n in by_state.items():
        if n:
            below = bars[-1].y if bars else CANVAS.base
            bars.append(_standing_bar(below, n, most, palette.STATES[name], f"{n:,} {STATES[name].word}"))
    return bars


def _stack_label(by_state: dict[State, int]) -> str:
    """Word a stack: `34`, or `32+2✗` where some are not kept."""
    not_kept = "".join(f"+{by_state[name]}{STATES[name].sign}" for name in STACKED[1:] if by_state[name])
    return f"{by_state['kept']}{not_kept}"


def _standing_bar(base: float, value: int, most: int, colour: str, title: str) -> PlotBar:
    """Return the bar of `value` that stands on `base`; one of few among many is still seen."""
    height = max(LEAST_HEIGHT, (CANVAS.base - TOP) * value / most) if value else 0.0
    return PlotBar(base - height, height, colour, title)


def _plot_of_stacks(
    caption: str,
    description: str,
    looks: Sequence[ValidationRun],
    stacks: Sequence[list[PlotBar]],
    labels: Sequence[str],
) -> Plot:
    """Place a stack a look side by side; `stacks` and `labels` are those of the newest looks."""
    shown = looks[-SHOWN:]
    step = (CANVAS.right - CANVAS.left) / max(len(shown), LEAST_COLUMNS)
    columns = [
        PlotColumn(
            x=CANVAS.left + index * step + step * 0.15,
            width=step * 0.7,
            bars=[bar._replace(title=f"{look_title(shown[index])}: {bar.title}") for bar in bars],
            label=labels[index] if len(shown) <= LABELLED or index == len(shown) - 1 else "",
            version=_version_label(shown, index),
        )
        for index, bars in enumerate(stacks)
    ]
    return Plot(caption, f"{caption}, the oldest first: {description}", columns, len(looks) - len(shown))


def _version_label(looks: Sequence[ValidationRun], index: int) -> str:
    """Word the version under a bar: once where it was looked at again, and under each third bar where there are many."""
    version = looks[index].version
    is_again = index > 0 and looks[index - 1].version == version
    if is_again or (len(looks) > 2 * LABELLED and index % 3):
        return ""
    return "refused" if version is None else f"{version}"
