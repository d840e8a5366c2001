"""The sample's own registry: the packaged one, with the sample's figures in place of what the publisher states."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from oilake.conf.registry import packaged_registry
from oilake.conf.yaml_loader import load_yaml
from oilake.jobs.synthetic import archives
from oilake.jobs.synthetic.evolved_classfiles import least_positives
from oilake.jobs.synthetic.figures import Figures
from oilake.jobs.synthetic.release_rules import ARCHIVES, load_rules

STATED = ("size", "size_stated_by", "approximate_size", "checksums")

STATED_OF_MASKS = ("stated", "stated_by", "source")


def write_registry(
    folder: Path, unfinished: Path, releases: Collection[str], figures: Mapping[str, Figures], scale: float
) -> None:
    """The YAML file of every written release, and of those whose files these take over."""
    texts = {name: _release_document(name, figures[name], scale) for name in releases}
    for document in list(texts.values()):
        for owner in {entry["release"] for entry in document["files"] if "release" in entry} - set(texts):
            texts[owner] = _release_document(owner, None, scale)
    for name, document in texts.items():
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
        archives.write_plain(folder / f"{name}.yaml", unfinished, text.encode())


def _release_document(release: str, figures: Figures | None, scale: float) -> dict[str, Any]:
    """The packaged YAML without sizes and checksums, without pages, and without files and figures that a sample has not.

    `figures`: None of a release that is not written; no figures are stated of it. The rule for trainable classes stays,
    at the sample's scale, where the sample follows it.
    """
    path = packaged_registry() / f"{release}.yaml"
    document: dict[str, Any] = load_yaml(path)
    counted = figures or {}
    document["published"] = {name: counted[name] for name in document["published"] if name in counted}
    document.pop("pages", None)
    trainable_rule = document.pop("trainable_rule", None)
    if release in ARCHIVES:
        return document
    rules = load_rules()
    if trainable_rule and rules.releases[release].classes.trainable_positives:
        document["trainable_rule"] = [
            {**line, "at_least": least_positives(line["at_least"], scale)} for line in trainable_rule
        ]
    if "mask_archives" in document:
        document["mask_archives"] = [
            {key: value for key, value in entry.items() if key not in STATED_OF_MASKS}
            for entry in document["mask_archives"]
        ]
    written = [entry for entry in document["files"] if rules.table_of(entry["name"])]
    document["files"] = [{key: value for key, value in entry.items() if key not in STATED} for entry in written]
    return document
