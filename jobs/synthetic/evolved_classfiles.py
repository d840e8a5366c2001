"""Class lists and the tree of V4 and later as bytes, with the headers, line ends and order of the published ones."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Collection

import numpy as np

from oilake.jobs.synthetic import class_tree
from oilake.jobs.synthetic.evolved_classes import EvolvedClasses
from oilake.jobs.synthetic.plan import FLOOR
from oilake.jobs.synthetic.release_rules import ClassRules, ListFile, SampleRules

# Of V4's lines one in so many ends with LF alone.
LONE_LF = 165
INDENT = 4


def trainable_classes(rules: ClassRules, positives: Counter[int], listed: set[int], scale: float) -> set[int]:
    """The classes with the most positives in train, or with enough of them; the threshold shrinks with the scale."""
    ranked = [code for code, _ in sorted(positives.items(), key=lambda item: (-item[1], item[0])) if code in listed]
    if rules.trainable_positives is None:
        share = (rules.trainable_top or 0) / 20_000
        return set(ranked[: round(share * len(listed))])
    least = least_positives(rules.trainable_positives, scale)
    return {code for code in ranked if positives[code] >= least}


def least_positives(count: int, scale: float) -> int:
    """A number of positives of train at a scale."""
    return max(1, round(count * max(scale, FLOOR["train"])))


def list_content(form: ListFile, classes: EvolvedClasses, trainable: set[int], rules: SampleRules) -> bytes:
    """The bytes of one list of classes, or of the tree."""
    if form.content == "tree":
        document = class_tree.tree_document(classes.tree, classes.mids, rules.tree.root)
        return (json.dumps(document, indent=INDENT) + "\n").encode()
    codes = _sorted_codes(form, classes, _chosen_codes(form, classes, trainable))
    if not form.has_names:
        return "".join(f"{classes.mids[code]}\n" for code in codes).encode()
    names = _written_names(form, classes, codes)
    lines = [_csv_line([classes.mids[code], name]) for code, name in zip(codes, names, strict=True)]
    if form.header:
        lines.insert(0, "LabelName,DisplayName")
    return _with_line_ends(lines, form).encode()


def _chosen_codes(form: ListFile, classes: EvolvedClasses, trainable: set[int]) -> list[int]:
    chosen: dict[str, Collection[int]] = {
        "boxable": classes.boxable.tolist(),
        "segmentable": classes.segmentable.tolist(),
        "trainable": trainable,
        "names": np.flatnonzero(classes.listed[form.state]).tolist(),
    }
    return list(chosen[form.content])


def _sorted_codes(form: ListFile, classes: EvolvedClasses, codes: list[int]) -> list[int]:
    """By name in the order of code points, by MID, or as the publisher sorts MIDs: without regard to low lines."""
    if form.order == "name":
        return sorted(codes, key=lambda code: classes.names[form.state][code])
    if form.order == "mid":
        return sorted(codes, key=classes.mids.__getitem__)
    return sorted(codes, key=lambda code: (classes.mids[code].replace("_", ""), classes.mids[code]))


def _written_names(form: ListFile, classes: EvolvedClasses, codes: list[int]) -> list[str]:
    """The names; around some of them stands a blank."""
    names = [classes.names[form.state][code] for code in codes]
    for n in range(form.blanks):
        at = (n + 1) * len(names) // (form.blanks + 1)
        names[at] = f" {names[at]}" if n % 2 else f"{names[at]} "
    return names


def _csv_line(values: list[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="").writerow(values)
    return out.getvalue()


def _with_line_ends(lines: list[str], form: ListFile) -> str:
    if form.line_ends == "mixed":
        return "".join(line + ("\n" if n % LONE_LF == LONE_LF // 2 else "\r\n") for n, line in enumerate(lines))
    if form.line_ends == "last_lf":
        return "\r\n".join(lines) + "\n"
    end = "\n" if form.line_ends == "lf" else "\r\n"
    return "".join(line + end for line in lines)
