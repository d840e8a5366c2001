"""How the promises of one part of a table went over its versions: plots, and a list of the newest looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from oilake.jobs.reporting import palette
from oilake.jobs.reporting.html import GridColumn
from oilake.jobs.reporting.plots import Plot, count_plot, state_plot
from oilake.jobs.reporting.table_history import TablePart
from oilake.jobs.reporting.wording import share
from oilake.jobs.validation.validation_history import ValidationRun

PLOTTED = 5
LISTED = 50
LOOK_COLUMNS = (
    GridColumn("looked at (UTC)"),
    GridColumn("version", "number"),
    GridColumn("by"),
    GridColumn("rows", "number"),
    GridColumn("kept", "number"),
    GridColumn("not kept"),
)


class LookRow(NamedTuple):
    """One look: how many promises were kept, and which were not, in words."""

    look: ValidationRun
    kept: str
    not_kept: str


class PartPast(NamedTuple):
    """How one part of the table went. `unplotted`: names of broken promises beyond those that have a plot."""

    part_name: str
    plots: list[Plot]
    unplotted: list[str]
    looks: list[LookRow]


def part_past(part: TablePart) -> PartPast:
    """Return how one part went: a plot of its rows, of its promises, and of each of those that most rows broke."""
    broken = _broken_names(part.looks)
    plots = [
        count_plot("Rows", part.looks, lambda look: look.rows, palette.BLUE, "row"),
        state_plot("Promises kept (green), to note (blue), warned of (orange), broken (red)", part.looks),
    ]
    if any(_kept_out(look) for look in part.looks):
        plots.append(count_plot("Rows kept out at ingest", part.looks, _kept_out, palette.STATES["warned"], "row"))
    for name in broken[:PLOTTED]:
        caption = f"Rows that break {name}"
        plots.append(count_plot(caption, part.looks, _unexpected_counter(name), palette.STATES["broken"], "row"))
    return PartPast(part.name, plots, broken[PLOTTED:], [_look_row(look) for look in reversed(part.looks[-LISTED:])])


def _broken_names(looks: Sequence[ValidationRun]) -> list[str]:
    """Return the names of promises that were ever broken, by the most rows that ever broke them."""
    most: dict[str, int] = {}
    for look in looks:
        for name, result in look.results.items():
            if not result.success:
                most[name] = max(most.get(name, 0), result.unexpected_count or 0)
    return sorted(most, key=lambda name: (-most[name], name))


def _unexpected_counter(name: str) -> Callable[[ValidationRun], int | None]:
    return lambda look: look.results[name].unexpected_count if name in look.results else None


def _kept_out(look: ValidationRun) -> int | None:
    counts = [result.quarantined_count for result in look.results.values() if result.quarantined_count is not None]
    return sum(counts) if counts else None


def _look_row(look: ValidationRun) -> LookRow:
    not_kept = [f"{name} ({share(result)})" for name, result in look.results.items() if not result.success]
    kept = f"{len(look.judged) - len(not_kept):,} of {len(look.judged):,}"
    return LookRow(look, kept, "; ".join(not_kept) or "–")
