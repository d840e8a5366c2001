"""A registry of files: shared ones are declared once, and what cannot be read as it is meant is refused by file and key."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from oilake.conf import registry
from oilake.conf.errors import ConfigError
from oilake.schemas import release_registry

BOXES = "2018_04/train/train-annotations-bbox.csv"
ALL_IDS = "2018_04/image_ids_and_rotation.csv"
LISTED = "2018_04/train/train-images-boxable-with-rotation.csv"
Document = dict[str, Any]

BUCKETS = ("openimages", "localized-narratives")


def packaged(name: str) -> Document:
    document: Document = yaml.safe_load((registry.packaged_registry() / f"{name}.yaml").read_text())
    return document


def write_registry(folder: Path, *documents: Document) -> str:
    folder.mkdir(exist_ok=True)
    for document in documents:
        (folder / f"{document['release']}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return str(folder)


def entry(document: Document, name: str) -> Document:
    declared: Document = next(item for item in document["files"] if item["name"] == name)
    return declared


def test_a_shared_file_is_the_one_that_was_declared_with_its_own_columns():
    releases = release_registry.load_releases()
    for name in ("v5", "v6", "v7"):
        (shared,) = (file for file in releases[name].files if file.name == ALL_IDS)
        (declared,) = (file for file in releases["v4"].files if file.name == ALL_IDS)
        assert (shared.release, declared.release) == ("v4", None)
        assert (shared.url, shared.approximate_size) == (declared.url, declared.approximate_size)
        assert releases[name].columns[shared.members[0].columns or ""] == releases["v4"].columns["images"]
        assert registry.landing_path(releases[name], ALL_IDS) == ALL_IDS


def test_old_and_new_columns_of_one_table_stand_beside_each_other():
    release = release_registry.find_release("v6")
    columns = {
        file.name: release.columns[file.members[0].columns or ""] for file in release.files if file.members[0].columns
    }
    assert "XClick1X" in columns["v6/oidv6-train-annotations-bbox.csv"]
    assert "XClick1X" not in release_registry.find_release("v4").columns["boxes"]
    assert {member.table for file in release.files for member in file.members} == {
        "images", "labels", "boxes", "classes", "hierarchy", "relationships", "relationship_triplets",
        "relationship_descriptions", "attributes", "masks", "narratives",
    }  # fmt: skip


def test_no_two_releases_have_other_files_at_one_path():
    addresses: dict[str, str] = {}
    for release in release_registry.load_releases().values():
        for file in release.files:
            assert addresses.setdefault(registry.landing_path(release, file.name), file.url) == file.url
            if "/" in file.name:
                assert file.url.endswith(tuple(f"/{bucket}/{file.name}" for bucket in BUCKETS))


def test_one_list_of_box_sources_counts_for_every_subset():
    v3, v5 = (release_registry.find_release(name) for name in ("v3", "v5"))
    assert registry.subset_box_sources(v3, "test") == ("freeform", "xclick", "activemil", "verification")
    assert registry.subset_box_sources(v5, "train") == ("xclick", "activemil")
    assert registry.subset_box_sources(v5, "test") == ("xclick",)
    assert registry.subset_box_sources(v5, None) == ("xclick", "activemil")


def test_rows_that_tell_their_subset_are_of_none_by_their_file():
    release = release_registry.find_release("v4")
    (expected,) = registry.expected_members(release, next(file for file in release.files if file.name == ALL_IDS))
    assert (expected.path, expected.subset, expected.member.subset_column) == (ALL_IDS, None, True)


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ({"release": "v8", "name": BOXES}, r".release: no YAML file beside this one tells of 'v8'; put it there"),
        ({"release": "v9", "name": BOXES}, r".release: a release cannot refer to itself"),
        ({"release": "v4", "name": "boxes.csv"}, r".name: v4 declares no file 'boxes.csv'; refer to the release that does"),
        ({"release": "v3", "name": "bbox_hierarchy.json"}, r".name: 'bbox_hierarchy.json' lies in the folder of v3 alone"),
        ({"release": "v4", "name": BOXES, "subset_of": ["x.csv"]}, r".subset_of: 'x.csv' is no file of this release"),
        ({"release": "v4", "name": BOXES, "subset_of": [BOXES]}, r".subset_of: .* would be a subset of itself"),
        ({"release": "v4", "name": "2018_04/test/test-annotations-bbox.csv"}, r".name: holds rows of test, which v9 lacks"),
        ({"release": "v4", "name": BOXES, "url": "http://h/x"}, r"unknown key files\[0\].url; known: name"),
    ],
)  # fmt: skip
def test_a_reference_that_leads_nowhere_is_refused(tmp_path: Path, reference: Document, sentence: str):
    own = {**packaged("v4"), "release": "v9", "subsets": ["train"], "files": [reference]}
    folder = write_registry(tmp_path / "registry", packaged("v3"), packaged("v4"), own)
    with pytest.raises(ConfigError, match=rf"v9\.yaml: (?:files\[0\])?{sentence}"):
        release_registry.load_releases(folder)


def test_the_place_of_an_error_is_counted_with_the_references(tmp_path: Path):
    own = {**packaged("v4"), "release": "v9", "files": [{"release": "v4", "name": BOXES}, {"name": "x"}]}
    with pytest.raises(ConfigError, match=r"v9\.yaml: missing key files\[1\]\.url"):
        release_registry.load_releases(write_registry(tmp_path / "registry", packaged("v4"), own))


def test_one_path_is_declared_by_one_release(tmp_path: Path):
    copied = {**packaged("v4"), "release": "v9"}
    with pytest.raises(ConfigError, match=rf"release v9: the file {ALL_IDS} is declared in v4 too; refer to it by"):
        release_registry.load_releases(write_registry(tmp_path / "registry", packaged("v4"), copied))


def test_a_file_stands_in_a_release_once(tmp_path: Path):
    document = packaged("v4")
    document["files"].append(document["files"][0])
    with pytest.raises(ConfigError, match=f"release v4: the file {ALL_IDS} stands there twice; remove one"):
        release_registry.load_releases(write_registry(tmp_path / "registry", document))


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        (BOXES, {"name": "../x.csv"}, r"\.name must be a plain file name or a published path of such, not '\.\./x\.csv'"),
        (BOXES, {"name": "/x.csv"}, r"\.name must be a plain file name or a published path"),
        (BOXES, {"size": -1}, r"\.size must be 0 or more bytes, not -1"),
        (BOXES, {"size_stated_by": None}, r"\.size and size_stated_by go together; give both or none"),
        (BOXES, {"size_stated_by": "me"}, r"\.size_stated_by must be one of publisher, two_parties, one_party"),
        (BOXES, {"approximate_size": 1}, r"\.approximate_size: the size is known; leave it out"),
        (BOXES, {"is_whole_subset": True}, r"\.is_whole_subset: subset_of names no file"),
        (BOXES, {"checksums": [{"stated_by": "publisher", "source": ""}]}, r"\.checksums\[0\] must have one of md5"),
        (BOXES, {"checksums": [{"md5": "ABC", "stated_by": "publisher", "source": ""}]}, r"\.checksums\[0\]\.md5 must"),
    ],
)  # fmt: skip
def test_what_is_stated_of_a_file_must_fit(tmp_path: Path, name: str, change: Document, sentence: str):
    document = packaged("v4")
    entry(document, name).update(change)
    with pytest.raises(ConfigError, match=rf"v4\.yaml: files\[\d+\]{sentence}"):
        release_registry.load_releases(write_registry(tmp_path / "registry", document))


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("2018_04/classes.txt", {"list": None}, r"\.list is missing; say which list of classes this is"),
        (BOXES, {"list": "boxable"}, r"\.list is given for the formats 'classes' and 'descriptions' and no others"),
        (BOXES, {"image_lists": ["boxable"]}, r"\.image_lists is given for the format 'image_list' and no other"),
        (ALL_IDS, {"format": "image_list"}, r"\.image_lists is given for the format 'image_list' and no other"),
        (LISTED, {"header": "absent"}, r"\.header is given for the formats 'csv' and 'descriptions' and no others"),
        (BOXES, {"subset_column": True}, r"\.subset_column: columns\.boxes maps no column to subset; leave it out"),
        (ALL_IDS, {"subset_column": False}, r"\.pattern: '2018_04/image_ids_and_rotation\.csv' does not tell the subset"),
        (ALL_IDS, {"null_values": {"turn": [""]}}, r"\.null_values: 'turn' is no column of columns\.images"),
        (ALL_IDS, {"null_values": {"rotation": 1}}, r"\.null_values\.rotation must be a list"),
        (BOXES, {"format": "image_list", "image_lists": ["boxable"]}, r"\.format: 'image_list' is no format of boxes"),
        (BOXES, {"pattern": "x.csv"}, r"s: a plain file is its one member; its pattern must give"),
    ],
)  # fmt: skip
def test_a_member_that_could_not_be_read_as_it_is_meant_is_refused(
    tmp_path: Path, name: str, change: Document, sentence: str
):
    document = copy.deepcopy(packaged("v4"))
    entry(document, name)["members"][0].update(change)
    with pytest.raises(ConfigError, match=rf"v4\.yaml: files\[\d+\]\.members?(?:\[0\])?{sentence}"):
        release_registry.load_releases(write_registry(tmp_path / "registry", document))


def test_every_subset_has_its_box_sources(tmp_path: Path):
    document = packaged("v4")
    del document["box_sources"]["test"]
    with pytest.raises(
        ConfigError, match=r"v4\.yaml: box_sources lacks test; give every subset a list, if an empty one"
    ):
        release_registry.load_releases(write_registry(tmp_path / "registry", document))
