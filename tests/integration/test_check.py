"""`oilake check`: what is published keeps its promises, and what was tampered with is found, with nothing but the table."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.transaction import AddAction
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.conf.errors import DataQualityError
from oilake.conf.settings import Settings
from oilake.jobs.check import check
from oilake.jobs.figures import figures
from oilake.jobs.ingest import ingest
from oilake.jobs.pipeline import start
from oilake.jobs.reconcile import reconcile
from oilake.jobs.runtime.spark_session import StartSession
from oilake.jobs.tables.delta_log import newest_rows as all_rows
from oilake.jobs.tables.snapshots import newest_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import local_queries, sql_expectations
from oilake.jobs.validation.sql_expectations import Question
from oilake.quality import suites
from oilake.quality.metrics import ExpectationCount
from oilake.schemas import loader as schemas
from tests.conftest import Oilake
from tests.support.releases import BOX_HEADER, CAT, DOG, LABEL_HEADER, TREE, image_id, land, lines
from tests.support.warehouses import lake

PLANTED = 3
COORDINATES = {f"{side}_be_between" for side in ("x_min", "x_max", "y_min", "y_max")}
ATTRIBUTES = {f"is_{name}_be_in_set" for name in ("occluded", "truncated", "group_of", "depiction", "inside")}
MEANT = {
    "invalid_image_id": {"image_id_match_regex"},
    "invalid_mid": {"mid_match_regex"},
    "unknown_source": {"origin_not_be_null", "source_be_in_set"},
    "invalid_confidence": {"confidence_where_be_between", "confidence_where_be_in_set", "confidence_be_between"},
    "invalid_coordinate": COORDINATES,
    "inverted_box": {f"{a}_max_{a}_min_pair_values_a_to_be_greater_than_b" for a in "xy"},
    "invalid_attribute": ATTRIBUTES,
    "invalid_size": {"original_size_be_between"},
    "invalid_md5": {"original_md5_match_regex"},
    "wrong_subset": {"subset_be_in_set"},
    "duplicate_image_id": {"key_is_unique"},
}
READER = ("ambiguous_image_id", "wrong_field_count", "nul_byte", "invalid_utf8", "malformed_quotes", "field_too_long")


@pytest.fixture(scope="module")
def planted(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return lake(tmp_path_factory.mktemp("planted"), settings, ("v3",), "--plant", f"all={PLANTED}")


def results(warehouse: str, job: str, release: str = "v3") -> list[dict[str, Any]]:
    return [
        r for r in all_rows(Warehouse.at(warehouse), "quality_results") if r["job"] == job and r["release"] == release
    ]


def test_a_clean_sample_raises_nothing_and_a_second_check_adds_nothing(
    clean: Settings, monkeypatch: pytest.MonkeyPatch
):
    """What the reading of files shows is not asked again."""
    ask, asked_later = sql_expectations.ask_queries, set[str]()

    def listen(session: StartSession, questions: list[Question]) -> list[ExpectationCount | str]:
        asked_later.update(question.expectation.name for question in questions)
        return ask(session, questions)

    monkeypatch.setattr(sql_expectations, "ask_queries", listen)
    first = check(clean)
    assert "box_without_positive_label" in asked_later
    assert not asked_later & {"label_of_unknown_image", "label_of_unknown_class", "box_on_unknown_image"}
    assert [(r.expectation, r.severity) for one in first.checked for r in one.results if not r.success] == []
    assert not first.is_broken
    checked = {one.target.table for one in first.checked}
    unmade = {"class_images", "corrections", "duplicate_images", "image_labels_expanded", "released", "mask_checks"}
    assert checked == set(schemas.table_names()) - unmade - {"quality_results", "job_runs"}
    asked = {name for one in first.checked for name in one.counts}
    every = {e.name for table in checked for e in suites.load_suite(table).expectations}
    assert every == asked
    before = len(all_rows(Warehouse.at(clean.warehouse), "quality_results"))
    assert first.recorded
    assert check(clean).recorded == 0
    assert len(all_rows(Warehouse.at(clean.warehouse), "quality_results")) == before


def no_start(settings: Settings, *places: str) -> tuple[SparkSession, float]:
    raise AssertionError("Spark was started")


def test_small_tables_that_are_up_to_date_are_checked_without_spark(clean: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(start, "open_readers", no_start)
    outcome = check(clean, "boxes")
    assert [findings.target.release for findings in outcome.checked] == ["v1", "v2", "v3"]
    assert outcome.start_seconds == 0
    monkeypatch.setattr(local_queries, "SMALL_BYTES", -1)
    with pytest.raises(AssertionError, match="Spark was started"):
        check(clean, "boxes")


@pytest.mark.slow
def test_spark_finds_what_is_found_without_it(planted: Settings, monkeypatch: pytest.MonkeyPatch):
    here = check(planted)
    monkeypatch.setattr(local_queries, "SMALL_BYTES", -1)
    by_spark = check(planted)
    assert [findings.as_json() for findings in by_spark.checked] == [findings.as_json() for findings in here.checked]


def test_each_planted_defect_is_counted_by_the_expectation_meant_for_it(planted: Settings):
    found: Counter[str] = Counter()
    for row in results(planted.warehouse, "ingest"):
        assert row["success"]
        found[row["expectation"]] += row["quarantined_count"] or 0
    for names in MEANT.values():
        assert sum(found.pop(name, 0) for name in names) == PLANTED
    assert {reason: found.pop(reason) for reason in READER} == dict.fromkeys(READER, PLANTED)
    assert not +found


def test_what_follows_from_planted_defects_is_listed_and_nothing_else(planted: Settings):
    """Bad rows stand beside the sound ones, so nothing follows but that they are in quarantine."""
    outcome = check(planted, release="v3")
    assert [r.expectation for one in outcome.checked for r in one.results if not r.success] == []


def add_file(table: str, partition: dict[str, str], rows: pa.Table) -> None:
    """A file of plain Arrow, named by a commit that asks no constraint."""
    folder = "/".join(f"{key}={value}" for key, value in partition.items())
    path = f"{folder}/corrupt.parquet"
    pq.write_table(rows, Path(table) / path)
    stats = json.dumps({"numRecords": len(rows)})
    opened = DeltaTable(table)
    size = (Path(table) / path).stat().st_size
    action = AddAction(path, size, partition, int(time.time() * 1000), True, stats)
    opened.create_write_transaction([action], "append", opened.schema())


def label(**changed: Any) -> pa.Table:
    row = {"image_id": "00000000000000aa", "source": "machine", "mid": "/m/0bt9lr", "confidence": 0.7} | changed
    return pa.table({name: [value] for name, value in row.items()})


HERE = {"release": "v3", "subset": "train", "origin": "machine"}
CORRUPTIONS = {
    "a MID": ("mid_match_regex", label(mid="banana")),
    "an image ID": ("image_id_match_regex", label(image_id="00000000000000AA")),
    "a confidence": ("confidence_where_be_between", label(confidence=7.0)),
    "a missing value": ("confidence_not_be_null", label(confidence=None)),
    "a missing column": ("mid_not_be_null", label().drop_columns(["mid"])),
    "a column of another type": ("files_are_readable", label(confidence="seven")),
}


@pytest.fixture
def alone(clean: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A copy of `labels` far from its warehouse, where none of our YAML can be asked for."""
    copy = tmp_path / "elsewhere"
    shutil.copytree(Path(clean.warehouse) / "labels", copy, ignore=shutil.ignore_patterns("_quality"))

    def gone(*arguments: object) -> None:
        raise AssertionError("the project's YAML was asked for")

    monkeypatch.setattr(suites, "load_suite", gone)
    monkeypatch.setattr(schemas, "table_schema", gone)
    return str(copy)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_copy_is_found_out_by_what_it_carries(oilake: Oilake, alone: str, name: str):
    expected, rows = CORRUPTIONS[name]
    add_file(alone, HERE, rows)
    code, out, _ = oilake("check", alone, "--release", "v3", "--json")
    assert code == 1
    (table,) = json.loads(out)["tables"]
    broken = {r["expectation"]: r for r in table["results"] if not r["success"]}
    assert list(broken) == [expected]
    assert broken[expected]["unexpected_count"] == 1
    assert len(broken[expected]["examples"]) == 1
    code, out, _ = oilake("check", "--history", alone)
    assert code == 0
    assert f"{expected} (critical, 1 row)" in out


