"""Photos of the sample show a thing where each box is, once they are turned as they ask."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from oilake.jobs.synthetic import photos
from oilake.jobs.synthetic.boxes import Boxes
from oilake.jobs.synthetic.pairs import pack
from oilake.jobs.synthetic.photo_scenes import SceneObject, draw_scene, objects_by_image

SIDES = (100_000, 400_000, 550_000, 950_000)
RECTANGLE = SceneObject(1, SIDES, 0)


def colour_at(image: Image.Image, x: float, y: float) -> np.ndarray:
    """The colour at a place in fractions of the sides."""
    return np.asarray(image.convert("RGB"), np.int64)[int(y * image.height), int(x * image.width)]


@pytest.mark.lengthy
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_that_lies_anyhow_shows_its_thing_in_its_box(orientation: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(photos, "ON_THEIR_SIDE", 1.0 if orientation > 1 else 0.0)
    ids = [f"{n:016x}" for n in range(60)]
    made = photos.make_photos(1, ids, [[RECTANGLE]] * len(ids))
    photo = next(photo for photo in made if photo.orientation == orientation)
    with Image.open(io.BytesIO(photo.data)) as stored:
        upright = ImageOps.exif_transpose(stored)
    drawn = colour_at(upright, 0.25, 0.75)
    for x, y in ((0.12, 0.57), (0.38, 0.57), (0.12, 0.93), (0.38, 0.93)):
        assert np.abs(colour_at(upright, x, y) - drawn).max() < 40
    for x, y in ((0.05, 0.75), (0.45, 0.75), (0.25, 0.5), (0.75, 0.25), (0.25, 0.98)):
        assert np.abs(colour_at(upright, x, y) - drawn).max() > 60


def test_the_same_things_give_the_same_bytes():
    first, again = (photos.make_photos(3, ["0" * 16], [[RECTANGLE]])[0].data for _ in range(2))
    assert first == again
    assert photos.make_photos(3, ["0" * 16], [[]])[0].data != first


def test_things_are_those_of_the_boxes_of_the_first_images():
    owners, codes = np.array([0, 2, 2, 9]), np.array([5, 6, 7, 8])
    sides = np.arange(16).reshape(4, 4)
    boxes = Boxes(pack(owners, codes), owners, owners > 0, sides, np.array([1, 2, 4, 8]))
    first, none, both = objects_by_image(boxes, 3)
    assert first == [SceneObject(5, (0, 4, 8, 12), 1)]
    assert none == []
    assert [drawn.code for drawn in both] == [6, 7]


def test_a_small_thing_stands_before_a_large_one_and_a_depiction_is_an_outline():
    ground = np.full((2, 2, 3), 255, np.uint8)
    large, small = (
        SceneObject(1, (0, 1_000_000, 0, 1_000_000), 0),
        SceneObject(5, (400_000, 600_000, 400_000, 600_000), 0),
    )
    scene = draw_scene(ground, (100, 100), [small, large])
    assert np.abs(colour_at(scene, 0.5, 0.5) - colour_at(scene, 0.2, 0.2)).max() > 40
    outline = draw_scene(ground, (100, 100), [large._replace(attributes=8)])
    assert colour_at(outline, 0.5, 0.5).tolist() == colour_at(draw_scene(ground, (100, 100), []), 0.5, 0.5).tolist()
