"""Blobs as other tools lay them out: the ID is found in the name, and what is odd in a folder ends nothing."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from oilake.conf.errors import InputError
from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.blobs import blob_keys, folder_store, listing
from oilake.jobs.blobs.blob_status import STATUSES
from oilake.jobs.blobs.listing import LISTED, list_blobs
from oilake.jobs.blobs.locations import locate_blobs
from oilake.jobs.blobs.records import Blob
from oilake.jobs.tables.images_with_blobs import RANKS
from oilake.jobs.verifying.expected_images import ExpectedImages
from oilake.jobs.verifying.matching import Matcher
from oilake.jobs.verifying.previous_checks import PreviousChecks
from oilake.jobs.verifying.task import MatchedBlob
from oilake.schemas import loader as schemas

ID = "0001eeaf4aed83f9"
OTHER = "fffe11154d8eafc0"


@pytest.mark.parametrize(
    "key",
    [
        f"{ID}.jpg",
        f"train/{ID}.jpg",
        f"train_0/{ID}.jpg",
        f"validation/data/{ID}.jpg",
        f"test/Polar bear/{ID}.jpg",
        f"/{ID}.jpg",
        f"a/b/c/d/{ID}.jpeg",
        f"train/{ID.upper()}.JPEG",
        f"TRAIN/{ID.upper()}.Jpg",
        f"ÄÖ\n/{ID}.png",
        f"train/{ID}.webp",
        f"train/{ID}.GIF",
        f"train/{ID}.TIF",
        f"train/{ID}.tiff",
        f"train/{ID}.bmp",
        f"train/{ID}.jfif",
        ID,
    ],
)
def test_the_id_is_found_wherever_the_file_lies(key: str):
    assert blob_keys.image_id_in_key(key) == ID


@pytest.mark.parametrize(
    "key",
    [
        f"Dog/Label/{ID}.txt",
        f"{ID}.csv",
        f"{ID}.json",
        f"{ID}.xml",
        f"masks/{ID}_m0cmf2_1a2b3c4d.png",
        f"{ID[1:]}.jpg",
        f"{ID}0.jpg",
        f"x{ID}.jpg",
        f"{ID}/1.jpg",
        f"{ID}/",
        "106528377697029.jpg",
        "metadata/classes.csv",
        "README.txt",
        f"{ID}.tİff",
        "",
    ],
)
def test_what_holds_no_id_or_is_no_image_by_its_ending_is_named_after_none(key: str):
    assert blob_keys.image_id_in_key(key) is None


def test_the_innermost_folder_that_names_a_subset_counts():
    assert blob_keys.subset_in_key(f"train/validation/Dog/{ID}.jpg") == "validation"
    assert blob_keys.subset_in_key(f"Train_F/data/{ID}.jpg") == "train"
    assert blob_keys.subset_in_key(f"training/{ID}.jpg") is blob_keys.subset_in_key("train") is None


def test_a_name_that_leads_elsewhere_is_not_plain():
    assert blob_keys.is_plain(f"a b/Ö/{ID}.jpg")
    for key in (
        f"../{ID}.jpg",
        f"a/../{ID}.jpg",
        f"/{ID}.jpg",
        f"a//{ID}.jpg",
        f"./{ID}.jpg",
        f"a\\xff/{ID}.jpg",
        "a\n/b",
    ):
        assert not blob_keys.is_plain(key), key


def problems(place: Path) -> dict[str, str | None]:
    return {blob.key: blob.problem for blob in list_blobs(locate_blobs(str(place)), FetchSettings(), Storage())}


def test_no_entry_of_a_folder_ends_the_listing(tmp_path: Path):
    place = tmp_path / "place"
    place.mkdir()
    (place / "train").mkdir()
    (place / "train" / "whole.jpg").write_bytes(b"x")
    os.symlink("loop", place / "loop")
    os.symlink("ping", place / "pong")
    os.symlink("pong", place / "ping")
    os.symlink(f"{ID}.jpg", place / f"{ID}.jpg")
    os.symlink("/nowhere", place / "dangling")
    os.symlink("train/whole.jpg", place / "linked.jpg")
    os.mkfifo(place / "pipe.jpg")
    os.symlink("/dev/zero", place / "zero.jpg")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(place / "socket.jpg"))
        found = problems(place)
    loops = ("loop", "ping", "pong", f"{ID}.jpg")
    assert found == {
        "train/whole.jpg": None,
        "linked.jpg": None,
        "dangling": "No such file or directory",
        "pipe.jpg": "no regular file but a pipe",
        "socket.jpg": "no regular file but a socket",
        "zero.jpg": "no regular file but a device",
        **dict.fromkeys(loops, "Too many levels of symbolic links"),
    }


def test_links_to_folders_are_followed_once_and_never_around_the_place(tmp_path: Path):
    place = tmp_path / "place"
    (place / "train" / "deep").mkdir(parents=True)
    (place / "train" / "deep" / "a.jpg").write_bytes(b"x")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.jpg").write_bytes(b"x")
    os.symlink(tmp_path / "elsewhere", place / "other")
    os.symlink(tmp_path / "elsewhere", place / "other2")
    os.symlink(place, place / "train" / "deep" / "circle")
    os.symlink("deep", place / "train" / "a link that is seen first")
    os.symlink("/", place / "disk")
    os.symlink(tmp_path, place / "above")
    told = ("other2", "train/deep/circle", "train/a link that is seen first", "disk", "above")
    assert problems(place) == {"train/deep/a.jpg": None, "other/b.jpg": None, **dict.fromkeys(told, LISTED)}


def test_a_folder_that_cannot_be_read_is_a_row_unless_it_is_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("shut", "open"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(b"x")
    scan = os.scandir
    shut = str(tmp_path / "shut")

    def guarded(path: str) -> object:
        if path == shut:
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(listing.os, "scandir", guarded)
    assert problems(tmp_path) == {
        "open/a.jpg": None,
        "shut/": "it cannot be listed: Permission denied; check its rights",
    }
    shut = str(tmp_path)
    with pytest.raises(InputError, match=r"cannot be listed \(Permission denied\); check its rights"):
        problems(tmp_path)


def matched(blobs: list[Blob], place: Path, chosen: bool = True) -> tuple[list[MatchedBlob], ExpectedImages]:
    """Entries of a release that has ID in train and OTHER in test, OTHER chosen or not."""
    ids = np.array([int(ID, 16), int(OTHER, 16)], np.uint64)
    ones = np.ones(2, np.bool_)
    expected = ExpectedImages(
        ids, np.array([0, 2], np.uint8), np.array([9, 9]), np.zeros((2, 2), np.uint64), ones, ones
    )
    expected.chosen[1] = chosen
    empty = schemas.arrow_schema(schemas.table_schema("blob_checks")).empty_table()
    matcher = Matcher(locate_blobs(str(place)), "full", expected, PreviousChecks(pa.table(empty), 0), False)
    waves = list(matcher.waves(blobs, 2))
    return [entry for wave in waves for entry in wave], expected


def test_every_blob_of_an_image_is_judged_as_its(tmp_path: Path):
    keys = [f"test/{ID}.jpg", f"train/Dog/{ID}.jpg", f"train/Cat/{ID.upper()}.JPG", f"data/{OTHER}.png", "info.json"]
    entries, expected = matched([Blob(key, key, 9, "") for key in keys], tmp_path)
    images = [entry.image.image_id if entry.image else None for entry in entries]
    assert images == [ID, ID, ID, OTHER, None]
    assert [entry.note for entry in entries] == [
        "it lies in a folder of test, its image is of train", None, None, None,
        "named after no image, or no image by its ending",
    ]  # fmt: skip
    assert expected.seen.all()


def test_a_name_that_an_archive_holds_twice_is_told_apart_by_its_place(tmp_path: Path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in (f"x/{ID}.jpg", f"x/{ID}.jpg", f"y/{ID}.jpg", "README", "./README"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    blobs = list(list_blobs(locate_blobs(str(tmp_path / "a.tar")), FetchSettings(), Storage()))
    entries, _ = matched(blobs, tmp_path / "a.tar")
    assert [entry.blob.key for entry in entries] == [
        f"x/{ID}.jpg", f"x/{ID}.jpg@{blobs[1].start}", f"y/{ID}.jpg", "README", f"README@{blobs[4].start}",
    ]  # fmt: skip
    assert [entry.image is not None for entry in entries] == [True, True, True, False, False]


def test_a_folder_that_cannot_be_listed_is_said_where_it_has_no_row(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "oilake")
    shut = Blob(
        "shut/", str(tmp_path / "shut"), 0, "", problem="it cannot be listed: Permission denied; check its rights"
    )
    assert matched([shut], tmp_path, chosen=False)[0] == []
    assert f"{tmp_path}/shut/: it cannot be listed" in caplog.text
    assert len(matched([shut], tmp_path)[0]) == 1


def test_a_download_takes_a_link_to_itself_for_no_blob_and_sweeps_every_folder(tmp_path: Path):
    store = folder_store.open_folder(str(tmp_path))
    (tmp_path / "train" / "Dog").mkdir(parents=True)
    os.symlink("a.jpg", tmp_path / "train" / "a.jpg")
    (tmp_path / "train" / "b.jpg").write_bytes(b"x")
    assert store.sizes(["train/a.jpg", "train/b.jpg", "train/b.jpg/c.jpg"]) == {"train/b.jpg": 1}
    ours = [f".{ID}.0123abcd.part", f"train/.{ID}.0123abcd.part", f"train/Dog/.{ID.upper()}.0123abcd.part"]
    others = ["train/.mine.part", "train/mine.0123abcd.part", ".0123abcd.part"]
    for name in (*ours, *others):
        (tmp_path / name).write_bytes(b"x")
    assert store.sweep() == len(ours)
    assert all((tmp_path / name).exists() for name in others)


def test_every_status_of_an_image_has_its_rank():
    assert {*RANKS} == {*STATUSES} - {"unexpected"}
