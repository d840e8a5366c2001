"""Pictures from a folder, a tar and a tar.gz; nothing outside of them, and nothing that is no picture."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from oilake.conf.settings import Settings
from oilake.jobs.viewing.blob_pictures import open_places
from oilake.jobs.viewing.picture_frame import frame_picture
from tests.support.releases import image_id
from tests.unit.viewing.conftest import Open

FIRST, SECOND = image_id(0), image_id(1)


def jpeg(width: int = 640, height: int = 400, orientation: int = 1) -> bytes:
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height), "teal").save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name, data in {
        f"train/{FIRST}.jpg": jpeg(),
        f"train_1/{SECOND}.jpg": jpeg(orientation=6),
        f"train/{image_id(2)}.jpg": b"<svg onload='alert(1)'/>",
        f"dogs/{image_id(3)}.jpg": jpeg(),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.lengthy
@pytest.mark.parametrize("kind", ["folder", "w", "w:gz"])
def test_a_picture_is_shown_from_where_it_lies(
    photos: Path, tmp_path: Path, view_place: str, open_viewer: Open, kind: str
):
    place = photos
    if kind != "folder":
        place = tmp_path / "photos.tar"
        with tarfile.open(place, kind) as archive:
            archive.add(photos, ".")
    client = open_viewer(view_place, str(place))
    answer = client.get(f"/picture/v3/train/{FIRST}")
    assert (answer.headers["Content-Type"], answer.content) == ("image/jpeg", jpeg())
    small = client.get(f"/small/train/{FIRST}")
    with Image.open(io.BytesIO(small.content)) as image:
        assert image.size == (320, 200)
    assert client.get(f"/picture/v3/train/{SECOND}").status_code == 200
    assert client.get(f"/picture/v3/train/{image_id(2)}").status_code == 404
    assert "no picture" in client.get(f"/small/train/{image_id(2)}").text
    page = client.get(f"/image/{FIRST}?release=v3").text
    assert "viewBox='0 0 640 400'" in page
    assert f"<image class='layer-picture' href='/picture/v3/train/{FIRST}'" in page
    turned = client.get(f"/image/{SECOND}?release=v3").text
    assert "viewBox='0 0 400 640'" in turned
    assert f"<img src='/small/train/{FIRST}'" in client.get("/browse?release=v3").text


@pytest.mark.parametrize(
    "path", ["/small/../passwd", "/small/train/..%2f..%2fpasswd", "/picture/v3/..%2f..%2fetc/x", "/small/etc/passwd"]
)
def test_an_address_cannot_leave_the_place(photos: Path, view_place: str, open_viewer: Open, path: str):
    assert open_viewer(view_place, str(photos)).get(path).status_code == 404


def test_neither_a_link_nor_a_key_of_a_check_leads_out(photos: Path, tmp_path: Path, settings: Settings):
    (tmp_path / "outside.jpg").write_bytes(jpeg())
    (photos / ".unfinished").mkdir()
    (photos / ".unfinished" / "a.jpg").write_bytes(jpeg())
    (photos / "train" / f"{image_id(9)}.jpg").symlink_to(tmp_path / "outside.jpg")
    places = open_places([str(photos)], settings)
    assert places.find_picture(image_id(9), "train") is None
    for key in ("../outside.jpg", str(tmp_path / "outside.jpg"), "dogs/../../outside.jpg", ".unfinished/a.jpg", ""):
        assert places.find_picture(image_id(8), "train", [(str(photos), key)]) is None
    assert places.find_picture(image_id(3), "train", [(str(photos), f"dogs/{image_id(3)}.jpg")]) is not None
    assert places.find_picture(image_id(3), "train", [("/elsewhere", f"dogs/{image_id(3)}.jpg")]) is None


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_picture_shows_a_place_where_its_pixels_go(turn: int):
    """The top left corner of a picture of 200 by 100, turned counter-clockwise."""
    frame = frame_picture((200, 100), turn)
    corners = {0: (0, 0), 90: (0, 200), 180: (200, 100), 270: (100, 0)}
    assert frame.shown_place(0, 0) == corners[turn]
    assert frame.shown_sides == ((100, 200) if turn in (90, 270) else (200, 100))
    pixels = Image.new("L", (200, 100))
    pixels.putpixel((20, 10), 255)
    shown = pixels.rotate(turn, expand=True)
    x, y = frame.shown_place(20.5 / 200, 10.5 / 100)
    assert shown.getpixel((int(x), int(y))) == 255


def test_an_unknown_rotation_turns_nothing():
    assert frame_picture((200, 100), None).transform == ""
    assert frame_picture(None, None).is_known is False
