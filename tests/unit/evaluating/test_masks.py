"""Predicted masks: their code, their overlaps, and a whole evaluation against PNGs in a zip."""

from __future__ import annotations

import base64
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oilake.jobs import cli
from oilake.jobs.blobs.mask_pictures import measure_mask, scale_mask
from oilake.jobs.blobs.run_lengths import MaskCodeError
from oilake.jobs.evaluating.average_precision import class_curves, mean_average
from oilake.jobs.evaluating.mask_codes import decode_mask
from oilake.jobs.evaluating.mask_overlaps import mask_overlaps
from oilake.jobs.evaluating.truth_matching import Detections, TruthMarks, box_overlaps, count_detections
from tests.support.mask_zips import png
from tests.support.releases import CAT, DOG, image_id
from tests.support.view_lake import ANIMAL

Pixels = np.ndarray[Any, np.dtype[np.bool_]]
ONE, TWO = image_id(1, "validation"), image_id(2, "validation")
HEADER = "ImageID,ImageWidth,ImageHeight,LabelName,Score,Mask"


def encode(pixels: Pixels) -> str:
    """A mask as the challenge writes it, run by run and character by character."""
    runs, last, flat = [0], False, pixels.T.reshape(-1).tolist()
    for value in flat:
        if value != last:
            runs.append(0)
        runs[-1] += 1
        last = value
    text = ""
    for n, run in enumerate(runs):
        number, is_more = run - (runs[n - 2] if n > 2 else 0), True
        while is_more:
            digit, number = number & 31, number >> 5
            is_more = number != (-1 if digit & 16 else 0)
            text += chr(48 + digit + (32 if is_more else 0))
    return base64.b64encode(zlib.compress(text.encode())).decode()


def block(left: int, right: int, top: int, bottom: int, side: int = 100) -> Pixels:
    """A filled rectangle in a square of pixels."""
    pixels = np.zeros((side, side), np.bool_)
    pixels[top:bottom, left:right] = True
    return pixels


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(1, 90), st.integers(0, 2**32), st.sampled_from([0.0, 0.02, 0.5, 1.0]))
def test_any_mask_is_read_as_it_was_written(height: int, width: int, seed: int, share: float) -> None:
    pixels = np.random.default_rng(seed).random((height, width)) < share
    assert np.array_equal(decode_mask(encode(pixels), width, height), pixels)


def test_a_code_that_pycocotools_documents() -> None:
    """Its own form of a 4 x 4 picture with ones at rows 1 and 2 of column 1: runs 5, 2, 9 (example E)."""
    code = base64.b64encode(zlib.compress(b"529")).decode()
    mask = decode_mask(code, 4, 4)
    assert np.argwhere(mask).tolist() == [[1, 1], [2, 1]]
    assert measure_mask(mask).extent == (0.25, 0.5, 0.25, 0.75)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no base64!", "no base64"),
        (base64.b64encode(b"529").decode(), "no base64"),
        (base64.b64encode(zlib.compress(b"529")[:-3]).decode(), "cut off"),
        (base64.b64encode(zlib.compress(b"")).decode(), "no run lengths"),
        (base64.b64encode(zlib.compress(b"52 ")).decode(), "no run lengths"),
        (base64.b64encode(zlib.compress(b"5o")).decode(), "no run lengths"),
        (base64.b64encode(zlib.compress(b"5" + b"o" * 9 + b"0")).decode(), "too long"),
        (base64.b64encode(zlib.compress(b"528")).decode(), "not of 4 x 4"),
        (base64.b64encode(zlib.compress(b"5O<")).decode(), "not of 4 x 4"),
    ],
)
def test_a_text_that_is_no_mask(text: str, sentence: str) -> None:
    with pytest.raises(MaskCodeError, match=sentence):
        decode_mask(text, 4, 4)


def test_a_mask_of_other_sides_is_compared_by_fractions() -> None:
    assert np.array_equal(scale_mask(block(1, 3, 0, 2, side=4), 100, 100), block(25, 75, 0, 50))
    union = mask_overlaps(lambda _: block(25, 75, 0, 50), lambda _: block(1, 3, 0, 2, side=4)).union
    assert union(np.array([0]), np.array([0])).tolist() == [1.0]


def test_detections_of_bare_boxes_and_groups_are_not_counted() -> None:
    """One key. Marks: a mask, a box without one, a group without one. Detections: the mask, it again, the bare box, a part
    of the group, and nothing at all."""
    edges = np.array([[0, 10, 0, 10], [20, 30, 20, 30], [50, 90, 50, 90]], np.float64)
    marks = TruthMarks(np.zeros(3, np.int64), np.array([False, False, True]), np.array([False, True, True]))
    claimed = np.array([edges[0], edges[0], edges[1], [50, 60, 50, 60], [95, 99, 95, 99]])
    detections = Detections(np.zeros(5, np.int64), np.linspace(0.9, 0.5, 5), np.arange(5))
    boxes = box_overlaps(claimed, edges)
    counted = count_detections(detections, marks, boxes, 0.0, boxes)
    assert (counted.rows.tolist(), counted.weights.tolist()) == ([0, 1, 4], [1.0, 0.0, 0.0])


