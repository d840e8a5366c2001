"""Scenes for sample photos: a thing of one shape and colour a class, standing where the boxes are, over a soft ground."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from oilake.jobs.synthetic import pairs
from oilake.jobs.synthetic.boxes import WHOLE, Boxes

GROUP, DEPICTION = 2, 3
CROWD = (3, 2)
GOLDEN = 0.618
Rectangle = tuple[float, float, float, float]


class SceneObject(NamedTuple):
    """What stands in a box: its class by number, the box's left, right, upper and lower side in millionths, and the bits of
    its attributes."""

    code: int
    sides: tuple[int, int, int, int]
    attributes: int

    @property
    def area(self) -> int:
        """The share of the picture that it covers, in millionths of millionths."""
        left, right, upper, lower = self.sides
        return (right - left) * (lower - upper)

    def has_attribute(self, bit: int) -> bool:
        """Whether one of the attributes, by its place in V3's order, holds."""
        return bool(self.attributes >> bit & 1)


def objects_by_image(boxes: Boxes, images: int) -> list[list[SceneObject]]:
    """What stands in each of the first images of a subset, by the boxes of V3."""
    objects: list[list[SceneObject]] = [[] for _ in range(images)]
    numbers, codes = pairs.image_numbers(boxes.pairs), pairs.class_numbers(boxes.pairs)
    for row in np.flatnonzero(numbers < images).tolist():
        left, right, upper, lower = boxes.sides[:, row].tolist()
        sides = (left, right, upper, lower)
        objects[int(numbers[row])].append(SceneObject(int(codes[row]), sides, int(boxes.attributes[row])))
    return objects


def draw_scene(ground: npt.NDArray[np.uint8], size: tuple[int, int], objects: Sequence[SceneObject]) -> Image.Image:
    """The scene, upright, of `size` pixels; `ground`: a few colours, of shape (rows, columns, 3), that blur into each other.
    Large objects stand behind small ones."""
    pale = (ground.astype(np.uint16) + 3 * 200) // 4
    scene = Image.fromarray(pale.astype(np.uint8), "RGB").resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(scene)
    for drawn in sorted(objects, key=lambda drawn: -drawn.area):
        _draw_object(pen, size, drawn)
    return scene


def _draw_object(pen: ImageDraw.ImageDraw, size: tuple[int, int], drawn: SceneObject) -> None:
    """One thing to the sides of its box; of a group six that touch, of a depiction the outline alone."""
    left, right, upper, lower = drawn.sides
    across, down = (size[0] - 1) / WHOLE, (size[1] - 1) / WHOLE
    x1, y1, x2, y2 = left * across, upper * down, right * across, lower * down
    columns, rows = CROWD if drawn.has_attribute(GROUP) else (1, 1)
    width, height = (x2 - x1) / columns, (y2 - y1) / rows
    for n in range(columns * rows):
        x, y = x1 + n % columns * width, y1 + n // columns * height
        _draw_shape(pen, (x, y, x + width, y + height), drawn)


def _draw_shape(pen: ImageDraw.ImageDraw, place: Rectangle, drawn: SceneObject) -> None:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(drawn.code * GOLDEN % 1, 0.75, 0.85))
    colour = (red, green, blue)
    fill = None if drawn.has_attribute(DEPICTION) else colour
    x1, y1, x2, y2 = place
    middle, level = (x1 + x2) / 2, (y1 + y2) / 2
    corners = {
        1: [(x1, y1), (x2, y1), (x2, y2), (x1, y2)],
        2: [(middle, y1), (x2, y2), (x1, y2)],
        3: [(middle, y1), (x2, level), (middle, y2), (x1, level)],
    }
    outline = colour if fill is None else (40, 40, 40)
    if points := corners.get(drawn.code % 4):
        pen.polygon(points, fill, outline)
    else:
        pen.ellipse(place, fill, outline)
