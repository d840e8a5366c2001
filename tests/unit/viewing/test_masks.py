"""The pixels of masks over an image: from their zips alone, turned as the picture is, and what is wrong in a sentence."""

from __future__ import annotations

import html
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor
from starlette.testclient import TestClient

from oilake.conf.mask_files import mask_files
from oilake.jobs.reporting import palette
from oilake.schemas.release_registry import find_release
from tests.support import mask_zips
from tests.support.releases import image_id
from tests.unit.viewing.conftest import Open

pytestmark = pytest.mark.lengthy

FIRST = image_id(0)
NAME = f"{FIRST}_m01yrx_0000000a.png"
ADDRESS, PAGE = f"/mask/v5/train/{NAME}", f"/image/{FIRST}?release=v5"


def zip_place(landing: Path) -> Path:
    """Where the zip with the mask of the first image belongs."""
    (name,) = (f.file.name for f in mask_files(find_release("v5"), ["train"]) if f.digit == FIRST[0])
    return landing / name


def shown(client: TestClient, address: str) -> np.ndarray:
    """The pixels of an answer, with their opacity; shape (height, width, 4)."""
    answer = client.get(address)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def test_a_mask_lies_over_its_picture_turned_as_it_is(view_place: str, tmp_path: Path, open_viewer: Open):
    pixels = mask_zips.square(0, 30, 0, 50)
    mask_zips.write_zip(zip_place(tmp_path), [(f"folder/{NAME}", mask_zips.png(pixels))])
    client = open_viewer(view_place, landing=str(tmp_path))
    overlay = shown(client, f"{ADDRESS}?colour=2")
    assert np.array_equal(overlay[..., 3] > 0, pixels > 0)
    assert {tuple(colour) for colour in overlay[pixels > 0]} == {(*ImageColor.getrgb(palette.KINDS[2]), 255)}
    page = client.get(PAGE).text
    turned = page.partition("transform='translate(0 1024) rotate(-90)'>")[2].partition("layer-boxes")[0]
    assert f"<image href='{ADDRESS}?colour=0' width='1024' height='768' preserveAspectRatio='none'>" in turned
    assert "pixels of masks (1)" in page
    assert "Masks:" not in page


def test_without_its_zip_a_mask_is_a_sentence(view_place: str, tmp_path: Path, open_viewer: Open):
    client = open_viewer(view_place, landing=str(tmp_path))
    sentence = f"is not in {tmp_path}: bring it with `oilake fetch --release v5 --masks`"
    page = html.unescape(client.get(PAGE).text)
    assert sentence in page
    assert "layer-pixels'></g>" in page
    assert "pixels of masks" not in page
    answer = client.get(ADDRESS)
    assert answer.status_code == 404
    assert sentence in html.unescape(answer.text)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "it is no PNG"),
        (mask_zips.bare_png(100_000, 100_000), "25,000,000 are allowed"),
        (mask_zips.bare_png(100, 100), "it is damaged"),
        (None, "is not in it"),
        (b"", "it is no PNG"),
    ],
)
def test_a_png_that_is_none_is_refused_in_a_sentence(
    view_place: str, tmp_path: Path, open_viewer: Open, data: bytes | None, words: str
):
    mask_zips.write_zip(zip_place(tmp_path), [("other.png", b"")] if data is None else [(NAME, data)])
    client = open_viewer(view_place, landing=str(tmp_path))
    for address, status in ((PAGE, 200), (ADDRESS, 404)):
        answer = client.get(address)
        assert answer.status_code == status
        assert words in html.unescape(answer.text), answer.text
        assert "layer-pixels'><image" not in answer.text


def test_a_zip_that_is_none_and_one_that_is_mended_while_the_viewer_runs(
    view_place: str, tmp_path: Path, open_viewer: Open
):
    place = zip_place(tmp_path)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"no zip")
    client = open_viewer(view_place, landing=str(tmp_path))
    assert "its directory cannot be read" in client.get(PAGE).text
    for side in (10, 20):
        mask_zips.write_zip(place, [(NAME, mask_zips.png(mask_zips.square(0, side, 0, side)))])
        assert np.count_nonzero(shown(client, ADDRESS)[..., 3]) == side * side


@pytest.mark.parametrize(
    "address",
    [
        "/mask/v5/train/..%2f..%2fetc%2fpasswd", "/mask/v5/etc/" + NAME, "/mask/v9/train/" + NAME, "/mask/v3/train/" + NAME,
        "/mask/v5/train/x.png", ADDRESS + "?colour=-1", ADDRESS + "?colour=" + "9" * 5000, "/mask/v5/train/" + NAME + "%00",
        "/mask/v5/train/%F0%9F%98%80.png",
    ],
)  # fmt: skip
def test_an_address_names_a_mask_and_nothing_else(view_place: str, tmp_path: Path, open_viewer: Open, address: str):
    mask_zips.write_zip(zip_place(tmp_path), [(NAME, mask_zips.png(mask_zips.square()))])
    answer = open_viewer(view_place, landing=str(tmp_path)).get(address)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text
