"""`oilake quarantine`: what is shown is what was planted; what is released is what a corrected rule lets pass, once, as
an ingest would have it."""

from __future__ import annotations

import base64
import csv
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.conf.errors import ConfigError, StoreError
from oilake.conf.settings import Settings
from oilake.jobs import cli, reconcile
from oilake.jobs.ingest import ingest
from oilake.jobs.ingesting import reusable_files, reuse
from oilake.jobs.quarantine import printable_text
from oilake.jobs.quarantining import reprocess_staging
from oilake.jobs.quarantining.reprocess import prepare_publication, reprocess_release
from oilake.jobs.quarantining.reprocess_plan import plan_reprocess
from oilake.jobs.sources.csv_parser import Header, parse_block, parse_separately
from oilake.jobs.sources.csv_records import read_blocks
from oilake.jobs.tables import parquet_footers, publish, staging
from oilake.jobs.tables.publication import DOWNSTREAM, Publication
from oilake.jobs.tables.slice_files import published_files
from oilake.jobs.tables.snapshots import RELEASE, newest_snapshots, require_snapshot
from oilake.jobs.tables.spark_reader import read_published
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality import scopes
from oilake.quality import suites as suites
from oilake.schemas import loader as schemas
from tests.conftest import Oilake
from tests.support import publications, table_readers
from tests.support.releases import (
    BOX_HEADER,
    DOG,
    IMAGE_HEADER,
    LABEL_HEADER,
    TAG,
    image_id,
    image_row,
    land,
    lines,
    members,
)
from tests.support.table_readers import Row

KINDS = ("unknown_source", "invalid_mid", "invalid_confidence", "wrong_field_count", "invalid_size")
PLANTED = 200
INGESTED = ("images", "labels", "boxes", "classes", "hierarchy", "quarantine", "repairs", "release_files")
LONG = '"' + "long " * 40 + '"'


def corrected(path: Path, folder: Path, sources: dict[str, str], box_sources: tuple[str, ...] = ()) -> str:
    """A registry like the one at `path` with more sources for V3; its folder."""
    folder.mkdir()
    data = yaml.safe_load(path.read_text())
    data["sources"] |= sources
    data["box_sources"] += box_sources
    (folder / "v3.yaml").write_text(yaml.safe_dump(data))
    return str(folder)


def rows_of(warehouse: str, table: str) -> Counter[str]:
    """The multiset of a table's published rows."""
    return Counter(repr(sorted(row.items())) for row in table_readers.rows(warehouse, table))


def everything(warehouse: str) -> dict[str, Counter[str]]:
    return {table: rows_of(warehouse, table) for table in INGESTED}


def assert_no_row_is_lost(warehouse: str) -> None:
    """Kept + quarantined = read, in the counts and in the rows that a reader of the newest snapshot finds."""
    counts = table_readers.rows(warehouse, "release_files")
    assert all(row["rows_kept"] + row["rows_quarantined"] == row["rows_read"] for row in counts)
    quarantined = Counter((row["file"], row["member"]) for row in table_readers.rows(warehouse, "quarantine"))
    assert quarantined == Counter({(r["file"], r["member"]): r["rows_quarantined"] for r in counts})
    annotated = [row for row in counts if "classes" not in row["file"] and "hierarchy" not in row["file"]]
    rows = sum(len(table_readers.rows(warehouse, table)) for table in ("images", "labels", "boxes"))
    assert rows == sum(row["rows_kept"] for row in annotated)


def assert_files_are_in_order(warehouse: str) -> None:
    """In every partition each file is sorted, no two overlap but for the image they share, and statistics are true."""
    for table in ("images", "labels", "boxes"):
        partitions: dict[str, list[tuple[str, str]]] = {}
        pin = require_snapshot(Warehouse.at(warehouse), "v3")
        for file in published_files(Warehouse.at(warehouse), table, pin):
            ids = pq.read_table(file.uri, columns=["image_id"], partitioning=None)["image_id"].to_pylist()
            assert ids == sorted(ids)
            assert len(ids) == file.rows
            partitions.setdefault(repr(file.partition), []).append((ids[0], ids[-1]))
        for ends in partitions.values():
            assert all(a[1] <= b[0] for a, b in pairwise(sorted(ends)))
        actions = pa.table(DeltaTable(f"{warehouse}/{table}").get_add_actions(flatten=True)).to_pylist()
        known = sorted((a["min.image_id"], a["max.image_id"]) for a in actions)
        assert known == sorted(end for ends in partitions.values() for end in ends)


# --- a thousand planted rows ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    assert (
        cli.main(
            [
                "sample",
                "--out",
                str(folder),
                "--releases",
                "v1,v2,v3",
                "--scale",
                "0.0002",
                *(f"--plant={kind}={PLANTED}" for kind in KINDS),
            ]
        )
        == 0
    )
    environment = yaml.safe_load((Path(__file__).parents[2] / "conf" / "local.yaml").read_text())
    environment["limits"]["max_share"] = 0.5
    (folder / "env.yaml").write_text(yaml.safe_dump(environment))
    return folder


