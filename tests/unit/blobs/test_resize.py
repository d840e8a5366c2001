"""Every kind of image that is published is made smaller, also one that was published without its end."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from oilake.jobs.blobs import image_formats
from oilake.jobs.blobs.resize import DamagedImageError, Format, PixelBombError, Resize, resized

RED, GREEN, WHITE = (200, 30, 40), (10, 220, 30), (255, 255, 255)
PIXELS = 1_000_000
ORIENTATION = 0x0112

Pixel = tuple[int, int, int]
Kind = dict[str, Any]


def picture(size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Red on the left, green on the right."""
    image = Image.new("RGB", size, RED)
    image.paste(GREEN, (size[0] // 2, 0, *size))
    return image


def saved(image: Image.Image, form: str, **options: Any) -> io.BytesIO:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream


def made(stream: io.BytesIO, longest: int = 20, form: Format = "jpeg", is_original: bool = False) -> Image.Image:
    data = resized(stream, Resize(longest, format=form), PIXELS, is_original)
    assert data is not None
    image = Image.open(io.BytesIO(data))
    assert image.format == form.upper()
    image.load()
    return image


def ends(image: Image.Image) -> tuple[Pixel, Pixel]:
    """The colours of its first and its last pixel."""
    plain = image.convert("RGB")
    first, last = plain.getpixel((0, 0)), plain.getpixel((plain.width - 1, plain.height - 1))
    return first, last  # type: ignore[return-value]


def near(seen: tuple[Pixel, Pixel], *expected: Pixel) -> bool:
    return bool(np.abs(np.array(seen) - np.array(expected)).max() < 16)


def clear(image: Image.Image) -> Image.Image:
    """With its left half transparent."""
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, image.width // 2, image.height))
    image = image.convert("RGBA")
    image.putalpha(alpha)
    return image


def lab(image: Image.Image) -> Image.Image:
    found = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert found is not None
    return found


def several(form: str) -> io.BytesIO:
    return saved(picture(), form, save_all=True, append_images=[Image.new("RGB", (60, 40), "blue")])


PUBLISHED: dict[str, Callable[[], io.BytesIO]] = {
    "jpeg": lambda: saved(picture(), "JPEG"),
    "progressive jpeg": lambda: saved(picture(), "JPEG", progressive=True),
    "cmyk jpeg": lambda: saved(picture().convert("CMYK"), "JPEG"),
    "mpo": lambda: several("MPO"),
    "png": lambda: saved(picture(), "PNG"),
    "palette png": lambda: saved(picture().quantize(8), "PNG"),
    "animated png": lambda: several("PNG"),
    "gif": lambda: saved(picture(), "GIF"),
    "animated gif": lambda: several("GIF"),
    "webp": lambda: saved(picture(), "WEBP"),
    "lossless webp": lambda: saved(picture(), "WEBP", lossless=True),
    "animated webp": lambda: several("WEBP"),
    "tiff": lambda: saved(picture(), "TIFF"),
    "tiff of pages": lambda: several("TIFF"),
    "packed tiff": lambda: saved(picture(), "TIFF", compression="tiff_lzw"),
    "jpeg in tiff": lambda: saved(picture(), "TIFF", compression="jpeg"),
    "cmyk tiff": lambda: saved(picture().convert("CMYK"), "TIFF"),
    "lab tiff": lambda: saved(lab(picture()), "TIFF"),
    "big tiff": lambda: saved(picture(), "TIFF", big_tiff=True),
    "bmp": lambda: saved(picture(), "BMP"),
    "palette bmp": lambda: saved(picture().quantize(8), "BMP"),
}


@pytest.mark.parametrize("form", ["jpeg", "png"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_every_kind_is_made_smaller_and_of_several_pictures_the_first(name: str, form: Format):
    small = made(PUBLISHED[name](), 20, form)
    assert (small.size, small.mode) == ((20, 13), "RGB")
    assert near(ends(small), RED, GREEN)
    if name.split()[-1] != form:
        assert made(PUBLISHED[name](), 60, form).size == (60, 40), "small enough, and of another format"


def test_what_is_small_upright_and_of_the_format_stays_as_it_is():
    assert resized(PUBLISHED["jpeg"](), Resize(60), PIXELS) is None
    assert resized(PUBLISHED["png"](), Resize(60, format="png"), PIXELS) is None
    assert resized(PUBLISHED["mpo"](), Resize(60), PIXELS) is not None, "it holds more than the one picture"


TRANSPARENT: dict[str, Callable[[], io.BytesIO]] = {
    "rgba png": lambda: saved(clear(picture()), "PNG"),
    "grey png": lambda: saved(clear(picture()).convert("LA"), "PNG"),
    "png of a transparent colour": lambda: saved(picture(), "PNG", transparency=RED),
    "palette png": lambda: saved(palette := picture().quantize(8), "PNG", transparency=palette.getpixel((0, 0))),
    "gif": lambda: saved(clear(picture()), "GIF"),
    "webp": lambda: saved(clear(picture()), "WEBP", lossless=True),
    "tiff": lambda: saved(clear(picture()), "TIFF"),
}


@pytest.mark.parametrize("name", TRANSPARENT)
def test_what_is_transparent_is_white_in_a_jpeg_and_stays_so_in_a_png(name: str):
    small = made(TRANSPARENT[name]())
    right = ends(small)[1]
    assert near(ends(small), WHITE, right)
    assert small.mode == "RGB"
    whole = made(TRANSPARENT[name](), form="png")
    assert (whole.mode, whole.getpixel((0, 0))[3], whole.getpixel((19, 12))[3]) == ("RGBA", 0, 255)  # type: ignore[index]


def ramp(low: float, high: float, kind: Any) -> Image.Image:
    """Grey that grows from `low` at the first pixel to `high` at the last."""
    return Image.fromarray(np.linspace(low, high, 60 * 40).reshape(40, 60).astype(kind))


def of_big_endian(image: Image.Image) -> io.BytesIO:
    return saved(Image.frombytes("I;16B", image.size, np.asarray(image).astype(">u2").tobytes()), "TIFF")


def with_a_gap() -> Image.Image:
    values = np.asarray(ramp(-5, 5, np.float32)).copy()
    values[20, 30] = np.nan
    values[21, 30] = np.inf
    return Image.fromarray(values)


@pytest.mark.parametrize(
    "stream",
    [
        saved(ramp(0, 255, np.uint8), "PNG"),
        saved(ramp(0, 65535, np.uint16), "PNG"),
        saved(ramp(0, 65535, np.uint16), "TIFF"),
        of_big_endian(ramp(0, 65535, np.uint16)),
        saved(ramp(0, 65535, np.int32), "TIFF"),
        saved(ramp(-9, 2_000_000, np.int32), "TIFF"),
        saved(ramp(0, 1, np.float32), "TIFF"),
        saved(ramp(0, 255, np.float32), "TIFF"),
        saved(with_a_gap(), "TIFF"),
    ],
    ids=["8 bits", "16-bit PNG", "16-bit TIFF", "big-endian", "32 bits", "any range", "shares", "floats", "no numbers"],
)
def test_grey_of_more_than_8_bits_keeps_its_shades(stream: io.BytesIO):
    small = made(stream)
    shades = np.asarray(small).astype(int)
    assert small.mode == "L"
    assert abs(shades[0, 0] - 6) < 8
    assert abs(shades[-1, -1] - 249) < 8
    assert abs(shades[6, 10] - 127) < 12
    assert (np.diff(shades[:, 10]) > 5).all()


def test_dark_16_bit_grey_stays_dark():
    assert np.asarray(made(saved(ramp(0, 2000, np.uint16), "PNG"))).max() < 12


def test_two_colours_become_grey():
    assert made(saved(picture().convert("1"), "TIFF", compression="group4")).mode == "L"


@pytest.mark.parametrize("form", ["JPEG", "MPO", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_kind_is_turned_upright_once(form: str, orientation: int):
    """The picture is stored turned so that its Exif brings it back: red on the left, green on the right, a white corner."""
    upright = picture()
    upright.paste(WHITE, (0, 0, 20, 20))
    stored = {
        1: [], 2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM], 5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE], 8: [Image.Transpose.ROTATE_270],
    }[orientation]  # fmt: skip
    image = upright.transpose(stored[0]) if stored else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    small = made(saved(image, form, exif=exif), 30)
    assert small.size == (30, 20)
    assert near(ends(small), WHITE, GREEN)
    assert np.abs(np.array(small.getpixel((2, 17))) - RED).max() < 24
    assert small.getexif().get(ORIENTATION) is None


def test_a_damaged_exif_costs_no_picture():
    exif = b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(9)
    assert made(saved(picture(), "JPEG", exif=exif)).size == (20, 13)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (30_000, 1)])
def test_odd_sides_stay_at_least_one_pixel(size: tuple[int, int]):
    small = made(saved(Image.new("RGB", size, RED), "PNG"))
    assert small.size == tuple(min(20, side) for side in size)


def test_a_profile_is_kept_only_where_it_fits():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert made(saved(picture(), "PNG", icc_profile=profile)).info["icc_profile"] == profile
    cmyk = profile[:16] + b"CMYK" + profile[20:]
    assert "icc_profile" not in made(saved(picture().convert("CMYK"), "JPEG", icc_profile=cmyk)).info


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "MPO"])
def test_a_bomb_of_any_kind_is_refused(form: str):
    stream = saved(Image.new("RGB", (1001, 1000)), form)
    with pytest.raises(PixelBombError, match="1,001 x 1,000 pixels"):
        resized(stream, Resize(20), PIXELS, is_original=True)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"II*\0\xff\0\0\0", b"BM" * 40]
)
def test_what_is_no_image_is_damaged_also_if_it_was_published_so(data: bytes):
    for is_original in (False, True):
        with pytest.raises(DamagedImageError):
            resized(io.BytesIO(data), Resize(20), PIXELS, is_original)


