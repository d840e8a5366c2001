"""The dictionaries, class lists and hierarchy of a release, as bytes."""

from __future__ import annotations

import csv
import io
import json

import numpy as np

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.synthetic import hierarchy
from oilake.jobs.synthetic.classes import Mask, SampleClasses
from oilake.jobs.synthetic.release_rules import load_rules


def member_content(seed: int, release: Release, expected: ExpectedMember, classes: SampleClasses) -> bytes:
    """The bytes of one member that is no CSV of rows: a dictionary, a class list or the hierarchy."""
    if expected.member.format == "descriptions":
        return _dictionary_csv(release.release, classes)
    if expected.member.format == "hierarchy":
        return json.dumps(hierarchy.make_hierarchy(seed, classes), ensure_ascii=False).encode()
    return "".join(f"{mid}\n" for mid in _class_list(release.release, expected.member.list or "all", classes)).encode()


def _dictionary_csv(release: str, classes: SampleClasses) -> bytes:
    """MID and name by MID; V1 quotes every field and ends lines with LF, later ones follow RFC 4180."""
    quoted = load_rules().archives[release].quotes_names
    out = io.StringIO(newline="")
    writer = csv.writer(
        out, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator="\n" if quoted else "\r\n"
    )
    listed = _by_mid(classes, classes.listed[release])
    writer.writerows((classes.mids[code], classes.names[release][code]) for code in listed)
    return out.getvalue().encode()


def _class_list(release: str, which: str, classes: SampleClasses) -> list[str]:
    """The MIDs of one class list; box-trainable ones in order of popularity, the others by MID."""
    boxable = np.zeros(len(classes.mids), np.bool_)
    boxable[classes.boxable] = True
    if which == "box_trainable":
        return [classes.mids[code] for code in classes.boxable.tolist() if classes.trainable[code]]
    chosen = {"all": classes.listed[release], "trainable": classes.trainable, "boxable": boxable}[which]
    return [classes.mids[code] for code in _by_mid(classes, chosen)]


def _by_mid(classes: SampleClasses, chosen: Mask) -> list[int]:
    return sorted(np.flatnonzero(chosen).tolist(), key=classes.mids.__getitem__)