@pytest.fixture(scope="module")
def planted(sample: Path) -> list[Row]:
    """The truth about what was planted: where, why, and the fields of the record."""
    with (sample / "truth" / "defects.csv").open(newline="") as file:
        return [
            row | {"line": int(row["line"]), "fields": bytes.fromhex(row["record_hex"]).decode().split(",")}
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def full(sample: Path, empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse with the sample's V3, a thousand rows of it in quarantine; copied, never written to."""
    warehouse = str(tmp_path_factory.mktemp("full") / "warehouse")
    shutil.copytree(empty_warehouse, warehouse)
    places = ["--warehouse", warehouse, "--landing", str(sample), "--registry", str(sample / "registry")]
    assert cli.main(["ingest", "--release", "v3", *places, "--env", str(sample / "env.yaml")]) == 0
    assert cli.main(["reconcile", "--release", "v3", "--warehouse", warehouse]) == 0
    return warehouse


@pytest.fixture(scope="module")
def better(sample: Path) -> str:
    """A registry that knows the sources `oracle` (a machine that draws boxes too) and `Verification?` (people)."""
    sources = {"oracle": "machine", "Verification?": "human"}
    return corrected(sample / "registry" / "v3.yaml", sample / "better", sources, ("oracle",))


def is_box(row: Row) -> bool:
    return "bbox" in row["file"]


def passes(row: Row) -> bool:
    """Whether the better registry lets a planted row pass: what people say is 0 or 1; of boxes a rule asks for more."""
    if row["kind"] != "unknown_source" or is_box(row):
        return False
    source, confidence = row["fields"][1], row["fields"][3]
    return source == "oracle" or confidence in ("0", "1", "0.0", "1.0")


def place(row: Row) -> tuple[str, str, int]:
    return row["file"], row["member"], row["line"]


def test_exactly_the_rows_of_the_corrected_mapping_move(
    full: str, sample: Path, better: str, planted: list[Row], tmp_path: Path, oilake: Oilake
):
    """Row by row against the truth that the sample tells; and a second release moves none."""
    warehouse = str(shutil.copytree(full, tmp_path / "warehouse"))
    places = ["--release", "v3", "--warehouse", warehouse, "--env", str(sample / "env.yaml")]
    before = everything(warehouse)
    assert len(table_readers.rows(warehouse, "quarantine")) == len(planted) == len(KINDS) * PLANTED
    unchanged = oilake("quarantine", "release", *places, "--registry", str(sample / "registry"))
    assert unchanged[0] == 0
    assert "1,000 quarantined rows judged again, 0 released" in unchanged[1]
    assert everything(warehouse) == before

    code, out, _ = oilake("quarantine", "release", *places, "--registry", better, "--json")
    assert code == 0
    moving = [row for row in planted if passes(row)]
    told = json.loads(out)
    assert told["moved"] == {"labels": len(moving)}
    assert told["released"] == {table: {"unknown_source": count} for table, count in told["moved"].items()}

    staying = {place(row): row for row in planted if not passes(row)}
    found = {place(row): row for row in table_readers.rows(warehouse, "quarantine")}
    assert found.keys() == staying.keys()
    for key, row in found.items():
        assert row["raw"].hex() == staying[key]["record_hex"]
        said_by_people = staying[key]["fields"][1] == "Verification?" and not is_box(row)
        assert row["reasons"] == ["invalid_confidence" if said_by_people else staying[key]["reason"]]
    assert told["reworded"] == sum(row["reasons"] != [staying[key]["reason"]] for key, row in found.items()) > 0

    after = everything(warehouse)
    gained = [
        row for row in table_readers.rows(warehouse, "labels") if repr(sorted(row.items())) not in before["labels"]
    ]
    assert not before["labels"] - after["labels"]
    assert (after["labels"] - before["labels"]).total() == len(moving)
    names = ("subset", "image_id", "source", "mid", "confidence")
    wanted = [(row["member"].split("/")[1], *row["fields"][:3], float(row["fields"][3])) for row in moving]
    assert Counter(tuple(row[name] for name in names) for row in gained) == Counter(wanted)
    for table in ("images", "boxes", "classes", "hierarchy"):
        assert after[table] == before[table]

    released = table_readers.rows(warehouse, "released")
    assert {place(row): row["reasons"] for row in released} == {place(row): ["unknown_source"] for row in moving}
    assert {place(row): row["image_id"] for row in released} == {place(row): row["fields"][0] for row in moving}
    assert {row["run_id"] for row in released} == {told["run_id"]}
    commit = DeltaTable(f"{warehouse}/labels").history(1)[0]
    assert (commit["userMetadata"], commit["oilake.run_id"]) == ("v3 quarantine release", told["run_id"])
    assert json.loads(commit["oilake.released"]) == told["moved"]
    assert json.loads(commit["oilake.released_reasons"]) == told["released"]
    assert_no_row_is_lost(warehouse)
    assert_files_are_in_order(warehouse)

    pin = table_readers.newest(warehouse)
    code, out, _ = oilake("quarantine", "release", *places, "--registry", better)
    assert code == 0
    assert "0 released" in out
    assert "nothing to release" in out
    assert table_readers.newest(warehouse) == pin


def test_it_is_what_an_ingest_gives_that_reads_everything_again(
    full: str, sample: Path, better: str, tmp_path: Path, oilake: Oilake
):
    """Also by the labels that are reconciled of either, which reads the rewritten files as sorted ones; an ingest under
    the corrected mapping changes no row, one under the old mapping puts the rows into quarantine again."""
    warehouse = str(shutil.copytree(full, tmp_path / "warehouse"))
    places = ["--release", "v3", "--warehouse", warehouse, "--env", str(sample / "env.yaml")]
    before, old_pairs = everything(warehouse), rows_of(warehouse, "image_labels")
    assert oilake("quarantine", "release", *places, "--registry", better)[0] == 0
    after = everything(warehouse)
    assert after != before
    code, _, told = oilake("show", "image_labels", "--release", "v3", "--warehouse", warehouse)
    assert (code, "run `oilake reconcile --release v3 --warehouse " in told) == (2, True)
    assert oilake("reconcile", "--release", "v3", "--warehouse", warehouse, "--registry", better)[0] == 0
    pairs = rows_of(warehouse, "image_labels")
    assert pairs != old_pairs
    ingesting = ["ingest", *places, "--landing", str(sample), "--json", "--registry"]
    assert json.loads(oilake(*ingesting, better)[1])["changed"]
    assert everything(warehouse) == after
    code, _, told = oilake("show", "released", "--warehouse", warehouse, "--release", "v3")
    assert (code, "run `oilake quarantine release --release v3 --warehouse " in told) == (2, True)
    assert oilake("reconcile", "--release", "v3", "--warehouse", warehouse, "--registry", better)[0] == 0
    assert rows_of(warehouse, "image_labels") == pairs
    assert json.loads(oilake(*ingesting, str(sample / "registry"))[1])["changed"]
    assert everything(warehouse) == before


# --- what is shown -------------------------------------------------------------------------------------------------


def test_summary_counts_what_was_planted(full: str, planted: list[Row], oilake: Oilake):
    counted = json.loads(oilake("quarantine", "summary", "--release", "v3", "--warehouse", full, "--json")[1])
    found = {(row["file"], row["member"], row["reason"]): row["rows"] for row in counted}
    assert found == Counter((row["file"], row["member"], row["reason"]) for row in planted)
    text = oilake("quarantine", "summary", "--release", "v3", "--warehouse", full, "--reason", "invalid_mid")[1]
    assert text.splitlines()[-1] == f"in all: invalid_mid {PLANTED}"


def test_list_finds_rows_by_table_file_and_reason(full: str, planted: list[Row], oilake: Oilake):
    where = ["--warehouse", full, "--table", "labels", "--reason", "invalid_mid"]
    mine = [row for row in planted if row["kind"] == "invalid_mid" and "bbox" not in row["file"]]
    found = json.loads(oilake("quarantine", "list", *where, "--limit", "1000", "--json")[1])
    assert found["total"] == len(mine)
    assert [place(row) for row in found["rows"]] == sorted(map(place, mine))
    of_one = [row for row in mine if row["file"] == mine[0]["file"]]
    lines_of_one = oilake("quarantine", "list", *where, "--file", mine[0]["file"], "--limit", "2")[1].splitlines()
    assert len(lines_of_one) == 4
    assert lines_of_one[-1] == f"2 of {len(of_one)} rows"


def test_show_tells_all_about_one_row(full: str, planted: list[Row], oilake: Oilake):
    row = next(row for row in planted if row["kind"] == "wrong_field_count")
    where = ["--file", row["file"], "--member", row["member"], "--line", str(row["line"]), "--warehouse", full]
    (shown,) = json.loads(oilake("quarantine", "show", *where, "--json")[1])["rows"]
    assert base64.b64decode(shown["raw_base64"]).hex() == row["record_hex"]
    assert shown["meaning"] == {"wrong_field_count": "the row has more or fewer fields than the header"}
    text = oilake("quarantine", "show", *where)[1]
    for part in (row["file"], row["member"], f"line {row['line']}", shown["raw"], shown["remedy"]["wrong_field_count"]):
        assert part in text


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["list", "--reason", "ugly"], "oilake: --reason ugly: no such reason; known: nul_byte, "),
        (["list", "--limit", "-1"], "oilake: --limit must not be negative, not -1"),
        (
            ["show", "--release", "v9"],
            "release 'v9' is not published here (published: v3); run `oilake ingest --release v9",
        ),
        (["release", "--release", "v9"], "oilake: unknown release 'v9'; known: v1, v2, v3"),
        (
            ["release", "--release", "v2"],
            "release 'v2' is not published here (published: v3); run `oilake ingest --release v2",
        ),
    ],
)
def test_a_wrong_call_is_told_in_one_sentence(full: str, flags: list[str], sentence: str, oilake: Oilake):
    code, _, told = oilake("quarantine", *flags, "--warehouse", full)
    assert code == 2
    assert sentence in told
    assert len(told.splitlines()) == 1


