"""Outlines of masks as one polygon each, as formats want them that know no pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from contourpy import LineType, contour_generator

from oilake.jobs.blobs.mask_pictures import Foreground

Points = npt.NDArray[np.float64]
HALF = 0.5
FEWEST = 3
# Of a longer outline as many points are compared.
MOST_COMPARED = 512


def mask_polygon(foreground: Foreground) -> Points:
    """The outline of a mask as fractions of its width and height, shape (points, 2), at least three; holes are filled.

    Parts that do not touch are joined by lines there and back, the largest first. `foreground` has a pixel.
    """
    height, width = foreground.shape
    lines = contour_generator(z=np.pad(foreground, 1).astype(np.float64), line_type=LineType.Separate).lines(HALF)
    # Pixel n of the padded mask has its centre at n, where the picture counts n - 1/2.
    parts = [np.asarray(line[:-1], np.float64) - HALF for line in lines]
    outer = sorted((part for part in parts if signed_area(part) > 0), key=signed_area, reverse=True)
    joined = _without_straight_points(outer[0])
    for part in outer[1:]:
        joined = _join_parts(joined, _without_straight_points(part))
    return np.asarray(np.clip(joined / (width, height), 0, 1))


def signed_area(points: Points) -> float:
    """The area of a polygon, shape (points, 2): above 0 around an object, below around a hole."""
    x, y = points.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _without_straight_points(points: Points) -> Points:
    """The corners alone."""
    before, behind = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    is_corner = before[:, 0] * behind[:, 1] != before[:, 1] * behind[:, 0]
    return points[is_corner] if np.count_nonzero(is_corner) >= FEWEST else points


def _join_parts(points: Points, part: Points) -> Points:
    """One polygon that goes over to another where they are near, around it, and back."""
    step, part_step = (1 + len(each) // MOST_COMPARED for each in (points, part))
    distances = np.square(points[::step, None] - part[None, ::part_step]).sum(axis=2)
    here, there = divmod(int(distances.argmin()), distances.shape[1])
    here, there = here * step, there * part_step
    around = np.roll(part, -there, axis=0)
    return np.concatenate([points[: here + 1], around, around[:1], points[here:]])
