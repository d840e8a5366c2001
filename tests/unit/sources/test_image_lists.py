"""Lists of images in every form that people have them: one reader for all commands, and the line of what it cannot read."""

from __future__ import annotations

import codecs
import os
from pathlib import Path
from threading import Thread

import pytest

from oilake.conf.errors import ConfigError
from oilake.jobs.downloading import address_lists
from oilake.jobs.downloading.address_lists import AddressList, IdList
from oilake.jobs.sources import image_id_text
from oilake.jobs.verifying import selection

FIRST, SECOND, SHORT = "000060e3121c7305", "1ac7a2b3c4d5e6f7", "00000000000abcde"
EVERY = sorted(int(image, 16) for image in (FIRST, SHORT, SECOND))


def read(folder: Path, data: bytes | str) -> list[int]:
    path = folder / "list"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    found = address_lists.read_list(str(path))
    assert isinstance(found, IdList)
    assert selection.read_ids(str(path)).to_pylist() == [f"{number:016x}" for number in found.numbers().tolist()]
    return sorted(found.numbers().tolist())


PLAIN = f"{FIRST}\n{SECOND}\nabcde\n"
FORMS: dict[str, bytes | str] = {
    "lines": PLAIN,
    "no last line end": PLAIN.rstrip(),
    "a byte order mark": codecs.BOM_UTF8 + PLAIN.encode(),
    "UTF-16, little": codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"),
    "UTF-16, big": codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
    "CRLF and .jpg": f"{FIRST}.jpg\r\n{SECOND}.JPEG\r\nabcde.png\r\n",
    "CR alone": PLAIN.replace("\n", "\r"),
    "blank lines and spaces": f"\n\n  {FIRST}  \n\t{SECOND}\n\nabcde\n\n",
    "capitals, 0x, short": f"{FIRST.upper()}\n0x{SECOND}\n0XABCDE\n",
    "split/ID": f"train/{FIRST}\nvalidation/{SECOND}.jpg\ntest/abcde\n",
    "CVDF's folders": f"train_0/{FIRST}.jpg\nTrain/{SECOND}\ntest\\abcde.jpg\n",
    "quoted": f'"{FIRST}"\n"{SECOND}"\n\'abcde\'\n',
    "a header": f"ImageID\n{PLAIN}",
    "a header behind a mark": codecs.BOM_UTF8 + f"ImageID\r\n{FIRST}\r\n{SECOND}\r\nabcde\r\n".encode(),
    "a header in other words": f"image_id\n{PLAIN}",
    "a quoted header": f'"image id"\n{PLAIN}',
    "an index column": f",ImageID\n0,{FIRST}\n1,{SECOND}\n2,abcde\n",
    "other columns": f"Source,ImageID,Title\nx,{FIRST},\"a, b\"\nx,{SECOND},\"two\nlines\"\nx,abcde,\"\"\"q\"\"\"\n",
    "id and ImageID": f"id,ImageID\n17,{FIRST}\n18,{SECOND}\n19,abcde\n",
    "quoted cells": f'"","ImageID"\r\n"0","{FIRST}"\r\n"1","{SECOND}"\r\n"2","abcde"\r\n',
    "tabs": f"n\timage_id\n1\t{FIRST}\n2\ttrain/{SECOND}\n3\tabcde\n",
    "semicolons": f"n;ImageID;x\n1;{FIRST};\n2;{SECOND};\n;;\n3;abcde;\n",
    "repeated": PLAIN * 3,
    "other bytes that are no text": b"Title,ImageID\n\xff,%b\n\xe9,%b\n,abcde\n" % (FIRST.encode(), SECOND.encode()),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_list_is_the_same_list(tmp_path: Path, form: str):
    assert read(tmp_path, FORMS[form]) == EVERY


def test_the_split_that_an_image_is_listed_with_counts(tmp_path: Path):
    (tmp_path / "list").write_text(f"x,ImageID\n1,train/{FIRST}\n2,Validation/{SECOND}.jpg\n3,abcde\n")
    found = address_lists.read_list(str(tmp_path / "list"))
    assert isinstance(found, IdList)
    assert {split: [f"{n:016x}" for n in numbers] for split, numbers in found.by_split.items()} == {
        "": [SHORT], "train": [FIRST], "validation": [SECOND], "test": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (f"{FIRST}\ndog\n", "line 2: 'dog' is no image ID"),
        (f"{FIRST}\n\n\n{FIRST}0\n", f"line 4: '{FIRST}0' is no image ID"),
        (f"a,ImageID\n1,{FIRST}\n2,dog\n", "line 3: 'dog' is no image ID"),
        (f'a,ImageID\n"two\nlines",{FIRST}\n2,dog\n', "line 4: 'dog' is no image ID"),
        (f"a,ImageID\n1,{FIRST}\n2\n", "line 3: '(no image ID)' is no image ID"),
        (f"a,ImageID\n1,{FIRST}\n2,\n", "line 3: '(no image ID)' is no image ID"),
        (
            f"0,{FIRST}\n1,{SECOND}\n",
            "line 1: '0,000060e3121c7305' is no image ID; give 16 hex digits, split/ID or a CSV",
        ),
        (f"{FIRST}\n106528377697029\n", "line 2: '106528377697029' could be a decimal ID or a hexadecimal one"),
        ("ImageID\n7\n", "line 2: '7' could be a decimal ID"),
        (b"\x1f\x8b\x08\x00binary", "line 1: "),
        (b"\xff\xfe\xff\n", "line 1: "),
        ("https://example.org/000060e3121c7305.jpg\n", "line 1: "),
        ('a,ImageID\n"' + "x" * 200_000 + f'",{FIRST}\n', "line 2: cannot be read as CSV"),
        ("", "holds no image"),
        ("\n \n\t\r\n", "holds no image"),
        (codecs.BOM_UTF8, "holds no image"),
        ("ImageID\n", "holds no image"),
        (",ImageID\n,\n", "holds no image"),
        ("TsvHttpData-1.0\n", "holds no image"),
    ],
)
@pytest.mark.parametrize("reader", [address_lists.read_list, selection.read_ids])
def test_a_list_that_cannot_be_read_is_told_by_file_and_line(
    tmp_path: Path, data: bytes | str, told: str, reader: object
):
    path = tmp_path / "list of mine"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    assert callable(reader)
    with pytest.raises(ConfigError) as error:
        reader(str(path))
    assert str(error.value).startswith(f"--images {path}: ")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_transfer_list_is_one_for_downloads_alone(tmp_path: Path):
    path = tmp_path / "list.tsv"
    path.write_bytes(codecs.BOM_UTF8 + b"TsvHttpData-1.0\r\nhttps://example.org/a.jpg\t11\r\n")
    found = address_lists.read_list(str(path))
    assert isinstance(found, AddressList)
    assert found.count() == 1
    with pytest.raises(ConfigError, match="lists addresses, not image IDs"):
        selection.read_ids(str(path))


