"""Marks on a picture: what a page draws of an image's boxes, masks, points and relationships, in pixels of a frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from oilake.jobs.reporting import palette
from oilake.jobs.viewing.image_record import ImageRecord
from oilake.jobs.viewing.marks import BoxMark, Drawing, LinkMark, PointMark, TraceMark
from oilake.jobs.viewing.picture_frame import PictureFrame

Row = Mapping[str, Any]
ATTRIBUTES = ("is_occluded", "is_truncated", "is_group_of", "is_depiction", "is_inside")
# From which share of the width on a name ends at its box's right edge instead of beginning at the left one.
FAR = 0.6
# From how many boxes on their names are not shown at first; how wide a name is, in heights of its letters.
NAMED_MARKS, NAME_WIDTH = 12, 6


class MarkPen(NamedTuple):
    """What marks are drawn with. `names`: of classes, `colours`: of those that are drawn, by MID."""

    frame: PictureFrame
    names: Mapping[str, str]
    colours: Mapping[str, str]

    def class_name(self, mid: str) -> str:
        """The name of a class; its MID where the release names it not."""
        return self.names.get(mid) or mid


def draw_record(
    record: ImageRecord, frame: PictureFrame, names: Mapping[str, str], attributes: Mapping[str, str]
) -> Drawing:
    """The marks of an image. `names`: of classes, `attributes`: of what relationships say of one object, by MID."""
    boxes, masks = record.table_rows("boxes"), record.table_rows("masks")
    pen = MarkPen(frame, names, _class_colours([*boxes, *masks, *record.table_rows("points")]))
    return Drawing(
        frame,
        [_box_mark(n, row, pen) for n, row in enumerate(boxes, 1)],
        [_mask_mark(n, row, pen) for n, row in enumerate(masks, 1)],
        [_click_mark(click, frame) for row in masks for click in row.get("clicks") or ()],
        [
            PointMark(
                "extreme point", pen.colours[row["mid"]], *frame.shown_place(point["x"], point["y"]), "extreme", ""
            )
            for row in boxes
            for point in row.get("extreme_points") or ()
        ],
        [_point_mark(row, pen) for row in record.table_rows("points")],
        [_link_mark(row, pen, attributes) for row in record.table_rows("relationships")],
        [
            _trace_mark(row, stretch, frame)
            for row in record.table_rows("narratives")
            for stretch in row["traces"] or ()
        ],
    )


def has_room_for_names(drawing: Drawing) -> bool:
    """Whether the names of the boxes are few, and none stands over another."""
    size = drawing.frame.text_size
    places = [(box.text_x, max(box.text_y, size)) for box in drawing.boxes]
    return len(places) <= NAMED_MARKS and not any(
        abs(x - other_x) < NAME_WIDTH * size and abs(y - other_y) < size
        for (x, y), (other_x, other_y) in combinations(places, 2)
    )


def _attribute_words(row: Row) -> str:
    """What is said of a box's attributes; an unknown one is called unknown."""
    if all(row.get(name) is None for name in ATTRIBUTES):
        return "attributes: unknown"
    words = []
    for name in ATTRIBUTES:
        value, word = row.get(name), name.removeprefix("is_").replace("_", " ")
        if value is not False:
            words.append(word if value else f"{word}: unknown")
    return ", ".join(words) or "no attribute"


def _class_colours(rows: Iterable[Row]) -> dict[str, str]:
    mids = dict.fromkeys(row["mid"] for row in rows)
    return {mid: palette.KINDS[n % len(palette.KINDS)] for n, mid in enumerate(mids)}


def _attribute_styles(row: Row) -> list[str]:
    styles = [name.removeprefix("is_").replace("_", "-") for name in ATTRIBUTES if row.get(name)]
    return styles + ["unknown"] * any(row.get(name) is None for name in ATTRIBUTES)


def _box_mark(number: int, row: Row, pen: MarkPen) -> BoxMark:
    words = f"{row['source']}; {_attribute_words(row)}"
    return _rectangle_mark(number, row, pen, _attribute_styles(row), words)


def _mask_mark(number: int, row: Row, pen: MarkPen) -> BoxMark:
    iou = row.get("predicted_iou")
    quality = "no predicted IoU" if iou is None else f"predicted IoU {iou:.2f}"
    return _rectangle_mark(number, row, pen, ["mask"], f"{row['mask_path']}; {quality}")


def _rectangle_mark(number: int, row: Row, pen: MarkPen, styles: Sequence[str], words: str) -> BoxMark:
    frame = pen.frame
    corners = [frame.shown_place(row[x], row[y]) for x, y in (("x_min", "y_min"), ("x_max", "y_max"))]
    left, right = sorted(x for x, _ in corners)
    is_far = left > frame.shown_sides[0] * FAR
    return BoxMark(
        number,
        pen.class_name(row["mid"]),
        pen.colours[row["mid"]],
        row["x_min"] * frame.width,
        row["y_min"] * frame.height,
        (row["x_max"] - row["x_min"]) * frame.width,
        (row["y_max"] - row["y_min"]) * frame.height,
        right if is_far else left,
        min(y for _, y in corners),
        "end" if is_far else "start",
        " ".join(styles),
        words,
    )


def _click_mark(click: Row, frame: PictureFrame) -> PointMark:
    style, words = (
        ("click-object", "on the object") if click["is_object"] else ("click-background", "on the background")
    )
    return PointMark("click", palette.GREEN, *frame.shown_place(click["x"], click["y"]), style, words)


def _point_mark(row: Row, pen: MarkPen) -> PointMark:
    votes = ", ".join(
        f"{word} {'unknown' if row[f'{word}_votes'] is None else row[f'{word}_votes']}"
        for word in ("yes", "no", "unsure")
    )
    words = f"{row['estimate']}; votes: {votes}; {row['source']}"
    place = pen.frame.shown_place(row["x"], row["y"])
    return PointMark(pen.class_name(row["mid"]), pen.colours[row["mid"]], *place, row["estimate"], words)


def _link_mark(row: Row, pen: MarkPen, attributes: Mapping[str, str]) -> LinkMark:
    ends = [
        pen.frame.shown_place((row[f"x_min_{n}"] + row[f"x_max_{n}"]) / 2, (row[f"y_min_{n}"] + row[f"y_max_{n}"]) / 2)
        for n in (1, 2)
    ]
    first, second = (pen.class_name(row[f"mid_{n}"]) for n in (1, 2))
    if row["is_attribute"]:
        second = attributes.get(row["mid_2"]) or second
    words = f"{first} {row['relationship'].replace('_', ' ')} {second}"
    return LinkMark(words, *ends[0], *ends[1], row["is_attribute"])


def _trace_mark(row: Row, stretch: Iterable[Row], frame: PictureFrame) -> TraceMark:
    places = (frame.shown_place(place["x"], place["y"]) for place in stretch)
    return TraceMark(" ".join(f"{x:.1f},{y:.1f}" for x, y in places), f"annotator {row['annotator_id']}")
