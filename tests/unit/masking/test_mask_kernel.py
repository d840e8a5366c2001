"""Masks of one zip held against their rows: every row and every member has its verdict, whatever either holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oilake.conf.mask_rules import load_mask_rules
from oilake.jobs.masking.mask_kernel import MaskContext, MaskSplit, check_masks, share_places
from oilake.jobs.masking.outcome import MaskOutcome
from oilake.jobs.tables.staging import read_staged
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality import row_expectations
from oilake.quality import suites as quality
from tests.support.mask_zips import (
    bare_png,
    flip_byte,
    mask_name,
    mask_row,
    png,
    square,
    write_rows,
    write_zip,
)

Row = dict[str, Any]
SOUND = png(square())


def checked(tmp_path: Path, rows: Sequence[Row], archive: Path | None, parts: int = 1) -> tuple[MaskOutcome, list[Row]]:
    """What became of the masks of the zip `a`, and the rows that were staged."""
    warehouse = Warehouse.at(str(tmp_path / "warehouse"))
    files = (write_rows(tmp_path / "rows.parquet", rows),)
    context = MaskContext(warehouse, "v5", "run", load_mask_rules(), {"test": files})
    outcome = MaskOutcome()
    for part in range(parts):
        uri = str(archive) if archive else None
        for each in check_masks(MaskSplit("test", "a", "v5/masks-a.zip", uri, part, parts), context):
            outcome.add(each)
    staged = [row for file in outcome.staged for row in read_staged(warehouse, file).to_pylist()]
    for file in outcome.staged:
        table = read_staged(warehouse, file)
        for expectation in quality.load_suite("mask_checks").of("row"):
            if expectation.kwargs.get("column") in table.column_names:
                assert row_expectations.passing_rows(expectation.rule, table).all(), expectation.description
    return outcome, staged


def verdict_of(tmp_path: Path, data: bytes, **columns: Any) -> Row:
    """The staged row of one mask."""
    archive = write_zip(tmp_path / "a.zip", [(mask_name("00000001"), data)])
    (row,) = checked(tmp_path, [mask_row("00000001", **columns)], archive)[1]
    return row


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_a_mask_of_any_colours_is_measured(tmp_path: Path, mode: str):
    pixels = square(30, 60, 40, 50)
    data = png(pixels.astype(np.uint16) * 257, "I;16") if mode == "I;16" else png(pixels, mode)
    row = verdict_of(tmp_path, data)
    assert (row["status"], row["reason"], row["note"], row["is_inside_box"]) == ("verified", None, None, True)
    assert (row["width"], row["height"], row["foreground_share"], row["bytes"]) == (100, 100, 0.03, len(data))
    assert [row[edge] for edge in ("x_min", "x_max", "y_min", "y_max")] == [0.3, 0.6, 0.4, 0.5]


def test_a_pixel_is_the_objects_above_the_grey_of_the_rules(tmp_path: Path):
    pixels = square()
    pixels[pixels > 0] = 122
    pixels[50, 50] = 123
    assert verdict_of(tmp_path, png(pixels))["foreground_share"] == 1 / 10_000


@pytest.mark.parametrize(
    ("pixels", "status"),
    [
        (square(24, 76, 24, 76), "verified"),
        (square(23, 75), "outside_box"),
        (square(25, 77), "outside_box"),
        (square(25, 75, 23, 75), "outside_box"),
        (square(25, 75, 25, 77), "outside_box"),
        (square(3, 8, 3, 8, side=10), "verified"),
        (square(0, 8, 3, 8, side=10), "outside_box"),
        (square(1, 3, 1, 3, side=4), "verified"),
        (square(0, 0), "blank"),
    ],
)
def test_the_object_lies_in_its_box_by_the_centres_of_its_pixels(tmp_path: Path, pixels: Any, status: str):
    row = verdict_of(tmp_path, png(pixels))
    assert (row["status"], row["is_inside_box"]) == (
        status,
        {"verified": True, "outside_box": False, "blank": None}[status],
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_a_png"),
        (b"GIF89a", "not_a_png"),
        (SOUND[:20], "damaged_png"),
        (SOUND[: len(SOUND) // 2], "damaged_png"),
        (bare_png(0, 5), "damaged_png"),
        (bare_png(50, 50), "damaged_png"),
        (bare_png(1 << 30, 1 << 30), "too_large"),
        (bare_png(5001, 5000), "too_large"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "damaged_png"),
    ],
)
def test_what_is_no_mask_has_a_reason(tmp_path: Path, data: bytes, reason: str):
    row = verdict_of(tmp_path, data)
    assert (row["status"], row["reason"], row["width"]) == ("unreadable", reason, None)
    assert row["note"]


def test_a_member_that_unfolds_to_more_than_allowed_is_not_unfolded(tmp_path: Path):
    bomb = [(mask_name("00000001"), SOUND + bytes(20 << 20))]
    (row,) = checked(tmp_path, [mask_row("00000001")], write_zip(tmp_path / "a.zip", bomb, packed=True))[1]
    assert (row["status"], row["reason"], row["bytes"]) == ("unreadable", "too_large", len(SOUND) + (20 << 20))


def test_every_row_and_every_member_is_told(tmp_path: Path):
    names = [f"0000000{n}" for n in range(8)]
    rows = [mask_row(name) for name in names] + [mask_row("00000000", x_min=0.6)]
    rows += [mask_row("00000009", image="b000000000000001")]  # of another zip
    members = [(mask_name(name), SOUND) for name in names[:6]]
    members += [("folder/" + mask_name("00000006"), SOUND), (mask_name("0000000f"), SOUND), ("readme.txt", b"")]
    members += [("again/" + mask_name("00000002"), SOUND), ("folder/", b"")]
    archive = write_zip(tmp_path / "a.zip", members, packed=True)
    outcome, staged = checked(tmp_path, rows, archive)
    told = Counter((row["mask_path"].rpartition("/")[2], row["status"], row["reason"]) for row in staged)
    assert told == Counter(
        [(mask_name(name), "verified", None) for name in names[:7]]
        + [(mask_name("00000000"), "outside_box", None), (mask_name("00000007"), "missing", "not_in_archive")]
        + [(mask_name("0000000f"), "extra", "unlisted"), ("readme.txt", "extra", "unlisted")]
        + [(mask_name("00000002"), "extra", "repeated")]
    )
    assert (outcome.members, outcome.statuses["extra"]) == (10, 3)
    assert {row["image_id"] is None for row in staged if row["status"] == "extra"} == {True}


@pytest.mark.parametrize("parts", [2, 3, 50])
def test_shares_of_a_zip_tell_the_same_as_the_whole(tmp_path: Path, parts: int):
    names = [f"{n:08x}" for n in range(20)]
    archive = write_zip(tmp_path / "a.zip", [(mask_name(name), SOUND) for name in names[3:]] + [("x.png", b"")])
    rows = [mask_row(name) for name in names[:15]]
    whole, shared = (checked(tmp_path / f"of-{n}", rows, archive, n) for n in (1, parts) if not
                     (tmp_path / f"of-{n}").mkdir())  # fmt: skip
    assert sorted(shared[1], key=str) == sorted(whole[1], key=str)
    assert (shared[0].statuses, shared[0].members, shared[0].bytes) == (
        whole[0].statuses,
        whole[0].members,
        whole[0].bytes,
    )


def test_shares_hold_each_place_once():
    assert [n for part in range(7) for n in share_places(23, part, 7)] == [*range(23)]


def flipped_byte(path: Path) -> None:
    flip_byte(path, mask_name("00000001"))


def damaged_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0:4] = b"zap!"
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(("damage", "reason"), [(flipped_byte, "crc_mismatch"), (damaged_header, "damaged_member")])
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_member_is_told_and_the_others_are_read(
    tmp_path: Path, damage: Callable[[Path], None], reason: str, packed: bool
):
    names = [mask_name("00000001"), mask_name("00000002")]
    archive = write_zip(tmp_path / "a.zip", [(name, SOUND) for name in names], packed)
    damage(archive)
    staged = checked(tmp_path, [mask_row("00000001"), mask_row("00000002")], archive)[1]
    statuses = {row["mask_path"]: (row["status"], row["reason"]) for row in staged}
    assert statuses[names[1]] == ("verified", None)
    # A packed member whose first byte is another cannot be unfolded, so nobody comes to its CRC.
    assert statuses[names[0]] == ("unreadable", "damaged_member" if packed else reason)


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_a_zip_that_cannot_be_read_takes_its_masks_along(tmp_path: Path, cut: int):
    archive = write_zip(tmp_path / "a.zip", [(mask_name("00000001"), SOUND)])
    archive.write_bytes(archive.read_bytes()[:cut])
    outcome, staged = checked(tmp_path, [mask_row("00000001"), mask_row("00000002")], archive, parts=2)
    assert [(row["status"], row["reason"]) for row in staged] == [("unreadable", "damaged_archive")] * 2
    assert outcome.members == 0


def test_masks_of_a_zip_that_is_not_there_are_missing(tmp_path: Path):
    (row,) = checked(tmp_path, [mask_row("00000001")], None)[1]
    assert (row["status"], row["reason"], row["archive"]) == ("missing", "no_archive", "v5/masks-a.zip")
