"""Tables that others compact and vacuum stay readable; `oilake maintain` does it and loses nothing that a snapshot needs."""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from oilake.conf.errors import StoreError
from oilake.conf.settings import Settings
from oilake.jobs import cli
from oilake.jobs.maintaining import compaction, upkeep
from oilake.jobs.tables import checkpoint, publish, slice_versions, table_properties
from oilake.jobs.tables.delta_log import existing_table
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.published_slices import current_slice
from oilake.jobs.tables.slice_files import published_files, small_rows
from oilake.jobs.tables.slice_versions import LostRowsError
from oilake.jobs.tables.snapshots import newest_snapshots, require_snapshot
from oilake.jobs.tables.staged_slices import staged_at
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.conftest import Oilake
from tests.support import publications, table_readers

pytestmark = pytest.mark.slow

RELEASES = tuple(f"v{number}" for number in range(1, 8))
DAY = 24 * 3600


@pytest.fixture(scope="module")
def seven(empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven releases, the second one published twice: commits to other slices lie between any two. Copied, not written."""
    path = tmp_path_factory.mktemp("seven") / "warehouse"
    shutil.copytree(empty_warehouse, path)
    for number, release in enumerate(RELEASES):
        publications.publish_rows(str(path), f"run{number}", 3, release)
    publications.publish_rows(str(path), "again", 4, "v2")
    return path


@pytest.fixture
def lake(seven: Path, tmp_path: Path) -> str:
    shutil.copytree(seven, tmp_path / "lake")
    return str(tmp_path / "lake")


def marks(warehouse: str, table: str) -> dict[str, list[str]]:
    """By release the runs that its rows say they are of."""
    column = publications.MARKS[table]
    return {
        release: [row[column] for row in small_rows(Warehouse.at(warehouse), table, pin, [column])]
        for release, pin in newest_snapshots(Warehouse.at(warehouse)).items()
    }


EXPECTED = {release: [f"run{number}"] * 3 for number, release in enumerate(RELEASES)} | {"v2": ["again"] * 4}


def vacuum(warehouse: str, table: str) -> list[str]:
    gone: list[str] = DeltaTable(f"{warehouse}/{table}").vacuum(0, enforce_retention_duration=False, dry_run=False)
    return gone


def rewrite(warehouse: str, table: str, release: str, pieces: int = 1, reverse: bool = False) -> None:
    """As a stranger's compaction might: the rows of every file of the release in `pieces` other files, no data changed."""
    opened = DeltaTable(f"{warehouse}/{table}")
    now, actions = int(time.time() * 1000), []
    for file in staged_at(Warehouse.at(warehouse), table, opened.version(), {"release": release}):
        rows = pq.read_table(f"{warehouse}/{table}/{file.path}", partitioning=None)
        rows = rows.take(pa.array(np.arange(len(rows))[::-1])) if reverse else rows
        for number in range(pieces):
            name = f"{os.path.dirname(file.path)}/part-00000-{uuid.uuid4()}-c000.zstd.parquet"
            share = rows.slice(
                number * len(rows) // pieces, (number + 1) * len(rows) // pieces - number * len(rows) // pieces
            )
            pq.write_table(share, f"{warehouse}/{table}/{name}")
            size, stats = os.path.getsize(f"{warehouse}/{table}/{name}"), json.dumps({"numRecords": len(share)})
            actions.append(AddAction(name, size, dict(file.partition), now, False, stats))
        actions.append(RemoveAction(file.path, False, now, file.size, dict(file.partition)))
    opened.create_write_transaction(actions, "append", opened.schema(), list(opened.metadata().partition_columns))


def clean_log(warehouse: str, table: str) -> None:
    """As a checkpoint's cleaning does once the log is old: what came before the checkpoint of the newest version is gone."""
    opened = DeltaTable(f"{warehouse}/{table}")
    opened.create_checkpoint()
    for version in range(opened.version()):
        Path(warehouse, table, "_delta_log", f"{version:020d}.json").unlink()


# --- what others do ------------------------------------------------------------------------------------------------


def test_seven_releases_stay_readable_after_anybody_compacts_and_vacuums(lake: str):
    versions = {release: pin.table_versions for release, pin in newest_snapshots(Warehouse.at(lake)).items()}
    for table in publications.MARKS:
        rewrite(lake, table, "v3", pieces=3)
        rewrite(lake, table, "v5", pieces=2)
        opened = DeltaTable(f"{lake}/{table}")
        if table == "images":
            opened.optimize.z_order(["image_id"])
        else:
            assert opened.optimize.compact()["numFilesRemoved"] == 5
        assert vacuum(lake, table)
        assert marks(lake, table) == EXPECTED
    assert {release: pin.table_versions for release, pin in newest_snapshots(Warehouse.at(lake)).items()} == versions
    publications.publish_rows(lake, "later", 2, "v4")
    assert marks(lake, "images") == EXPECTED | {"v4": ["later"] * 2}
    assert marks(lake, "quarantine") == EXPECTED | {"v4": ["later"] * 2}


def test_a_commit_that_changes_rows_ends_the_way_of_its_slice_only(lake: str):
    rewrite(lake, "images", "v3")
    before = current_slice(Warehouse.at(lake), "images", require_snapshot(Warehouse.at(lake), "v3")).version
    DeltaTable(f"{lake}/images").delete("release = 'v3'")
    rewrite(lake, "images", "v4")
    assert current_slice(Warehouse.at(lake), "images", require_snapshot(Warehouse.at(lake), "v3")).version == before
    assert marks(lake, "images") == EXPECTED
    vacuum(lake, "images")
    with pytest.raises(
        LostRowsError, match=r"images: 1 of 1 files of v3 are gone, .*; run `oilake ingest --release v3`"
    ):
        small_rows(Warehouse.at(lake), "images", require_snapshot(Warehouse.at(lake), "v3"))
    assert len(small_rows(Warehouse.at(lake), "images", require_snapshot(Warehouse.at(lake), "v4"))) == 3


def test_a_publication_that_began_is_not_followed(lake: str, monkeypatch: pytest.MonkeyPatch):
    rewrite(lake, "images", "v3")
    monkeypatch.setattr(publish, "_append_row", _refusing_snapshots(publish._append_row))
    with pytest.raises(StoreError):
        publications.publish_rows(lake, "torn", 5, "v3")
    monkeypatch.undo()
    assert marks(lake, "images") == EXPECTED
    assert publish.recover(Warehouse.at(lake)) == ["torn"]
    assert marks(lake, "images") == EXPECTED | {"v3": ["torn"] * 5}


def _refusing_snapshots(append):  # type: ignore[no-untyped-def]
    def refuse(warehouse, table, name, *rest):  # type: ignore[no-untyped-def]
        if name == "snapshots":
            raise OSError("no space left on device")
        return append(warehouse, table, name, *rest)

    return refuse


def test_files_without_statistics_are_counted_by_their_footers(lake: str):
    (file,) = staged_at(Warehouse.at(lake), "images", DeltaTable(f"{lake}/images").version(), {"release": "v3"})
    opened, now = DeltaTable(f"{lake}/images"), int(time.time() * 1000)
    name = file.path.replace(".parquet", "-copy.parquet")
    shutil.copy(f"{lake}/images/{file.path}", f"{lake}/images/{name}")
    actions = [
        AddAction(name, file.size, dict(file.partition), now, False, "{}"),
        RemoveAction(file.path, False, now, file.size, dict(file.partition)),
    ]
    opened.create_write_transaction(actions, "append", opened.schema(), list(opened.metadata().partition_columns))
    assert [
        one.rows for one in published_files(Warehouse.at(lake), "images", require_snapshot(Warehouse.at(lake), "v3"))
    ] == [3]


def test_a_log_that_was_cleaned_is_followed_from_its_checkpoint(lake: str):
    rewrite(lake, "labels", "v3", pieces=2)
    vacuum(lake, "labels")
    clean_log(lake, "labels")
    assert marks(lake, "labels") == EXPECTED
    publications.publish_rows(lake, "later", 2, "v4")
    assert marks(lake, "labels") == EXPECTED | {"v4": ["later"] * 2}
    rewrite(lake, "labels", "v4")
    vacuum(lake, "labels")
    assert marks(lake, "labels") == EXPECTED | {"v4": ["later"] * 2}


def test_a_log_that_no_longer_tells_is_one_sentence(lake: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(publish, "_append_row", _refusing_snapshots(publish._append_row))
    with pytest.raises(StoreError):
        publications.publish_rows(lake, "torn", 5, "v3")
    clean_log(lake, "labels")
    with pytest.raises(LostRowsError, match=r"its log no longer tells .* of v3; run `oilake ingest --release v3`"):
        current_slice(Warehouse.at(lake), "labels", require_snapshot(Warehouse.at(lake), "v3"))
    assert len(small_rows(Warehouse.at(lake), "labels", require_snapshot(Warehouse.at(lake), "v4"))) == 3
    monkeypatch.undo()
    publish.recover(Warehouse.at(lake))
    assert marks(lake, "labels") == EXPECTED | {"v3": ["torn"] * 5}


def test_every_table_spares_versions_from_the_vacuum_of_others(lake: str):
    for name in schemas.table_names():
        assert table_properties.LOG_UPKEEP.items() <= DeltaTable(f"{lake}/{name}").metadata().configuration.items()
    publications.publish_rows(lake, "later", 2, "v4")
    assert DeltaTable(f"{lake}/images").vacuum(dry_run=False) == []
    older = {**EXPECTED, "v2": ["run1"] * 3}
    first = next(row for row in table_readers.snapshot_rows(lake) if (row["release"], row["number"]) == ("v2", 1))
    assert [row["license"] for row in table_readers.rows_at(lake, "images", first)] == older["v2"]


def test_tables_of_before_are_given_the_periods_and_keep_what_was_set(lake: str):
    unset = {"delta.deletedFileRetentionDuration": "interval 1 days"}
    DeltaTable(f"{lake}/boxes").alter.set_table_properties(unset)
    assert table_properties.migrate_upkeep(Warehouse.at(lake), "boxes") == []
    assert DeltaTable(f"{lake}/boxes").metadata().configuration.items() >= unset.items()
    assert table_properties.lacking_upkeep({}) == table_properties.LOG_UPKEEP


# --- files that are gone -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(clean: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample with everything published, of which files are taken away. Copied, not written."""
    return Path(clean.warehouse)


READING = (
    ("show", "labels", "--release", "v3"),
    ("show", "labels"),
    ("check", "labels", "--release", "v3"),
    ("check",),
    ("reconcile", "--release", "v3"),
    ("figures", "--release", "v3"),
    ("propose", "labels"),
    ("docs",),
)


def test_every_job_says_which_files_are_gone_and_a_plain_rerun_mends_it(
    oilake: Oilake, made: Path, clean: Settings, tmp_path: Path
):
    warehouse, registry = str(tmp_path / "lake"), str(Path(clean.landing) / "registry")
    shutil.copytree(made, warehouse)
    before = sorted(map(repr, table_readers.rows(warehouse, "labels")))
    for path in Path(warehouse, "labels", "release=v3", "subset=test").rglob("*.parquet"):
        path.unlink()
    place = ["--warehouse", warehouse]
    mid = table_readers.rows(warehouse, "classes")[0]["mid"]
    for job in (*READING, ("history", "--mid", mid)):
        more = ["--registry", registry] if job[0] in ("reconcile", "figures") else []
        more += ["--to", str(tmp_path / "docs")] if job[0] == "docs" else []
        code, out, err = oilake(*job, *place, *more)
        assert (code, "Traceback" in err) == (2, False), (job, out, err)
        assert "files of v3 are gone, such as release=v3/subset=test/" in err, (job, err)
        assert "; run `oilake ingest --release v3 --warehouse " in err
        assert "` to make them again" in err
    landing = [*place, "--registry", registry, "--landing", clean.landing, "--env", _lenient(tmp_path)]
    code, out, err = oilake("ingest", "--release", "v3", *landing)
    assert (code, "nothing changed" in out) == (0, False), err
    assert sorted(map(repr, table_readers.rows(warehouse, "labels"))) == before
    code, _, err = oilake("reconcile", "--release", "v3", *place, "--registry", registry)
    assert code == 0, err
    for path in Path(warehouse, "image_labels", "release=v3").rglob("*.parquet"):
        path.unlink()
    code, _, err = oilake("show", "image_labels", "--release", "v3", *place)
    assert (code, "; run `oilake reconcile --release v3 --warehouse " in err) == (2, True)
    code, out, err = oilake("reconcile", "--release", "v3", *place, "--registry", registry)
    assert (code, "nothing changed" in out, "are gone" in err) == (0, False, True)
    code, out, _ = oilake("reconcile", "--release", "v3", *place, "--registry", registry)
    assert (code, "nothing changed" in out) == (0, True)


def _lenient(folder: Path) -> str:
    source = Path(__file__).parents[2] / "conf" / "local.yaml"
    target = folder / "env.yaml"
    target.write_text(source.read_text().replace("max_share: 0.01", "max_share: 0.1"))
    return str(target)


def test_jobs_of_images_say_that_they_are_gone(oilake: Oilake, made: Path, tmp_path: Path):
    warehouse = str(tmp_path / "lake")
    shutil.copytree(made, warehouse)
    next(Path(warehouse, "images", "release=v3").rglob("*.parquet")).unlink()
    place, blobs = ["--warehouse", warehouse], tmp_path / "blobs"
    blobs.mkdir()
    for job in (
        ("download", "--release", "v3", "--to", str(blobs)),
        ("verify", "--release", "v3", "--blobs", str(blobs)),
        ("duplicates", "--release", "v3"),
        ("changes", "--from", "v2", "--to", "v3"),
        ("history", "--image", "0000000000000000"),
    ):
        code, out, err = oilake(*job, *place)
        assert (code, "Traceback" in err) == (2, False), (job, out, err)
        assert "files of v3 are gone" in err, (job, err)
        assert "; run `oilake ingest --release v3 --warehouse " in err
        assert "` to make them again" in err


def test_quarantine_says_that_its_files_are_gone(lake: str, capsys: pytest.CaptureFixture[str]):
    next(Path(lake, "quarantine", "release=v3").rglob("*.parquet")).unlink()
    for verb in ("summary", "list", "show"):
        assert cli.main(["quarantine", verb, "--release", "v3", "--warehouse", lake]) == 2
        err = capsys.readouterr().err
        assert "1 of 1 files of v3 are gone" in err
        assert "; run `oilake ingest --release v3 --warehouse " in err
        assert "` to make them again" in err


# --- what maintain does --------------------------------------------------------------------------------------------


def maintain(capsys: pytest.CaptureFixture[str], lake: str, *flags: str) -> tuple[int, str]:
    capsys.readouterr()
    code = cli.main(["maintain", "--warehouse", lake, "--landing", f"{lake}-landing", *flags])
    return code, capsys.readouterr().out


def lying(lake: str) -> dict[str, int]:
    """Every file below the warehouse, with its size, but for those of the table to which every run adds a row."""
    files = [path for path in Path(lake).rglob("*") if path.is_file() and "job_runs" not in path.parts]
    return {str(path.relative_to(lake)): path.stat().st_size for path in files}


def test_a_dry_run_changes_nothing_and_a_second_run_finds_nothing(lake: str, capsys: pytest.CaptureFixture[str]):
    before, rows = lying(lake), table_readers.seen(lake)
    code, out = maintain(capsys, lake, "--dry-run", "--json", "--retention", "0")
    assert code == 0
    planned = json.loads(out)
    assert lying(lake) == before
    code, out = maintain(capsys, lake, "--json", "--retention", "0")
    assert code == 0
    done = json.loads(out)
    assert all(task in done["tasks"] for task in planned["tasks"])
    more = [task for task in done["tasks"] if task not in planned["tasks"]]
    assert all("checkpoint" in task["why"] for task in more), "what a compaction's own commit adds to the log"
    assert {"brought together", "deleted"} <= {task["what"] for task in done["tasks"]}
    assert table_readers.seen(lake) == rows
    after = lying(lake)
    code, out = maintain(capsys, lake, "--retention", "0")
    assert (code, out) == (0, "nothing to do\n")
    assert lying(lake) == after
    publications.publish_rows(lake, "later", 2, "v4")
    assert marks(lake, "images") == EXPECTED | {"v4": ["later"] * 2}


def test_what_was_replaced_lately_is_kept_and_said(lake: str, capsys: pytest.CaptureFixture[str]):
    before = table_readers.files(lake)
    code, out = maintain(capsys, lake)
    assert code == 0
    assert "images: kept: 1 file, " in out
    assert before <= table_readers.files(lake)
    assert table_readers.snapshot_rows(lake)[1]["run_id"] in {"run1", "again"}


def test_pinned_versions_stay_readable_by_their_number(lake: str, capsys: pytest.CaptureFixture[str]):
    rewrite(lake, "labels", "v3", pieces=3)
    DeltaTable(f"{lake}/labels").optimize.compact()
    assert maintain(capsys, lake, "--retention", "0")[0] == 0
    for release, pin in newest_snapshots(Warehouse.at(lake)).items():
        for table in publications.MARKS:
            found = table_readers.rows_at(lake, table, {"release": release, "table_versions": pin.table_versions})
            assert [row[publications.MARKS[table]] for row in found] == EXPECTED[release]


def test_files_of_a_run_in_progress_stay_and_those_of_a_dead_one_go(lake: str, capsys: pytest.CaptureFixture[str]):
    alive, dead, noted = (_staged(lake, run) for run in ("alive", "dead", "noted"))
    slow = _staged(lake, "alive")
    checkpoint.write_note(Warehouse.at(lake), "images", {"release": "v3"}, [noted])
    for file in (dead, slow, noted):
        _age(Path(lake, "images", file.path), 2 * DAY)
    code, out = maintain(capsys, lake)
    assert code == 0
    assert "images: deleted: 1 file, " in out
    assert "images: kept: 3 files, " in out
    there = table_readers.files(lake)
    assert [f"images/{file.path}" in there for file in (alive, slow, noted, dead)] == [True, True, True, False]
    _age(Path(lake, "images", "_unfinished", "v3.json"), 31 * DAY)
    assert maintain(capsys, lake)[0] == 0
    assert not Path(lake, "images", "_unfinished", "v3.json").exists()
    assert f"images/{noted.path}" not in table_readers.files(lake)


def _staged(lake: str, run_id: str) -> StagedFile:
    table = schemas.table_schema("images")
    columns = {column.name: [publications.VALUES[column.type]] for column in table.stored()}
    rows = pa.table(columns, schema=schemas.arrow_schema(table))
    return stage_rows(Warehouse.at(lake), table, {"release": "v3", "subset": "train"}, run_id, rows)


def _age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_a_publication_that_was_begun_is_finished_and_loses_no_file(
    lake: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(publish, "_append_row", _refusing_snapshots(publish._append_row))
    with pytest.raises(StoreError):
        publications.publish_rows(lake, "torn", 5, "v3")
    monkeypatch.undo()
    for path in Path(lake).rglob("*-torn-*.parquet"):
        _age(path, 9 * DAY)
    assert "would finish a publication that torn began" in maintain(capsys, lake, "--dry-run", "--retention", "0")[1]
    assert marks(lake, "images") == EXPECTED
    assert maintain(capsys, lake, "--retention", "0")[0] == 0
    assert marks(lake, "images") == EXPECTED | {"v3": ["torn"] * 5}


def test_beginnings_of_fetched_files_go_once_nobody_goes_on(lake: str, capsys: pytest.CaptureFixture[str]):
    folder = Path(f"{lake}-landing", "2017_11")
    folder.mkdir(parents=True)
    for name in ("old.tar.gz.part", "old.tar.gz.part.json", "new.tar.gz.part", "whole.tar.gz"):
        (folder / name).write_bytes(b"x" * 7)
    for name in ("old.tar.gz.part", "old.tar.gz.part.json", "whole.tar.gz"):
        _age(folder / name, 31 * DAY)
    code, out = maintain(capsys, lake)
    assert (code, "landing: deleted: 2 files, 14 bytes" in out) == (0, True)
    assert sorted(path.name for path in folder.iterdir()) == ["new.tar.gz.part", "whole.tar.gz"]


def test_files_that_are_gone_are_told_and_end_in_exit_code_1(lake: str, capsys: pytest.CaptureFixture[str]):
    next(Path(lake, "labels", "release=v3").rglob("*.parquet")).unlink()
    code, out = maintain(capsys, lake)
    assert code == 1
    assert "gone: " in out
    assert "run `oilake ingest --release v3`" in out


def ids(count: int, start: int = 0) -> list[str]:
    return [f"{start + number:016x}" for number in range(count)]


def publish_several(lake: str) -> None:
    """v9, whose images stand in three small files, in another order than their names'."""
    table = schemas.table_schema("images")
    staged = []
    for image_ids in (ids(5, 100), ids(5), ids(5, 200)):
        columns = {column.name: [publications.VALUES[column.type]] * 5 for column in table.stored()}
        rows = pa.table(columns | {"image_id": image_ids}, schema=schemas.arrow_schema(table))
        staged.append(stage_rows(Warehouse.at(lake), table, {"release": "v9", "subset": "train"}, "several", rows))
    publish.publish(
        Warehouse.at(lake), Publication("v9", "several", "complete", "x", "ingest", {"file": "x"}, tuple(staged))
    )


def test_small_neighbours_become_one_sorted_file(lake: str, capsys: pytest.CaptureFixture[str]):
    publish_several(lake)
    assert "images: brought together: 3 files" in maintain(capsys, lake, "images")[1]
    (file,) = published_files(Warehouse.at(lake), "images", require_snapshot(Warehouse.at(lake), "v9"))
    rows = pq.read_table(file.uri, columns=["image_id"], partitioning=None)["image_id"].to_pylist()
    assert rows == sorted(ids(5) + ids(5, 100) + ids(5, 200))
    now = current_slice(Warehouse.at(lake), "images", require_snapshot(Warehouse.at(lake), "v9")).version
    (action,) = staged_at(Warehouse.at(lake), "images", now, {"release": "v9"})
    assert json.loads(action.stats)["minValues"] == {"image_id": rows[0]}


def test_whoever_publishes_while_files_are_brought_together_wins(
    lake: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    publish_several(lake)
    exchange, late = compaction.exchange_files, iter(["later"])

    def beaten(warehouse: str, table: str, *rest: Any) -> bool:
        for run_id in late if table == "images" else ():
            publications.publish_rows(lake, run_id, 2, "v9")
        return exchange(warehouse, table, *rest)

    monkeypatch.setattr(compaction, "exchange_files", beaten)
    assert maintain(capsys, lake, "images", "snapshots")[0] == 0
    assert marks(lake, "images") == EXPECTED | {"v9": ["later"] * 2}
    named = {f"images/{path}" for path in slice_versions.part_paths(existing_table(Warehouse.at(lake), "images"), {})}
    there = {path for path in table_readers.files(lake) if path.startswith("images/release=v9")}
    assert len(there - named) == 3, "the three that were replaced; the one that came too late is gone"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--retention", "-1"], "--retention must be 0 hours or more, not -1.0"),
        (["nothing"], "no such table: nothing; there are attributes, blob_checks, "),
        (
            ["--warehouse", "/no/such/place"],
            "/no/such/place: holds no table; run `oilake ingest --release R --ware",
        ),
    ],
)
def test_a_wrong_call_is_one_sentence(oilake: Oilake, arguments: list[str], sentence: str):
    code, _, err = oilake("maintain", *arguments)
    assert (code, sentence in err) == (2, True)


def test_what_others_rewrote_out_of_order_is_sorted_before_it_is_merged(
    oilake: Oilake, made: Path, clean: Settings, tmp_path: Path
):
    warehouse, registry = str(tmp_path / "lake"), str(Path(clean.landing) / "registry")
    shutil.copytree(made, warehouse)
    pairs = sorted(map(repr, table_readers.rows(warehouse, "image_labels")))
    for table in ("labels", "boxes"):
        rewrite(warehouse, table, "v3", pieces=2, reverse=True)
        vacuum(warehouse, table)
    code, out, _ = oilake("maintain", "--warehouse", warehouse, "--landing", str(tmp_path), "--dry-run", "boxes")
    assert (code, "boxes: would be sorted again: 2 files, " in out) == (0, True)
    code, _, err = oilake("reconcile", "--release", "v3", "--force", "--warehouse", warehouse, "--registry", registry)
    assert (code, "labels: " in err, "are sorted again" in err) == (0, True, True)
    assert sorted(map(repr, table_readers.rows(warehouse, "image_labels"))) == pairs
    for table in ("labels", "boxes"):
        for file in published_files(Warehouse.at(warehouse), table, require_snapshot(Warehouse.at(warehouse), "v3")):
            found = pq.read_table(file.uri, columns=["image_id"], partitioning=None)["image_id"].to_pylist()
            assert found == sorted(found)


def test_periods_are_told_in_hours(monkeypatch: pytest.MonkeyPatch):
    rules = upkeep._removal_cutoffs(0, 1e9)
    assert rules.replaced_before == float("inf")
    assert rules.staged_before == 1e9 - DAY
