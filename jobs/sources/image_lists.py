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
from oilake.jobs.sources.image_id_text import NAME_PATTERN, STRIPPED, ambiguous_sentence
from oilake.jobs.transforms import image_ids
from oilake.quality.row_expectations import numpy_mask

COLUMNS = {"imageid", "imageids", "image", "images", "id", "ids", "filename"}
DELIMITERS = ",\t;|"
ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BATCH_LINES = 100_000
SHOWN_CHARACTERS = 60
HELP = "16 hex digits, split/ID or a CSV file with a column ImageID"


class ListBatch(NamedTuple):
    """Some entries of a list: where each stands (physical lines from 1), the texts, both of shape (n,)."""

    lines: list[int]
    texts: list[str]


class ListedImages(NamedTuple):
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


def read_images(lines: Iterator[str], file: str) -> Iterator[ListedImages]:
    """The listed images, batch by batch. ConfigError names the line that holds none; blank lines are passed over."""
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        if not line.strip(STRIPPED):
            continue
        if column := _find_id_column(line):
            entries = _column_batches(chain([line], (text for _, text in numbered)), number, *column, file)
        else:
            entries = _line_batches(chain([(number, line)], numbered))
        yield from (_parse_batch(batch, file) for batch in entries)


def _find_id_column(line: str) -> tuple[str, int] | None:
    """(delimiter, place) of the column of image IDs, where the line is a header that has one."""
    for delimiter in DELIMITERS:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        plain = [re.sub(r"[\s_-]", "", cell.strip(STRIPPED)).lower() for cell in cells]
        if matches := [place for place, cell in enumerate(plain) if cell in COLUMNS]:
            return delimiter, min(matches, key=lambda place: not plain[place].startswith("imageid"))
    return None


def _line_batches(numbered: Iterator[tuple[int, str]]) -> Iterator[ListBatch]:
    while batch := list(islice(numbered, BATCH_LINES)):
        yield ListBatch([number for number, _ in batch], [text for _, text in batch])


def _column_batches(lines: Iterator[str], first: int, delimiter: str, place: int, file: str) -> Iterator[ListBatch]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    next(reader)
    batch, line = ListBatch([], []), first + reader.line_num
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                batch.lines.append(line)
                # A blank cell in a row of others is no blank line, and is told.
                batch.texts.append((cells[place] if place < len(cells) else "").strip(STRIPPED) or "(no image ID)")
            line = first + reader.line_num
            if len(batch.lines) == BATCH_LINES:
                yield batch
                batch = ListBatch([], [])
    except csv.Error as error:
        raise ConfigError(f"{file}: line {line}: cannot be read as CSV ({error}); give a list of {HELP}") from None
    yield batch


def _parse_batch(batch: ListBatch, file: str) -> ListedImages:
    text = pc.utf8_trim(pa.array(batch.texts, pa.string()), STRIPPED)
    matched = pc.extract_regex(text, NAME_PATTERN)
    odd = np.flatnonzero(numpy_mask(pc.and_(pc.is_null(matched), pc.not_equal(text, ""))))
    if len(odd):
        raise ConfigError(f"{_entry_location(batch, odd[0], text, file)} is no image ID; give {HELP}")
    held = np.flatnonzero(numpy_mask(pc.is_valid(matched)))
    parts = matched.take(pa.array(held))
    ids = image_ids.normalize(parts.field("id"))[0]
    if ids.null_count:
        unclear = held[numpy_mask(ids.is_null())][0]
        raise ConfigError(ambiguous_sentence(_entry_location(batch, unclear, text, file)))
    return ListedImages(ids, pc.ascii_lower(parts.field("split")))


def _entry_location(batch: ListBatch, entry: int, text: pa.StringArray, file: str) -> str:
    return f"{file}: line {batch.lines[int(entry)]}: {str(text[int(entry)])[:SHOWN_CHARACTERS]!r}"