def test_no_terminal_obeys_what_a_row_holds():
    assert printable_text(b'a,"\x1b[2J\xff\x00\n\xc3\xa9\xe2\x80\xae"') == 'a,"\\x1b[2J\\xff\\x00\\né\\u202e"'


# --- a release that a person can read ------------------------------------------------------------------------------

TRAIN, VALIDATION = f"{TAG}/train", f"{TAG}/validation"


def small_release() -> dict[str, bytes]:
    """Rows that long titles and the source `oracle` keep back, among them some that must not come out."""
    known = members()
    images = known[f"{TRAIN}/images.csv"]
    oracles = [image_row(image_id(n), title=LONG) for n in (9, 7)]  # neither sorted nor in any file's range
    late = image_row(image_id(2), title=LONG)  # its ID is that of a row that stands before it
    twice = image_row(image_id(7), title=LONG.replace("long", "same"))  # and this one comes after one of those
    folder = image_row(image_id(9), "validation", title=LONG)  # the same in another file
    return {
        f"{TRAIN}/images.csv": images + "".join(f"{row}\n" for row in (*oracles, late, twice)).encode(),
        f"{VALIDATION}/images.csv": known[f"{VALIDATION}/images.csv"] + f"{folder}\n".encode(),
        f"{TRAIN}/annotations-machine.csv": lines(
            LABEL_HEADER,
            f"{image_id(0)},machine,{DOG},0.9",
            f"0X{image_id(8).upper()},oracle,m.0BT9LR,0.25",  # repaired as it is released
            f"{image_id(1)},oracle,{DOG},7",
        ),
        f"{TAG}/test/annotations-machine.csv": lines(  # Spark sorts these, and its files note that nothing in them is NULL
            LABEL_HEADER,
            *(f"{image_id(n, 'test')},machine,{DOG},0.5" for n in (3, 0, 2)),
            f"{image_id(1, 'test')},oracle,{DOG},0.5",
        ),
        f"{VALIDATION}/annotations-human-bbox.csv": lines(
            BOX_HEADER, f"{image_id(0, 'validation')},xclick,{DOG},1,0.1,0.9,0.25{'0' * 99},0.75,1,0,-1,0,0"
        ),
        f"{TAG}/classes-bbox.txt": f"{DOG}\nbanana\n".encode(),
    }


