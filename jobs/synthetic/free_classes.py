"""Classes that can be planted on an image: nothing names them there, nor a class above or below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from oilake.jobs.synthetic import evolved_drawings, pairs
from oilake.jobs.synthetic.evolved_context import EvolvedContext
from oilake.jobs.synthetic.pairs import Pairs

ClassChoice = Literal["plain", "boxable", "segmentable", "related", "below", "unlisted"]


@dataclass(frozen=True)
class FreeClasses:
    """`choices`: class numbers by choice: those without boxes, boxable and segmentable ones, those that relationships are
    sought of, those with a class above them, and one that no list holds. `kin`: a class, those above and those below it;
    `above`: those above it; `named`: pairs of image and class that rows name, ascending."""

    choices: Mapping[ClassChoice, Sequence[int]]
    kin: Mapping[int, set[int]]
    above: Mapping[int, Sequence[int]]
    named: Pairs

    @staticmethod
    def of_releases(world: EvolvedContext, named: Sequence[Pairs]) -> FreeClasses:
        """Those that every release lists; `named`: pairs that rows of any release name."""
        size = min(map(len, world.classes.listed.values()))
        is_listed = np.logical_and.reduce([mask[:size] for mask in world.classes.listed.values()])
        listed, tree = set(np.flatnonzero(is_listed).tolist()), world.classes.tree
        codes = tree.codes.tolist()
        above = {code: tree.codes[tree.above[n]].tolist() for n, code in enumerate(codes)}
        below = {code: tree.codes[tree.above[:, n]].tolist() for n, code in enumerate(codes)}
        sought = [evolved_drawings.make_triplets(world, name).classes for name in world.rules.releases]
        boxable = [code for code in world.classes.boxable.tolist() if code in listed]
        choices: dict[ClassChoice, Sequence[int]] = {
            "plain": sorted(listed - set(world.classes.boxable.tolist())),
            "boxable": boxable,
            "segmentable": [code for code in world.classes.segmentable.tolist() if code in listed],
            "related": [code for code in boxable if all(code in classes for classes in sought)],
            "below": [code for code in boxable if set(above.get(code, ())) & listed],
            "unlisted": [len(world.classes.mids)],
        }
        kin = {code: {code, *above[code], *below[code]} for code in codes}
        return FreeClasses(choices, kin, above, np.unique(np.concatenate(list(named))))

    def free_class(self, image: int, choice: ClassChoice) -> int | None:
        """The first class of a choice that is free on the image of this number; None where none is."""
        first, stop = (np.searchsorted(self.named, number << pairs.CLASS_BITS) for number in (image, image + 1))
        taken = set(pairs.class_numbers(self.named[first:stop]).tolist())
        return next((code for code in self.choices[choice] if not taken & self._planted_kin(code, choice)), None)

    def _planted_kin(self, code: int, choice: ClassChoice) -> set[int]:
        """The classes that must not be named where a class is planted, and with `below` the class above it."""
        kin = self.kin.get(code, {code})
        return kin | self.kin.get(self.class_above(code), set()) if choice == "below" else kin

    def class_above(self, code: int) -> int:
        """The first class above a class; itself where none is."""
        return next(iter(self.above.get(code, ())), code)
