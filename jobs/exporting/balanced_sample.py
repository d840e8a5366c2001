"""A balanced sample: so many images of each class, drawn by a seed, the same ones whatever the order of rows."""

from __future__ import annotations

import numpy as np
import xxhash

from oilake.jobs.transforms.class_vocabulary import Codes
from oilake.jobs.transforms.image_runs import Numbers


class BalancedSample:
    """Keeps, of all labels that it is given, the `per_class` images of each class whose lots are lowest."""

    def __init__(self, per_class: int, seed: int) -> None:
        self.per_class, self.seed = per_class, seed
        self._codes: dict[str, int] = {}
        self._class_seeds: list[int] = []
        self._held_codes, self._held_images = np.empty(0, np.int64), np.empty(0, np.uint64)

    def add_labels(self, mids: list[str], mid_places: Codes, images: Numbers) -> None:
        """Takes labels of shape (rows,): the place of the class in `mids`, and the image as a number."""
        for mid in mids:
            if mid not in self._codes:
                self._codes[mid] = len(self._codes)
                self._class_seeds.append(xxhash.xxh3_64_intdigest(f"{self.seed} {mid}".encode()))
        codes = np.array([self._codes[mid] for mid in mids], np.int64)[mid_places]
        held_codes = np.concatenate([self._held_codes, codes])
        held_images = np.concatenate([self._held_images, images])
        lots = _mixed_bits(held_images ^ np.array(self._class_seeds, np.uint64)[held_codes])
        order = np.lexsort((lots, held_codes))
        sorted_codes = held_codes[order]
        first_places = np.searchsorted(sorted_codes, sorted_codes)
        kept = order[np.arange(len(order)) - first_places < self.per_class]
        self._held_codes, self._held_images = held_codes[kept], held_images[kept]

    def images(self) -> Numbers:
        """The images of the sample, each once, ascending."""
        return np.unique(self._held_images)


def _mixed_bits(numbers: Numbers) -> Numbers:
    """A permutation of the 64-bit numbers that leaves no trace of their order (the finalizer of MurmurHash3)."""
    mixed = numbers.copy()
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(33))
