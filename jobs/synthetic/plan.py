"""How many of everything: the published figures at a scale, exact, and shared out over slices of the image ID range."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from oilake.conf.errors import ConfigError
from oilake.conf.registry import SUBSETS, PublishedFigures
from oilake.jobs.synthetic.release_rules import AFTER, ARCHIVES, BEFORE, load_rules

# Below these scales a subset stays as it is: smaller ones would not show every effect.
FLOOR = {"train": 0.0001, "validation": 0.0025, "test": 0.0016}
SLICE_IMAGES = 100_000
RULES = load_rules().archives
WITHOUT_THUMBNAIL = {"train": 204_380 / 9_011_219, "validation": 0.039, "test": 0.039}
FLIPPED, WITHDRAWN, CONFLICTING = 0.002, 0.005, 0.0005
REPEATED = 20


@dataclass(frozen=True)
class SubsetCounts:
    """Rows and images of one subset (or of its part in one slice); "to" tells V2's verdict turned into V3's.

    Human labels: V2 holds kept, flipped and withdrawn ones; V3 holds kept, flipped and added ones, and a second row for
    every conflict (the Crowdsource app against a kept verdict) and repetition. The last word is that row's verdict.
    """

    images: int
    without_thumbnail: int
    machine: int
    kept_positive: int
    kept_negative: int
    flipped_to_negative: int
    flipped_to_positive: int
    withdrawn_positive: int
    withdrawn_negative: int
    added_positive: int
    added_negative: int
    conflict_positive: int
    conflict_negative: int
    repeated_positive: int
    repeated_negative: int
    labelled_before: int
    labelled_after: int
    boxed_before: int
    boxed_after: int
    boxes_before: int
    boxes_after: int

    def share(self, part: int, parts: int) -> SubsetCounts:
        """The counts of one of `parts` equal parts; over all parts they add up to these."""
        return SubsetCounts(**{name: even_share(total, part, parts) for name, total in asdict(self).items()})


@dataclass(frozen=True)
class ClassCounts:
    """Sizes of the groups that classes fall into; `both` have machine and human labels, `lost` human ones in V2 only.

    `machine_only` never have human labels, `human_only` never machine ones, `new` come with V3. The rest are parts of
    them: trainable ones, boxable ones, and what V1's dictionary and machine labels lack or have beyond the others.
    """

    both: int
    machine_only: int
    lost: int
    human_only: int
    new: int
    trainable_both: int
    trainable_human_only: int
    box_trainable: int
    box_other: int
    box_unused: int
    later_than_first: int
    missing_in_first: int
    unused_in_first: int
    shared_names: int
    thrice_shared_names: int
    renamed: int


@dataclass(frozen=True)
class SamplePlan:
    """Everything that is decided before a row is drawn."""

    scale: float
    slices: int
    subsets: dict[str, SubsetCounts]
    classes: ClassCounts
    contradictions: bool = False

    def part(self, subset: str, number: int) -> SubsetCounts:
        """The counts of one subset in slice `number`."""
        return self.subsets[subset].share(number, self.slices)


def even_share(total: int, part: int, parts: int) -> int:
    """How much of `total` falls to `part` of `parts`, as evenly as whole numbers allow."""
    return (part + 1) * total // parts - part * total // parts


def refuse_bad_scale(scale: float) -> None:
    """ConfigError unless 0 < scale <= 1."""
    if not 0 < scale <= 1:
        raise ConfigError(f"--scale {scale:g}: give a number above 0 and up to 1, such as 0.01")


def make_plan(published: Mapping[str, PublishedFigures], scale: float, contradictions: bool = False) -> SamplePlan:
    """The plan for the published figures of V1, V2 and V3 at `scale`; ConfigError unless 0 < scale <= 1.

    `contradictions`: also what the publisher's own files contradict: classes that V1's dictionary lacks, a listed box class
    that no box has, and verified labels of box classes without a box in validation and test.
    """
    refuse_bad_scale(scale)
    first, before, after = (published[release] for release in ARCHIVES)
    subsets = {subset: _subset_counts(before, after, subset, max(scale, FLOOR[subset])) for subset in SUBSETS}
    slices = -(-subsets["train"].images // SLICE_IMAGES)
    return SamplePlan(
        scale,
        slices,
        subsets,
        _class_counts(first, before, after, max(scale, FLOOR["train"]), contradictions),
        contradictions,
    )


def _subset_counts(before: PublishedFigures, after: PublishedFigures, subset: str, scale: float) -> SubsetCounts:
    def scaled_count(figures: dict[str, int]) -> int:
        return round(figures[subset] * scale)

    images, machine = scaled_count(after.images), scaled_count(after.machine_labels)
    human = _human_counts(
        (scaled_count(before.human_labels_positive), scaled_count(before.human_labels_negative)),
        (scaled_count(after.human_labels_positive), scaled_count(after.human_labels_negative)),
        changing=subset == "train",
        repeated=max(1, round(REPEATED * scale)),
    )
    partly = subset == "train"
    return SubsetCounts(
        images=images,
        without_thumbnail=round(images * WITHOUT_THUMBNAIL[subset]),
        machine=machine,
        **human,
        labelled_before=round(images * RULES[BEFORE].labelled) if partly else images,
        labelled_after=round(images * RULES[AFTER].labelled) if partly else images,
        boxed_before=scaled_count(before.images_with_boxes),
        boxed_after=scaled_count(after.images_with_boxes),
        boxes_before=scaled_count(before.boxes),
        boxes_after=scaled_count(after.boxes),
    )


def _human_counts(before: tuple[int, int], after: tuple[int, int], changing: bool, repeated: int) -> dict[str, int]:
    """How (positive, negative) rows of V2 become V3's; where not `changing` V3 only withdraws and adds."""
    counts = {f.name: 0 for f in fields(SubsetCounts) if f.name.startswith(("conflict", "repeated", "flipped"))}
    withdrawn = [max(0, old - new) for old, new in zip(before, after, strict=True)]
    if changing:
        counts.update(repeated_positive=repeated, repeated_negative=repeated)
        counts["flipped_to_negative"], counts["flipped_to_positive"] = (_at_least_two(n, FLIPPED) for n in before)
        counts["conflict_negative"], counts["conflict_positive"] = (_at_least_two(n, CONFLICTING) for n in before)
        withdrawn = [_at_least_two(n, WITHDRAWN) for n in before]
    kept_positive = before[0] - withdrawn[0] - counts["flipped_to_negative"]
    kept_negative = before[1] - withdrawn[1] - counts["flipped_to_positive"]
    second = [counts["conflict_positive"] + repeated * changing, counts["conflict_negative"] + repeated * changing]
    return {
        **counts,
        "kept_positive": kept_positive,
        "kept_negative": kept_negative,
        "withdrawn_positive": withdrawn[0],
        "withdrawn_negative": withdrawn[1],
        "added_positive": after[0] - kept_positive - counts["flipped_to_positive"] - second[0],
        "added_negative": after[1] - kept_negative - counts["flipped_to_negative"] - second[1],
    }


