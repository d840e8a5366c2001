"""usage: python -m bench.duckdb_peer WORK LANDING OUT: what a DuckDB user would write; prints its costs as JSON.

One COPY a file keeps the file's order, which is the image's. Base64 and NFC are SQL functions; HTML entities, of which SQL
knows nothing, stay as they are, and no row is judged.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

from bench.stopwatch import Stopwatch
from bench.unpack import unpack
from bench.work import SUBSETS, WORK

COLUMNS = {
    "labels": "ImageID AS image_id, Source AS source, LabelName AS mid, Confidence::DOUBLE AS confidence",
    "images": (
        "ImageID AS image_id, OriginalURL AS original_url, OriginalLandingURL AS original_landing_url, "
        "License AS license, AuthorProfileURL AS author_profile_url, nfc_normalize(Author) AS author, "
        "nfc_normalize(Title) AS title, OriginalSize::BIGINT AS original_size, "
        "lower(hex(from_base64(OriginalMD5))) AS original_md5, Thumbnail300KURL AS thumbnail_300k_url"
    ),
    "boxes": (
        "ImageID AS image_id, Source AS source, LabelName AS mid, Confidence::DOUBLE AS confidence, "
        "XMin::DOUBLE AS x_min, XMax::DOUBLE AS x_max, YMin::DOUBLE AS y_min, YMax::DOUBLE AS y_max"
    ),
}
FLAGS = {
    "IsOccluded": "is_occluded",
    "IsTruncated": "is_truncated",
    "IsGroupOf": "is_group_of",
    "IsDepiction": "is_depiction",
    "IsInside": "is_inside",
}


def flags(subset: str) -> str:
    """The attributes of boxes, which train does not have."""
    if subset == "train":
        return "".join(f", NULL::BOOLEAN AS {ours}" for ours in FLAGS.values())
    return "".join(
        f", CASE {published} WHEN '1' THEN true WHEN '0' THEN false END AS {ours}" for published, ours in FLAGS.items()
    )


def main(name: str, landing: Path, out: Path) -> None:
    stopwatch = Stopwatch()
    folder = unpack(WORK[name], landing, out)
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    for table, members in WORK[name].files.items():
        for subset in SUBSETS:
            (out / table / subset).mkdir(parents=True, exist_ok=True)
            for archive, member in members:
                extra = flags(subset) if table == "boxes" else ""
                connection.execute(
                    f"COPY (SELECT {COLUMNS[table]}{extra} FROM read_csv('{folder}/{subset}/{member}', header = true, "
                    f"delim = ',', quote = '\"', escape = '\"', all_varchar = true, auto_detect = false, "
                    f"columns = {columns_of(folder / subset / member)})) "
                    f"TO '{out}/{table}/{subset}/{archive}.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
                )
    print(json.dumps(stopwatch.costs()))


def columns_of(path: Path) -> str:
    """The header as DuckDB's struct of types: no inference."""
    with path.open() as file:
        names = file.readline().strip().split(",")
    return "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in names) + "}"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
