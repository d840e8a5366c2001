"""The hierarchy as one picture: each class stands right of its parent, as high as what is below it."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from oilake.jobs.plotting.drawn_plot import WIDTH, DrawnPlot, chart_of, draw_plot
from oilake.jobs.reporting import palette
from oilake.jobs.reporting.wording import counted
from oilake.jobs.surveying.aggregate import Row
from oilake.jobs.surveying.class_tree import COUNTS, TreeNode

LEAST_HEIGHT, MOST_HEIGHT, LINE = 160, 900, 13
SHOWN_LETTERS = 22
RELATIONS = {"root": palette.GREY, "subcategory": palette.TEAL, "part": palette.ORANGE}


def hierarchy_plot(key: str, roots: Sequence[TreeNode]) -> DrawnPlot | None:
    """The whole hierarchy; None where there is none. Names stand where their place is high enough."""
    rows = _placed_rows(roots)
    if not rows:
        return None
    leaves = max(row["bottom"] for row in rows)
    height = min(max(leaves * LINE, LEAST_HEIGHT), MOST_HEIGHT)
    for row in rows:
        is_high = (row["bottom"] - row["top"]) * height / leaves >= LINE - 1
        row["shown"] = row["name"][:SHOWN_LETTERS] if is_high else ""
    parts = sum(row["relation"] == "part" for row in rows)
    deepest = max(row["depth"] for row in rows)
    words = (
        f"{counted(len(rows), 'place')} of classes, {leaves:,} with nothing below; "
        f"{counted(parts, 'is a part', 'are parts')} of what is left of them; the deepest has {deepest} above it."
    )
    numbers = [{name: row[name] for name in ("path", "mid", "name", "relation", "depth", *COUNTS)} for row in rows]
    return draw_plot(key, "Which class is below which", words, _chart(rows, leaves, deepest), numbers, height)


def _chart(rows: Sequence[Row], leaves: int, deepest: int) -> alt.LayerChart:
    across = alt.Scale(domain=[0, deepest + 1], nice=False)
    down = alt.Scale(domain=[leaves, 0], nice=False)
    x = alt.X("depth:Q", title="classes above it", scale=across, axis=alt.Axis(tickCount=deepest + 1, format="d"))
    unmarked = alt.Axis(labels=False, ticks=False, grid=False)
    y = alt.Y("top:Q", title="classes, one below another", scale=down, axis=unmarked)
    colours = alt.Scale(domain=list(RELATIONS), range=list(RELATIONS.values()))
    base = chart_of(rows)
    places = base.mark_rect(stroke="white", strokeWidth=0.5, opacity=0.6).encode(
        x=x, x2=alt.X2("right:Q"), y=y, y2=alt.Y2("bottom:Q"), color=alt.Color("relation:N", scale=colours, title=None)
    )
    names = base.mark_text(align="left", dx=3, fontSize=10, limit=WIDTH // (deepest + 1) - 16).encode(
        x=alt.X("depth:Q", scale=across), y=alt.Y("middle:Q", scale=down), text=alt.Text("shown:N")
    )
    return alt.LayerChart(layer=[places, names])


def _placed_rows(roots: Sequence[TreeNode]) -> list[Row]:
    """A row a node with where it stands: depth to right, top to bottom in leaves."""
    rows: list[Row] = []
    top = 0
    for root in roots:
        top = _place_node(root, 0, top, rows)
    return rows


def _place_node(node: TreeNode, depth: int, top: int, rows: list[Row]) -> int:
    """Adds the node and all below it; where the next one begins."""
    row: Row = {
        "path": node.path,
        "mid": node.mid,
        "name": node.name,
        "relation": node.relation or "root",
        **node.counts,
    }
    rows.append(row)
    bottom = top
    for child in node.children:
        bottom = _place_node(child, depth + 1, bottom, rows)
    bottom = max(bottom, top + 1)
    row |= {"depth": depth, "right": depth + 1, "top": top, "bottom": bottom, "middle": (top + bottom) / 2}
    return bottom