def _at_least_two(total: int, part: float) -> int:
    return max(2, round(total * part))


def _class_counts(
    first: PublishedFigures, before: PublishedFigures, after: PublishedFigures, scale: float, contradictions: bool
) -> ClassCounts:
    """Class counts shrink with the square root of the scale, boxable ones with its cube root: tails stay visible."""
    root, cube = math.sqrt(scale), scale ** (1 / 3)

    def scaled_count(count: int, least: int = 1, factor: float = root) -> int:
        return max(least, round(count * factor))

    classes = {
        name: value for n, p in enumerate((first, before, after), 1) for name, value in _class_figures(str(n), p)
    }
    new = classes["classes3"] - classes["classes2"]
    machine_only = classes["classes2"] - classes["human_classes2"]
    lost = classes["human_classes2"] + new - classes["human_classes3"]
    unknown = classes["classes1"] - classes["machine_classes1"]
    return ClassCounts(
        both=scaled_count(classes["machine_classes3"] - machine_only - lost),
        machine_only=scaled_count(machine_only),
        lost=scaled_count(lost),
        human_only=scaled_count(classes["classes2"] - classes["machine_classes3"]),
        new=scaled_count(new, 2),
        trainable_both=scaled_count(classes["machine_classes_trainable3"]),
        trainable_human_only=scaled_count(classes["classes_trainable3"] - classes["machine_classes_trainable3"]),
        box_trainable=scaled_count(classes["box_classes_trainable3"], factor=cube),
        box_other=scaled_count(classes["box_classes3"] - classes["box_classes_trainable3"], factor=cube),
        box_unused=int(contradictions),
        later_than_first=scaled_count(classes["machine_classes3"] - classes["machine_classes1"]),
        missing_in_first=scaled_count(unknown) if contradictions else 0,
        unused_in_first=scaled_count(2 * unknown, 2),
        shared_names=scaled_count(268, 4),
        thrice_shared_names=scaled_count(16),
        renamed=scaled_count(60, 3),
    )


def _class_figures(release: str, published: PublishedFigures) -> list[tuple[str, int]]:
    return [
        (f.name + release, getattr(published, f.name) or 0) for f in fields(PublishedFigures) if "classes" in f.name
    ]
