"""Image IDs as people hand them over: lines, official split/ID lists, file names, a column of a CSV file."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import NamedTuple, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.errors import ConfigError
from oilake.jobs.transforms import image_ids
from oilake.quality.row_expectations import mask

# What may stand around an ID: the folder of its split, and how a file's name ends.
NAME = (
    r"^(?i:(?P<split>train|validation|test)(?:_[0-9a-f])?[/\\])?"
    r"(?P<id>(?:0[xX])?[0-9a-fA-F]{1,16})(?i:\.(?:jpe?g|png|gif|webp|tiff?|bmp))?$"
)
COLUMNS = {"imageid", "imageids", "image", "images", "id", "ids", "filename"}
DELIMITERS = ",\t;|"
AROUND = " \t\r\n\"'\ufeff\u200b\xa0"
ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BATCH = 100_000
SHOWN = 60
HELP = "16 hex digits, split/ID or a CSV file with a column ImageID"


class Batch(NamedTuple):
    """Some entries of a list: where each stands (physical lines from 1), the texts, both of shape (n,)."""

    lines: list[int]
    texts: list[str]


class Names(NamedTuple):
    """Canonical image IDs, and the split that each was named with ("" where none was); both of shape (n,)."""

    ids: pa.StringArray
    splits: pa.StringArray


@contextmanager
def open_list(file: str) -> Iterator[TextIO]:
    """A text file in the encoding that its first bytes tell, UTF-8 where they tell none; what does not decode is no ID."""
    with open(file, "rb") as raw:  # once, since a pipe gives its bytes to nobody twice
        start = raw.peek(4)
        encoding = next((name for mark, name in ENCODINGS if start.startswith(mark)), "utf-8")
        yield io.TextIOWrapper(raw, encoding, errors="replace")


def names(lines: Iterator[str], file: str) -> Iterator[Names]:
    """The listed images, batch by batch. ConfigError names the line that holds none; blank lines are passed over."""
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        if not line.strip(AROUND):
            continue
        if column := _column(line):
            entries = _of_column(chain([line], (text for _, text in numbered)), number, *column, file)
        else:
            entries = _of_lines(chain([(number, line)], numbered))
        yield from (_named(batch, file) for batch in entries)


def of_text(text: str, flag: str) -> str:
    """The one image ID that a text holds; ConfigError when there is none, or when it could be two."""
    found = _named(Batch([0], [text]), f"{flag} {text!r}").ids
    if not len(found):
        raise ConfigError(f"{flag} {text!r} is no image ID; give {HELP}")
    return str(found[0])


def _column(line: str) -> tuple[str, int] | None:
    """(delimiter, place) of the column of image IDs, where the line is a header that has one."""
    for delimiter in DELIMITERS:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        plain = [re.sub(r"[\s_-]", "", cell.strip(AROUND)).lower() for cell in cells]
        if found := [place for place, cell in enumerate(plain) if cell in COLUMNS]:
            return delimiter, min(found, key=lambda place: not plain[place].startswith("imageid"))
    return None


def _of_lines(numbered: Iterator[tuple[int, str]]) -> Iterator[Batch]:
    while batch := list(islice(numbered, BATCH)):
        yield Batch([number for number, _ in batch], [text for _, text in batch])


def _of_column(lines: Iterator[str], first: int, delimiter: str, place: int, file: str) -> Iterator[Batch]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    next(reader)
    batch, line = Batch([], []), first + reader.line_num
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                batch.lines.append(line)
                # A blank cell in a row of others is no blank line, and is told.
                batch.texts.append((cells[place] if place < len(cells) else "").strip(AROUND) or "(no image ID)")
            line = first + reader.line_num
            if len(batch.lines) == BATCH:
                yield batch
                batch = Batch([], [])
    except csv.Error as error:
        raise ConfigError(f"{file}: line {line}: cannot be read as CSV ({error}); give a list of {HELP}") from None
    yield batch


def _named(batch: Batch, file: str) -> Names:
    text = pc.utf8_trim(pa.array(batch.texts, pa.string()), AROUND)
    found = pc.extract_regex(text, NAME)
    odd = np.flatnonzero(mask(pc.and_(pc.is_null(found), pc.not_equal(text, ""))))
    if len(odd):
        raise ConfigError(f"{_place(batch, odd[0], text, file)} is no image ID; give {HELP}")
    held = np.flatnonzero(mask(pc.is_valid(found)))
    parts = found.take(pa.array(held))
    ids = image_ids.normalize(parts.field("id"))[0]
    if ids.null_count:
        unclear = held[mask(ids.is_null())][0]
        raise ConfigError(
            f"{_place(batch, unclear, text, file)} could be a decimal ID or a hexadecimal one without its zeros; "
            "write all 16 hex digits, or 0x in front"
        )
    return Names(ids, pc.ascii_lower(parts.field("split")))


def _place(batch: Batch, entry: int, text: pa.StringArray, file: str) -> str:
    line = batch.lines[int(entry)]
    return f"{file}: line {line}: {str(text[int(entry)])[:SHOWN]!r}" if line else file
