"""Files of corrections as people write them: what is read of them, and what is refused by its line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from oilake.conf.errors import ConfigError, InputError
from oilake.jobs.reconciling.correction_file import read_corrections
from oilake.jobs.reconciling.correction_rows import Correction, file_of_rows, table_rows

HEADER = "image_id,mid,verdict,who,why,releases"
BOX_HEADER = f"{HEADER},kind,x_min,x_max,y_min,y_max"
DOG, IMAGE = "/m/0bt9lr", "00000000000000a1"
RELEASES = ("v3", "v5", "v6")
ROW = f"{IMAGE},{DOG},positive,ann,a dog,v5"


def read(folder: Path, *rows: str, header: str = HEADER) -> tuple[Correction, ...]:
    (folder / "mine.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return read_corrections(folder / "mine.csv", RELEASES).rows


def test_rows_are_read_in_every_usual_spelling(tmp_path: Path):
    rows = read(
        tmp_path,
        '0xA1,m.0bt9lr, negative ,Änne,"no dog, a wolf\nat night",v5; v6;v5,,,,,',
        "",
        f"{IMAGE},{DOG},,ann,not there,*,drop_box,0,.5,1e-1,1",
        header="\ufeff" + BOX_HEADER,
    )
    assert rows == (
        Correction(2, IMAGE, DOG, "verdict", "negative", None, "Änne", "no dog, a wolf\nat night", ("v5", "v6")),
        Correction(5, IMAGE, DOG, "drop_box", None, (0.0, 0.5, 0.1, 1.0), "ann", "not there", ("*",)),
    )
    assert rows[0].is_for("v6")
    assert not rows[0].is_for("v3")
    assert rows[1].is_for("v3")


def test_rows_come_back_from_the_table_as_they_were(tmp_path: Path):
    read(tmp_path, ROW + ",,,,,", f"{IMAGE},{DOG},,ann,no,*,drop_box,0,0.5,0,1", header=BOX_HEADER)
    file = read_corrections(tmp_path / "mine.csv", RELEASES)
    assert file.sha256 == hashlib.sha256((tmp_path / "mine.csv").read_bytes()).hexdigest()
    assert file_of_rows(file.name, file.sha256, table_rows(file, {}).to_pylist()) == file


@pytest.mark.parametrize(
    ("rows", "line", "sentence"),
    [
        ([ROW, ROW.replace("positive", "maybe")], 3, "verdict must be positive or negative, not 'maybe'"),
        ([ROW.replace("positive", "")], 2, "verdict must be positive or negative, not ''"),
        ([ROW.replace("ann", " ")], 2, "who is empty"),
        ([ROW.replace("a dog", "")], 2, "why is empty"),
        ([ROW.replace("v5", "v9")], 2, "releases must be * or names such as v5;v6, not 'v9'; there are v3, v5, v6"),
        ([ROW.replace("v5", "*;v5")], 2, "releases must be * or names"),
        ([ROW.replace("v5", "")], 2, "releases must be * or names"),
        ([ROW.replace(DOG, "dog")], 2, "mid must be a MID such as /m/0bt9lr, not 'dog'"),
        ([ROW.replace(IMAGE, "photo")], 2, "'photo' is no image ID"),
        ([ROW.replace(IMAGE, "123")], 2, "could be a decimal ID"),
        ([ROW + ",more"], 2, "has 7 fields, its header has 6"),
        (['"' + ROW], 2, "cannot be read as CSV"),
        ([ROW, ROW.replace("positive", "negative").replace("v5", "v6;v5")], 3, "line 2 says positive"),
        ([ROW, ROW.replace("positive", "negative").replace("v5", "*")], 3, "line 2 says positive"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_by_its_line(tmp_path: Path, rows: list[str], line: int, sentence: str):
    with pytest.raises(InputError) as error:
        read(tmp_path, *rows)
    assert f"mine.csv: line {line}: " in str(error.value)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (f"{IMAGE},{DOG},,ann,no,*,drop_box,0,0.5,0,", "y_max must be a fraction of the image from 0 to 1, not ''"),
        (f"{IMAGE},{DOG},,ann,no,*,drop_box,0,1.5,0,1", "x_max must be a fraction"),
        (f"{IMAGE},{DOG},,ann,no,*,drop_box,0,nan,0,1", "x_max must be a fraction"),
        (f"{IMAGE},{DOG},positive,ann,no,*,drop_box,0,1,0,1", "a row of kind drop_box has no verdict"),
        (f"{IMAGE},{DOG},positive,ann,no,*,,0,1,0,1", "a row of kind verdict has no edges"),
        (f"{IMAGE},{DOG},positive,ann,no,*,delete,,,,", "kind must be verdict or drop_box, not 'delete'"),
    ],
)
def test_a_box_that_does_not_fit_is_refused(tmp_path: Path, row: str, sentence: str):
    with pytest.raises(InputError, match=r"mine\.csv: line 2: ") as error:
        read(tmp_path, row, header=BOX_HEADER)
    assert sentence in str(error.value)


def test_other_releases_may_say_otherwise(tmp_path: Path):
    assert len(read(tmp_path, ROW, ROW, ROW.replace("positive", "negative").replace("v5", "v6"))) == 3


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("image_id,mid,verdict,who,releases", "the header lacks why; name each column"),
        (HEADER + ",colour", "the header has the unknown column 'colour'"),
        (HEADER + ",mid", "the header names the column mid twice"),
        ("", "is empty; write a header"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(tmp_path: Path, header: str, sentence: str):
    with pytest.raises(InputError, match=r"mine\.csv: (line 1: |is empty)") as error:
        read(tmp_path, header=header)
    assert sentence in str(error.value)


def test_what_is_no_text_or_no_file_is_refused(tmp_path: Path):
    (tmp_path / "latin.csv").write_bytes(
        f"{HEADER}\n{ROW}\n".encode() + ROW.replace("a dog", "Köter").encode("latin-1")
    )
    with pytest.raises(InputError, match=r"latin\.csv: line 3: is not UTF-8; save"):
        read_corrections(tmp_path / "latin.csv", RELEASES)
    for name in (".", "nowhere.csv"):
        with pytest.raises(ConfigError, match="--corrections must name a CSV file"):
            read_corrections(tmp_path / name, RELEASES)


def test_the_file_that_the_page_shows_is_one():
    file = read_corrections(Path(__file__).parents[3] / "docs" / "corrections.csv", ("v5", "v6", "v7"))
    assert [(row.kind, row.releases) for row in file.rows] == [
        ("verdict", ("v5", "v6", "v7")),
        ("verdict", ("*",)),
        ("drop_box", ("v6", "v7")),
    ]
