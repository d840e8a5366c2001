"""Who made an image and under which licence it may be used, beside the blobs: CC BY asks for it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

FOLDER = "attribution"
COLUMNS = ("author", "author_profile_url", "title", "license", "original_landing_url", "original_url")
HEADER = ("key", "image_id", *COLUMNS, "is_changed", "attribution")
# What a spreadsheet takes for a formula, as OWASP lists it, also behind blanks and characters that cannot be seen.
FORMULA = re.compile(r"[\t\r\n]|[\s\x00-\x20\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def attribution_csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The CSV file of rows that have a key, an image ID, `is_resized` and COLUMNS; UTF-8, with a header.

    Every cell is quoted, and one that a spreadsheet would take for a formula begins with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    for row in rows:
        values = [row[name] or "" for name in ("key", "image_id", *COLUMNS)]
        cells = [*values, str(row["is_resized"]).lower(), _attribution_sentence(row)]
        writer.writerow([plain_text(cell) for cell in cells])
    return out.getvalue().encode(errors="backslashreplace")


def plain_text(cell: str) -> str:
    """The cell so that a spreadsheet shows it and calculates nothing."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def _attribution_sentence(row: Mapping[str, Any]) -> str:
    """Title, author, source and licence in the form that Creative Commons recommends."""
    title = f'"{row["title"]}"' if row["title"] else "Untitled"
    source = f" ({row['original_landing_url']})" if row["original_landing_url"] else ""
    changed = ", resized" if row["is_resized"] else ""
    return f"{title}{source} by {row['author'] or 'unknown'}, {row['license'] or 'licence unknown'}{changed}"
