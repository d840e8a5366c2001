"""`oilake show` starts no Java, and its rows are those that Spark reads."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from oilake.conf.settings import Settings
from oilake.jobs.tables.images_with_blobs import with_blobs
from oilake.jobs.tables.row_query import RowQuery, select_rows
from oilake.jobs.tables.snapshots import newest_snapshots
from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.conftest import Oilake

CONDITIONS = {
    "labels": "confidence > 0.5 AND mid LIKE '/m/%' AND (origin = 'machine' OR subset IN ('train', 'test'))",
    "images": "original_size IS NOT NULL AND length(title) > 3 AND lower(author) <> author",
    "boxes": "x_max - x_min BETWEEN 0.1 AND 0.5 AND NOT coalesce(is_occluded, false)",
}
# Ends 9 where the command started Java.
WITHOUT_JAVA = (
    "import sys; from oilake.jobs import cli; code = cli.main(sys.argv[1:]); "
    "context = sys.modules.get('pyspark.core.context'); "
    "sys.exit(9 if context and context.SparkContext._gateway else code)"
)


def frozen(value: Any) -> Any:
    """A value without what tells the two readers apart: rows of structs, maps, bytes."""
    if isinstance(value, Row):
        value = value.asDict()
    if isinstance(value, list) and value and isinstance(value[0], tuple) and not isinstance(value[0], Row):
        value = dict(value)
    if isinstance(value, dict):
        return tuple(sorted((key, frozen(inner)) for key, inner in value.items()))
    if isinstance(value, list):
        return tuple(map(frozen, value))
    return bytes(value) if isinstance(value, bytearray) else value


def counted(rows: list[dict[str, Any]]) -> Counter[Any]:
    return Counter(tuple(frozen(value) for value in row.values()) for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("table", schemas.table_names())
def test_rows_are_those_that_spark_reads(spark: SparkSession, clean: Settings, table: str):
    warehouse = Warehouse.of(clean)
    held = {name.partition(" since ")[0] for pin in newest_snapshots(warehouse).values() for name in pin.table_versions}
    if schemas.table_schema(table).slice_by and table not in held:
        pytest.skip(f"{table} is not published here")
    for release in (None, "v3"):
        for where in filter(None, ("true", CONDITIONS.get(table))):
            frame = read_published(spark, warehouse, table, release).where(where)
            ours = select_rows(warehouse, RowQuery(table, release, where=where))
            assert ours.column_names == frame.columns
            assert counted(ours.to_pylist()) == counted([row.asDict() for row in frame.collect()])


@pytest.mark.slow
def test_blobs_beside_images_are_those_that_spark_joins(spark: SparkSession, clean: Settings):
    warehouse = Warehouse.of(clean)
    ours = select_rows(warehouse, RowQuery("images", "v3", with_blobs=True))
    frame = with_blobs(spark, warehouse, "v3")
    assert ours.column_names == frame.columns
    assert counted(ours.to_pylist()) == counted([row.asDict() for row in frame.collect()])


READING = {
    "show": ("show", "labels", "--limit", "3"),
    "show --where": ("show", "images", "--release", "v3", "--where", "subset = 'test'", "--columns", "image_id"),
    "show --count": ("show", "boxes", "--count"),
    "show --blobs": ("show", "images", "--blobs", "--limit", "1"),
    "history": ("history", "--mid", "dog"),
    "releases": ("releases",),
    "quarantine summary": ("quarantine", "summary"),
    "quarantine list": ("quarantine", "list"),
    "quarantine show": ("quarantine", "show"),
    "check --history": ("check", "--history", "labels"),
    "figures": ("figures", "--release", "v3"),
}


@pytest.mark.parametrize("command", READING)
def test_reading_starts_no_java(clean: Settings, command: str):
    places = ["--warehouse", clean.warehouse]
    if command == "figures":
        places += ["--registry", f"{clean.landing}/registry"]
    called = [sys.executable, "-c", WITHOUT_JAVA, *READING[command], *places]
    done = subprocess.run(called, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or done.stdout


def test_rows_are_printed_in_every_form(oilake: Oilake, clean: Settings):
    shown = ("show", "boxes", "--release", "v3", "--where", "subset = 'test'", "--warehouse", clean.warehouse)
    chosen = ("--columns", "image_id,mid,x_min,is_occluded", "--order-by", "x_min desc, image_id", "--limit", "4")
    code, table, err = oilake(*shown, *chosen)
    assert code == 0, err
    header, *lines, end = table.splitlines()
    assert (header.split(), len(lines), end) == (["image_id", "mid", "x_min", "is_occluded"], 4, "4 rows")
    records = [json.loads(line) for line in oilake(*shown, *chosen, "--json")[1].splitlines()]
    assert [record["x_min"] for record in records] == sorted((record["x_min"] for record in records), reverse=True)
    read = list(csv.DictReader(io.StringIO(oilake(*shown, *chosen, "--csv")[1])))
    assert [(row["image_id"], float(row["x_min"])) for row in read] == [(r["image_id"], r["x_min"]) for r in records]
    total = int(oilake(*shown, "--count")[1].replace(",", ""))
    assert total == len(oilake(*shown, "--limit", "1000000", "--json")[1].splitlines())
    assert oilake(*shown, "--count", "--json")[0] == 2