@pytest.fixture(scope="module")
def small(empty_warehouse: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a warehouse with that release, ingested by strict rules; copied, never written to."""
    folder = tmp_path_factory.mktemp("small")
    shutil.copytree(empty_warehouse, folder / "warehouse")
    land(folder, small_release())
    limits = replace(settings.limits, max_share=1.0, field_bytes=100)
    mine = replace(settings, warehouse=str(folder / "warehouse"), landing=str(folder), limits=limits)
    ingest(mine, registry.find_release("v3"))
    return mine


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> registry.Release:
    """V3 with the source `oracle`."""
    folder = tmp_path_factory.mktemp("wider") / "registry"
    path = Path(str(registry.packaged_registry() / "v3.yaml"))
    return registry.find_release("v3", corrected(path, folder, {"oracle": "machine"}))


def lenient(small: Settings, warehouse: Path | str) -> Settings:
    """The same place with another warehouse, and longer fields."""
    limits = replace(small.limits, field_bytes=1 << 20)
    return replace(small, warehouse=str(warehouse), limits=limits)


def test_of_images_with_one_id_the_earlier_one_stays(small: Settings, wider: registry.Release, tmp_path: Path):
    mine = lenient(small, shutil.copytree(small.warehouse, tmp_path / "warehouse"))
    outcome = reprocess_release(mine, wider)
    assert outcome.moved == {"boxes": 1, "images": 2, "labels": 2}
    quarantined = {place(row)[1:]: row["reasons"] for row in table_readers.rows(mine.warehouse, "quarantine")}
    assert quarantined == {
        (f"{TRAIN}/images.csv", 8): ["duplicate_image_id"],
        (f"{TRAIN}/images.csv", 9): ["duplicate_image_id"],
        (f"{VALIDATION}/images.csv", 6): ["duplicate_image_id"],
        (f"{TRAIN}/annotations-machine.csv", 4): ["invalid_confidence"],
        (f"{TAG}/classes-bbox.txt", 2): ["invalid_mid"],
    }
    repaired = {row["member"]: (row["image_ids_repaired"], row["mids_repaired"]) for row in release_files(mine)}
    assert repaired[f"{TRAIN}/annotations-machine.csv"] == (1, 1)
    assert outcome.unjudged == {"classes": 1}
    assert "classes: 1 rows stay unjudged" in outcome.as_text()
    assert "`oilake ingest --release v3 --force`" in outcome.as_text()
    assert_no_row_is_lost(mine.warehouse)
    assert_files_are_in_order(mine.warehouse)
    other = lenient(small, shutil.copytree(small.warehouse, tmp_path / "other"))
    ingest(other, wider, force=True)
    assert everything(mine.warehouse) == everything(other.warehouse)
    assert not reprocess_release(mine, wider).changed


def release_files(mine: Settings) -> list[Row]:
    return table_readers.rows(mine.warehouse, "release_files")


def test_a_second_correction_adds_to_what_the_first_one_released(
    small: Settings, wider: registry.Release, tmp_path: Path
):
    mine = lenient(small, shutil.copytree(small.warehouse, tmp_path / "warehouse"))
    first = reprocess_release(mine, registry.find_release("v3"))
    assert first.moved == {"boxes": 1, "images": 2}
    second = reprocess_release(mine, wider)
    assert second.moved == {"labels": 2}
    runs = Counter((row["run_id"], row["table_name"]) for row in table_readers.rows(mine.warehouse, "released"))
    assert runs == {(first.run_id, "images"): 2, (first.run_id, "boxes"): 1, (second.run_id, "labels"): 2}
    assert_no_row_is_lost(mine.warehouse)


def test_rows_that_stay_get_the_reasons_they_have_now(small: Settings, wider: registry.Release, tmp_path: Path):
    """Also where no row passes: the source is unknown again, and what was released stays where it is."""
    mine = lenient(small, shutil.copytree(small.warehouse, tmp_path / "warehouse"))
    reprocess_release(mine, wider)
    tables = ("images", "labels", "boxes", "released", "release_files")
    before = {table: rows_of(mine.warehouse, table) for table in tables}
    outcome = reprocess_release(mine, registry.find_release("v3"))
    assert (outcome.changed, outcome.moved, outcome.reworded) == (True, {}, 1)
    assert {table: rows_of(mine.warehouse, table) for table in tables} == before
    (row,) = [row for row in table_readers.rows(mine.warehouse, "quarantine") if row["table_name"] == "labels"]
    assert row["reasons"] == ["unknown_source"]
    assert not reprocess_release(mine, registry.find_release("v3")).changed


def test_an_image_whose_id_is_taken_by_then_stays_even_if_it_stood_first(small: Settings, tmp_path: Path):
    """Only an ingest, which reads the whole files, can take the later one out again."""
    mine = replace(small, warehouse=str(tmp_path / "warehouse"), landing=str(tmp_path))
    first, second = image_row(image_id(4), title=LONG), image_row(image_id(4))
    land(tmp_path, {f"{TRAIN}/images.csv": lines(IMAGE_HEADER, first, second)})
    ingest(mine, registry.find_release("v3"))
    reprocess_release(lenient(mine, mine.warehouse), registry.find_release("v3"))
    (row,) = table_readers.rows(mine.warehouse, "quarantine")
    assert (row["line"], row["reasons"]) == (2, ["duplicate_image_id"])
    assert_no_row_is_lost(mine.warehouse)


def test_a_file_that_the_registry_forgot_is_refused(small: Settings, wider: registry.Release, tmp_path: Path):
    without = replace(wider, files=tuple(file for file in wider.files if "machine" not in file.name))
    with pytest.raises(ConfigError, match=r"annotations_machine.* the registry no longer lists it for v3"):
        reprocess_release(small, without)


def test_rows_of_a_file_without_known_header_are_left_to_an_ingest(
    small: Settings, wider: registry.Release, tmp_path: Path
):
    """As an older version published it."""
    warehouse = str(shutil.copytree(small.warehouse, tmp_path / "warehouse"))
    table = schemas.table_schema("release_files")
    rows = [{**row, "header": None} for row in table_readers.rows(warehouse, "release_files")]
    schema = schemas.arrow_schema(table)
    data = pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)
    staged = staging.stage_rows(Warehouse.at(warehouse), table, {"release": "v3"}, "0" * 16, data)
    kept: dict[str, Any] = {"release_files": ()}
    publish.publish(
        Warehouse.at(warehouse), Publication("v3", "0" * 16, "complete", "f", RELEASE, {}, (staged,), kept=kept)
    )
    with pytest.raises(StoreError, match=r"before headers were kept.*oilake ingest --release v3 --force"):
        reprocess_release(lenient(small, warehouse), wider)


# --- many files ----------------------------------------------------------------------------------------------------

COUNT = 4000


@pytest.fixture(scope="module")
def many(empty_warehouse: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a warehouse with thousands of labels in many files; one row of the oracle stands far from its place."""
    folder = tmp_path_factory.mktemp("many")
    shutil.copytree(empty_warehouse, folder / "warehouse")
    rows = [f"{image_id(n)},machine,{DOG},0.{n % 9 + 1}" for n in range(COUNT)]
    rows.insert(5, f"{image_id(COUNT - 700)},oracle,{DOG},0.5")
    land(folder, {f"{TRAIN}/annotations-machine.csv": lines(LABEL_HEADER, *rows)})
    limits = replace(settings.limits, block_bytes=1 << 14, chunk_bytes=1 << 14)
    mine = replace(settings, warehouse=str(folder / "warehouse"), landing=str(folder), limits=limits)
    ingest(mine, registry.find_release("v3"))
    return mine


def label_files(warehouse: str) -> dict[str, dict[str, str]]:
    """The notes of the published files of machine labels of train, by URI."""
    partition = {"release": "v3", "subset": "train", "origin": "machine"}
    found = published_files(Warehouse.at(warehouse), "labels", require_snapshot(Warehouse.at(warehouse), "v3"))
    return {file.uri: parquet_footers.footer_notes(file.uri) for file in found if file.partition == partition}


def test_only_the_file_that_is_concerned_is_written_anew(many: Settings, wider: registry.Release, tmp_path: Path):
    """And it is the text of no release any more."""
    mine = replace(many, warehouse=str(shutil.copytree(many.warehouse, tmp_path / "warehouse")))
    before, known = (
        label_files(mine.warehouse),
        reusable_files.find_reusable(
            Warehouse.at(mine.warehouse), "another", newest_snapshots(Warehouse.at(mine.warehouse))
        ),
    )
    assert reprocess_release(mine, wider).moved == {"labels": 1}
    after = label_files(mine.warehouse)
    (gone,), (new,) = before.keys() - after.keys(), after.keys() - before.keys()
    assert len(before) > 8
    assert reuse.TEXT_NOTE in before[gone], "a file that stood for its text"
    assert after[new] == {}
    assert all(after[uri] == before[uri] for uri in before.keys() & after.keys())
    texts = reusable_files.find_reusable(
        Warehouse.at(mine.warehouse), "another", newest_snapshots(Warehouse.at(mine.warehouse))
    )
    assert len(texts) == len(known) - 1
    assert new not in {one.uri for one in texts.values()}
    ids = pq.read_table(new, columns=["image_id"], partitioning=None)["image_id"].to_pylist()
    assert ids.count(image_id(COUNT - 700)) == 2
    assert_files_are_in_order(mine.warehouse)


def test_files_that_someone_else_put_together_meanwhile_are_replaced_all_the_same(
    spark: SparkSession, many: Settings, wider: registry.Release, tmp_path: Path
):
    """A publication says which files there are in the end, whatever the table holds by then."""
    mine = replace(many, warehouse=str(shutil.copytree(many.warehouse, tmp_path / "warehouse")))
    publication = prepare_publication(spark, mine, wider, plan_reprocess(mine, wider)).publication
    assert DeltaTable(f"{mine.warehouse}/labels").optimize.compact()["numFilesRemoved"] > 8
    publish.publish(Warehouse.at(mine.warehouse), publication)
    found = read_published(spark, Warehouse.at(mine.warehouse), "labels", "v3").where(
        "subset = 'train' AND origin = 'machine'"
    )
    assert found.count() == COUNT + 1
    assert found.select("image_id").distinct().count() == COUNT
    assert_no_row_is_lost(mine.warehouse)


# --- the gate ------------------------------------------------------------------------------------------------------


def gate_results(warehouse: str, run_id: str) -> list[Row]:
    return [row for row in table_readers.now(warehouse, "quality_results") if row["run_id"] == run_id]


def test_what_is_released_passed_the_gate_and_that_is_on_record(
    small: Settings, wider: registry.Release, tmp_path: Path
):
    """Also of the files that stay: the rows and keys of the whole slice count, and a second release asks them again."""
    mine = lenient(small, shutil.copytree(small.warehouse, tmp_path / "warehouse"))
    for release in (registry.find_release("v3"), wider):
        run_id = reprocess_release(mine, release).run_id
        assert run_id is not None
        pin, results = require_snapshot(Warehouse.at(mine.warehouse), "v3"), gate_results(mine.warehouse, run_id)
        assert {row["job"] for row in results} == {RELEASE}
        assert {"quarantine", "released", "release_files"} < {row["table_name"] for row in results}
        for table in {row["table_name"] for row in results}:
            asked = {e.name for e in suites.load_suite(table).of("row", "table", "release") if e.type != scopes.QUERY}
            mine_of_table = {row["expectation"]: row for row in results if row["table_name"] == table}
            assert mine_of_table.keys() == asked
            assert {row["table_version"] for row in mine_of_table.values()} == {pin.table_versions[table]}
            assert all(row["success"] for row in mine_of_table.values())
            if "key_is_unique" in asked:
                assert mine_of_table["key_is_unique"]["element_count"] == len(table_readers.rows(mine.warehouse, table))
    labels = [row for row in results if row["table_name"] == "labels" and row["expectation"] == "mid_match_regex"]
    assert [row["element_count"] for row in labels] == [len(table_readers.rows(mine.warehouse, "labels"))]


def test_a_release_that_breaks_a_critical_promise_is_held_back(
    small: Settings, wider: registry.Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, oilake: Oilake
):
    """Exit 1 and one sentence; nothing is published, nothing is left lying, and the refusal is on record."""
    mine = lenient(small, shutil.copytree(small.warehouse, tmp_path / "warehouse"))
    before, lying_there = everything(mine.warehouse), table_readers.files(mine.warehouse)
    pin = require_snapshot(Warehouse.at(mine.warehouse), "v3")
    reading = reprocess_staging.small_rows
    spoiled = lambda *given: [{**row, "md5": "no MD5"} for row in reading(*given)]  # noqa: E731
    monkeypatch.setattr(reprocess_staging, "small_rows", spoiled)
    registry_folder = corrected(
        Path(str(registry.packaged_registry() / "v3.yaml")), tmp_path / "registry", {"oracle": "machine"}
    )
    code, out, err = oilake(
        "quarantine", "release", "--release", "v3", "--warehouse", mine.warehouse, "--registry", registry_folder
    )
    assert (code, out, err.count("oilake: ")) == (1, "", 1)
    assert "release_files.md5_match_regex" in err
    assert "nothing was published by quarantine release" in err
    assert require_snapshot(Warehouse.at(mine.warehouse), "v3") == pin
    assert everything(mine.warehouse) == before
    assert {
        path for path in table_readers.files(mine.warehouse) - lying_there if "quality_results" not in path
    } == set()
    (refused,) = {
        row["run_id"] for row in table_readers.now(mine.warehouse, "quality_results") if row["job"] == RELEASE
    }
    results = gate_results(mine.warehouse, refused)
    assert {row["table_version"] for row in results} == {None}
    assert {row["expectation"] for row in results if not row["success"]} == {"md5_match_regex"}


# --- killed on the way ---------------------------------------------------------------------------------------------

COMMITS = 9  # publications; images, labels, boxes, quarantine, release_files, released, repairs; snapshots


@pytest.fixture(scope="module")
def prepared(
    spark: SparkSession, small: Settings, wider: registry.Release, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """(a warehouse in which everything is staged and nothing published, the pickled publication)."""
    folder = tmp_path_factory.mktemp("prepared")
    mine = lenient(small, shutil.copytree(small.warehouse, folder / "warehouse"))
    publication = prepare_publication(spark, mine, wider, plan_reprocess(mine, wider)).publication
    (folder / "publication").write_bytes(pickle.dumps(publication))
    return mine.warehouse, folder / "publication"


def publishing(warehouse: str, publication: Path, *flags: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "tests.support.publish_process", warehouse, str(publication), *flags]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.fault
@pytest.mark.parametrize("commits", range(COMMITS + 1))
def test_a_release_that_is_killed_is_there_whole_or_not_at_all(
    prepared: tuple[str, Path], commits: int, tmp_path: Path
):
    warehouse = str(shutil.copytree(prepared[0], tmp_path / "warehouse"))
    before = everything(warehouse)
    when = f"commit:{commits}" if commits else "open:1"
    process = publishing(warehouse, prepared[1], "--on", f"{when}=KILL")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert (everything(warehouse) == before) == (commits < COMMITS)
    assert_no_row_is_lost(warehouse)
    assert len(publish.recover(Warehouse.at(warehouse))) == (0 < commits < COMMITS)
    assert (everything(warehouse) == before) == (commits == 0)
    assert len(table_readers.rows(warehouse, "images")) == len(table_readers.rows(prepared[0], "images")) + 2 * bool(
        commits
    )
    assert_no_row_is_lost(warehouse)
    pin = table_readers.newest(warehouse)
    assert pin is not None
    heads = {table: DeltaTable(f"{warehouse}/{table}").version() for table in pin["table_versions"]}
    for table in heads:
        same = table_readers.rows_at(warehouse, table, pin | {"table_versions": heads})
        assert Counter(map(repr, same)) == Counter(map(repr, table_readers.rows_at(warehouse, table, pin))), (
            "who pins nothing"
        )


@pytest.mark.fault
def test_a_reader_never_sees_half_of_it(prepared: tuple[str, Path], tmp_path: Path):
    warehouse = str(shutil.copytree(prepared[0], tmp_path / "warehouse"))
    stops = [f"--on=commit:{n}=STOP" for n in range(1, COMMITS)]
    process, seen = publishing(warehouse, prepared[1], *stops), []
    while os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT).si_code == os.CLD_STOPPED:
        assert_no_row_is_lost(warehouse)
        seen.append(len(table_readers.rows(warehouse, "quarantine")))
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        os.kill(process.pid, signal.SIGCONT)
    assert process.wait(60) == 0
    assert len(seen) == COMMITS - 1
    assert set(seen) == {10}
    assert len(table_readers.rows(warehouse, "quarantine")) == 5
    assert_no_row_is_lost(warehouse)


@pytest.mark.fault
def test_of_two_releases_at_once_one_is_refused(
    spark: SparkSession, small: Settings, wider: registry.Release, tmp_path: Path
):
    mine = lenient(small, shutil.copytree(small.warehouse, tmp_path / "warehouse"))
    one, other = (prepare_publication(spark, mine, wider, plan_reprocess(mine, wider)).publication for _ in range(2))
    publish.publish(Warehouse.at(mine.warehouse), one)
    lying_there = table_readers.files(mine.warehouse)
    with pytest.raises(StoreError, match="published anew by ingest while quarantine release ran; run it again"):
        publish.publish(Warehouse.at(mine.warehouse), other)
    assert lying_there - table_readers.files(mine.warehouse), "what the refused one staged is gone"
    assert_no_row_is_lost(mine.warehouse)
    assert len(table_readers.rows(mine.warehouse, "released")) == 5


@pytest.fixture
def mended(tmp_path: Path) -> dict[str, str]:
    """The environment of a Python that runs a copy of this project, in which a rule of boxes is corrected."""
    root = Path(__file__).parents[2]
    for package in ("conf", "schemas", "quality", "jobs"):
        shutil.copytree(root / package, tmp_path / "mended" / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "oilake", tmp_path / "mended" / "oilake", symlinks=True)
    suite = tmp_path / "mended" / "quality" / "boxes.yaml"
    suite.write_text(suite.read_text().replace('value_set: ["human"', 'value_set: ["oracle", "human"'))
    return os.environ | {"PYTHONPATH": str(tmp_path / "mended"), "OILAKE_JARS": str(root / ".jars")}


@pytest.mark.fault
@pytest.mark.slow
def test_a_corrected_rule_releases_its_rows_even_after_a_kill(
    full: str, sample: Path, better: str, planted: list[Row], tmp_path: Path, mended: dict[str, str]
):
    """Killed while it stages, nothing is changed; the same command then does it, and the table has the new constraint."""
    warehouse = str(shutil.copytree(full, tmp_path / "warehouse"))
    places = ["--release", "v3", "--warehouse", warehouse, "--env", str(sample / "env.yaml"), "--registry", better]
    argv = [sys.executable, "-m", "oilake.jobs.quarantine", "release", *places]
    before, lying_there = everything(warehouse), table_readers.files(warehouse)
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, start_new_session=True, env=mended, cwd=tmp_path)
    while not table_readers.files(warehouse) - lying_there:
        assert process.poll() is None, "it ended before it was seen to write"
        time.sleep(0.005)
    descendants = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    for left in psutil.wait_procs(descendants, timeout=10)[1]:
        left.kill()
    assert everything(warehouse) == before
    done = subprocess.run([*argv, "--json"], capture_output=True, env=mended, cwd=tmp_path, check=True)
    boxes = [row for row in planted if is_box(row) and row["fields"][1] == "oracle"]
    labels = [row for row in planted if passes(row)]
    assert json.loads(done.stdout)["moved"] == {"boxes": len(boxes), "labels": len(labels)}
    assert {place(row) for row in table_readers.rows(warehouse, "released")} == {place(row) for row in boxes + labels}
    gained = Counter(row["image_id"] for row in table_readers.rows(warehouse, "boxes") if row["source"] == "oracle")
    assert gained == Counter(row["fields"][0] for row in boxes)
    constraints = DeltaTable(f"{warehouse}/boxes").metadata().configuration
    assert any("'oracle'" in sql for name, sql in constraints.items() if name.startswith("delta.constraints."))
    assert_no_row_is_lost(warehouse)
    assert_files_are_in_order(warehouse)


