"""Staged files that stand in no order: the rows of each partition come out once, sorted, in one file."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa

from oilake.jobs.ingesting import sort_files
from oilake.jobs.ingesting.chunk_kernel import MEMBER_NOTE
from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.tables import parquet_footers, parquet_reader
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.support import ingest_here

LABELS = schemas.table_schema("labels")
COLUMNS = ["image_id", "source", "mid", "confidence"]
IDS = [f"{n:016x}" for n in range(0, 4000, 7)]


def stage_labels(warehouse: Warehouse, subset: str, ids: list[str], source: str) -> StagedFile:
    partition = {"release": "v3", "subset": subset, "origin": "machine"}
    rows = {"image_id": ids, "source": [source] * len(ids), "mid": ["/m/01"] * len(ids), "confidence": [0.5] * len(ids)}
    return stage_rows(warehouse, LABELS, partition, "run", pa.table(rows, schema=schemas.arrow_schema(LABELS)))


def test_each_partition_becomes_one_file_sorted_by_image_where_equal_rows_stay_as_they_stood(tmp_path: Path):
    warehouse, shuffled = Warehouse.at(str(tmp_path)), random.Random(1).sample(IDS, len(IDS))
    train = [stage_labels(warehouse, "train", shuffled, source) for source in ("first", "second")]
    test = [stage_labels(warehouse, "test", shuffled[:9], "third")]
    digests = {file.path: "same" for file in train} | {test[0].path: ""}
    with ingest_here.in_this_process():
        ordered = sort_files.sort_by_image(
            ingest_here.ONE_CORE, warehouse, "run", {("labels", "train"): train, ("labels", "test"): test}, digests
        )
    rows = [
        parquet_reader.read_file(join_uri(warehouse.uri, "labels", file.path), "labels", COLUMNS).to_pylist()
        for file in ordered
    ]
    assert [file.partition["subset"] for file in ordered] == ["train", "test"]
    assert [(row["image_id"], row["source"]) for row in rows[0]] == [(i, s) for i in IDS for s in ("first", "second")]
    assert [row["image_id"] for row in rows[1]] == sorted(shuffled[:9])
    assert [file.rows for file in ordered] == [2 * len(IDS), 9]
    notes = [parquet_footers.footer_notes(join_uri(warehouse.uri, "labels", file.path)) for file in ordered]
    assert notes == [{MEMBER_NOTE: "same"}, {}]
