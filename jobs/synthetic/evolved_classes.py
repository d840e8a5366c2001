"""The classes of V4 and later: who is listed, labelled, boxable and called what, and the tree of the boxable ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from oilake.jobs.synthetic import class_tree, names
from oilake.jobs.synthetic.class_tree import ClassTree
from oilake.jobs.synthetic.classes import Codes, Mask, SampleClasses, invent_mids
from oilake.jobs.synthetic.plan import FLOOR
from oilake.jobs.synthetic.release_rules import AFTER, ClassRules, SampleRules

SENSES = ("Animal", "Plant", "Tool", "Food", "Sport", "Place", "Music", "Garment")


@dataclass(frozen=True)
class EvolvedClasses:
    """Classes by number, V3's first. By release: whom its dictionary lists, whom labels may name, who came, names.

    `place`: where the class's MID stands in alphabetical order. `segmentable` are some of the boxable ones.
    """

    mids: list[str]
    place: Codes
    listed: dict[str, Mask]
    labelled: dict[str, Mask]
    added: dict[str, Codes]
    names: dict[str, list[str]]
    boxable: Codes
    segmentable: Codes
    tree: ClassTree


def evolve_classes(seed: int, classes: SampleClasses, rules: SampleRules, scale: float) -> EvolvedClasses:
    """The classes that follow from V3's; their numbers shrink with the scale as those of V3 do."""
    rng = np.random.default_rng([seed, 20])
    root = math.sqrt(max(scale, FLOOR["train"]))
    mids, name_list, listed = list(classes.mids), list(classes.names[AFTER]), classes.listed[AFTER].copy()
    evolved = EvolvedClasses(
        mids,
        np.empty(0, np.int64),
        {},
        {},
        {},
        {},
        np.sort(classes.boxable),
        np.sort(rng.permutation(classes.boxable)[: round(rules.segmentable / 601 * len(classes.boxable))]),
        class_tree.make_tree(rng, classes.boxable, rules.tree),
    )
    unused = _never_boxed(classes)
    for release, release_rules in rules.releases.items():
        change = release_rules.classes
        added = _add_classes(rng, change, root, mids, name_list)
        listed = np.append(listed, np.ones(len(added), np.bool_))
        for code in (unused.pop() for _ in range(_scaled(change.retired, root))):
            listed[code] = False
        _rename(rng, change, root, name_list, listed, evolved.boxable)
        evolved.listed[release], evolved.added[release] = listed.copy(), added
        evolved.names[release] = list(name_list)
    for release, mask in evolved.listed.items():
        evolved.listed[release] = np.append(mask, np.zeros(len(mids) - len(mask), np.bool_))
    for release, release_rules in rules.releases.items():
        takes_over = release_rules.classes.shared_with  # which a sample that ends before it has not
        shared = evolved.listed[takes_over if takes_over in evolved.listed else release]
        evolved.labelled[release] = evolved.listed[release] & shared
    return EvolvedClasses(**{**vars(evolved), "place": np.argsort(np.argsort(np.array(mids)))})


def _scaled(count: int, root: float, least: int = 1) -> int:
    return max(least, round(count * root)) if count else 0


def _never_boxed(classes: SampleClasses) -> list[int]:
    """Classes that may be retired: the rare ones, none of them boxable; the last goes first."""
    rare = np.concatenate([classes.machine[-len(classes.machine) // 3 :], classes.kept[-len(classes.kept) // 3 :]])
    codes: list[int] = np.setdiff1d(rare, classes.boxable).tolist()
    return codes


def _add_classes(
    rng: np.random.Generator, rules: ClassRules, root: float, mids: list[str], name_list: list[str]
) -> Codes:
    """Appends new classes with new names; their numbers."""
    count = _scaled(rules.added, root)
    before = len(mids)
    if count:
        graph = _scaled(rules.knowledge_graph, root)
        fresh = [mid for mid in invent_mids(rng, count + before // 50 + 9) if mid not in set(mids)]
        plain = [mid for mid in fresh if mid.startswith("/m/")][: count - graph]
        mids += plain + [f"/g/11{mid[3:]}" for mid in fresh[::-1][:graph]]
        taken = set(name_list)
        name_list += [name for name in names.invent_names(rng, count + len(taken)) if name not in taken][:count]
    return np.arange(before, len(mids))


def _rename(
    rng: np.random.Generator, rules: ClassRules, root: float, name_list: list[str], listed: Mask, boxable: Codes
) -> None:
    """Renames in place: those that share a name until `shared_names` pairs do, then others up to the count."""
    left = _scaled(rules.renamed, root, 3)
    if rules.shared_names is not None:
        left -= _tell_apart(rules, root, name_list, listed)
    boxed = min(_scaled(rules.renamed_boxable, root), left)
    unboxed = np.setdiff1d(np.flatnonzero(listed), boxable)
    chosen = [*rng.permutation(boxable)[:boxed].tolist(), *rng.permutation(unboxed)[: max(0, left - boxed)].tolist()]
    taken = {name_list[code] for code in np.flatnonzero(listed).tolist()}
    for n, code in enumerate(chosen):
        name = rules.form.format(name_list[code], SENSES[n % len(SENSES)])
        if name not in taken:
            name_list[code] = name
            taken.add(name)


def _tell_apart(rules: ClassRules, root: float, name_list: list[str], listed: Mask) -> int:
    """Renames all but the first of those that share a name; how many were renamed."""
    sharing: dict[str, list[int]] = {}
    for code in np.flatnonzero(listed).tolist():
        sharing.setdefault(name_list[code], []).append(code)
    groups = [group for group in sharing.values() if len(group) > 1]
    stay = _scaled(rules.shared_names or 0, root)
    pairs_left = [group for group in groups if len(group) == 2][:stay]
    renamed = [code for group in groups if group not in pairs_left for code in group[1:]]
    taken = set(sharing)
    for n, code in enumerate(renamed):
        candidates = (f"{name_list[code]} ({SENSES[(n + m) % len(SENSES)]})" for m in range(len(SENSES)))
        name_list[code] = next(name for name in candidates if name not in taken)
        taken.add(name_list[code])
    return len(renamed)
