"""What is drawn on a picture, mark by mark."""

from __future__ import annotations

from dataclasses import dataclass

from oilake.jobs.viewing.picture_frame import PictureFrame


@dataclass(frozen=True)
class BoxMark:
    """A rectangle of stored pixels, and where its name stands in shown ones. `style`: CSS classes for its attributes."""

    number: int
    name: str
    colour: str
    x: float
    y: float
    width: float
    height: float
    text_x: float
    text_y: float
    text_anchor: str
    style: str
    words: str


@dataclass(frozen=True)
class OverlayMark:
    """The pixels of a mask by the name of its PNG; `colour`: its place in `palette.KINDS`."""

    subset: str
    mask_path: str
    colour: int
    words: str


@dataclass(frozen=True)
class PointMark:
    """A place of the shown picture. `style`: yes, no or unsure; click-object or click-background."""

    name: str
    colour: str
    x: float
    y: float
    style: str
    words: str


@dataclass(frozen=True)
class LinkMark:
    """A relationship: from the middle of one box to that of the other, in shown pixels; `is_attribute`: of one box alone."""

    words: str
    x1: float
    y1: float
    x2: float
    y2: float
    is_attribute: bool


@dataclass(frozen=True)
class TraceMark:
    """One stretch of a mouse's way during a narrative: `points` as SVG writes them, in shown pixels."""

    points: str
    words: str


@dataclass(frozen=True)
class Drawing:
    """All marks of an image, by the layers that a reader switches on and off."""

    frame: PictureFrame
    boxes: list[BoxMark]
    masks: list[BoxMark]
    clicks: list[PointMark]
    extremes: list[PointMark]
    points: list[PointMark]
    links: list[LinkMark]
    traces: list[TraceMark]