def test_a_list_comes_through_a_pipe_too(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    writer = Thread(target=(tmp_path / "pipe").write_bytes, args=(codecs.BOM_UTF8 + PLAIN.encode(),))
    writer.start()
    found = address_lists.read_list(str(tmp_path / "pipe"))
    writer.join()
    assert isinstance(found, IdList)
    assert found.numbers().tolist() == EVERY


@pytest.mark.parametrize("place", ["", "nowhere"])
def test_what_is_no_file_is_told(tmp_path: Path, place: str):
    with pytest.raises(ConfigError, match="cannot be read"):
        address_lists.read_list(str(tmp_path / place))


@pytest.mark.parametrize(
    ("text", "image"),
    [
        (FIRST, FIRST),
        (f" {FIRST.upper()} ", FIRST),
        ("0xabcde", SHORT),
        ("abcde", SHORT),
        (f"train/{FIRST}.jpg", FIRST),
    ],
)
def test_one_image_is_read_as_a_line_of_a_list(text: str, image: str):
    assert image_id_text.parse_image_id(text, "--image") == image


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dog", "--image 'dog' is no image ID"),
        ("", "--image '' is no image ID"),
        ("106528377697029", "--image '106528377697029' could be a decimal ID"),
    ],
)
def test_what_is_no_image_is_told(text: str, told: str):
    with pytest.raises(ConfigError) as error:
        image_id_text.parse_image_id(text, "--image")
    assert told in str(error.value)
