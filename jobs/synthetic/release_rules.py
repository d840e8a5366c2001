"""What each release from V4 on does to the one before it, and what its files look like, as `releases.yaml` says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Literal

from oilake.conf.registry import SUBSETS
from oilake.conf.yaml_loader import load_dataclass

RowContent = Literal[
    "all_images",
    "images",
    "boxable_images",
    "labelled_images",
    "human",
    "boxable_human",
    "machine",
    "boxes",
    "masks",
    "relationships",
    "points",
    "narratives",
]
ListContent = Literal["names", "trainable", "boxable", "segmentable", "tree", "triplets", "relations", "attributes"]
# The table of each content that no label, image or class makes up.
OWN_TABLES = {
    **{content: content for content in ("boxes", "masks", "relationships", "points", "narratives", "attributes")},
    "triplets": "relationship_triplets",
    "relations": "relationship_descriptions",
    "tree": "hierarchy",
}


@dataclass(frozen=True)
class LabelRules:
    """Human labels of a subset: shares of rows that are withdrawn, flipped, or (positives) give way to a descendant.

    `made_leaf_most`: of the positives with a positive descendant, the share that vanishes; `narrowed`: of the other
    positives that have descendants, the share whose place one of these takes. `crowd`: the app's share of added rows.
    """

    withdrawn: float = 0.0
    flipped: float = 0.0
    made_leaf_most: float = 0.0
    narrowed: float = 0.0
    crowd: float = 0.0


@dataclass(frozen=True)
class MachineRules:
    """Machine labels: shares withdrawn and given another confidence; `classes`: how many classes the machine knows."""

    classes: int
    withdrawn: float = 0.0
    rescored: float = 0.0


@dataclass(frozen=True)
class BoxRules:
    """Boxes of a subset. `redrawn`: all are, and written as floats; `redrawn_sources`: those of these sources are.

    `removed`: the share that is gone; `added_pairs`: of the added boxes, the share on pairs without one; `drawn`: of
    the added boxes, the share by extreme clicking. `spelled_source`: the one source of all; `clicked`: has the clicks.
    """

    redrawn: bool = False
    redrawn_sources: tuple[str, ...] = ()
    removed: float = 0.0
    added_pairs: float = 0.0
    drawn: float = 1.0
    unknown_attributes: float = 0.0
    spelled_source: str | None = None
    clicked: bool = False


@dataclass(frozen=True)
class ClassRules:
    """Classes: how many are retired, added (some from the Knowledge Graph) and renamed, by `form`; who is trainable.

    `shared_names`: pairs of classes that still share one (None: as before). Trainable are the `trainable_top` classes
    with the most positives in train, or those with `trainable_positives` of them. `shared_with`: the release that takes
    over files of labels.
    """

    form: str
    renamed: int
    renamed_boxable: int = 0
    retired: int = 0
    added: int = 0
    knowledge_graph: int = 0
    shared_names: int | None = None
    trainable_top: int | None = None
    trainable_positives: int | None = None
    shared_with: str | None = None


@dataclass(frozen=True)
class ReleaseRules:
    """All that one release changes; what is not named is as before. `assumed`: counts by figure and subset."""

    follows: str
    labelled: float
    classes: ClassRules
    labels: dict[str, LabelRules] = field(default_factory=dict)
    machine: MachineRules | None = None
    boxes: dict[str, BoxRules] = field(default_factory=dict)
    assumed: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class RowFile:
    """A file of rows: whose they are, of which subset, whether mixed up (images, or labels inside an image).

    `shard` of `shards`: its share of the images. `is_json`: lines of JSON, without a header.
    """

    content: RowContent
    state: str
    subset: str | None = None
    shuffled: bool = False
    shortest: bool = False
    shards: int = 1
    shard: int = 0

    @property
    def is_json(self) -> bool:
        return self.content == "narratives"


@dataclass(frozen=True)
class ListFile:
    """A file of classes; `named`: with names (unless told, where the content is names)."""

    content: ListContent
    state: str
    named: bool | None = None
    header: bool = False
    line_ends: Literal["lf", "crlf", "mixed", "last_lf"] = "lf"
    order: Literal["mid", "name", "published"] = "published"
    blanks: int = 0

    @property
    def has_names(self) -> bool:
        """Whether a name stands beside each MID."""
        return self.content == "names" if self.named is None else self.named


@dataclass(frozen=True)
class DrawingRules:
    """What is looked for in relationships: how many classes, relations and attributes with the words for them.

    `attribute_share`: of the rows, those that tell an attribute.
    """

    related_classes: int
    attribute_share: float
    relations: dict[str, str]
    attributes: dict[str, str]

    def relation_words(self) -> list[str]:
        """The relations, as rows name them."""
        return list(self.relations)


@dataclass(frozen=True)
class TreeRules:
    """The tree of boxable classes: its root's MID, and shares of classes at its top, with a second parent, as parts."""

    root: str
    top: float
    second_parent: float
    part: float
    deepest: int


