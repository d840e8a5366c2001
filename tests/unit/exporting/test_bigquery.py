"""The names of the public dataset: the queries that people run on it give on the export what the tables say."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from oilake.jobs.exporting.bigquery_format import DICT
from oilake.jobs.exporting.parquet_shards import ParquetShards
from tests.support.export_lake import COMPUTER_MOUSE, KEPT_BOXES, MOUSE, PUBLISHED_LABELS, images
from tests.support.releases import CAT, image_id
from tests.unit.exporting.conftest import Export

TABLES = ("images", "labels", "annotations_bbox", "dict")
QUERIES = {
    "originals with a cat box": (
        f"SELECT original_url FROM images JOIN annotations_bbox USING (image_id) WHERE label_name = '{CAT}' "
        "AND confidence = 1",
        [("https://photos.example/1.jpg",)],
    ),
    "labels and images by confidence": (
        f"SELECT i.image_id FROM labels AS l JOIN images AS i USING (image_id) WHERE l.label_name = '{CAT}' "
        "AND i.subset = 'train' AND l.confidence >= 0.75",
        [(image_id(1),)],
    ),
    "titles with a word": ("SELECT image_id FROM images WHERE title LIKE '%quoted%'", [(image_id(0),)]),
    "display names with a word": (
        "SELECT label_name FROM dict WHERE label_display_name LIKE '%ouse' ORDER BY 1", [(COMPUTER_MOUSE,), (MOUSE,)]
    ),
    "counts of distinct images": ("SELECT count(DISTINCT image_id), count(DISTINCT title) FROM images", [(4, 3)]),
    "unknown attributes": ("SELECT count(*) FROM annotations_bbox WHERE is_truncated IS NULL", [(2,)]),
}  # fmt: skip


@pytest.mark.lengthy
@pytest.mark.parametrize("name", QUERIES)
def test_queries_that_people_run_on_the_public_dataset(export: Export, out: Path, name: str) -> None:
    query, answer = QUERIES[name]
    counted = export("bigquery")
    assert [counted[table] for table in TABLES[:3]] == [len(images()), len(PUBLISHED_LABELS), len(KEPT_BOXES)]
    connection = duckdb.connect()
    for table in TABLES:
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{out}/{table}/*.parquet')")
    assert connection.execute(query).fetchall() == answer


@pytest.mark.lengthy
def test_schemas_name_the_columns_of_the_files_and_every_table_is_loaded(export: Export, out: Path) -> None:
    export("bigquery")
    kinds = {"string": "STRING", "double": "FLOAT64", "int64": "INT64", "bool": "BOOL"}
    for table in TABLES:
        schema = json.loads((out / "schemas" / f"{table}.json").read_text())
        for file in (out / table).iterdir():
            fields = [(field.name, kinds[str(field.type)]) for field in pq.read_schema(file)]
            assert fields == [(column["name"], column["type"]) for column in schema]
        assert all(column["description"] for column in schema)
    script = (out / "load.sh").read_text()
    assert re.findall(r"dataset\.(\w+)", script) == list(TABLES)
    subprocess.run(["sh", "-n", str(out / "load.sh")], check=True)


def test_an_md5_is_base64_as_it_was_published(export: Export, out: Path) -> None:
    export("bigquery", "--subset", "train")
    rows = pq.read_table(out / "images").to_pylist()
    assert [row["original_md5"] for row in rows] == ["A" * 22 + "==", "A" * 21 + "Q==", None]


def test_a_new_file_is_begun_when_one_is_full(tmp_path: Path) -> None:
    rows = DICT.empty_table().from_pydict({"label_name": ["a", "b"], "label_display_name": ["A", None]})
    with ParquetShards(tmp_path / "x" / "part", DICT, shard_rows=3) as shards:
        for _ in range(5):
            shards.write(rows)
    assert [pq.read_metadata(path).num_rows for path in sorted((tmp_path / "x").iterdir())] == [4, 4, 2]
