"""Pages and rules of the registry: every figure names its page, and what does not fit is refused with its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from oilake.conf import registry
from oilake.conf.errors import ConfigError
from oilake.conf.yaml_loader import load_yaml
from oilake.schemas.release_registry import find_release, load_releases

URL = "https://example.org/facts.html"
FIGURES = [name for name, is_given in find_release("v3").published.given_figures().items() if is_given]


def load_with(folder: Path, **keys: Any) -> registry.Release:
    document = {**load_yaml(registry.packaged_registry() / "v3.yaml"), **keys}
    (folder / "v3.yaml").write_text(yaml.safe_dump(document))
    return find_release("v3", str(folder))


@pytest.mark.parametrize("release", load_releases().values(), ids=lambda release: str(release.release))
def test_every_published_figure_names_its_page(release: registry.Release):
    stated = {figure for page in release.pages for figure in page.states}
    assert stated == {name for name, is_given in release.published.given_figures().items() if is_given}
    assert all(page.url.startswith("https://") for page in release.pages)


@pytest.mark.lengthy
def test_each_release_that_states_a_rule_for_trainable_classes_has_it_as_data():
    rules = {name: release.trainable_rule for name, release in load_releases().items()}
    told = {name: [(c.subsets, c.labels, c.counts, c.at_least) for c in rule] for name, rule in rules.items() if rule}
    assert told["v1"] == [(("validation",), "any", "distinct_images", 50), (("train",), "any", "distinct_images", 20)]
    assert told["v2"] == [
        (("train",), "human", "distinct_images", 30),
        (("validation", "test"), "human", "distinct_images", 5),
    ]
    assert told["v7"] == [(("train",), "positive", "labels", 100)]
    assert told.keys() == {"v1", "v2", "v7"}


@pytest.mark.parametrize(
    ("pages", "sentence"),
    [
        ([{"url": URL, "states": ["imagez"]}], r"pages\[0\]\.states: 'imagez' \(str\) has no value in `published`"),
        ([{"url": URL, "states": FIGURES[1:]}], rf"pages: none of them states {FIGURES[0]}; name the page"),
        (
            [{"url": URL, "states": FIGURES, "also": [{"figure": "x", "value": 1}]}],
            r"also\[0\]\.figure: nothing counts 'x'",
        ),
        (
            [{"url": URL, "states": FIGURES, "also": [{"figure": "boxes", "value": 1, "subset": "all"}]}],
            r"also\[0\]\.subset: 'all' is none of the release's train, validation, test",
        ),
    ],
)
def test_pages_that_do_not_fit_are_refused(tmp_path: Path, pages: list[dict[str, Any]], sentence: str):
    with pytest.raises(ConfigError, match=rf"v3\.yaml: .*{sentence}"):
        load_with(tmp_path, pages=pages)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ({"subsets": ["train"], "labels": "any", "at_least": 0}, "holds of every class"),
        ({"subsets": [], "labels": "any", "at_least": 1}, "holds of every class"),
        ({"subsets": ["dev"], "labels": "any", "at_least": 1}, "'dev' is none of the release's"),
        ({"subsets": ["train"], "labels": "good", "at_least": 1}, "labels must be one of positive, human, any"),
    ],
)
def test_rules_that_do_not_fit_are_refused(tmp_path: Path, condition: dict[str, Any], sentence: str):
    with pytest.raises(ConfigError, match=rf"v3\.yaml: .*trainable_rule\[0\].*{sentence}"):
        load_with(tmp_path, trainable_rule=[condition])