def test_example_c() -> None:
    """Two classes: the dog's mask is found, the cat's is not though the boxes are the same: dog 1, cat 0, mAP 1/2."""
    marks = TruthMarks(np.arange(2), np.zeros(2, np.bool_), np.zeros(2, np.bool_))
    claimed, there = [block(0, 50, 0, 50), block(0, 50, 0, 20)], [block(0, 50, 0, 50), block(0, 50, 20, 50)]
    detections = Detections(np.arange(2), np.array([0.5, 0.6]), np.arange(2))
    counted = count_detections(detections, marks, mask_overlaps(claimed.__getitem__, there.__getitem__), 0.0)
    averages = np.array([curve.average for curve in class_curves(counted, counted.keys, np.ones(2))])
    assert (averages.tolist(), mean_average(averages)) == ([1.0, 0.0], 0.5)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "v5" / "validation-masks"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "validation-masks-2.zip", "w") as archive:
        archive.writestr(f"{ONE}_cat.png", png((block(10, 50, 10, 50) * 255).astype(np.uint8)))
    return tmp_path


def evaluate(lake: Path, landing: Path, rows: list[str], *flags: str) -> int:
    path = landing / "masks.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    places = ["--warehouse", str(lake), "--landing", str(landing)]
    return cli.main(["evaluate", "--predictions", str(path), "--release", "v7", *places, *flags])


def claim(image: str, mid: str, score: float, pixels: Pixels) -> str:
    return f"{image},{pixels.shape[1]},{pixels.shape[0]},{mid},{score},{encode(pixels)}"


@pytest.mark.lengthy
def test_masks_against_the_published_ones(lake: Path, landing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cat is right, and as an animal too (in other pixels); the denied dog is wrong; what lies in the group of dogs,
    which has no mask, is not counted, nor is what has no pixel."""
    rows = [
        claim(ONE, CAT, 0.9, block(10, 50, 10, 50)),
        claim(ONE, ANIMAL, 0.8, block(20, 60, 20, 60, side=200)),  # less than half of the cat
        claim(ONE, ANIMAL, 0.7, block(20, 100, 20, 80, side=200)),
        claim(ONE, DOG, 0.6, block(10, 50, 10, 50)),
        claim(TWO, DOG, 0.5, block(10, 50, 10, 50)),
        claim(ONE, CAT, 0.4, block(0, 0, 0, 0)),
    ]
    assert evaluate(lake, landing, rows, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert {row["key"]: row["average"] for row in report["classes"] if row["average"] is not None} == {
        CAT: 1.0,
        ANIMAL: 0.5,
    }
    assert report["fates"] == {"other_class": 0, "unverified": 0, "counted": 4, "ignored": 1, "empty": 1}
    assert report["subject"].startswith("masks of all boxable classes, group-of weight 0")


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (f"{ONE},100,100,{CAT},0.9,eJw=", "line 2: Mask: it is cut off or too long; encode"),
        (f"{ONE},100,0,{CAT},0.9,eJw=", "line 2: ImageHeight '0.0' is no number of pixels"),
        (f"{ONE},1.5,10,{CAT},0.9,eJw=", "line 2: ImageWidth '1.5' is no number of pixels"),
        (f"{ONE},100,100,{CAT},0.9,", "line 2: Mask"),
    ],
)
def test_a_bad_mask_is_told_with_its_line(
    lake: Path, landing: Path, capsys: pytest.CaptureFixture[str], row: str, sentence: str
) -> None:
    assert evaluate(lake, landing, [row]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.lengthy
def test_pictures_that_are_not_there_are_told(lake: Path, landing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [claim(ONE, CAT, 0.9, block(10, 50, 10, 50))]
    archive = landing / "v5" / "validation-masks" / "validation-masks-2.zip"
    with zipfile.ZipFile(archive, "w") as emptied:
        emptied.writestr("other.png", b"")
    assert evaluate(lake, landing, rows) == 2
    assert f"{ONE}_cat.png is not in it; fetch" in capsys.readouterr().err
    archive.write_bytes(b"no zip")
    assert evaluate(lake, landing, rows) == 2
    assert "its directory cannot be read" in capsys.readouterr().err
    archive.unlink()
    assert evaluate(lake, landing, rows) == 2
    assert "none of the zips of v7's masks of validation is here" in capsys.readouterr().err
