"""One slice of a file of masks, relationships, points or narratives: its rows, and what they count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oilake.jobs.synthetic import evolved_drawings, evolved_narratives, pairs, text
from oilake.jobs.synthetic.evolution import SubsetState
from oilake.jobs.synthetic.evolved_boxes import EvolvedBoxes
from oilake.jobs.synthetic.evolved_context import EvolvedContext
from oilake.jobs.synthetic.evolved_drawings import Relationships, Triplets
from oilake.jobs.synthetic.evolved_narratives import Narratives
from oilake.jobs.synthetic.figures import FigureTally
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.release_rules import RowFile

DRAWINGS, SPELLINGS, SPARE = 5, 6, 7
CONTENTS = ("masks", "relationships", "points", "narratives")


@dataclass(frozen=True)
class DrawnFile:
    """File `name` in slice `number`, drawn from the state of its subset's `images`; the same whenever it is drawn."""

    world: EvolvedContext
    number: int
    name: str
    form: RowFile
    state: SubsetState
    images: int

    def text_lines(self, ids: pa.StringArray) -> pa.StringArray:
        """The rows as text; `ids`: the image IDs of the subset in the slice."""
        rng, world, form = self._random(SPELLINGS), self.world, self.form
        if form.content == "masks":
            return evolved_drawings.mask_lines(rng, ids, world, self.draw_masks(), form.subset == "train")
        if form.content == "points":
            return evolved_drawings.point_lines(rng, ids, world, self.state, self._draw_points(), form.state)
        if form.content == "narratives":
            return self._narrative_lines(ids)
        triplets = evolved_drawings.make_triplets(world, form.state)
        return evolved_drawings.relationship_lines(ids, world, triplets, self._draw_relationships(triplets), form)

    def count_rows(self, tally: FigureTally) -> None:
        """Adds the rows, under the file's name, and the classes and images of masks and points."""
        files, subset = (self.name,), self.form.subset or ""
        if self.form.content == "masks":
            drawn = self.draw_masks().pairs
            tally.count(files, "images_with_masks", subset, len(np.unique(pairs.image_numbers(drawn))))
            tally.see(files, "mask", pairs.class_numbers(drawn))
        elif self.form.content == "points":
            drawn = self.state.labels.pairs[self._draw_points()]
            tally.see(files, "point", pairs.class_numbers(drawn))
        elif self.form.content == "narratives":
            drawn = np.concatenate([part.image for part in self._draw_all_narratives()])
            tally.count(files, "images_with_narratives", subset, len(np.unique(drawn)))
        else:
            drawn = self._draw_relationships(evolved_drawings.make_triplets(self.world, self.form.state)).first
        tally.count(files, self.form.content, subset, len(drawn))

    def _random(self, purpose: int) -> np.random.Generator:
        return self.world.random_generator(purpose, self.number, list(self.world.rules.rows).index(self.name))

    def _row_count(self) -> int:
        return self._scaled_count(self.form.content)

    def _scaled_count(self, figure: str) -> int:
        return self.world.scaled_count(self.form.state, figure, self.form.subset or "", self.number)

    def _narrative_lines(self, ids: pa.StringArray) -> pa.StringArray:
        """The lines in the order of their images; those that are spare change no other."""
        parts = self._draw_all_narratives()
        lines = [
            evolved_narratives.narrative_lines(self._random(purpose), ids, self.world, self.state, part, self.form)
            for purpose, part in zip((SPELLINGS, SPARE), parts, strict=True)
        ]
        order = np.argsort(np.concatenate([part.image for part in parts]), kind="stable")
        return text.pick(pa.concat_arrays(lines), order)

    def _draw_all_narratives(self) -> tuple[Narratives, Narratives]:
        """(those that the scale asks for, the spare ones)."""
        described = self._scaled_count("images_with_narratives")
        drawn = evolved_narratives.draw_narratives(
            self._random(DRAWINGS), self.images, self.form, described, self._row_count()
        )
        spare = self.world.spare_rows(self.name, self.number)
        return drawn, evolved_narratives.draw_spare_narratives(drawn, spare)

    def draw_masks(self) -> EvolvedBoxes:
        """The boxes in which the masks of a file of masks are painted."""
        return evolved_drawings.draw_masks(self._random(DRAWINGS), self.world, self.state, self._row_count())

    def _draw_points(self) -> Pairs:
        return evolved_drawings.draw_points(self._random(DRAWINGS), self.state, self._row_count())

    def _draw_relationships(self, triplets: Triplets) -> Relationships:
        return evolved_drawings.draw_relationships(self._random(DRAWINGS), triplets, self.state, self._row_count())
