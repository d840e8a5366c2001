"""The real rows of V3 in every format that has boxes, as the programs that people use read them."""

from __future__ import annotations

import csv
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from PIL import Image
from pyspark.sql import SparkSession

import oilake
from oilake.conf import reconcile_policy, registry
from oilake.conf.settings import Settings
from oilake.jobs import cli
from oilake.jobs.downloading.address_lists import read_list
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from tests.support import postgres_server
from tests.support.export_readers import SCRIPTS, BoxesByImage, compare_boxes, read_boxes, table_boxes

pytestmark = [pytest.mark.real, pytest.mark.slow]
RELEASE = "v3"
SIDE = 1000


@pytest.fixture(scope="module")
def lake(spark: SparkSession, settings: Settings, real: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse that holds the real rows, and what is decided of their labels."""
    places = replace(settings, warehouse=str(tmp_path_factory.mktemp("real_exports") / "lake"), landing=str(real))
    ingest(places, registry.find_release(RELEASE), partial=True)
    reconcile(places, registry.find_release(RELEASE), reconcile_policy.load_policy())
    return places.warehouse


@pytest.fixture(scope="module")
def expected(lake: str) -> BoxesByImage:
    boxes = table_boxes(lake, RELEASE)
    assert (len(boxes), sum(map(len, boxes.values()))) == (2000, 2000)
    return boxes


@pytest.fixture(scope="module")
def pictures(lake: str, expected: BoxesByImage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small picture of our own for every image, in the folder of each subset: the real ones are not here."""
    folder = tmp_path_factory.mktemp("pictures")
    Image.new("RGB", (8, 6)).save(folder / "any.jpg")
    for subset in ("train", "validation"):
        (folder / subset).mkdir()
        for image in expected:
            (folder / subset / f"{image}.jpg").hardlink_to(folder / "any.jpg")
    return folder


@pytest.fixture(scope="module")
def sizes(expected: BoxesByImage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sides that nobody measured, so that a pixel is a thousandth."""
    file = tmp_path_factory.mktemp("sizes") / "sizes.csv"
    file.write_text("image_id,width,height\n" + "".join(f"{image},{SIDE},{SIDE}\n" for image in expected))
    return file


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where an export goes."""
    return tmp_path / "out"


def export(lake: str, name: str, out: Path, *flags: str) -> None:
    assert cli.main(["export", name, "--release", RELEASE, "--out", str(out), "--warehouse", lake, *flags]) == 0


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_real_box_is_found(
    lake: str, expected: BoxesByImage, pictures: Path, sizes: Path, out: Path, name: str
) -> None:
    flags = ["--sizes", str(sizes)] if name in ("coco", "voc") else []
    flags += ["--blobs", str(pictures)] if name in ("huggingface", "webdataset") else []
    export(lake, name, out, *flags)
    compare_boxes(name, read_boxes(name, out, pictures), expected)


def test_lists_name_every_real_image_with_its_size_and_md5(lake: str, out: Path) -> None:
    export(lake, "list", out)
    columns = "subset, image_id, original_url, original_size, original_md5"
    ours = oilake.sql(f"SELECT {columns} FROM images WHERE release = '{RELEASE}'", warehouse=lake).fetchall()
    assert sorted((out / "split_ids.txt").read_text().split()) == sorted(f"{row[0]}/{row[1]}" for row in ours)
    head, *lines = (out / "urls.tsv").read_text().splitlines()
    assert head == "TsvHttpData-1.0"
    theirs = [(url, int(size), b64decode(md5).hex()) for url, size, md5 in (line.split("\t") for line in lines)]
    assert sorted(theirs) == sorted(row[2:] for row in ours)
    read = read_list(str(out / "urls.tsv"))
    assert len(ours) == read.count() == 2000


@pytest.mark.parametrize("name", ["coco-masks", "yolo-segments"])
def test_there_are_no_real_masks_and_that_is_one_sentence(
    lake: str, out: Path, sizes: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words = ["export", name, "--release", RELEASE, "--out", str(out), "--warehouse", lake, "--sizes", str(sizes)]
    assert cli.main(words) == 2
    assert f"no chosen image of {RELEASE} has a mask; loosen the filters" in capsys.readouterr().err
    assert not out.exists()


def test_duckdb_finds_them_under_the_names_of_the_public_dataset(lake: str, out: Path) -> None:
    export(lake, "bigquery", out)
    columns = "image_id, source, x_min, x_max, y_min, y_max, is_group_of"
    theirs = duckdb.sql(f"SELECT label_name, {columns} FROM '{out}/annotations_bbox/*.parquet'").fetchall()
    ours = oilake.sql(f"SELECT mid, {columns} FROM boxes WHERE release = '{RELEASE}'", warehouse=lake).fetchall()
    assert sorted(map(repr, theirs)) == sorted(map(repr, ours))
    assert len(ours) == 2000
    (labels,) = duckdb.sql(f"SELECT count(*) FROM '{out}/labels/*.parquet'").fetchall()
    assert labels == (4000,)


def test_postgresql_loads_them(lake: str, out: Path) -> None:
    if not postgres_server.is_installed():
        pytest.skip("install PostgreSQL (Debian: postgresql) to load the export by it")
    export(lake, "postgres", out)
    with postgres_server.running_server() as server:
        loaded = postgres_server.run_psql(server, "-v", "ON_ERROR_STOP=1", "-f", "load.sql", cwd=out)
        assert loaded.returncode == 0, loaded.stderr
        for table, columns in {
            "images": "image_id, title, author, original_md5",
            "image_labels": "image_id, mid, verdict",
            "boxes": "image_id, mid, source",
        }.items():
            copied = postgres_server.run_psql(
                server, "-c", f"COPY (SELECT {columns} FROM open_images.{table}) TO STDOUT (FORMAT csv, NULL '')"
            )
            theirs = list(csv.reader(copied.stdout.splitlines(keepends=True)))
            ours = oilake.sql(f"SELECT {columns} FROM {table} WHERE release = '{RELEASE}'", warehouse=lake).fetchall()
            assert sorted(theirs) == sorted([value or "" for value in row] for row in ours)
