"""The frame that marks are drawn in: pixels of the picture, turned as it is shown."""

from __future__ import annotations

from typing import NamedTuple

UNSEEN_SIDES = (1024, 768)
QUARTERS = (0, 90, 180, 270)


class PictureFrame(NamedTuple):
    """The picture's sides in pixels as it is stored, and the degrees by which it is turned counter-clockwise to be shown.
    `is_known`: whether the sides are the picture's, or only stand in for them."""

    width: int
    height: int
    turn: int
    is_known: bool

    @property
    def shown_sides(self) -> tuple[int, int]:
        """Width and height as they are shown."""
        return (self.height, self.width) if self.turn in (90, 270) else (self.width, self.height)

    @property
    def transform(self) -> str:
        """SVG's transformation of stored pixels into shown ones."""
        moves = {
            0: "",
            90: f"translate(0 {self.width}) rotate(-90)",
            180: f"translate({self.width} {self.height}) rotate(180)",
            270: f"translate({self.height} 0) rotate(90)",
        }
        return moves[self.turn]

    @property
    def text_size(self) -> float:
        """Height of letters in pixels of the picture."""
        return max(self.shown_sides) / 45

    def shown_place(self, x: float, y: float) -> tuple[float, float]:
        """Where a place, in fractions of the stored picture's sides, is shown."""
        across, down = x * self.width, y * self.height
        places = {
            0: (across, down),
            90: (down, self.width - across),
            180: (self.width - across, self.height - down),
            270: (self.height - down, across),
        }
        return places[self.turn]


def frame_picture(sides: tuple[int, int] | None, rotation: int | None) -> PictureFrame:
    """The frame of a picture; its sides stand in where there is no picture, and an unknown rotation turns nothing."""
    width, height = sides or UNSEEN_SIDES
    return PictureFrame(width, height, rotation if rotation in QUARTERS else 0, sides is not None)
