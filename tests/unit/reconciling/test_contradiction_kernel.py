"""One task of contradictions on files of a few rows: it reads every row once, and leaves out what a correction does."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from oilake.conf.contradiction_rules import load_rules
from oilake.jobs.reconciling.contradiction_kernel import ContradictionContext, judge_range
from oilake.jobs.scanning.key_ranges import plan_key_ranges
from oilake.jobs.scanning.merge_scan import Side
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.class_ancestors import NO_ANCESTORS
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.contradiction_rows import ContradictionSetting
from oilake.jobs.transforms.contradictions import COLUMNS
from oilake.jobs.transforms.dropped_boxes import DroppedBox
from oilake.schemas import loader as schemas
from tests.support.releases import DOG

IMAGE, OTHER = "0" * 15 + "1", "f" * 16
EDGES = (0.1, 0.5, 0.2, 0.6)
DENIED = {"mid": DOG, "human_verdict": False, "verdict": "negative", "decided_by": "human"}
BOX = {"mid": DOG, "x_min": 0.1, "x_max": 0.5, "y_min": 0.2, "y_max": 0.6}
LARGER = {**BOX, "x_max": 0.9}


def side(folder: Path, table: str, rows: list[dict[str, object]]) -> Side:
    path = folder / f"{table}.parquet"
    schema = pa.schema([field.with_nullable(True) for field in schemas.arrow_schema(schemas.table_schema(table))])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return Side((str(path),), COLUMNS[table])


def judge(folder: Path, *dropped: DroppedBox) -> list[dict[str, object]]:
    labels = [{"image_id": image, **DENIED} for image in (IMAGE, OTHER)]
    boxes = [{"image_id": IMAGE, **BOX}, {"image_id": IMAGE, **LARGER}, {"image_id": OTHER, **BOX}]
    sides = {"image_labels": side(folder, "image_labels", labels), "boxes": side(folder, "boxes", boxes)}
    sides["images"] = side(folder, "images", [{"image_id": IMAGE}, {"image_id": OTHER}])
    (span,) = plan_key_ranges("train", sides, 1)
    listed = [{"mid": DOG, "display_name": "Dog", "is_trainable": True, "is_boxable": True}]
    context = ContradictionContext(
        "v7",
        Warehouse.at(folder / "lake"),
        "0" * 16,
        ContradictionSetting(load_rules(), build_vocabulary(listed), NO_ANCESTORS),
        {"train": frozenset({"box_of_denied_class", "unlisted_image"})},
        {"train": frozenset(dropped)} if dropped else {},
    )
    (result,) = judge_range(span, context)
    assert (result.subset, result.read) == ("train", 5)
    if result.staged is None:
        return []
    assert result.staged.partition == {"release": "v7", "subset": "train"}
    rows = pq.read_table(folder / "lake" / "contradictions" / result.staged.path, partitioning=None).to_pylist()
    assert result.kinds == {"box_of_denied_class": len(rows)} == {"box_of_denied_class": result.staged.rows}
    return rows


def test_every_box_of_a_denied_class_is_told(tmp_path: Path):
    assert [(row["image_id"], row["x_max"]) for row in judge(tmp_path)] == [(IMAGE, 0.5), (IMAGE, 0.9), (OTHER, 0.5)]


def test_a_box_that_a_correction_leaves_out_is_none(tmp_path: Path):
    rows = judge(tmp_path, DroppedBox(1, DOG, *EDGES), DroppedBox(int(OTHER, 16), DOG, *EDGES))
    assert [(row["image_id"], row["x_max"]) for row in rows] == [(IMAGE, 0.9)]


def test_a_span_without_contradictions_writes_no_file(tmp_path: Path):
    larger = (0.1, 0.9, 0.2, 0.6)
    boxes = [DroppedBox(1, DOG, *EDGES), DroppedBox(1, DOG, *larger), DroppedBox(int(OTHER, 16), DOG, *EDGES)]
    assert judge(tmp_path, *boxes) == []