@dataclass(frozen=True)
class ArchiveRules:
    """A release of archives: how it writes no and yes, the sources of labels (the app's, staff's) and of boxes.

    `labelled`: the share of train images with human labels. `quotes_names`: its dictionary quotes every field and ends
    lines with LF; `rounds_train_boxes`: coordinates in train have three decimals instead of six.
    """

    verdicts: tuple[str, ...]
    label_sources: tuple[str, ...]
    box_sources: tuple[str, ...] = ()
    labelled: float = 0.0
    quotes_names: bool = False
    rounds_train_boxes: bool = False


@dataclass(frozen=True)
class SampleRules:
    """The whole file; `verdicts`: by release (and those after it) and source, no and yes as they are written."""

    archives: dict[str, ArchiveRules]
    releases: dict[str, ReleaseRules]
    verdicts: dict[str, dict[str, tuple[str, ...]]]
    drawings: dict[str, DrawingRules]
    rows: dict[str, RowFile]
    lists: dict[str, ListFile]
    segmentable: int
    tree: TreeRules
    rotations: dict[str, float]
    headers: dict[str, tuple[str, ...]]
    full_bytes: dict[str, int]

    def until_release(self, release: str) -> SampleRules:
        """The rules of the releases up to one."""
        return replace(self, releases={name: rules for name, rules in self.releases.items() if name <= release})

    def drawings_of(self, release: str) -> DrawingRules:
        """What `release` looks for in relationships."""
        return self.drawings[max(name for name in self.drawings if name <= release)]

    def header_line(self, name: str) -> bytes:
        """The first line of a file of rows; nothing where rows carry their keys."""
        if self.rows[name].is_json:
            return b""
        clicks = self.headers["clicks"] if self.is_clicked(name) else ()
        return ",".join((*self.headers[self.rows[name].content], *clicks)).encode() + b"\n"

    def is_clicked(self, name: str) -> bool:
        """Whether the file holds boxes with extreme clicks."""
        form = self.rows[name]
        box_rules = self.releases[form.state].boxes.get(form.subset or "")
        return form.content == "boxes" and box_rules is not None and box_rules.clicked

    def table_of(self, name: str) -> str | None:
        """The table that a file belongs to; None of a file that is not known here."""
        if name in self.rows:
            content = self.rows[name].content
            return OWN_TABLES.get(content, "images" if "images" in content else "labels")
        if name in self.lists:
            return OWN_TABLES.get(self.lists[name].content, "classes")
        return None

    def verdict_texts(self, release: str) -> dict[str, tuple[str, ...]]:
        """How `release` writes verdicts, by source."""
        latest = max(name for name in self.verdicts if name <= release)
        return self.verdicts[latest]


@cache
def load_rules() -> SampleRules:
    """The packaged rules, every path with its subset in place."""
    path = files("oilake.jobs.synthetic") / "releases.yaml"
    rules = load_dataclass(SampleRules, path)
    return replace(rules, rows=dict(each for item in rules.rows.items() for each in _expand_subset(*item)))


def _expand_subset(name: str, form: RowFile) -> list[tuple[str, RowFile]]:
    if "{shard}" in name:
        return [(name.replace("{shard}", f"{n:05d}"), replace(form, shard=n)) for n in range(form.shards)]
    if "{subset}" not in name:
        return [(name, form)]
    return [(name.replace("{subset}", subset), replace(form, subset=subset)) for subset in SUBSETS]


ARCHIVES = tuple(load_rules().archives)
# The first of them, the one before the newest, and the newest, which all later releases go back to.
FIRST, BEFORE, AFTER = ARCHIVES
