"""Contradictions planted in the validation files of V5 and later, a few of each kind, and the truth about them.

Each stands on an image of its own, where nothing else names its classes, or one above or below them: it contradicts in the
ways that its recipe tells and in no other. `planted_contradictions.csv` has a row for each, in every release whose files
hold both sides; what the random rows of a sample contradict besides is not planted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.synthetic import evolved_drawings, pairs
from oilake.jobs.synthetic.evolved_context import EvolvedContext
from oilake.jobs.synthetic.evolved_slices import SliceStates
from oilake.jobs.synthetic.free_classes import ClassChoice, FreeClasses
from oilake.jobs.synthetic.human import SOURCES_AFTER
from oilake.jobs.synthetic.release_rules import RowFile

TRUTH = ("release", "subset", "kind", "image_id", "mid", "other_mid")
TRUTH_FILE = "planted_contradictions.csv"
SUBSET, FIRST_RELEASE = "validation", "v5"
OF_EACH_KIND = 2
CROWD, STAFF = SOURCES_AFTER
# A MID that no class list holds.
UNLISTED = "/m/0zz0zz0"
HERE, ELSEWHERE = ("0.1", "0.5", "0.2", "0.6"), ("0.55", "0.95", "0.65", "0.975")


class RowRecipe(NamedTuple):
    """One row of a file of this content: of the planted class, or of the one above it."""

    content: str
    verdict: int = 0
    source: str = STAFF
    edges: tuple[str, ...] = HERE
    is_above: bool = False


class ImageRecipe(NamedTuple):
    """What is planted on one image, and the kinds of contradiction that follow; `classes`: those that it may be of."""

    classes: ClassChoice
    kinds: tuple[str, ...]
    rows: tuple[RowRecipe, ...]


DENIAL, BOX = RowRecipe("human"), RowRecipe("boxes")
RECIPES = (
    ImageRecipe("plain", ("human_against_crowd",), (RowRecipe("human", 1), RowRecipe("human", 0, CROWD))),
    ImageRecipe("boxable", ("box_of_denied_class",), (DENIAL, BOX)),
    ImageRecipe(
        "segmentable", ("box_of_denied_class", "mask_of_denied_class"), (DENIAL, BOX, RowRecipe("masks"))
    ),
    ImageRecipe("related", ("relationship_of_denied_class",), (DENIAL, RowRecipe("relationships"))),
    ImageRecipe(
        "below", ("denied_ancestor",), (RowRecipe("human", 1), BOX, RowRecipe("human", is_above=True))
    ),
    ImageRecipe("boxable", ("positive_without_box",), (RowRecipe("human", 1),)),
    ImageRecipe(
        "segmentable", ("mask_without_box",), (RowRecipe("boxes", edges=ELSEWHERE), RowRecipe("masks"))
    ),
    ImageRecipe("plain", ("outvoted_verdict",), (DENIAL, RowRecipe("points"))),
    ImageRecipe("unlisted", ("unlisted_class",), (DENIAL,)),
    ImageRecipe("plain", ("unlisted_image",), (DENIAL,)),
)  # fmt: skip


class PlantedRow(NamedTuple):
    """A row of one image, as its recipe tells it, of a class."""

    image_id: str
    recipe: RowRecipe
    mid: str
    code: int


class PlantedImage(NamedTuple):
    """A recipe carried out: with a class, and the class above it where the recipe names one (else the class itself)."""

    recipe: ImageRecipe
    code: int
    above: int


@dataclass(frozen=True)
class PlantedImages:
    """The images of a slice with what is planted on each, by image ID, ascending."""

    world: EvolvedContext
    images: Mapping[str, PlantedImage] = field(default_factory=dict)

    def file_rows(self, form: RowFile) -> list[PlantedRow]:
        """The rows that a file gets."""
        if form.subset != SUBSET or form.state < FIRST_RELEASE:
            return []
        content = "human" if form.content == "boxable_human" else form.content
        rows = [row for row in self._planted_rows() if row.recipe.content == content]
        return rows if content == form.content else [row for row in rows if row.code in self.world.classes.boxable]

    def csv_lines(self, form: RowFile) -> list[str]:
        """The same rows as text."""
        return [_row_line(self.world, form, row) for row in self.file_rows(form)]

    def truth_rows(self, release: str) -> Iterator[tuple[str, ...]]:
        """The rows of the truth about one release."""
        points = [form.state for form in self.world.rules.rows.values() if form.content == "points"]
        for image_id, image in self.images.items() if release >= FIRST_RELEASE else ():
            for kind in image.recipe.kinds:
                if kind != "outvoted_verdict" or min(points) <= release:
                    mid = "" if kind == "unlisted_image" else self._class_mid(image.code)
                    other = self._class_mid(image.above) if kind == "denied_ancestor" else ""
                    yield release, SUBSET, kind, image_id, mid, other

    def added_labels(self) -> list[tuple[str, str]]:
        """(image ID, MID) of every pair that people judge from FIRST_RELEASE on, each once."""
        return list(
            dict.fromkeys((row.image_id, row.mid) for row in self._planted_rows() if row.recipe.content == "human")
        )

    def added_boxes(self) -> list[tuple[str, str, str]]:
        """(image ID, MID, sides) of every box that is there from FIRST_RELEASE on."""
        rows = [row for row in self._planted_rows() if row.recipe.content == "boxes"]
        return [(row.image_id, row.mid, " ".join(row.recipe.edges)) for row in rows]

    def _planted_rows(self) -> Iterator[PlantedRow]:
        for image_id, image in self.images.items():
            for recipe in image.recipe.rows:
                code = image.above if recipe.is_above else image.code
                yield PlantedRow(image_id, recipe, self._class_mid(code), code)

    def _class_mid(self, code: int) -> str:
        return self.world.classes.mids[code] if code < len(self.world.classes.mids) else UNLISTED


def _row_line(world: EvolvedContext, form: RowFile, row: PlantedRow) -> str:
    image_id, mid, edges = row.image_id, row.mid, ",".join(row.recipe.edges)
    if form.content == "boxes":
        return f"{image_id},xclick,{mid},1,{edges},0,0,0,0,0\n"
    if form.content == "masks":
        path = f"{image_id}_{mid.replace('/', '')}_{image_id[-8:]}.png"
        return f"{path},{image_id},{mid},{image_id[-8:]},{edges},,\n"
    if form.content == "points":
        return f"{image_id},0.25,0.5,{mid},yes,{evolved_drawings.SOURCE},5,1,0,\n"
    if form.content == "relationships":
        triplets = evolved_drawings.make_triplets(world, form.state)
        attribute = list(triplets.rules.attributes)[row.code % len(triplets.rules.attributes)]
        return f"{image_id},{mid},{attribute},{edges},{edges},is\n"
    verdict = world.rules.verdict_texts(form.state)[row.recipe.source][row.recipe.verdict]
    return f"{image_id},{row.recipe.source},{mid},{verdict}\n"


def merge_lines(lines: pa.StringArray, planted: list[str]) -> pa.StringArray:
    """Lines that begin with an image ID, and planted ones: in their place where the IDs ascend, else behind all."""
    if not planted:
        return lines
    merged = pa.concat_arrays([lines, pa.array(planted, pa.string())])
    ids = pc.utf8_slice_codeunits(merged, 0, 16)
    ascends = pc.all(pc.less_equal(ids[: len(lines) - 1], ids[1 : len(lines)])).as_py()
    return merged.take(pc.sort_indices(ids)) if ascends else merged


def plant_images(world: EvolvedContext, slice_states: SliceStates) -> PlantedImages:
    """Plant OF_EACH_KIND of each recipe on images of the first slice that have boxes, as far as there are such with free
    classes."""
    if slice_states.number or FIRST_RELEASE not in world.rules.releases:
        return PlantedImages(world)
    states = [state for name, state in slice_states.states[SUBSET].items() if name >= FIRST_RELEASE]
    ids = slice_states.rows[SUBSET].names.to_pylist()
    free = FreeClasses.of_releases(
        world, [part for state in states for part in (state.labels.pairs, state.boxes.pairs)]
    )
    waiting, planted = list(RECIPES) * OF_EACH_KIND, dict[str, PlantedImage]()
    for number in np.unique(pairs.image_numbers(states[0].boxes.pairs)).tolist():
        choices = ((recipe, free.free_class(number, recipe.classes)) for recipe in waiting)
        recipe, code = next((choice for choice in choices if choice[1] is not None), (None, None))
        if recipe is None or code is None:
            continue
        waiting.remove(recipe)
        image_id = _unused_id(ids[number], ids) if "unlisted_image" in recipe.kinds else ids[number]
        planted[image_id] = PlantedImage(recipe, code, free.class_above(code))
    return PlantedImages(world, dict(sorted(planted.items())))


def _unused_id(near: str, ids: list[str]) -> str:
    following = int(near, 16) + 1
    while f"{following:016x}" in ids:
        following += 1
    return f"{following:016x}"
