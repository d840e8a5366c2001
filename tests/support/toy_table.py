"""A published table that the project does not have, as a newcomer would add it: two YAML files, a transform and a line."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from oilake.conf.registry import packaged_registry

ROOT = Path(__file__).parents[2]
PACKAGES = ("conf", "schemas", "quality", "jobs", "oilake")
HEADER = "ImageID,LabelName,X,Y,Note"

SCHEMA = """
table: clicks
description: Every published click, row by row.
grain: one published row
written_by: ingest
slice_by: [release]
partition_by: [release, subset]
sort_by: [image_id]
key: []
published:
  place: 99
  formats: [csv]
  inputs: {x: required, y: required}
columns:
  - {name: release, type: string, nullable: false, description: release of the dataset}
  - {name: subset, type: string, nullable: false, description: "train, validation or test"}
  - {name: image_id, type: string, nullable: false, file: required, description: image ID}
  - {name: mid, type: string, nullable: false, file: required, description: class as a MID}
  - {name: note, type: string, nullable: true, file: optional, description: what was noted beside it}
  - {name: points, type: "array<struct<x:double,y:double>>", nullable: false, description: where it was clicked}
"""

SUITE = """
name: clicks
meta: {version: 1}
expectations:
  - type: expect_column_values_to_be_in_set
    kwargs: {column: "subset", value_set: ["train", "validation", "test"]}
    severity: critical
    description: "a subset is train, validation or test"
    meta: {scope: row, reason: wrong_subset}
  - type: expect_column_values_to_match_regex
    kwargs: {column: "image_id", regex: "^[0-9a-f]{16}$"}
    severity: critical
    description: "an image ID is 16 lower-case hex digits"
    meta: {scope: row, reason: invalid_image_id}
"""

TRANSFORM = '''"""Rows of a file of clicks to columns of the table `clicks`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from oilake.conf.registry import ExpectedMember, Release
from oilake.jobs.transforms import labels, numbers
from oilake.jobs.transforms.normalized_batch import NormalizedBatch

TYPES = {
    "image_id": pa.string(), "mid": labels.DICTIONARY, "note": pa.string(), "x": pa.float64(), "y": pa.float64()
}


def normalize(raw: Mapping[str, pa.Array], expected: ExpectedMember, release: Release) -> NormalizedBatch:
    """Normalize `raw`, each column of shape (rows,); notes may be absent: NULL."""
    result = NormalizedBatch({})
    labels.add_ids_and_mids(result, raw, expected.member.ids)
    (x, bad_x), (y, bad_y) = numbers.to_doubles(raw["x"]), numbers.to_doubles(raw["y"])
    point = pa.StructArray.from_arrays([x, y], ["x", "y"])
    points = pa.ListArray.from_arrays(pa.array(range(len(point) + 1), pa.int32()), point)
    result.add("points", points, np.logical_or(bad_x, bad_y), "invalid_coordinate")
    result.columns["note"] = raw.get("note", pa.nulls(len(point), pa.string()))
    return result
'''

LINE = '    "clicks": "oilake.jobs.transforms.clicks",\n'


def copy_project(folder: Path) -> Path:
    """Copy what the project is made of; `folder`."""
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, symlinks=True, ignore=ignored)
    return folder


def add_table(project: Path) -> None:
    """Add the table `clicks` to a copy of the project: what CONTRIBUTING says is all that it takes."""
    (project / "schemas" / "clicks.yaml").write_text(SCHEMA)
    (project / "quality" / "clicks.yaml").write_text(SUITE)
    (project / "jobs" / "transforms" / "clicks.py").write_text(TRANSFORM)
    path = project / "jobs" / "ingesting" / "published_tables.py"
    path.write_text(path.read_text().replace("TRANSFORMS = {\n", f"TRANSFORMS = {{\n{LINE}"))


def write_registry(folder: Path) -> Path:
    """Write a release V9 of one plain file of clicks; `folder`."""
    document = yaml.safe_load((packaged_registry() / "v3.yaml").read_text())
    published = {"ImageID": "image_id", "LabelName": "mid", "X": "x", "Y": "y", "Note": "note"}
    member = {"table": "clicks", "pattern": "clicks.csv", "columns": "clicks", "subsets": ["train"]}
    member["optional_columns"] = ["Note"]
    file = {"name": "clicks.csv", "url": "https://example.org/clicks.csv", "kind": "plain", "members": [member]}
    document |= {"release": "v9", "tag": "toy", "subsets": ["train"], "files": [file], "published": {}}
    document["columns"] = {"clicks": published}
    folder.mkdir(parents=True)
    (folder / "v9.yaml").write_text(yaml.safe_dump(document))
    return folder
