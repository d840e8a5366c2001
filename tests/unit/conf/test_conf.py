"""Settings and the registry: what fits is read, and what does not is refused with the file and the key."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
import yaml

from oilake.conf import registry, settings
from oilake.conf.errors import ConfigError
from oilake.jobs import cli
from oilake.schemas import release_registry


def packaged(name: str) -> dict[str, object]:
    document: dict[str, object] = yaml.safe_load((registry.packaged_registry() / f"{name}.yaml").read_text())
    return document


def written(folder: Path, document: dict[str, object]) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "v3.yaml").write_text(yaml.safe_dump(document))
    return str(folder)


@pytest.mark.lengthy
def test_the_registry_holds_the_releases_in_the_order_of_their_dates():
    found = release_registry.load_releases()
    assert list(found) == ["v1", "v2", "v3", "v4", "v5", "v6", "v7"]
    assert found["v3"].date == datetime.date(2017, 11, 16)
    assert found["v3"].published.human_labels_positive == {"train": 9741876, "validation": 365772, "test": 1105052}


def test_v1_publishes_human_labels_for_validation_only():
    release = release_registry.find_release("v1")
    human = next(file for file in release.files if file.name.startswith("human"))
    assert [e.path for e in registry.expected_members(release, human)] == ["human_ann_2016_08/validation/labels.csv"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"titel": "x"}, "unknown key titel"),
        ({"date": "soon"}, "date must be a date, not 'soon'"),
        ({"subsets": "train"}, "subsets must be a list"),
        ({"sources": {"machine": "robot"}}, "sources.machine must be one of machine, human, crowdsource, not 'robot'"),
        ({"published": {"images": {"train": "many"}}}, "published.images.train must be a whole number"),
        ({"published": {"classes": True}}, "published.classes must be a whole number"),
        ({"columns": {}}, "columns must be one of , not 'images'"),
        ({"columns": {"maps": {}}}, "columns.maps: no table has such files; known: images, labels, boxes"),
        ({"columns": {"labels": {"ImageID": "image_id"}}}, "columns.labels lacks confidence, mid, source"),
        (
            {"columns": {"labels": {"I": "image_id", "S": "source", "L": "mid", "C": "confidence", "O": "origin"}}},
            "columns.labels has the unknown origin",
        ),
    ],
)
def test_a_release_that_does_not_fit_is_refused_with_file_and_key(tmp_path: Path, change: dict[str, object], told: str):
    folder = written(tmp_path / "registry", {**packaged("v3"), **change})
    with pytest.raises(ConfigError) as error:
        release_registry.load_releases(folder)
    assert "v3.yaml" in str(error.value)
    assert told in str(error.value)


def test_a_missing_key_is_named(tmp_path: Path):
    document = packaged("v3")
    del document["tag"]
    with pytest.raises(ConfigError, match=r"v3\.yaml: missing key tag"):
        release_registry.load_releases(written(tmp_path / "registry", document))


def test_broken_yaml_is_told_in_one_line(tmp_path: Path):
    (tmp_path / "v9.yaml").write_text("release: [")
    with pytest.raises(ConfigError, match=r"v9\.yaml: not valid YAML") as error:
        release_registry.load_releases(str(tmp_path))
    assert "\n" not in str(error.value)


def test_flags_override_variables_and_variables_override_the_file(monkeypatch: pytest.MonkeyPatch):
    assert settings.environment_settings("local").warehouse == str(Path("data/warehouse").absolute())
    monkeypatch.setenv("OILAKE_WAREHOUSE", "/from/variable")
    assert settings.environment_settings("local").warehouse == "/from/variable"
    assert (
        settings.environment_settings("local", {"warehouse": "/from/flag", "landing": None}).warehouse == "/from/flag"
    )


def test_settings_that_make_no_sense_are_refused(tmp_path: Path):
    document = yaml.safe_load((Path(settings.__file__).parent / "local.yaml").read_text())
    document["limits"]["max_share"] = 2
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match=r"mine\.yaml: limits\.max_share must be a number from 0 to 1, not 2"):
        settings.environment_settings(str(path))


def test_the_cluster_environment_loads():
    assert settings.environment_settings("cluster").warehouse == "/mnt/open-images-lake/warehouse"


@pytest.mark.parametrize("name", ["mars", "drift", "/tmp", "."])
def test_an_environment_is_a_packaged_one_or_a_yaml_file(name: str):
    with pytest.raises(
        ConfigError, match=rf"^{name}: no such environment; --env \(or OILAKE_ENV\) takes local or cluster"
    ):
        settings.environment_settings(name)


@pytest.mark.parametrize("place", ["warehouse", "landing"])
def test_a_file_is_no_folder_of_tables_or_releases(tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str):
    path = tmp_path / "notes.txt"
    path.write_text("")
    assert cli.main(["releases", f"--{place}", str(path)]) == 2
    assert capsys.readouterr().err == f"oilake: {path}: is a file; --{place} must name a folder\n"


def _with_member(tmp_path: Path, table: str, change: dict[str, object], file: dict[str, object] | None = None) -> str:
    """V3 with something else said of the file that holds this table."""
    document = packaged("v3")
    held = next(f for f in document["files"] if f["members"][0]["table"] == table)  # type: ignore[attr-defined]
    held.update(file or {})
    member = held["members"][0]
    member.update(change)
    held["members"] = [{key: value for key, value in member.items() if value is not None}, *held["members"][1:]]
    return written(tmp_path / "registry", document)


@pytest.mark.parametrize("table", ["images", "labels", "boxes"])
@pytest.mark.parametrize("subsets", [None, [], ["train", "test"]])
def test_a_row_file_that_tells_no_subset_is_refused(tmp_path: Path, table: str, subsets: list[str] | None):
    folder = _with_member(tmp_path, table, {"pattern": "2017_11/rows.csv", "subsets": subsets})
    with pytest.raises(
        ConfigError, match=r"v3\.yaml: files\[\d\]\.members\[0\]\.pattern: '2017_11/rows\.csv' does not tell"
    ):
        release_registry.load_releases(folder)


def test_a_row_file_of_one_named_subset_is_of_that_subset(tmp_path: Path):
    file = {"name": "oidv7-val-labels.csv", "kind": "plain"}
    change = {"pattern": "oidv7-val-labels.csv", "subsets": ["validation"]}
    release = release_registry.load_releases(_with_member(tmp_path, "labels", change, file))["v3"]
    named = next(file for file in release.files if file.name == "oidv7-val-labels.csv")
    assert [(e.path, e.subset) for e in registry.expected_members(release, named)] == [(named.name, "validation")]


@pytest.mark.parametrize(
    ("table", "change", "file", "cause"),
    [
        ("labels", {"format": "classes", "list": "all"}, {}, "'classes' is no format of labels"),
        ("classes", {"format": "csv", "columns": "labels", "list": None}, {}, "'csv' is no format of classes"),
        (
            "labels",
            {"table": "maps"},
            {},
            "table must be one of images, labels, boxes, classes, hierarchy, ",
        ),
        ("labels", {"table": "repairs"}, {}, "table must be one of images, labels, boxes, classes, hierarchy"),
        ("labels", {"columns": "boxes"}, {}, "columns must be labels"),
        ("labels", {"pattern": "a.csv", "subsets": ["test"]}, {"kind": "plain"}, "a plain file is its one member"),
        ("labels", {"subsets": ["test", "test"]}, {}, "is named twice"),
    ],
)
def test_a_file_that_would_be_read_as_another_is_refused(
    tmp_path: Path, table: str, change: dict[str, object], file: dict[str, object], cause: str
):
    with pytest.raises(ConfigError) as error:
        release_registry.load_releases(_with_member(tmp_path, table, change, file))
    assert "v3.yaml: files[" in str(error.value)
    assert cause in str(error.value)
