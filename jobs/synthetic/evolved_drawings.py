"""Masks, relationships and points of V4 and later: drawn from what a release holds of one slice, and their rows as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.synthetic import boxes, pairs, text
from oilake.jobs.synthetic.boxes import BoxVocabulary
from oilake.jobs.synthetic.evolution import SubsetState
from oilake.jobs.synthetic.evolved_boxes import EvolvedBoxes, six_decimals
from oilake.jobs.synthetic.evolved_context import EvolvedContext
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.release_rules import DrawingRules, RowFile

LISTS = ("triplets", "relations", "attributes")
NO_CLICKS_SHARE = 0.1
FIVE_DECIMALS = 10**5
SOURCE = "ih"
ESTIMATES = pa.array(["no", "yes", "unsure"])
UNSURE_SHARE, TEXT_SHARE = 0.02, 0.05
MOST_VOTES = 9

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Triplets:
    """What is looked for: `classes` of objects, each of which may stand in any relation to each other one, as `relation`
    says, and has one attribute."""

    classes: Pairs
    rules: DrawingRules

    def pick_relations(self, first: Pairs, second: Pairs) -> Pairs:
        """The place, in the relations, of what connects two classes; shape (n,)."""
        return (first * 31 + second) % len(self.rules.relation_words())

    def pick_attributes(self, code: Pairs) -> Pairs:
        """The place of each class's attribute; shape (n,)."""
        return code % len(self.rules.attributes)

    def triplet_rows(self, mids: Sequence[str]) -> list[tuple[str, str, str]]:
        """The MIDs and the relationship of each triplet; `mids`: those of all classes."""
        codes, words, attributes = self.classes.tolist(), self.rules.relation_words(), list(self.rules.attributes)
        told = [(mids[code], attributes[code % len(attributes)], "is") for code in codes]
        related = [(a, b) for a in codes for b in codes if a != b]
        return told + [(mids[a], mids[b], words[(a * 31 + b) % len(words)]) for a, b in related]


@dataclass(frozen=True)
class Relationships:
    """Rows of boxes by their numbers among `boxes`; `second` is `first` again where an attribute is told."""

    boxes: EvolvedBoxes
    first: Pairs
    second: Pairs


def make_triplets(world: EvolvedContext, release: str) -> Triplets:
    """The triplets of a release: of its most boxed classes."""
    rules = world.rules.drawings_of(release)
    codes, counts = np.unique(world.boxed, return_counts=True)
    return Triplets(np.sort(codes[np.argsort(-counts, kind="stable")][: rules.related_classes]), rules)


def draw_masks(rng: np.random.Generator, world: EvolvedContext, state: SubsetState, count: int) -> EvolvedBoxes:
    """The boxes in which objects are painted: some of those of segmentable classes."""
    fitting = np.flatnonzero(np.isin(pairs.class_numbers(state.boxes.pairs), world.classes.segmentable))
    return state.boxes.take(np.sort(rng.permutation(fitting)[:count]))


def mask_lines(
    rng: np.random.Generator, ids: pa.StringArray, world: EvolvedContext, rows: EvolvedBoxes, is_train: bool
) -> pa.StringArray:
    """Masks as text: in train with an IoU and mostly clicks, elsewhere painted by hand."""
    count, listed = len(rows.pairs), world.classes.segmentable
    names = pa.array([world.classes.mids[code] for code in listed.tolist()], pa.string())
    place = np.searchsorted(listed, pairs.class_numbers(rows.pairs))
    image, mid = text.pick(ids, pairs.image_numbers(rows.pairs)), text.pick(names, place)
    box = text.random_hex(rng, count, 8)
    path = text.join_columns(image, "_", pc.replace_substring(mid, "/", ""), "_", box, ".png")
    edges = [six_decimals(world.boxes, side) for side in rows.sides]
    tail = [text.join_columns(",0.", _padded(rng.integers(0, FIVE_DECIMALS, count)), ",")] if is_train else [",,"]
    clicks = [_clicks(rng, count)] if is_train else []
    return text.join_columns(path, ",", image, ",", mid, ",", box, *edges, *tail, *clicks, "\n")


def _clicks(rng: np.random.Generator, count: int) -> pa.StringArray:
    """Two clicks, one on the object and one beside it, or none."""
    x, y, x_beside, y_beside = (_padded(rng.integers(0, FIVE_DECIMALS, count)) for _ in range(4))
    clicks = text.join_columns("0.", x, " 0.", y, " 1;0.", x_beside, " 0.", y_beside, " 0")
    return text.blank(clicks, rng.random(count) < NO_CLICKS_SHARE)


def _padded(values: Pairs) -> pa.StringArray:
    return pc.utf8_lpad(text.decimal_digits(values), 5, "0")


