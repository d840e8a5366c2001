"""Runs of rows by image."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oilake.jobs.transforms.image_runs import are_among

IMAGES = st.lists(st.integers(0, 20) | st.integers(0, 2**64 - 1), max_size=30)


@given(images=IMAGES, chosen=IMAGES)
def test_chosen_images_are_looked_up_as_in_a_set(images: list[int], chosen: list[int]) -> None:
    among = are_among(np.array(images, np.uint64), np.unique(np.array(chosen, np.uint64)))
    assert among.tolist() == [image in set(chosen) for image in images]
