"""Plots of promises: how many each table keeps, which rows break the others, and what drifted since the release before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import altair as alt

from oilake.jobs.plotting.axes import THOUSANDS, logarithmic_length
from oilake.jobs.plotting.drawn_plot import DrawnPlot, chart_of, draw_plot
from oilake.jobs.reporting import palette
from oilake.jobs.reporting.table_history import STATES, State
from oilake.jobs.reporting.wording import STATES as STATE_WORDS
from oilake.jobs.reporting.wording import counted
from oilake.jobs.surveying.aggregate import Row

ROW, NAMED = 24, 3
ORDER: tuple[State, ...] = ("kept", "noted", "warned", "broken")
COLOURS = alt.Scale(
    domain=[STATE_WORDS[state].word for state in ORDER], range=[palette.STATES[state] for state in ORDER]
)


def state_plot(key: str, promises: Sequence[Row]) -> DrawnPlot | None:
    """Promises of each table by what became of them; None where nothing was judged."""
    if not promises:
        return None
    counts = Counter((row["table"], _state_word(row)) for row in promises)
    rows = [{"table": table, "state": word, "promises": n} for (table, word), n in sorted(counts.items())]
    chart = (
        chart_of([{**row, "label": row["table"].replace("_", " ")} for row in rows])
        .mark_bar()
        .encode(
            x=alt.X("promises:Q", title="promises", axis=alt.Axis(format=THOUSANDS, tickMinStep=1)),
            y=alt.Y("label:N", title=None),
            color=alt.Color("state:N", title=None, scale=COLOURS),
        )
    )
    by_word = Counter(_state_word(row) for row in promises)
    states = ", ".join(f"{by_word[word]:,} {word}" for word in COLOURS.domain if by_word[word])
    words = f"{counted(len(promises), 'promise')} of {counted(len({row['table'] for row in rows}), 'table')}: {states}."
    height = ROW * len({row["table"] for row in rows})
    return draw_plot(key, "Which tables keep what they promise", words, chart, rows, height)


def broken_plot(key: str, promises: Sequence[Row]) -> DrawnPlot | None:
    """Promises that are not kept, by how many rows break them; None where all are kept."""
    rows = [_numbers_of(row) for row in promises if not row["success"]]
    words = f"{counted(len(rows), 'promise is', 'promises are')} not kept.{_most_rows(rows, 'row')}"
    return _row_plot(key, "Which rows break a promise", "rows that break it, logarithmic", words, rows)


def drift_plot(key: str, promises: Sequence[Row]) -> DrawnPlot | None:
    """Comparisons with the release before, by how many differences go beyond a threshold; None where there are none."""
    rows = [_numbers_of(row) for row in promises]
    beyond = sum(row["state"] != STATE_WORDS["kept"].word for row in rows)
    words = (
        f"{counted(len(rows), 'comparison')} with the release before, {beyond:,} of which "
        f"{'finds' if beyond == 1 else 'find'} more than may be.{_most_rows(rows, 'difference')}"
    )
    return _row_plot(key, "What differs from the release before", "differences beyond the threshold", words, rows)


def _row_plot(key: str, title: str, axis: str, words: str, rows: Sequence[Row]) -> DrawnPlot | None:
    """A place on a logarithmic axis for each promise, with a line from none."""
    if not rows:
        return None
    shown = [{**row, "label": f"{row['table']}: {row['expectation']}".replace("_", " "), "count": row["rows"] or 0}
             for row in sorted(rows, key=lambda row: -(row["rows"] or 0))]  # fmt: skip
    base = chart_of([{**row, "none": 0} for row in shown]).encode(
        x=logarithmic_length("count", axis, shown[0]["count"]),
        y=alt.Y("label:N", title=None, sort=None, axis=alt.Axis(labelLimit=300)),
        color=alt.Color("state:N", title=None, scale=COLOURS),
    )
    lines = base.mark_rule(strokeWidth=3).encode(x2=alt.X2("none:Q"))
    points = base.mark_point(filled=True, size=70, opacity=1)
    return draw_plot(key, title, words, alt.LayerChart(layer=[lines, points]), rows, ROW * len(shown))


def _numbers_of(row: Row) -> Row:
    """The columns of its CSV."""
    columns = ("table", "since", "expectation", "rows", "description", "example")
    return {"state": _state_word(row)} | {name: row[name] for name in columns}


def _most_rows(rows: Sequence[Row], unit: str) -> str:
    """Names those with the most, in words."""
    largest = sorted((row for row in rows if row["rows"]), key=lambda row: -row["rows"])[:NAMED]
    named = "; ".join(f"{row['table']}, {row['description']}: {counted(row['rows'], unit)}" for row in largest)
    return f" Most: {named}." if named else ""


def _state_word(row: Row) -> str:
    state: State = "kept" if row["success"] else STATES.get(row["severity"], "broken")
    return STATE_WORDS[state].word