def draw_relationships(rng: np.random.Generator, triplets: Triplets, state: SubsetState, count: int) -> Relationships:
    """Attributes of boxes, and pairs of neighbours in a file's order, of one image and different classes that are sought."""
    code, image = pairs.class_numbers(state.boxes.pairs), pairs.image_numbers(state.boxes.pairs)
    is_sought = np.isin(code, triplets.classes)
    single = rng.permutation(np.flatnonzero(is_sought))
    is_pair = is_sought[:-1] & is_sought[1:] & (image[:-1] == image[1:]) & (code[:-1] != code[1:])
    double = rng.permutation(np.flatnonzero(is_pair))
    attributes = min(len(single), max(round(count * triplets.rules.attribute_share), count - len(double)))
    single, double = single[:attributes], double[: max(0, count - attributes)]
    first, second = np.concatenate([single, double]), np.concatenate([single, double + 1])
    order = rng.permutation(len(state.boxes.pairs))[image[first]] if len(first) else first
    kept = np.argsort(order, kind="stable")
    return Relationships(state.boxes, first[kept], second[kept])


def relationship_lines(
    ids: pa.StringArray, world: EvolvedContext, triplets: Triplets, rows: Relationships, form: RowFile
) -> pa.StringArray:
    """Relationships as text; edges have six decimals or (`shortest`) no zeros at their end."""
    one, other = rows.boxes.take(rows.first), rows.boxes.take(rows.second)
    first, second = pairs.class_numbers(one.pairs), pairs.class_numbers(other.pairs)
    mids, is_attribute = pa.array(world.classes.mids), rows.first == rows.second
    attribute = text.pick(pa.array(list(triplets.rules.attributes)), triplets.pick_attributes(first))
    second_mid = pc.if_else(pa.array(is_attribute), attribute, text.pick(mids, second))
    words = text.pick(pa.array(triplets.rules.relation_words()), triplets.pick_relations(first, second))
    relation = pc.if_else(pa.array(is_attribute), "is", words)
    edges = [_edge_text(world.boxes, side, form.shortest) for part in (one, other) for side in part.sides]
    image = text.pick(ids, pairs.image_numbers(one.pairs))
    return text.join_columns(image, ",", text.pick(mids, first), ",", second_mid, *edges, ",", relation, "\n")


def _edge_text(words: BoxVocabulary, side: Numbers, shortest: bool) -> pa.StringArray:
    """A comma and an edge, in millionths; without the zeros at its end, where it is short."""
    whole = six_decimals(words, np.round(np.round(side * boxes.WHOLE) / boxes.WHOLE, 6))
    return pc.utf8_rtrim(pc.utf8_rtrim(whole, "0"), ".") if shortest else whole


def draw_points(rng: np.random.Generator, state: SubsetState, count: int) -> Pairs:
    """Rows of the labels of people, each the image and class of a point, by image."""
    rows = rng.integers(0, len(state.labels.pairs), count if len(state.labels.pairs) else 0)
    return np.sort(rows)


def point_lines(
    rng: np.random.Generator, ids: pa.StringArray, world: EvolvedContext, state: SubsetState, rows: Pairs, release: str
) -> pa.StringArray:
    """Points as text: what is estimated is what people say of the image and class, or unsure."""
    count, drawn = len(rows), state.labels.pairs[rows]
    code = pairs.class_numbers(drawn)
    estimate = np.where(rng.random(count) < UNSURE_SHARE, 2, state.labels.verdict[rows])
    votes = rng.integers(1, MOST_VOTES, count)
    columns = [text.join_columns(",", text.decimal_digits(np.where(estimate == kind, votes, 0))) for kind in (1, 0, 2)]
    x, y = (text.join_columns(",0.", _padded(rng.integers(0, FIVE_DECIMALS, count))) for _ in range(2))
    names = pa.array([name.replace('"', "").replace(",", "") for name in world.classes.names[release]])
    told = text.blank(text.pick(names, code), rng.random(count) >= TEXT_SHARE)
    parts = [text.pick(ids, pairs.image_numbers(drawn)), x, y, ",", text.pick(pa.array(world.classes.mids), code), ","]
    return text.join_columns(*parts, text.pick(ESTIMATES, estimate), f",{SOURCE}", *columns, ",", told, "\n")


def list_text(world: EvolvedContext, content: str, release: str) -> bytes:
    """A list around relationships: the triplets with a header, the words or the attributes without."""
    triplets = make_triplets(world, release)
    if content == "attributes":
        return _lines(triplets.rules.attributes.items())
    if content == "relations":
        return _lines([*triplets.rules.relations.items(), ("is", "is")])
    return _lines([("LabelName1", "LabelName2", "RelationshipLabel"), *triplets.triplet_rows(world.classes.mids)])


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()
