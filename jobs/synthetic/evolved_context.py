"""What all slices of V4 and later share, made once: rules, classes, counts, draws by popularity, vocabularies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from oilake.conf.registry import PublishedFigures
from oilake.jobs.synthetic import boxes, evolved_classes, human, machine, zipf
from oilake.jobs.synthetic.boxes import BoxVocabulary
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.evolved_classes import EvolvedClasses
from oilake.jobs.synthetic.evolved_labels import VerdictCounts
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.plan import FLOOR, SamplePlan, even_share
from oilake.jobs.synthetic.release_rules import ReleaseRules, RowFile, SampleRules

FIGURES = (
    "human_labels_negative",
    "human_labels_positive",
    "machine_labels",
    "boxes",
    "images_with_boxes",
    "masks",
    "relationships",
    "points",
    "narratives",
    "images_with_narratives",
)


@dataclass(frozen=True)
class EvolvedContext:
    """`counts`: rows at this scale by (release, figure, subset). Tables of popularity and verdicts' words by release.
    `spare`: further rows by file, so that few of its rows are bad ones."""

    seed: int
    plan: SamplePlan
    rules: SampleRules
    classes: EvolvedClasses
    counts: Mapping[tuple[str, str, str], int]
    judged: dict[str, Pairs]
    unboxed: dict[str, Pairs]
    proposed: dict[str, Pairs]
    boxed: Pairs
    machine: pa.StringArray
    human: dict[str, pa.StringArray]
    boxes: BoxVocabulary
    spare: Mapping[str, int] = field(default_factory=dict)

    def spare_rows(self, name: str, number: int) -> int:
        """Further rows of a file in slice `number`."""
        return even_share(self.spare.get(name, 0), number, self.plan.slices)

    def file_rows(self, form: RowFile) -> int:
        """Rows of a file of drawn rows at this scale, without spare ones."""
        return even_share(self.counts[form.state, form.content, form.subset or ""], form.shard, form.shards)

    def scaled_count(self, release: str, figure: str, subset: str, number: int) -> int:
        """Rows of a figure in slice `number`."""
        return even_share(self.counts[release, figure, subset], number, self.plan.slices)

    def verdict_counts(self, release: str, subset: str, number: int) -> VerdictCounts:
        """Human labels of each verdict in slice `number`."""
        negative, positive = (self.scaled_count(release, figure, subset, number) for figure in FIGURES[:2])
        return VerdictCounts(negative, positive)

    def random_generator(self, purpose: int, number: int, *parts: int) -> np.random.Generator:
        """The random numbers of one purpose in slice `number`."""
        return np.random.default_rng([self.seed, 21, purpose, number, *parts])


def make_evolved_context(
    seed: int, plan: SamplePlan, classes: SampleClasses, rules: SampleRules, published: Mapping[str, PublishedFigures]
) -> EvolvedContext:
    """What the slices of the releases of `rules` share; `published`: by release."""
    evolved = evolved_classes.evolve_classes(seed, classes, rules, plan.scale)
    judged = {name: _judged_classes(classes, evolved, name) for name in rules.releases}
    return EvolvedContext(
        seed,
        plan,
        rules,
        evolved,
        _scaled_counts(plan.scale, rules, published),
        {name: zipf.popularity_table(codes) for name, codes in judged.items()},
        {name: zipf.popularity_table(codes[~np.isin(codes, evolved.boxable)]) for name, codes in judged.items()},
        {
            name: zipf.popularity_table(_machine_classes(classes, evolved, name, release.machine.classes))
            for name, release in rules.releases.items()
            if release.machine
        },
        zipf.popularity_table(np.random.default_rng([seed, 4]).permutation(classes.boxed), 3),
        machine.machine_vocabulary(evolved.mids),
        {name: _verdict_words(evolved.mids, rules, name) for name in rules.releases},
        boxes.box_vocabulary(evolved.mids),
    )


def _judged_classes(classes: SampleClasses, evolved: EvolvedClasses, release: str) -> Pairs:
    """The classes that people judge in a release, the popular ones first."""
    older = np.concatenate([classes.kept, classes.new])
    rest = np.setdiff1d(np.arange(len(evolved.mids)), older)
    codes = np.concatenate([older, rest])
    judged: Pairs = codes[evolved.labelled[release][codes]]
    return judged


def _machine_classes(classes: SampleClasses, evolved: EvolvedClasses, release: str, count: int) -> Pairs:
    codes = np.arange(len(evolved.mids))
    codes = codes[evolved.labelled[release] & (codes != machine.TOP)]
    most: Pairs = codes[: round(count / 20_000 * int(evolved.listed[release].sum()))]
    return most


def _scaled_counts(
    scale: float, rules: SampleRules, published: Mapping[str, PublishedFigures]
) -> dict[tuple[str, str, str], int]:
    """Counts by (release, figure, subset): the published ones, else the assumed ones, else those of the release before."""
    counts: dict[tuple[str, str, str], int] = {}
    for name, release in rules.releases.items():
        for figure in FIGURES:
            stated = _stated_counts(figure, name, release, published) or _stated_counts(
                figure, release.follows, release, published
            )
            for subset, value in stated.items():
                counts[name, figure, subset] = round(value * max(scale, FLOOR[subset]))
            for subset in FLOOR:
                counts.setdefault((name, figure, subset), counts.get((release.follows, figure, subset), 0))
    return counts


def _stated_counts(
    figure: str, name: str, release: ReleaseRules, published: Mapping[str, PublishedFigures]
) -> dict[str, int]:
    stated: dict[str, int] = getattr(published[name], figure)
    return {**release.assumed.get(figure, {}), **stated}


def _verdict_words(mids: list[str], rules: SampleRules, release: str) -> pa.StringArray:
    """All that may stand behind the image ID, with its line end; by source, verdict, class."""
    texts = rules.verdict_texts(release)
    return pa.array(
        [f",{source},{mid},{verdict}\n" for source in human.SOURCES_AFTER for verdict in texts[source] for mid in mids]
    )
