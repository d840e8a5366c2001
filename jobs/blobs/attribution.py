"""Who made an image and under which licence it may be used, beside the blobs: CC BY asks for it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

FOLDER = "attribution"
COLUMNS = ("author", "author_profile_url", "title", "license", "original_landing_url", "original_url")
HEADER = ("key", "image_id", *COLUMNS, "is_changed", "attribution")


def text(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The CSV file of rows that have a key, an image ID, `is_resized` and COLUMNS; UTF-8, with a header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for row in rows:
        told = [row[name] or "" for name in ("key", "image_id", *COLUMNS)]
        writer.writerow([*told, str(row["is_resized"]).lower(), _sentence(row)])
    return out.getvalue().encode()


def _sentence(row: Mapping[str, Any]) -> str:
    """Title, author, source and licence in the form that Creative Commons recommends."""
    title = f'"{row["title"]}"' if row["title"] else "Untitled"
    source = f" ({row['original_landing_url']})" if row["original_landing_url"] else ""
    changed = ", resized" if row["is_resized"] else ""
    return f"{title}{source} by {row['author'] or 'unknown'}, {row['license'] or 'licence unknown'}{changed}"
