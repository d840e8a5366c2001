"""Headers of files of rows: spellings of one column, and files whose first line is a row already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oilake.conf.errors import InputError
from oilake.conf.registry import ExpectedMember, HeaderForm, Member
from oilake.jobs.sources.csv_parser import parse_block, read_header
from oilake.jobs.sources.splits import Split, read_chunks
from oilake.jobs.transforms import attributes
from oilake.schemas.release_registry import find_release

POINTS = {"ImageId": "image_id", "ImageID": "image_id", "Label": "mid", "LabelName": "mid", "TextLabel": "text_label"}
NAMES = {"attributes": {"LabelName": "mid", "DisplayName": "name"}}
FILE = find_release("v6").files[0]


@pytest.mark.parametrize("line", [b"ImageId,Label,TextLabel\n", b"LabelName,TextLabel,ImageID\r\n"])
def test_one_spelling_of_each_column_is_enough(line: bytes):
    header = read_header(line, POINTS, (), "points.csv")
    assert sorted(name or "" for name in header.names) == ["image_id", "mid", "text_label"]
    assert header.extra == ()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"Label,TextLabel\n", "required column ImageId or ImageID is missing"),
        (b"ImageId,Label,ImageID,TextLabel\n", "ImageId and ImageID are spellings of one column, image_id, and both"),
        (b"ImageId,Label,Label,TextLabel\n", "column Label stands twice in the header"),
    ],
)
def test_no_spelling_and_two_of_them_are_refused(line: bytes, sentence: str):
    with pytest.raises(InputError, match=f"^points.csv: {sentence}"):
        read_header(line, POINTS, (), "points.csv")


def test_a_column_is_optional_by_any_of_its_spellings():
    assert read_header(b"ImageId,TextLabel\n", POINTS, ["LabelName"], "points.csv").names == ("image_id", "text_label")


def numbered_rows(folder: Path, data: bytes, form: HeaderForm | None, shares: int = 1) -> list[tuple[int, str, str]]:
    """(line, MID, name) of each row of a file that is read in some shares."""
    path = folder / "names.csv"
    path.write_bytes(data)
    member = Member("attributes", "names.csv", columns="attributes", header=form)
    expected = {"names.csv": ExpectedMember(replace(FILE, name="names.csv"), "names.csv", member, None)}
    cuts = [0, *(data.index(b"\n", len(data) * n // shares) + 1 for n in range(1, shares)), len(data)]
    read: list[tuple[int, str, str]] = []
    for n in range(shares):
        line = data.count(b"\n", 0, cuts[n]) + 1
        split = Split("names.csv", str(path), "plain", 1 << 20, n, shares, cuts[n], cuts[n + 1], line)
        for chunk in read_chunks(split, expected, NAMES, 1 << 20):
            for block in chunk.blocks:
                parsed = parse_block(block, chunk.header, attributes.TYPES, 1 << 20)
                numbers = parsed.lines(np.arange(parsed.count)).tolist()
                columns = (parsed.columns[name].to_pylist() for name in ("mid", "name"))
                read += zip(numbers, *columns, strict=True)
    return read


ROWS = ["/m/02gy9n,Transparent", '/m/0dnr7,"(made of)Textile, woven"', "/m/04lbp,(made of)Leather", "/m/083vt,Wooden"]
HEADER = "LabelName,DisplayName"


@pytest.mark.parametrize("form", ["absent", "either"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("shares", [1, 2])
def test_a_file_without_a_header_loses_no_row(tmp_path: Path, form: HeaderForm, end: str, mark: bytes, shares: int):
    read = numbered_rows(tmp_path, mark + end.join([*ROWS, ""]).encode(), form, shares)
    assert [line for line, _, _ in read] == [1, 2, 3, 4]
    assert [name for _, _, name in read] == [
        "Transparent", "(made of)Textile, woven", "(made of)Leather", "Wooden",
    ]  # fmt: skip
    assert read[0][1] == "/m/02gy9n"


@pytest.mark.parametrize("form", ["present", "either", None])
@pytest.mark.parametrize("shares", [1, 2])
def test_a_header_is_no_row_and_tells_the_order(tmp_path: Path, form: HeaderForm | None, shares: int):
    turned = ["Transparent,/m/02gy9n", "Leather,/m/04lbp", "Wooden,/m/083vt"]
    data = "\n".join(["DisplayName,LabelName", *turned, ""]).encode()
    read = numbered_rows(tmp_path, data, form, shares)
    assert read == [(2, "/m/02gy9n", "Transparent"), (3, "/m/04lbp", "Leather"), (4, "/m/083vt", "Wooden")]


@pytest.mark.parametrize("form", ["present", None])
def test_a_header_that_must_be_there_is_missed(tmp_path: Path, form: HeaderForm | None):
    with pytest.raises(InputError, match=r"^names\.csv: required columns LabelName, DisplayName are missing"):
        numbered_rows(tmp_path, "\n".join([*ROWS, ""]).encode(), form)
