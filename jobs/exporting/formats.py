"""The formats of exports, each in a module of its own that is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from oilake.jobs.exporting.opened_export import OpenedExport

Counts = dict[str, int]
WriteFormat = Callable[[OpenedExport, Path], Counts]

FORMATS = (
    "list", "coco", "coco-masks", "yolo", "yolo-segments", "voc", "bigquery", "huggingface", "tfrecord", "postgres",
    "webdataset", "official",
)  # fmt: skip
WITH_PICTURES = ("huggingface", "tfrecord", "webdataset")


def format_writer(name: str) -> WriteFormat:
    """What writes an export of a format into a folder and counts what it wrote, by its noun."""
    writer: WriteFormat = import_module(f"oilake.jobs.exporting.{name.replace('-', '_')}_format").write_format
    return writer