def noise() -> Image.Image:
    rng = np.random.default_rng(7)
    values = rng.integers(0, 30, (400, 300, 3), np.uint8)
    values[:, :150] += np.array(RED, np.uint8)
    values[:, 150:] += np.array(GREEN, np.uint8)
    return Image.fromarray(values)


CUT: list[Kind] = [
    {"form": "JPEG"}, {"form": "JPEG", "progressive": True}, {"form": "MPO"}, {"form": "PNG"}, {"form": "GIF"},
    {"form": "TIFF"}, {"form": "BMP"},
]  # fmt: skip


@pytest.mark.lengthy
@pytest.mark.parametrize("kind", CUT, ids=str)
@pytest.mark.parametrize("share", [0.001, 0.04])
def test_a_published_image_without_its_end_is_made_of_what_is_left_and_any_other_is_damaged(kind: Kind, share: float):
    data = saved(noise(), **kind).getvalue()
    stream = io.BytesIO(data[: -int(len(data) * share) - 30])
    with pytest.raises(DamagedImageError):
        resized(stream, Resize(40), PIXELS)
    small = made(stream, 40, is_original=True)
    whole = made(io.BytesIO(data), 40)
    assert small.size == (30, 40)
    assert np.abs(np.asarray(small)[8:32].astype(int) - np.asarray(whole)[8:32]).max() < 16
    with pytest.raises(DamagedImageError):
        resized(stream, Resize(40), PIXELS)


