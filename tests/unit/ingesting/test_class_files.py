"""Class files of V4 to V7 together: which description names a class, which list it stands in, and the hierarchy of MIDs."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from oilake.jobs.ingesting import class_files, landing_area
from oilake.jobs.ingesting.chunk_kernel import ChunkReport, IngestContext
from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.sources.splits import Split
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas.release_registry import find_release

V7 = find_release("v7")
DOG, CAT, BEARD = "/m/0bt9lr", "/m/01yrx", "/m/015h_t"
CONTENTS = {
    "oidv7-class-descriptions.csv": f"LabelName,DisplayName\r\n{BEARD},Beard\r\n{CAT}, Cat \r\n{DOG},Dog\r\n",
    "oidv7-class-descriptions-boxable.csv": f"LabelName,DisplayName\r\n{BEARD},Human beard\r\n/m/04bcr3,Table",
    "oidv7-classes-trainable.txt": f"{DOG}\n{CAT}",
    "oidv7-classes-segmentation.txt": f"{BEARD}\r\n/m/banana\r\n",
    "bbox_labels_600_hierarchy.json": json.dumps({"LabelName": "/m/0bl9f", "Subcategory": [{"LabelName": BEARD}]}),
}


def read_class_files(folder: Path) -> tuple[dict[str, list[dict[str, object]]], dict[str, ChunkReport]]:
    """(The staged rows by table, the report of each file by the end of its name)."""
    files = {file.name: file for file in V7.files if file.name.rsplit("/")[-1] in CONTENTS}
    assert len(files) == len(CONTENTS)
    wanted = {name: members for name, members in landing_area.members_by_file(V7).items() if name in files}
    splits = []
    for name, file in files.items():
        path = folder / name.replace("/", "-")
        path.write_bytes(CONTENTS[name.rsplit("/")[-1]].encode())
        splits.append(Split(name, str(path), file.kind, path.stat().st_size))
    context = IngestContext(V7, Warehouse.at(str(folder / "lake")), "run", wanted, 1 << 20, 1 << 20)
    reports, staged = class_files.ingest_class_files(splits, context)
    uris = {file.table: join_uri(context.warehouse.uri, file.table, file.path) for file in staged}
    rows = {table: pq.ParquetFile(uri).read().to_pylist() for table, uri in uris.items()}
    return rows, {report.file.rsplit("/")[-1]: report for report in reports}


def test_the_class_files_of_v7_become_one_row_a_class(tmp_path: Path):
    rows, reports = read_class_files(tmp_path)
    flags = ("display_name", "name", "is_listed", "is_trainable", "is_boxable", "is_box_trainable", "is_segmentable")
    assert {row["mid"]: tuple(row[flag] for flag in flags) for row in rows["classes"]} == {
        BEARD: ("Beard", "Beard", None, False, True, None, True),
        CAT: (" Cat ", "Cat", None, True, False, None, False),
        DOG: ("Dog", "Dog", None, True, False, None, False),
        "/m/04bcr3": ("Table", "Table", None, False, True, None, False),
    }
    assert [(row["mid"], row["name"], row["relation"]) for row in rows["hierarchy"]] == [
        ("/m/0bl9f", None, None),
        (BEARD, "Beard", "subcategory"),
    ]
    assert [(row["line"], row["raw"], row["reasons"]) for row in rows["quarantine"]] == [
        (2, b"/m/banana", ["invalid_mid"])
    ]
    assert reports["oidv7-class-descriptions.csv"].header == "LabelName,DisplayName"
    assert {name: (report.read, report.kept) for name, report in reports.items()} == {
        "oidv7-class-descriptions.csv": (3, 3),
        "oidv7-class-descriptions-boxable.csv": (2, 2),
        "oidv7-classes-trainable.txt": (2, 2),
        "oidv7-classes-segmentation.txt": (2, 1),
        "bbox_labels_600_hierarchy.json": (2, 2),
    }
