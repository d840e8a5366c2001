"""From archives to published tables, as a person calls it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, Schema
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.conf.settings import Settings
from oilake.jobs import api
from oilake.jobs.ingest import ingest
from oilake.jobs.tables import ddl
from oilake.jobs.tables.delta_log import newest_rows
from oilake.jobs.tables.snapshots import newest_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from tests.conftest import Oilake
from tests.support.releases import CAT, DOG, LABEL_HEADER, image_id, land, lines


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(land(tmp_path_factory.mktemp("landing")))


@pytest.fixture
def places(landing: str, warehouse: str) -> tuple[str, ...]:
    return ("--landing", landing, "--warehouse", warehouse)


def heads(warehouse: str) -> dict[str, int]:
    """The versions of all tables but the one to which every run adds a row."""
    tables = [path for path in Path(warehouse).iterdir() if path.name != "job_runs"]
    return {path.name: DeltaTable(str(path)).version() for path in tables}


def test_a_release_is_published_once_and_again_only_when_forced(
    oilake: Oilake, places: tuple[str, ...], warehouse: str
):
    code, out, _ = oilake("ingest", "--release", "v3", *places)
    assert code == 0
    assert "v3: 41 rows read, 41 kept, 0 quarantined" in out
    first = heads(warehouse)
    code, out, _ = oilake("ingest", "--release", "v3", *places)
    assert (code, heads(warehouse)) == (0, first)
    assert "nothing changed since it was published (complete)" in out
    code, out, _ = oilake("ingest", "--release", "v3", *places, "--force", "--json")
    assert code == 0
    assert json.loads(out)["changed"] is True
    assert {table: version - first[table] for table, version in heads(warehouse).items()} == {
        table: int(first[table] > 0) for table in first
    }
    written = {"images", "labels", "boxes", "classes", "hierarchy", "quality_results", "release_files"}
    assert {table for table, version in first.items() if version} == written | {"publications", "snapshots"}
    assert DeltaTable(f"{warehouse}/labels").to_pyarrow_table().num_rows == 12


def test_each_commit_says_what_made_it(oilake: Oilake, places: tuple[str, ...], warehouse: str):
    oilake("ingest", "--release", "v3", *places)
    run_id = newest_snapshots(Warehouse.at(warehouse))["v3"].run_id
    versions = newest_snapshots(Warehouse.at(warehouse))["v3"].table_versions
    for table, version in ((table, version) for table, version in versions.items() if version):
        entry = next(e for e in DeltaTable(f"{warehouse}/{table}").history() if e["version"] == version)
        assert (entry["oilake.release"], entry["oilake.job"], entry["oilake.run_id"]) == ("v3", "ingest", run_id)
        assert set(entry["oilake.inputs"]) == {path.name for path in Path(places[1], "2017_11").iterdir()}
    [run] = newest_rows(Warehouse.at(warehouse), "job_runs")
    assert (run["run_id"], run["job"], run["outcome"], run["publications"]) == (run_id, "ingest", "done", [run_id])
    assert dict(run["phase_seconds"]).keys() == {"spark", "stage", "gate", "publish", "other"}
    assert dict(run["table_rows"])["labels"] == 12


def test_changed_input_is_ingested_again(oilake: Oilake, landing: str, warehouse: str, tmp_path: Path):
    mine = tmp_path / "landing"
    shutil.copytree(landing, mine)
    places = ("--landing", str(mine), "--warehouse", warehouse)
    oilake("ingest", "--release", "v3", *places)
    path = "2017_11/train/annotations-machine.csv"
    land(mine, {path: lines(LABEL_HEADER, f"{image_id(0)},machine,{CAT},0.6")})
    code, out, _ = oilake("ingest", "--release", "v3", *places, "--json")
    assert code == 0
    assert json.loads(out)["rows"]["train"]["machine"] == 1


def test_show_prints_rows_of_the_published_snapshot(oilake: Oilake, places: tuple[str, ...]):
    oilake("ingest", "--release", "v3", *places)
    where = f"image_id = '{image_id(0)}' AND origin = 'machine'"
    code, out, _ = oilake("show", "labels", "--release", "v3", "--where", where, *places[2:], "--json")
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "release": "v3",
            "subset": "train",
            "origin": "machine",
            "image_id": image_id(0),
            "source": "machine",
            "mid": DOG,
            "confidence": 0.9,
        }
    ]
    code, out, err = oilake("show", "labels", "--where", "colour = 'red'", *places[2:])
    assert (code, out) == (2, "")
    assert "--where: " in err
    code, out, _ = oilake("show", "classes", *places[2:])
    assert 'Cat "felis"' in out
    assert out.endswith("3 rows\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "labels", "--release", "v1"), "release 'v1' is not published here (published: none)"),
        (("show", "colours"), "unknown table 'colours'"),
        (("ingest", "--release", "v9"), "unknown release 'v9'; known: v1, v2, v3"),
        (("ingest", "--release", "v3", "--registry", "/nowhere"), "/nowhere: no such registry folder"),
        (("ingest", "--release", "v3", "--env", "mars"), "mars: no such environment"),
        (("ingest", "--release", "v3", "--landing", "/nowhere"), "/nowhere/2017_11: release v3 lacks"),
        (("ingest", "--release", "v3", "--landing", "/nowhere"), "--partial; there is no folder /nowhere"),
    ],
)
def test_wrong_calls_get_one_sentence(oilake: Oilake, warehouse: str, arguments: tuple[str, ...], told: str):
    code, out, err = oilake(*arguments, "--warehouse", warehouse)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1


def test_releases_says_what_landed_and_what_is_ingested(oilake: Oilake, places: tuple[str, ...]):
    oilake("ingest", "--release", "v3", *places)
    code, out, _ = oilake("releases", *places, "--json")
    found = {row["release"]: row for row in json.loads(out)}
    assert code == 0
    assert list(found) == ["v1", "v2", "v3", "v4", "v5", "v6", "v7"]
    assert (found["v1"]["ingested"], found["v3"]["ingested"]) == (None, "complete")
    assert (len(found["v1"]["missing"]), found["v3"]["missing"]) == (4, [])


def register_v3_without_figures(folder: Path) -> None:
    """A few rows are held against no published figure."""
    text = (registry.packaged_registry() / "v3.yaml").read_text()
    (folder / "v3.yaml").write_text(text.partition("\npublished:")[0] + "\npublished: {}\n")


def test_run_ends_with_the_path_of_a_report_that_stands_alone(
    oilake: Oilake, landing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Into a folder named from here, where no table is yet."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "reports" / "report.html"
    register_v3_without_figures(tmp_path)
    places = ("--landing", landing, "--warehouse", "data/lake", "--report", "reports/report.html")
    (tmp_path / "ids").write_text(f"train/{image_id(0)}\nvalidation/{image_id(1, 'validation')}.jpg\n")
    (tmp_path / "blobs" / "train").mkdir(parents=True)
    (tmp_path / "blobs" / "train" / f"{image_id(0)}.jpg").write_bytes(b"")
    blobs = ("--blobs", "blobs", "--images", "ids")
    code, out, _ = oilake("run", "--release", "v3", "--registry", str(tmp_path), *places, *blobs)
    assert code == 0
    assert f"truncated: train/{image_id(0)}.jpg" in out
    plots = tmp_path / "reports" / "report-pages" / "index.html"
    assert out.splitlines()[-2:] == [f"Plots: {plots}", f"Report: {path}"]
    assert "href='release-v3.html'" in plots.read_text()
    page = path.read_text()
    assert "href='report-pages/index.html'" in page
    assert "Open Images V3" in page
    assert f"<li>missing: validation/{image_id(1, 'validation')}.jpg</li>" in page
    assert "http" not in page.replace("http-equiv", "")
    code, out, _ = oilake("run", "--release", "v3", "--registry", str(tmp_path), *places, "--docs", "pages")
    assert code == 0
    assert "v3: reconciled" not in out, "told only where something changed"
    assert " promises kept, 0 critical ones broken" in out
    assert " results recorded in quality_results" in out
    assert f"Pages: {tmp_path / 'pages' / 'index.html'}" in out
    assert "gx/index.html" in (tmp_path / "pages" / "index.html").read_text()
    again, out, _ = oilake("run", "--release", "v3", "--registry", str(tmp_path), *places, "--docs", "pages", "--json")
    assert (again, json.loads(out)["check"]["recorded"]) == (0, 0)
    assert json.loads(out)["docs"]["great_expectations_pages"] > 10


def test_a_run_that_checks_ends_as_a_check_does_and_refuses_a_folder_of_others(
    oilake: Oilake, places: tuple[str, ...], warehouse: str, tmp_path: Path
):
    register_v3_without_figures(tmp_path)
    report = ("--registry", str(tmp_path), "--report", str(tmp_path / "report.html"))
    own_report = ("run", "--release", "v3", *places, *report)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    code, _, err = oilake(*own_report, "--docs", str(tmp_path / "mine"))
    assert (code, list(Path(warehouse, "labels").rglob("*.parquet"))) == (2, [])
    assert "name another folder with --docs" in err
    oilake(*own_report)
    (by_class,) = Path(warehouse, "class_images").rglob("subset=test/*.parquet")
    by_class.write_bytes(b"?" * 300 + by_class.read_bytes()[300:])
    code, out, _ = oilake(*own_report, "--docs", str(tmp_path / "pages"))
    assert code == 1
    assert "critical: class_images.files_are_readable: 1 file cannot be read" in out
    assert (tmp_path / "pages" / "index.html").exists()


def test_notebooks_read_the_newest_snapshot(oilake: Oilake, places: tuple[str, ...], warehouse: str):
    oilake("ingest", "--release", "v3", *places)
    assert api.read("labels", release="v3", warehouse=warehouse).count() == 12
    assert api.read("images", warehouse=warehouse).where("subset = 'test'").count() == 4


def test_a_table_is_read_as_it_was_after_any_run(
    oilake: Oilake, places: tuple[str, ...], warehouse: str, spark: SparkSession, tmp_path: Path
):
    oilake("ingest", "--release", "v3", *places)
    fewer = str(land(tmp_path, {"2017_11/train/annotations-machine.csv": lines(LABEL_HEADER)}))
    oilake("ingest", "--release", "v3", "--landing", fewer, "--warehouse", warehouse)
    table = f"delta.`{warehouse}/labels`"
    history = spark.sql(f"DESCRIBE HISTORY {table}").where("userMetadata = 'v3 ingest'").collect()
    versions = sorted(row["version"] for row in history)
    counts = [spark.sql(f"SELECT * FROM {table} VERSION AS OF {version}").count() for version in versions]
    assert counts == [12, 10]


def test_readers_do_not_see_what_no_snapshot_names(oilake: Oilake, places: tuple[str, ...], warehouse: str):
    oilake("ingest", "--release", "v3", *places)
    DeltaTable(f"{warehouse}/labels").delete("origin = 'machine'")
    assert api.read("labels", release="v3", warehouse=warehouse).count() == 12


def test_a_new_column_and_a_changed_constraint_are_migrated_and_told(
    spark: SparkSession, warehouse: str, settings: Settings, landing: str, capsys: pytest.CaptureFixture[str]
):
    today = DeltaTable(f"{warehouse}/boxes")
    fields = [field for field in today.schema().fields if field.name != "is_inside"]
    properties = dict(today.metadata().configuration) | {"delta.constraints.old": "confidence < 7"}
    for constraint in ("is_inside_be_in_set", "mid_match_regex"):
        del properties[f"delta.constraints.{constraint}"]
    shutil.rmtree(f"{warehouse}/boxes")
    DeltaTable.create(
        f"{warehouse}/boxes",
        Schema(fields),
        partition_by=today.metadata().partition_columns,
        configuration=properties,
        raise_if_key_not_exists=False,
    )
    told = ddl.ensure_tables(lambda: spark, Warehouse.at(warehouse))
    assert told == [
        "boxes: column is_inside was added",
        "boxes: constraint old was dropped",
        "boxes: constraint mid_match_regex was added",
        "boxes: constraint is_inside_be_in_set was added",
    ]
    assert ddl.ensure_tables(lambda: spark, Warehouse.at(warehouse)) == []


def test_labels_come_out_sorted_and_one_image_opens_one_file_a_partition(
    spark: SparkSession, settings: Settings, warehouse: str, tmp_path: Path
):
    rows = [f"{image_id(n)},machine,{DOG},0.{5 + n % 5}" for n in range(400)]
    path = "2017_11/train/annotations-machine.csv"
    landing = land(tmp_path / "landing", {path: lines(LABEL_HEADER, *rows)})
    small = replace(settings.limits, block_bytes=1000, chunk_bytes=3000, large_bytes=1)
    ingest(replace(settings, warehouse=warehouse, landing=str(landing), limits=small), registry.find_release("v3"))
    files = [f for f in DeltaTable(f"{warehouse}/labels").file_uris() if "subset=train/origin=machine" in f]
    ranges = sorted(
        (ids[0], ids[-1], ids) for f in files for ids in [pq.read_table(f, columns=["image_id"])[0].to_pylist()]
    )
    assert len(files) > 3
    assert all(ids == sorted(ids) for _, _, ids in ranges)
    assert all(a[1] <= b[0] for a, b in pairwise(ranges))
    frame = api.read("labels", release="v3", warehouse=warehouse).where(f"image_id = '{image_id(200)}'")
    assert frame.count() == 1
    assert files_read(frame) == 1


def files_read(frame: object) -> int:
    """How many files the scans of an executed query opened, from Spark's own metrics."""
    frame.collect()  # type: ignore[attr-defined]
    plan = frame._jdf.queryExecution().executedPlan()  # type: ignore[attr-defined]
    leaves = plan.collectLeaves()
    return sum(int(leaves.apply(n).metrics().apply("numFiles").value()) for n in range(leaves.size()))
