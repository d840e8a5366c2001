"""What boxes look like: their attributes, how large they are and where they lie."""

from __future__ import annotations

from oilake.jobs.surveying.aggregate import Row, aggregate_rows
from oilake.jobs.surveying.pinned_view import PinnedView

ATTRIBUTES = ("is_occluded", "is_truncated", "is_group_of", "is_depiction", "is_inside")
CELLS = 20
SIDE = "sqrt((x_max - x_min) * (y_max - y_min))"


def count_attributes(view: PinnedView, release: str) -> list[Row]:
    """Boxes by attribute and what is said of it: attribute, answer (yes, no, unknown), boxes."""
    counts = ", ".join(
        f"count(*) FILTER ({name}) AS {name}_yes, count(*) FILTER (NOT {name}) AS {name}_no" for name in ATTRIBUTES
    )
    rows = []
    for row in aggregate_rows(view, "boxes", release, f"count(*) AS boxes, {counts}"):
        for name in ATTRIBUTES:
            yes, no = row[f"{name}_yes"], row[f"{name}_no"]
            for answer, boxes in (("yes", yes), ("no", no), ("unknown", row["boxes"] - yes - no)):
                rows.append({"attribute": name.removeprefix("is_").replace("_", " "), "answer": answer, "boxes": boxes})
    return rows


def count_sizes(view: PinnedView, release: str) -> list[Row]:
    """Boxes by subset and side: subset, least (the root of the share of the image's area, in steps of a 20th), boxes."""
    return aggregate_rows(
        view,
        "boxes",
        release,
        f"subset, {_cell(SIDE)} / {CELLS} AS least, count(*) AS boxes",
        "GROUP BY ALL ORDER BY ALL",
    )


def count_centres(view: PinnedView, release: str) -> list[Row]:
    """Boxes by where their centre lies, in 20 by 20 cells of the image: across, down (left and upper edge), boxes."""
    return _count_cells(view, release, "(x_min + x_max) / 2", "(y_min + y_max) / 2")


def count_sides(view: PinnedView, release: str) -> list[Row]:
    """Boxes by width and height as shares of the image's, in 20 by 20 cells: across, down (least width, height), boxes."""
    return _count_cells(view, release, "x_max - x_min", "y_max - y_min")


def _count_cells(view: PinnedView, release: str, across: str, down: str) -> list[Row]:
    selection = f"{_cell(across)} / {CELLS} AS across, {_cell(down)} / {CELLS} AS down, count(*) AS boxes"
    return aggregate_rows(view, "boxes", release, selection, "GROUP BY ALL ORDER BY ALL")


def _cell(value: str) -> str:
    """The cell of a value between 0 and 1, the last one for 1 itself."""
    return f"least(greatest(floor(({value}) * {CELLS}), 0), {CELLS - 1})"
