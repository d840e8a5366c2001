"""`oilake releases`: what a release's files give, how large they are, what has landed, and what a fetch would bring."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from oilake.conf.chosen_files import ALL_FILES, FileChoice
from oilake.jobs import cli
from oilake.jobs.ingesting.file_listing import Download, file_lines, list_files, sum_download
from oilake.schemas import release_registry

V7 = release_registry.find_release("v7")


def land(landing: Path, name: str, data: bytes = b"x") -> None:
    (landing / name).parent.mkdir(parents=True, exist_ok=True)
    (landing / name).write_bytes(data)


def test_what_has_landed_is_not_fetched_and_has_its_own_size(tmp_path: Path):
    before = sum_download(list_files(V7, str(tmp_path), ALL_FILES))
    land(tmp_path, "v6/oidv6-train-annotations-bbox.csv", b"rows")
    land(tmp_path, "v7/oidv7-classes-trainable.txt")
    listed = {file.name: file for file in list_files(V7, str(tmp_path), ALL_FILES)}
    after = sum_download(list(listed.values()))
    assert (before.bytes - after.bytes, before.unknown_sizes - after.unknown_sizes) == (2_258_447_590, 1)
    boxes = listed["v6/oidv6-train-annotations-bbox.csv"]
    assert (boxes.bytes, boxes.is_landed, boxes.shared_from, boxes.use) == (4, True, "v6", "rows")
    assert listed["v5/test-annotations-human-imagelabels-boxable.csv"].use == "none"


def test_only_what_is_asked_for_is_counted(tmp_path: Path):
    choice = FileChoice(("images", "boxes"), ("validation",))
    listed = list_files(V7, str(tmp_path), choice)
    assert sum_download(listed) == Download(15_245_485 + 25_105_048, 0)
    assert file_lines(V7, listed)[-1] == "to download: 0.04 GB"


def test_a_table_tells_each_file(tmp_path: Path):
    land(tmp_path, "v7/oidv7-class-descriptions.csv", b"12345")
    lines = {line.split()[0]: line.split()[1:] for line in file_lines(V7, list_files(V7, str(tmp_path), ALL_FILES))}
    assert lines["v7/oidv7-class-descriptions.csv"] == ["5", "yes", "v7", "classes"]
    assert lines["2018_04/image_ids_and_rotation.csv"] == ["about", "3,350,000,000", "no", "v4", "images"]
    assert lines["v7/oidv7-classes.txt"] == ["unknown", "no", "v7", "classes", "(may", "not", "exist)"]


def test_the_command_lists_one_release_or_sums_up_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    places = ["--landing", str(tmp_path / "landing"), "--warehouse", str(tmp_path / "warehouse")]
    assert cli.main(["releases", "v4", "--tables", "hierarchy", *places, "--json"]) == 0
    files = json.loads(capsys.readouterr().out)
    assert [file["name"] for file in files if file["use"] == "rows"] == ["2018_04/bbox_labels_600_hierarchy.json"]
    assert cli.main(["releases", *places, "--json"]) == 0
    rows = {row["release"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["v4"]["landed"], rows["v4"]["files"], len(rows["v4"]["missing"])) == (0, 23, 20)
    assert cli.main(["releases", *places, "--subset", "test"]) == 2
    assert "name it, such as `releases v7`" in capsys.readouterr().err
