"""A text takes the place of another whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from oilake.jobs.runtime.folder_swap import replace_text


def test_a_text_that_cannot_be_written_whole_leaves_the_earlier_one(tmp_path: Path):
    place = tmp_path / "suite.yaml"
    replace_text(place, "reviewed")
    with pytest.raises(UnicodeEncodeError):
        replace_text(place, "new" * 10_000 + "\ud800")
    assert [path.name for path in tmp_path.iterdir()] == ["suite.yaml"]
    assert place.read_text() == "reviewed"


def test_an_error_names_the_place_and_leaves_nothing(tmp_path: Path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "none" / "a.prom", tmp_path / "file" / "a.prom", tmp_path):
        with pytest.raises(OSError, match=r"\[Errno") as error:
            replace_text(place, "text")
        assert error.value.filename == str(place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_link_into_another_file_system_is_followed(tmp_path: Path):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        (tmp_path / "link").symlink_to(Path(elsewhere, "a.prom"))
        replace_text(tmp_path / "link", "new")
        assert Path(elsewhere, "a.prom").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_a_link_stays_one_and_a_device_is_written_to(tmp_path: Path):
    (tmp_path / "suite.yaml").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "suite.yaml")
    replace_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "suite.yaml").read_text() == "new"
    replace_text(Path("/dev/null"), "nothing")
