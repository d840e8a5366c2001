"""Who made an image and under which licence it may be used, beside the blobs: CC BY asks for it."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

FOLDER = "attribution"
COLUMNS = ("author", "author_profile_url", "title", "license", "original_landing_url", "original_url")
HEADER = ("key", "image_id", *COLUMNS, "is_changed", "attribution")
# What a spreadsheet takes for a formula, as OWASP lists it, also behind blanks and characters that cannot be seen.
FORMULA = re.compile(r"[\t\r\n]|[\s\x00-\x20\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
# No formula begins so, nor any sentence of ours; few cells begin otherwise.
PLAIN_START = '^[0-9A-Za-z"]'


def attribution_writer(place: Path | pa.NativeFile) -> csv.CSVWriter:
    """Opens a CSV file for tables of `attribution_rows`: UTF-8, with a header, every cell quoted."""
    schema = pa.schema([(name, pa.string()) for name in HEADER])
    return csv.CSVWriter(place, schema, write_options=csv.WriteOptions(quoting_style="all_valid"))


def attribution_csv(rows: pa.Table) -> bytes:
    """The whole file of rows as `attribution_rows` takes them."""
    sink = pa.BufferOutputStream()
    with attribution_writer(sink) as writer:
        writer.write_table(attribution_rows(rows))
    content: bytes = sink.getvalue().to_pybytes()
    return content


def attribution_rows(rows: pa.Table) -> pa.Table:
    """HEADER's columns as text, of rows that have a key, an image ID, `is_resized` and COLUMNS; what is not known is empty,
    and a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    texts = {name: pc.fill_null(rows[name], "").combine_chunks() for name in HEADER[:-2]}
    texts["is_changed"] = pc.if_else(rows["is_resized"], "true", "false").combine_chunks()
    texts["attribution"] = _attribution_sentences(texts)
    return pa.table({name: _plain_texts(column) for name, column in texts.items()})


def plain_text(cell: str) -> str:
    """The cell so that a spreadsheet shows it and calculates nothing."""
    return f"'{cell}" if not cell[:1].isalnum() and FORMULA.match(cell) else cell


def _plain_texts(texts: pa.StringArray) -> pa.StringArray:
    is_odd = pc.invert(pc.match_substring_regex(texts, PLAIN_START))
    odd = texts.filter(is_odd).to_pylist()
    return pc.replace_with_mask(texts, is_odd, pa.array(map(plain_text, odd), pa.string())) if any(odd) else texts


def _attribution_sentences(texts: dict[str, pa.StringArray]) -> pa.StringArray:
    """Title, author, source and licence in the form that Creative Commons recommends."""
    title = _text_or("Untitled", texts["title"], '"', '"')
    source = _text_or("", texts["original_landing_url"], " (", ")")
    author, licence = _text_or("unknown", texts["author"]), _text_or("licence unknown", texts["license"])
    changed = pc.if_else(pc.equal(texts["is_changed"], "true"), ", resized", "")
    return pc.binary_join_element_wise(title, source, " by ", author, ", ", licence, changed, "")


def _text_or(default: str, texts: pa.StringArray, before: str = "", behind: str = "") -> pa.StringArray:
    """The texts with what stands before and behind them, and the default in place of empty ones."""
    return pc.if_else(pc.equal(texts, ""), default, pc.binary_join_element_wise(before, texts, behind, ""))