def test_a_sound_copy_is_found_sound_and_says_what_was_not_asked(oilake: Oilake, alone: str):
    code, out, _ = oilake("check", alone)
    assert code == 0
    assert "not asked, the table stands alone: table_row_count_to_be_between, label_of_unknown_image" in out
    kept = sorted(os.listdir(f"{alone}/_quality"))
    assert [name.split("-")[1] for name in kept] == ["v1", "v2", "v3"]
    document = json.loads(Path(alone, "_quality", kept[0]).read_text())
    types = {v["expectation_config"]["type"] for v in document["validations"]}
    assert "expect_column_values_to_match_regex" in types
    assert all(v["success"] for v in document["validations"])
    Path(alone, "_quality", "torn.json").write_text("{")
    code, _, err = oilake("check", "--history", alone)
    assert (code, "torn.json: holds no results of a check" in err, "Traceback" in err) == (2, True, False)


def test_a_truncated_file_is_one_clear_finding(oilake: Oilake, alone: str):
    victim = next(Path(alone).rglob("release=v3/**/*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-100])
    code, out, _ = oilake("check", alone, "--release", "v3")
    assert code == 1
    assert "critical: labels.files_are_readable: 1 file cannot be read: " in out
    assert "labels v3 (version 3): 0 of 1 promises kept" in out
    assert "not asked, a file cannot be read: release_not_be_null" in out
    assert victim.name in out


def test_a_repeated_key_is_counted(oilake: Oilake, clean: Settings, tmp_path: Path):
    copy = tmp_path / "image_labels"
    shutil.copytree(Path(clean.warehouse) / "image_labels", copy)
    source = next(copy.rglob("release=v3/subset=test/*.parquet"))
    add_file(str(copy), {"release": "v3", "subset": "test"}, pq.read_table(source, partitioning=None).slice(5, 2))
    code, out, _ = oilake("check", str(copy), "--release", "v3", "--json")
    assert code == 1
    (table,) = json.loads(out)["tables"]
    (broken,) = [r for r in table["results"] if not r["success"]]
    assert (broken["expectation"], broken["unexpected_count"], len(broken["examples"])) == ("key_is_unique", 4, 2)
    assert json.loads(broken["examples"][0])["rows"] == 2


def test_what_is_no_table_is_refused_in_one_sentence(oilake: Oilake, clean: Settings, tmp_path: Path):
    for what, told in (
        (str(tmp_path), "neither a table of the warehouse nor a folder"),
        ("images", "nothing is published"),
    ):
        code, _, err = oilake("check", what, "--warehouse", str(tmp_path / "none"))
        assert code == 2
        assert told in err
    code, _, err = oilake("check", "labels", "--release", "v9", "--warehouse", clean.warehouse)
    assert code == 2
    assert "'v9' is not published here" in err


def test_a_broken_publication_is_never_seen_and_is_on_record(
    planted: Settings, spark: SparkSession, oilake: Oilake, tmp_path: Path
):
    """`figures` against a registry that promises twice the images: refused at the gate while others read on."""
    mine = replace(planted, warehouse=str(tmp_path / "lake"))
    shutil.copytree(planted.warehouse, mine.warehouse)
    folder = Path(planted.landing) / "registry"
    release = registry.find_release("v3", str(folder))
    doubled = {subset: 2 * count for subset, count in release.published.images.items()}
    wrong = replace(release, published=replace(release.published, images=doubled))
    before = newest_snapshots(Warehouse.at(mine.warehouse))["v3"]
    seen: list[tuple[int, bool]] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            rows = DeltaTable(f"{mine.warehouse}/release_figures").to_pyarrow_table(columns=["share"]).to_pylist()
            bad = any(row["share"] is not None and row["share"] < 0.9 for row in rows)
            seen.append((newest_snapshots(Warehouse.at(mine.warehouse))["v3"].number, bad))

    reader = threading.Thread(target=look)
    reader.start()
    try:
        with pytest.raises(DataQualityError, match="share_where_be_between: 3 rows break the promise") as refused:
            figures(mine, wrong)
    finally:
        done.set()
        reader.join()
    assert "nothing was published by figures" in str(refused.value)
    assert len(seen) > 1
    assert set(seen) == {(before.number, False)}
    assert not list(Path(mine.warehouse, "release_figures").rglob("*.parquet.tmp"))
    on_record = [r for r in results(mine.warehouse, "figures") if r["table_version"] is None and not r["success"]]
    assert {(r["expectation"], r["severity"], r["unexpected_count"]) for r in on_record} == {
        ("share_where_be_between", "critical", 3),
        ("published_images", "warning", 3),
    }
    code, out, _ = oilake("check", "--history", "release_figures", "--release", "v3", "--warehouse", mine.warehouse)
    assert code == 0
    assert "refused" in out.splitlines()[-1]


def human(*rows: str) -> bytes:
    return lines(LABEL_HEADER, *rows)


def test_contradictions_between_tables_are_counted_named_and_shown(
    spark: SparkSession, settings: Settings, tmp_path: Path
):
    test = [image_id(n, "test") for n in range(4)]
    folder = "2017_11/test"
    nowhere, strange = "3000000000000fff", "/m/0strng"
    landing = land(
        tmp_path / "landing",
        {
            f"{folder}/annotations-machine.csv": human(
                f"{nowhere},machine,{DOG},0.9", f"{test[0]},machine,{strange},0.8"
            ),
            f"{folder}/annotations-human.csv": human(
                f"{test[0]},verification,{DOG},1",
                f"{test[1]},verification,{TREE},1",
                f"{test[2]},verification,{TREE},0",
            ),
            f"{folder}/annotations-human-bbox.csv": lines(
                BOX_HEADER,
                f"{test[0]},xclick,{DOG},1,0.1,0.9,0.2,0.7,1,0,-1,0,0",
                f"{test[2]},xclick,{TREE},1,0.1,0.9,0.2,0.7,1,0,-1,0,0",
                f"{nowhere},xclick,{DOG},1,0.1,0.9,0.2,0.7,1,0,-1,0,0",
            ),
            "2017_11/classes-bbox-trainable.txt": f"{DOG}\n{CAT}\n".encode(),
            "2017_11/class-descriptions.csv": f"{DOG},Dog\r\n{TREE},Tree\r\n".encode(),
        },
    )
    mine = replace(settings, warehouse=str(tmp_path / "lake"), landing=str(landing))
    release = registry.find_release("v3")
    from oilake.conf import reconcile_policy

    ingest(mine, release)
    reconcile(mine, release, reconcile_policy.load_policy(None))
    outcome = check(mine)
    assert not outcome.is_broken
    found = {r.expectation: r for one in outcome.checked for r in one.results if not r.success}
    counted = {name: r.unexpected_count for name, r in found.items()}
    assert counted == {
        "box_on_unknown_image": 1,
        "box_without_positive_label": 2,
        "label_of_unknown_image": 1,
        "label_of_unknown_class": 1,
        "trainable_class_not_listed": 1,
        "used_class_without_description": 1,
        "verified_label_without_box": 1,
    }
    shown = {name: json.loads(r.examples[0]) for name, r in found.items()}
    assert shown["box_on_unknown_image"] == {"subset": "test", "image_id": nowhere, "mid": DOG, "boxes": 1}
    assert shown["label_of_unknown_class"] == {"mid": strange, "labels": 1}
    assert shown["verified_label_without_box"]["image_id"] == test[1]
    assert shown["trainable_class_not_listed"]["mid"] == CAT


def test_a_partial_release_is_judged_by_its_rows_alone(spark: SparkSession, settings: Settings, tmp_path: Path):
    landing = land(tmp_path / "landing")
    (landing / "2017_11" / "images_2017_11.tar.gz").unlink()
    mine = replace(settings, warehouse=str(tmp_path / "lake"), landing=str(landing))
    ingest(mine, registry.find_release("v3"), partial=True)
    outcome = check(mine)
    assert not [r.expectation for one in outcome.checked for r in one.results if not r.success and r.severity != "info"]
    scopes = {r.scope for one in outcome.checked if one.target.release for r in one.results}
    assert scopes == {"row", "table"}
    assert {why for one in outcome.checked for why in one.not_asked.values()} == {"v3 is partial"}


def test_a_broken_promise_is_explained_with_its_rows(oilake: Oilake, alone: str):
    add_file(alone, HERE, label(mid="banana"))
    code, out, _ = oilake("check", alone, "--release", "v3", "--explain")
    assert code == 1
    told = " ".join(out.split())
    assert told.startswith("labels v3: mid_match_regex (critical) promised a MID is /m/0 and digits")
    assert "found 1 row of " in told
    assert "means Values of mid are not spelled as the column's values must be." in told
    assert 'mid="banana"' in told
    assert 'image_id="00000000000000aa"' in told
    assert "Copy the table again from where it is published." in told
    code, out, _ = oilake("check", alone, "--release", "v2", "--explain")
    assert code == 0
    assert out.startswith("nothing to explain: every promise that was asked is kept\n")
