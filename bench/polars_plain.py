"""usage: python -m bench.polars_plain WORK LANDING OUT: what a Polars user would write for plain files; prints its costs as
JSON.

Streaming scans and sinks; -1 of an attribute, and of the points of a box that was not clicked, is NULL.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.polars_peer import columns
from bench.stopwatch import Stopwatch
from bench.work import BOTH_LISTS, WORK, PlainFile

os.environ["POLARS_MAX_THREADS"] = "2"
import polars as pl

NARRATIVE = {
    "image_id": pl.String,
    "annotator_id": pl.Int64,
    "caption": pl.String,
    "timed_caption": pl.List(pl.Struct({"utterance": pl.String, "start_time": pl.Float64, "end_time": pl.Float64})),
    "traces": pl.List(pl.List(pl.Struct({"x": pl.Float64, "y": pl.Float64, "t": pl.Float64}))),
    "voice_recording": pl.String,
    "dataset_id": pl.String,
}
POINT_TEXTS = {
    "ImageId": "image_id", "Label": "mid", "EstimatedYesNo": "estimate", "Source": "source", "TextLabel": "text_label",
}  # fmt: skip
POINT_NUMBERS = {
    "X": ("x", pl.Float64), "Y": ("y", pl.Float64),
    "YesVotes": ("yes_votes", pl.Int64), "NoVotes": ("no_votes", pl.Int64), "UnsureVotes": ("unsure_votes", pl.Int64),
}  # fmt: skip
POINTS = pl.List(pl.Struct({"x": pl.Float64, "y": pl.Float64}))


def main(name: str, landing: Path, out: Path) -> None:
    stopwatch = Stopwatch()
    for table, files in WORK[name].plain.items():
        (out / table).mkdir()
        for number, file in enumerate(file for file in files if file.is_source):
            frame = typed_rows(table, landing / file.path)
            if table == "images":
                frame = with_lists(frame, landing, files)
            if not file.is_sorted:
                frame = frame.sort("image_id")
            frame.sink_parquet(out / table / f"{number}.parquet", compression="zstd", compression_level=1)
    print(json.dumps(stopwatch.costs()))


def typed_rows(table: str, path: Path) -> pl.LazyFrame:
    """The typed rows of a file."""
    if table == "narratives":
        return pl.scan_ndjson(path, schema=NARRATIVE)
    frame = pl.scan_csv(path, infer_schema=False)
    if table == "points":
        texts = [pl.col(published).alias(ours) for published, ours in POINT_TEXTS.items()]
        return frame.select(
            texts + [pl.col(published).cast(kind).alias(ours) for published, (ours, kind) in POINT_NUMBERS.items()]
        )
    selected = columns(table, "as published")
    if table == "boxes":
        selected = [*selected, clicked_points(path).alias("extreme_points")]
    if table == "images":
        rotation = pl.col("Rotation").cast(pl.Float64).cast(pl.Int32).alias("rotation")
        selected = [*selected, pl.col("Subset").alias("subset"), rotation]
    return frame.select(selected)


def clicked_points(path: Path) -> pl.Expr:
    """The four clicked points, which only some files have."""
    with path.open() as file:
        if "XClick1X" not in file.readline():
            return pl.lit(None, POINTS)
    pairs = ((pl.col(f"XClick{n}X").cast(pl.Float64), pl.col(f"XClick{n}Y").cast(pl.Float64)) for n in range(1, 5))
    four = pl.concat_list([pl.struct(x.alias("x"), y.alias("y")) for x, y in pairs])
    return pl.when(pl.col("XClick1X").cast(pl.Float64) != -1).then(four)


def with_lists(frame: pl.LazyFrame, landing: Path, files: Sequence[PlainFile]) -> pl.LazyFrame:
    """The same rows with one truth value a list of images, NULL without such a list."""
    for column in BOTH_LISTS:
        parts = [
            pl.scan_csv(landing / file.path, infer_schema=False).select(pl.col("ImageID").alias("image_id"))
            for file in files
            if column in file.lists
        ]
        if not parts:
            frame = frame.with_columns(pl.lit(None, pl.Boolean).alias(column))
            continue
        names = pl.concat(parts).with_columns(pl.lit(True).alias(column))
        frame = frame.join(names, on="image_id", how="left", maintain_order="left").with_columns(
            pl.col(column).fill_null(False)
        )
    return frame


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