# --- a record by itself --------------------------------------------------------------------------------------------

HEADER = Header(("image_id", "mid"))
TYPES = {"image_id": pa.string(), "mid": pa.string()}
PIECES = [b"a", b",", b'"', b"\n", b"\r", b"\r\n", b"\0", b"\xff", b'""', b"b,c\n", b'"d",e\n', b"looong"]


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.integers(1, 30))
def test_a_record_by_itself_is_judged_as_among_the_others(pieces: list[bytes], size: int):
    """Whatever stood around it: the same rows, and the same reasons."""
    given_back = iter([b"".join(pieces)])
    rest = next(given_back)

    def take(count: int) -> bytes:
        nonlocal rest
        data, rest = rest[:count], rest[count:]
        return data

    for block in read_blocks(take, size):
        rows = parse_block(block, HEADER, TYPES, 4)
        raws = [raw for _, raw in rows.locate(pa.array(range(rows.count), pa.int64()).to_numpy())]
        again = parse_separately(raws, HEADER, TYPES, 4)
        assert (again.bad, again.places.tolist()) == ({}, list(range(rows.count)))
        assert {name: column.to_pylist() for name, column in again.columns.items()} == {
            name: column.to_pylist() for name, column in rows.columns.items()
        }
        bad = parse_separately([record.raw for record in rows.bad], HEADER, TYPES, 4)
        assert list(bad.bad.values()) == [record.reasons for record in rows.bad]


def test_tables_that_ingest_writes_are_compared():
    assert set(INGESTED) == set(publications.MARKS)
    assert reconcile.RECONCILE in DOWNSTREAM[RELEASE]
