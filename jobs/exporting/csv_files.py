"""Small CSV files of an export."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_csv(place: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a file of UTF-8, lines that end in LF, and quotes where they are needed."""
    with place.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
