"""What a chunk of images says, by image and class as one number, and rows of `contradictions` made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.contradiction_rules import ContradictionRules
from oilake.conf.reconcile_policy import EVIDENCE
from oilake.jobs.transforms import label_keys
from oilake.jobs.transforms.class_ancestors import ClassAncestors
from oilake.jobs.transforms.class_vocabulary import ClassVocabulary
from oilake.jobs.transforms.image_ids import as_ids
from oilake.jobs.transforms.image_runs import ImageRuns, Numbers, distinct_images
from oilake.jobs.transforms.label_keys import Integers
from oilake.jobs.transforms.release_diff import MISSING, dictionary_column
from oilake.quality.row_expectations import RowMask, numpy_mask
from oilake.schemas.loader import arrow_schema, table_schema

IMAGES, LABELS = "images", "image_labels"
POSITIVE, NEGATIVE = "positive", "negative"
# Who may decide a verdict, by a policy, and is no person.
OTHER_THAN_PEOPLE = pa.array(["machine", *EVIDENCE])
# The columns of a relationship that name what it is between.
MIDS = tuple(column.name for column in table_schema("relationships").stored() if column.name.startswith("mid_"))
SCHEMA = arrow_schema(table_schema("contradictions"))

Cells = Mapping[str, "str | pa.Array | pa.ChunkedArray"]


@dataclass(frozen=True)
class ContradictionSetting:
    """What holds for every chunk of a release: its rules, its listed classes, and what these imply."""

    rules: ContradictionRules
    classes: ClassVocabulary
    ancestors: ClassAncestors


@dataclass(frozen=True)
class KeyedRows:
    """Rows of one table with the image and class of each as one number, shape (rows,); ascending where they are sorted."""

    keys: Integers
    rows: pa.Table

    def choose_rows(self, chosen: RowMask) -> KeyedRows:
        """Some of the rows."""
        return KeyedRows(self.keys[chosen], self.rows.filter(pa.array(chosen)))

    def sorted_by_key(self) -> KeyedRows:
        """The same rows, by key."""
        if (self.keys[1:] >= self.keys[:-1]).all():
            return self
        order = np.argsort(self.keys, kind="stable")
        return KeyedRows(self.keys[order], self.rows.take(pa.array(order)))


@dataclass(frozen=True)
class PeopleVerdicts:
    """What people say, by image and class, ascending: `keys`, whether they say that it is there, and who decides it; each of
    shape (verdicts,)."""

    keys: Integers
    is_positive: RowMask
    decided_by: pa.ChunkedArray

    def places_of(self, keys: Integers) -> Integers:
        """The place of the verdict on each key; MISSING where people say nothing."""
        return label_keys.key_places(self.keys, keys)

    def denied_places(self, keys: Integers) -> Integers:
        """The place of the verdict on each key, where that is negative; else MISSING."""
        places = self.places_of(keys)
        is_denied = (places != MISSING) & ~np.append(self.is_positive, True)[places]
        return np.where(is_denied, places, MISSING)


@dataclass(frozen=True)
class ChunkEvidence:
    """All rows of some images. `tables`: by table, and of relationships by `mid_1` and `mid_2`; `verdicts`: of people.

    `classes`: those of the release and every other MID in the rows; `images`: those of all tables but the image lists,
    ascending; `listed`: those of the image lists, of any subset.
    """

    release: ContradictionSetting
    classes: ClassVocabulary
    images: Numbers
    listed: Numbers
    tables: Mapping[str, KeyedRows]
    verdicts: PeopleVerdicts

    @property
    def class_bits(self) -> int:
        """How many bits of a key say the class."""
        return label_keys.bit_width(len(self.classes.mids))

    def class_codes(self, keys: Integers) -> Integers:
        """The place in `classes` of each key's class."""
        return np.asarray(keys & ((1 << self.class_bits) - 1))

    def with_class(self, keys: Integers, codes: Integers) -> Integers:
        """The keys of the same images and other classes."""
        return np.asarray((keys >> self.class_bits << self.class_bits) | codes)

    def rows_of(self, kind: str, keys: Integers, cells: Cells) -> pa.Table:
        """Rows of `contradictions` of one kind; `cells`: the columns that it fills, by name, or one text for all rows."""
        codes = self.class_codes(keys).astype(np.int32)
        columns: dict[str, str | pa.Array | pa.ChunkedArray] = {
            "image_id": as_ids(self.images[keys >> self.class_bits]),
            "mid": dictionary_column(codes, self.classes.mids),
            "display_name": self.classes.display_names.take(pa.array(codes)),
            "kind": kind,
            "remedy": self.release.rules.kinds[kind].remedy,
            **cells,
        }
        return pa.table({field.name: _filled_column(columns.get(field.name), field, len(keys)) for field in SCHEMA})


def _filled_column(
    cells: str | pa.Array | pa.ChunkedArray | None, field: pa.Field, rows: int
) -> pa.Array | pa.ChunkedArray:
    """The column in its plain type; a text in every row, or NULL where nothing fills it."""
    if cells is None:
        return pa.nulls(rows, field.type)
    if isinstance(cells, str):
        return pa.array([cells] * rows, field.type)
    return cells.cast(field.type)


def gather_evidence(chunk: Mapping[str, ImageRuns], release: ContradictionSetting) -> ChunkEvidence:
    """The evidence of a chunk: all rows of some images by table, of which one at least is no image list."""
    parts = {name: part for name, part in chunk.items() if name != IMAGES}
    mid_columns = [
        part.rows[name] for part in parts.values() for name in ("mid", *MIDS) if name in part.rows.column_names
    ]
    classes = release.classes.including(mid_columns)
    images = distinct_images([part.images for part in parts.values()])
    listed = chunk[IMAGES].images if IMAGES in chunk else images[:0]
    tables: dict[str, KeyedRows] = {}
    for name, part in parts.items():
        for column in MIDS if "mid" not in part.rows.column_names else ("mid",):
            named = ImageRuns(part.rows.rename_columns({column: "mid"}), part.images, part.lengths)
            keyed = KeyedRows(label_keys.pair_keys(named, images, classes), part.rows)
            tables[name if column == "mid" else column] = keyed.sorted_by_key()
    verdicts = _people_verdicts(tables.get(LABELS))
    return ChunkEvidence(release, classes, images, np.unique(listed), tables, verdicts)


def _people_verdicts(labels: KeyedRows | None) -> PeopleVerdicts:
    """The verdict where a person decides it; where a policy trusts others more, what staff say, else the app."""
    if labels is None:
        return PeopleVerdicts(np.empty(0, np.int64), np.empty(0, np.bool_), pa.chunked_array([], pa.string()))
    rows = labels.rows
    decided_by, human = rows["decided_by"].cast(pa.string()), rows["human_verdict"]
    by_others = pc.is_in(decided_by, value_set=OTHER_THAN_PEOPLE)
    is_positive = pc.equal(rows["verdict"].cast(pa.string()), POSITIVE)
    said = pc.if_else(by_others, pc.coalesce(human, rows["crowd_verdict"]), is_positive)
    who = pc.if_else(by_others, pc.if_else(human.is_valid(), "human", "crowdsource"), decided_by)
    is_said = said.is_valid()
    return PeopleVerdicts(labels.keys[numpy_mask(is_said)], numpy_mask(said.filter(is_said)), who.filter(is_said))


def text_choice(is_first: npt.NDArray[np.bool_], first: str, second: str) -> pa.DictionaryArray:
    """One of two texts in each row, shape (rows,)."""
    return dictionary_column(np.where(is_first, 0, 1), pa.array([first, second]))
