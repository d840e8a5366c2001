"""usage: python -m bench.polars_peer WORK LANDING OUT: what a Polars user would write; prints its costs as JSON.

Streaming scans and sinks, which keep the file's order. HTML entities stay as they are, and no row is judged.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bench.stopwatch import Stopwatch
from bench.unpack import unpack
from bench.work import SUBSETS, WORK

os.environ["POLARS_MAX_THREADS"] = "2"
import polars as pl

LABELS = [
    pl.col("ImageID").alias("image_id"),
    pl.col("Source").alias("source"),
    pl.col("LabelName").alias("mid"),
    pl.col("Confidence").cast(pl.Float64).alias("confidence"),
]
FLAGS = ("is_occluded", "is_truncated", "is_group_of", "is_depiction", "is_inside")
PUBLISHED_FLAGS = ("IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside")


def columns(table: str, subset: str) -> list[pl.Expr]:
    """What is selected from a file of `table`."""
    if table == "labels":
        return LABELS
    if table == "boxes":
        edges = [
            pl.col(a).cast(pl.Float64).alias(b) for a, b in zip(("XMin", "XMax", "YMin", "YMax"), EDGES, strict=True)
        ]
        return LABELS + edges + flags(subset)
    return [
        pl.col("ImageID").alias("image_id"),
        pl.col("OriginalURL").alias("original_url"),
        pl.col("OriginalLandingURL").alias("original_landing_url"),
        pl.col("License").alias("license"),
        pl.col("AuthorProfileURL").alias("author_profile_url"),
        pl.col("Author").str.normalize("NFC").alias("author"),
        pl.col("Title").str.normalize("NFC").alias("title"),
        pl.col("OriginalSize").cast(pl.Int64).alias("original_size"),
        pl.col("OriginalMD5").str.decode("base64").bin.encode("hex").alias("original_md5"),
        pl.col("Thumbnail300KURL").alias("thumbnail_300k_url"),
    ]


EDGES = ("x_min", "x_max", "y_min", "y_max")


def flags(subset: str) -> list[pl.Expr]:
    """The attributes of boxes, which train does not have."""
    if subset == "train":
        return [pl.lit(None, pl.Boolean).alias(name) for name in FLAGS]
    known = {"1": True, "0": False}
    return [
        pl.col(a).replace_strict(known, default=None, return_dtype=pl.Boolean).alias(b)
        for a, b in zip(PUBLISHED_FLAGS, FLAGS, strict=True)
    ]


def main(name: str, landing: Path, out: Path) -> None:
    stopwatch = Stopwatch()
    folder = unpack(WORK[name], landing, out)
    for table, members in WORK[name].files.items():
        for subset in SUBSETS:
            (out / table / subset).mkdir(parents=True, exist_ok=True)
            for archive, member in members:
                frame = pl.scan_csv(folder / subset / member, infer_schema=False)
                frame.select(columns(table, subset)).sink_parquet(
                    out / table / subset / f"{archive}.parquet", compression="zstd", compression_level=1
                )
    print(json.dumps(stopwatch.costs()))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
