"""Class lists and descriptions in every form that releases publish them in: header or none, mixed line ends, no last one."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Literal

import pytest

from oilake.conf.errors import InputError
from oilake.jobs.sources import class_lists

MIB = 1 << 20
DOG, CAT = "/m/0bt9lr", "/m/01yrx"


def described(data: bytes, header: Literal["absent", "present", "either"] = "either") -> list[tuple[Any, Any]]:
    parsed = class_lists.parse_list(data, "descriptions", MIB, "names.csv", header)
    assert not parsed.bad
    return [(row.mid, row.display_name) for row in parsed.rows]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\r\n"])
@pytest.mark.parametrize(
    "header", ["", "LabelName,DisplayName", "\ufeffLabelName,DisplayName ", '"LabelName","DisplayName"']
)
def test_a_header_is_no_class_and_no_line_end_stays_in_a_name(header: str, end: str, last: str):
    first = [header] if header else []
    data = (end.join([*first, f"{DOG},Dog", f'{CAT},"Cat, ""felis"""']) + last).encode()
    assert described(data) == [(DOG, "Dog"), (CAT, 'Cat, "felis"')]


def test_line_ends_may_differ_within_one_file():
    """V4's list: most lines end in CRLF, 121 of them in LF alone; blanks around a name are the publisher's."""
    assert described(f"{DOG}, Dog\r\n{CAT},Cat \n/m/0x,X\r\n".encode()) == [
        (DOG, " Dog"),
        (CAT, "Cat "),
        ("/m/0x", "X"),
    ]


def test_columns_are_read_by_their_header():
    assert described(f"DisplayName,LabelName\r\nDog,{DOG}\r\n".encode()) == [(DOG, "Dog")]


def test_rows_are_counted_from_the_first_line_of_the_file():
    parsed = class_lists.parse_list(
        f"LabelName,DisplayName\n{DOG},Dog\n{CAT}\n".encode(), "descriptions", MIB, "x", "either"
    )
    assert parsed.header == "LabelName,DisplayName"
    assert [row.line for row in parsed.rows] == [2]
    assert [(bad.line, bad.reasons) for bad in parsed.bad] == [(3, ("wrong_field_count",))]


def test_a_declared_header_must_be_there_and_an_excluded_one_is_a_row():
    with pytest.raises(
        InputError, match=r"^names\.csv: required columns LabelName, DisplayName are missing \(the header has"
    ):
        described(f"{DOG},Dog\n".encode(), "present")
    with pytest.raises(InputError, match=r"^names\.csv: required column DisplayName is missing"):
        described(f"LabelName,Name\n{DOG},Dog\n".encode())
    assert described(f"LabelName,DisplayName\n{DOG},Dog\n".encode(), "absent")[0] == ("LabelName", "DisplayName")


def test_a_list_of_mids_may_have_a_header_too():
    for data in (f"LabelName\r\n{DOG}\r\n{CAT}", f"{DOG}\n{CAT}\n"):
        parsed = class_lists.parse_list(data.encode(), "classes", MIB, "list.txt", "either")
        assert [(row.mid, row.display_name) for row in parsed.rows] == [(DOG, None), (CAT, None)]


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("2018_04/class-descriptions.csv", 19_995),
        ("2018_04/class-descriptions-boxable.csv", 601),
        ("v5/class-descriptions-boxable.csv", 601),
        ("v6/oidv6-class-descriptions.csv", 19_994),
        ("v7/oidv7-class-descriptions.csv", 20_931),
        ("v7/oidv7-class-descriptions-boxable.derived.csv", 601),
        ("2016_08/dict.csv", 7_881),
    ],
)
def test_every_published_description_is_read_as_python_reads_it(real: Path, name: str, classes: int):
    data = (real / name).read_bytes()
    theirs = [tuple(row) for row in csv.reader(io.StringIO(data.decode(), newline="")) if row[0] != "LabelName"]
    assert described(data) == theirs
    assert len(theirs) == classes


@pytest.mark.parametrize(
    "document",
    [
        {"LabelName": "/m/0bl9f", "Subcategory": [{"name": "Dog"}]},
        {"LabelName": "/m/0bl9f", "children": [{"LabelName": DOG}]},
        {"LabelName": "Entity"},
        {"LabelName": "/m/0bl9f", "Part": 5},
        {"name": "Entity", "Subcategory": [{"name": "Dog"}]},
        {"name": "Entity", "children": 5},
    ],
)
def test_a_hierarchy_of_mixed_forms_is_refused_as_nothing_of_it_may_be_lost(document: dict[str, Any]):
    with pytest.raises(
        InputError, match=r"^tree\.json: this is no hierarchy of (named nodes|nodes with a MID each) \(see"
    ):
        class_lists.parse_hierarchy(json.dumps(document).encode(), "tree.json")