def test_one_thread_reads_what_is_left_while_another_refuses_it():
    data = saved(noise(), "JPEG").getvalue()[:-60]
    refused, read, start = list[int](), list[int](), threading.Barrier(4)

    def strict() -> None:
        start.wait()
        for n in range(20):
            try:
                resized(io.BytesIO(data), Resize(40), PIXELS)
            except DamagedImageError:
                refused.append(n)

    def lenient() -> None:
        start.wait()
        read.extend(n for n in range(20) if resized(io.BytesIO(data), Resize(40), PIXELS, is_original=True))

    threads = [threading.Thread(target=work) for work in (strict, lenient, strict, lenient)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), len(read), bool(ImageFile.LOAD_TRUNCATED_IMAGES)) == (40, 40, False)


@pytest.mark.parametrize("name", [*PUBLISHED, *(f"transparent {name}" for name in TRANSPARENT)])
def test_first_and_last_bytes_tell_kind_end_and_sides(name: str):
    data = {**PUBLISHED, **{f"transparent {other}": make for other, make in TRANSPARENT.items()}}[name]().getvalue()
    expected = next(kind for kind in ("tiff", "png", "gif", "webp", "bmp", "jpeg", "mpo") if kind in name)
    kind = image_formats.image_kind(data[: image_formats.TAIL])
    assert kind == expected.replace("mpo", "jpeg")
    assert image_formats.image_sides(kind, memoryview(data)) == (None if name == "big tiff" else (60, 40))
    assert image_formats.is_whole(kind, data, len(data), data[-image_formats.TAIL :]) is (
        None if kind == "tiff" else True
    )
    cut = data[:-9]
    assert image_formats.is_whole(kind, cut, len(cut), cut[-image_formats.TAIL :]) is (
        None if kind == "tiff" else False
    )


@pytest.mark.parametrize(
    "data", [b"BMW is no bitmap, whatever it begins with", b"RIFF\x24\0\0\0WAVEfmt ", b"MM", b"<!DOCTYPE html>", b""]
)
def test_what_only_begins_like_an_image_is_none(data: bytes):
    assert image_formats.image_kind(data) is None


def test_sides_that_no_column_could_hold_are_those_of_a_bomb():
    head = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\xff" * 8 + b"\x08\x02\0\0\0"
    assert image_formats.image_sides("png", head) == (image_formats.LONGEST, image_formats.LONGEST)
    starts = {"tiff": b"II*\0\x08\0\0\0\xff", "bmp": b"BM", "webp": b"RIFF", "gif": b"GIF8", "jpeg": b"\xff\xd8"}
    assert {image_formats.image_sides(kind, start) for kind, start in starts.items()} == {None}
