"""The zips of masks in the registry: sixteen a subset by one entry, shared by reference, refused where they do not fit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from oilake.conf.errors import ConfigError
from oilake.conf.mask_files import every_mask_file, mask_files
from oilake.conf.registry import packaged_registry
from oilake.conf.stated_bytes import stated_values
from oilake.schemas import release_registry

pytestmark = pytest.mark.lengthy


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    shutil.copytree(str(packaged_registry()), tmp_path / "registry")
    return tmp_path / "registry"


def edit_release(registry: Path, release: str, key: str, value: Any) -> None:
    """Sets `key` of the first entry of `mask_archives`."""
    path = registry / f"{release}.yaml"
    document = yaml.safe_load(path.read_text())
    document["mask_archives"][0][key] = value
    path.write_text(yaml.safe_dump(document))


def test_three_releases_share_sixteen_zips_a_subset():
    releases = release_registry.load_releases()
    names = {name: [archive.file.name for archive in every_mask_file(release)] for name, release in releases.items()}
    assert [len(names[name]) for name in ("v1", "v4", "v5", "v6", "v7")] == [0, 0, 48, 48, 48]
    assert names["v5"] == names["v6"] == names["v7"]
    assert names["v7"][0] == "v5/train-masks/train-masks-0.zip"
    assert names["v7"][-1] == "v5/test-masks/test-masks-f.zip"
    sizes = {subset: sum(archive.file.size or 0 for archive in mask_files(releases["v7"], [subset])) for subset in
             ("train", "validation", "test")}  # fmt: skip
    assert sizes == {"train": 4_472_439_320, "validation": 57_563_535, "test": 170_561_099}
    stated = {(value.kind, value.stated_by) for a in every_mask_file(releases["v6"]) for value in stated_values(a.file)}
    assert stated == {("size", "one_party"), ("md5", "one_party")}
    assert not {file.name for file in releases["v7"].files} & set(names["v7"])


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("subset", "holdout", "subset must be one of train, validation, test"),
        ("name", "v5/../masks-{digit}.zip", "name must be a published path"),
        ("name", "masks-{digit}.zip", "name must be a published path"),
        ("name", "v5/train-masks/all.zip", "put {digit} where the hex digit stands"),
        ("url", "https://masks.example.org/all.zip", "put {digit} where the hex digit stands"),
        ("stated", {"10": {"size": 1, "md5": "0" * 32}}, "'10' is no hex digit"),
        ("stated", {"a": {"size": -1, "md5": "0" * 32}}, "must be 0 or more bytes"),
        ("stated", {"a": {"size": 1, "md5": "abc"}}, "must be 32 lower-case hex digits"),
        ("stated", {"a": {"size": 1}}, "stated.a.md5"),
        ("stated", {}, "stated, stated_by and source go together"),
        ("subset", "validation", "the zips of validation are named twice"),
    ],
)
def test_what_does_not_fit_is_refused(registry: Path, key: str, value: Any, sentence: str):
    edit_release(registry, "v5", key, value)
    with pytest.raises(ConfigError, match=r"v5\.yaml: .*mask_archives\[[01]\]") as refused:
        release_registry.load_releases(str(registry))
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("name", "v5/masks-{digit}.zip", "v5 declares no zips 'v5/masks-{digit}.zip'"),
        ("release", "v6", "a release cannot refer to itself"),
        ("release", "v9", "no YAML file beside this one tells of 'v9'"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(registry: Path, key: str, value: Any, sentence: str):
    edit_release(registry, "v6", key, value)
    with pytest.raises(ConfigError) as refused:
        release_registry.load_releases(str(registry))
    assert f"v6.yaml: mask_archives[0].{key if key == 'release' else 'name'}: " in str(refused.value)
    assert sentence in str(refused.value)


def test_zips_stand_in_a_list(registry: Path):
    path = registry / "v7.yaml"
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**document, "mask_archives": {"release": "v5"}}))
    with pytest.raises(ConfigError, match="mask_archives must be a list"):
        release_registry.load_releases(str(registry))
