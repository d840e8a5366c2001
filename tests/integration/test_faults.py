"""Kills, races and full disks: readers see the old snapshot or the new one, and the next run puts things right."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.resources import files as package_files
from pathlib import Path

import psutil
import pytest
import yaml
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf.errors import StoreError
from oilake.jobs import ingest
from oilake.jobs.operations import watched_job
from oilake.jobs.tables import publish
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.support import publications, table_readers
from tests.support.publications import MARKS, publish_rows
from tests.support.releases import DOG, LABEL_HEADER, TAG, image_id, land, lines

pytestmark = [pytest.mark.fault, pytest.mark.slow]

COMMITS = 2 + len(MARKS)  # publications, one a table that has or had rows of the release, snapshots
INGESTED = [table for table in map(schemas.table_schema, schemas.table_names()) if table.written_by == "ingest"]
OLD, NEW, NEXT = "1" * 16, "2" * 16, "3" * 16
TRAIN_MACHINE = f"{TAG}/train/annotations-machine.csv"

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python modules in processes and process groups of their own; what still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def call(module: str, *arguments: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        started.append(process)
        return process

    yield call
    for process in started:
        if process.poll() is None:
            kill_all_of(process)


def kill_all_of(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for the process group at once, as when power fails; then waits until every descendant is gone."""
    descendants = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    _, alive = psutil.wait_procs(descendants, timeout=10)
    for one in alive:
        one.kill()


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """(exit code, stderr) of a process that ends by itself."""
    _, stderr = process.communicate(timeout=180)
    return process.returncode, stderr.decode()


def stopped(process: subprocess.Popen[bytes]) -> bool:
    """Waits until the process has stopped itself (True) or ended (False)."""
    state = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return state is not None and state.si_code == os.CLD_STOPPED


def runs_of(warehouse: str, pin: table_readers.Row) -> dict[str, tuple[set[str], int]]:
    """By table that a test fills, or that has rows: (the runs that the rows of a snapshot are of, how many there are)."""
    rows = {table: table_readers.rows_at(warehouse, table, pin) for table in pin["table_versions"]}
    filled = {table: found for table, found in rows.items() if table in MARKS or found}
    return {table: ({row[MARKS[table]] for row in found}, len(found)) for table, found in filled.items()}


def run_seen(warehouse: str) -> str:
    """The run that readers see, after a look that each of the last snapshots holds one run alone, every row of it once."""
    snapshots = table_readers.snapshot_rows(warehouse)
    for pin in snapshots[-2:]:
        assert runs_of(warehouse, pin) == dict.fromkeys(MARKS, ({pin["run_id"]}, 3)), pin["number"]
    return str(snapshots[-1]["run_id"])


def assert_heads_are_the_newest_snapshot(warehouse: str) -> None:
    """What one sees who pins nothing is the newest snapshot too."""
    pin = table_readers.newest(warehouse)
    assert pin is not None
    heads = {table: DeltaTable(f"{warehouse}/{table}").version() for table in MARKS}
    assert runs_of(warehouse, pin | {"table_versions": heads}) == runs_of(warehouse, pin)


@pytest.fixture
def filled(warehouse: str) -> str:
    """A warehouse with one publication, of the run OLD."""
    publish_rows(warehouse, OLD, 3)
    return warehouse


# --- killed between two commits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("commits", range(COMMITS + 1))
def test_a_publication_that_is_killed_is_finished_by_the_next_run(filled: str, start: Start, commits: int):
    when = f"commit:{commits}" if commits else "open:1"
    assert ended(start("tests.support.publications", filled, NEW, "--on", f"{when}=KILL"))[0] == -signal.SIGKILL
    assert run_seen(filled) == (NEW if commits == COMMITS else OLD)
    publish.recover(Warehouse.at(filled))
    assert run_seen(filled) == (OLD if commits == 0 else NEW)
    assert_heads_are_the_newest_snapshot(filled)
    publish_rows(filled, NEXT, 3)
    assert run_seen(filled) == NEXT
    assert_heads_are_the_newest_snapshot(filled)


@pytest.mark.parametrize("commits", [1, 4, COMMITS - 1])
def test_the_first_publication_of_all_may_be_killed_too(warehouse: str, start: Start, commits: int):
    ended(start("tests.support.publications", warehouse, NEW, "--on", f"commit:{commits}=KILL"))
    assert table_readers.snapshot_rows(warehouse) == []
    publish_rows(warehouse, NEXT, 3)
    assert run_seen(warehouse) == NEXT
    assert_heads_are_the_newest_snapshot(warehouse)


@pytest.mark.parametrize("commits", [1, 2, COMMITS - 1])
def test_whoever_presses_ctrl_c_breaks_nothing(filled: str, start: Start, commits: int):
    """Ctrl-C arrives while a commit is being made: Python tells of it once the commit is there."""
    code, _ = ended(start("tests.support.publications", filled, NEW, "--on", f"commit:{commits}=INT"))
    assert code != 0
    assert run_seen(filled) == OLD
    publish_rows(filled, NEXT, 3)
    assert run_seen(filled) == NEXT
    assert_heads_are_the_newest_snapshot(filled)


def test_a_slice_that_is_empty_and_stays_so_costs_no_commit(filled: str):
    empty = {table.table for table in INGESTED if table.table not in MARKS}
    assert {name: DeltaTable(f"{filled}/{name}").version() for name in empty} == dict.fromkeys(empty, 0)
    pin = table_readers.newest(filled)
    assert pin is not None
    assert {name: pin["table_versions"][name] for name in empty} == dict.fromkeys(empty, 0)
    publish_rows(filled, NEW, 3)
    assert run_seen(filled) == NEW
    assert {DeltaTable(f"{filled}/{name}").version() for name in empty} == {0}


def test_a_slice_that_becomes_empty_is_emptied_in_a_commit(filled: str):
    assert publish_rows(filled, NEW, 3, tables=("images",)).table_versions["labels"] == 2
    assert table_readers.rows(filled, "labels") == []
    assert len(table_readers.rows(filled, "images")) == 3
    assert publish_rows(filled, NEXT, 3, tables=("images",)).table_versions["labels"] == 2, "it was empty already"
    publish_rows(filled, OLD, 3)
    publish_rows(filled, NEW, 3)
    assert run_seen(filled) == NEW
    assert_heads_are_the_newest_snapshot(filled)


def test_an_empty_slice_of_one_release_leaves_those_of_others(filled: str):
    pin = publish_rows(filled, NEW, 3, "v2", tables=("images",))
    assert pin.table_versions["labels"] == 1
    assert table_readers.rows(filled, "labels", "v2") == []
    assert {row[MARKS["labels"]] for row in table_readers.rows(filled, "labels", "v3")} == {OLD}


# --- readers and writers at once -----------------------------------------------------------------------------------


def test_a_reader_sees_the_old_snapshot_or_the_new_one(filled: str, start: Start):
    runs = [f"{n:016x}" for n in range(1, 13)]
    writer = start("tests.support.publications", filled, ",".join(runs))
    seen = []
    while writer.poll() is None:
        pin = table_readers.newest(filled)
        assert pin is not None
        assert runs_of(filled, pin) == dict.fromkeys(MARKS, ({pin["run_id"]}, 3))
        seen.append(pin["run_id"])
    assert writer.returncode == 0
    assert [OLD, *runs].index(seen[-1]) > 3, "the reader was there while it happened"
    assert [run for n, run in enumerate(seen) if run not in seen[:n]] == sorted(set(seen), key=[OLD, *runs].index)


@pytest.mark.parametrize("filled_before", [False, True], ids=["into an empty slice", "into a filled slice"])
def test_of_two_publications_at_once_one_is_seen_whole(
    empty_warehouse: Path, tmp_path: Path, start: Start, filled_before: bool
):
    """Ten races; in every third one both also find a publication that was begun and killed."""
    warehouses = [str(tmp_path / str(n)) for n in range(10)]
    for n, warehouse in enumerate(warehouses):
        shutil.copytree(empty_warehouse, warehouse)
        if filled_before:
            publish_rows(warehouse, OLD, 3)
        if n % 3 == 2:
            ended(start("tests.support.publications", warehouse, NEW, "--on", f"commit:{2 + n // 2}=KILL"))
    runs = ["a" * 16, "b" * 16]
    run_race(warehouses, runs)
    for n, warehouse in enumerate(warehouses):
        assert run_seen(warehouse) in runs
        assert_heads_are_the_newest_snapshot(warehouse)
        begun = {row["run_id"] for row in table_readers.snapshot_rows(warehouse)}
        assert begun <= {OLD, NEW, *runs}
        assert n % 3 != 2 or NEW in begun, "what was begun before is finished first"


def run_race(warehouses: list[str], runs: list[str]) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(runs))
    workers = [context.Process(target=publications.race, args=(warehouses, run, 3, barrier)) for run in runs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        worker.kill()
    assert [worker.exitcode for worker in workers] == [0, 0]


def test_two_releases_at_once_are_both_published(empty_warehouse: Path, tmp_path: Path):
    """They share the tables but no slice: neither is lost, and neither waits in vain."""
    warehouses = [str(tmp_path / str(n)) for n in range(4)]
    for warehouse in warehouses:
        shutil.copytree(empty_warehouse, warehouse)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=publish_each, args=(warehouses, release)) for release in ("v1", "v2", "v3")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        worker.kill()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    for warehouse in warehouses:
        assert {row["release"] for row in table_readers.snapshot_rows(warehouse)} == {"v1", "v2", "v3"}
        for release in ("v1", "v2", "v3"):
            pin = table_readers.newest(warehouse, release)
            assert pin is not None
            assert runs_of(warehouse, pin) == dict.fromkeys(MARKS, ({release * 8}, 3))


def publish_each(warehouses: list[str], release: str) -> None:
    for warehouse in warehouses:
        publish_rows(warehouse, release * 8, 3, release)


@pytest.mark.parametrize("opened", range(1, 9))
def test_two_publications_in_any_order_never_mix(filled: str, start: Start, opened: int):
    """One halts before it opens its n-th table; the other begins, halts; the first commits twice, halts; each goes on."""
    late = start("tests.support.publications", filled, NEXT, "--on", f"open:{opened}=STOP", "--on", "commit:3=STOP")
    stopped(late)
    early = start("tests.support.publications", filled, NEW, "--on", "commit:1=STOP")
    stopped(early)
    for process in (late, early, late):
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)
            stopped(process)
        assert run_seen(filled) in (OLD, NEW, NEXT)
    assert [ended(process)[0] for process in (early, late)] == [0, 0]
    assert run_seen(filled) in (NEW, NEXT)
    assert_heads_are_the_newest_snapshot(filled)


# --- the whole command ---------------------------------------------------------------------------------------------


def labels_of(count: int) -> dict[str, bytes]:
    return {TRAIN_MACHINE: lines(LABEL_HEADER, *(f"{image_id(n)},machine,{DOG},0.9" for n in range(count)))}


def machine_images(warehouse: str) -> list[str]:
    found = [
        row for row in table_readers.rows(warehouse, "labels") if (row["subset"], row["origin"]) == ("train", "machine")
    ]
    return sorted(row["image_id"] for row in found)


def small_chunks(folder: Path) -> str:
    """An environment in which even a small release is staged in many files, one after another."""
    environment = yaml.safe_load((package_files("oilake.conf") / "local.yaml").read_text())
    environment["limits"] |= {"block_bytes": 1 << 14, "chunk_bytes": 1 << 14}
    (folder / "small.yaml").write_text(yaml.safe_dump(environment))
    return str(folder / "small.yaml")


def wait_for_files(warehouse: str, lying_there: set[str], count: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until the process has staged so many files."""
    while len(table_readers.files(warehouse) - lying_there) < count:
        assert process.poll() is None, "it ended before it was seen to write"
        time.sleep(0.01)


def in_this_process(*flags: str) -> int:
    return watched_job.main("ingest", "", ingest.add_arguments, ingest.run, ["--release", "v3", *flags])


@pytest.mark.slow
def test_a_driver_that_is_killed_while_it_writes_leaves_the_old_snapshot(
    spark: SparkSession, warehouse: str, tmp_path: Path, start: Start
):
    places = ["--warehouse", warehouse, "--landing", str(tmp_path), "--env", small_chunks(tmp_path)]
    land(tmp_path)
    assert in_this_process(*places) == 0
    before, lying_there = table_readers.seen(warehouse), table_readers.files(warehouse)
    land(tmp_path, labels_of(100_000))
    driver = start("oilake.jobs.ingest", "--release", "v3", *places)
    wait_for_files(warehouse, lying_there, 20, driver)
    kill_all_of(driver)
    assert table_readers.seen(warehouse) == before
    assert in_this_process(*places) == 0
    assert machine_images(warehouse) == [image_id(n) for n in range(100_000)]
    pin = table_readers.newest(warehouse)
    assert pin is not None
    assert {t: DeltaTable(f"{warehouse}/{t}").version() for t in pin["table_versions"]} == pin["table_versions"]


def test_ctrl_c_while_it_reads_is_one_sentence(spark: SparkSession, warehouse: str, tmp_path: Path, start: Start):
    """As a terminal sends it: to the whole process group, Java and Python's workers too."""
    places = ["--warehouse", warehouse, "--landing", str(tmp_path), "--env", small_chunks(tmp_path)]
    land(tmp_path)
    assert in_this_process(*places) == 0
    before, lying_there = table_readers.seen(warehouse), table_readers.files(warehouse)
    land(tmp_path, labels_of(400_000))
    driver = start("oilake.jobs.ingest", "--release", "v3", *places)
    wait_for_files(warehouse, lying_there, 20, driver)
    os.killpg(driver.pid, signal.SIGINT)
    code, stderr = ended(driver)
    assert [line for line in stderr.splitlines() if not line.startswith("v3: ")] == [
        "oilake: interrupted; no half publication is seen, the same command goes on"
    ]
    assert code == 130
    assert table_readers.seen(warehouse) == before


@pytest.mark.slow
def test_two_ingests_at_once_publish_one_of_the_two(spark: SparkSession, tmp_path: Path, start: Start):
    """First where not even the tables exist, then into the slice that is filled by then."""
    warehouse = str(tmp_path / "warehouse")
    few, many = (
        [
            "--release",
            "v3",
            "--force",
            "--warehouse",
            warehouse,
            "--landing",
            str(land(tmp_path / str(n), labels_of(n))),
        ]
        for n in (500, 700)
    )
    for code, stderr in map(ended, [start("oilake.jobs.ingest", *few), start("oilake.jobs.ingest", *many)]):
        assert code == 0, stderr
    assert_one_of_two_is_seen(warehouse)
    lying_there, other = table_readers.files(warehouse), start("oilake.jobs.ingest", *few)
    wait_for_files(warehouse, lying_there, 1, other)
    assert in_this_process(*many[2:]) == 0
    assert ended(other)[0] == 0
    assert_one_of_two_is_seen(warehouse)


def assert_one_of_two_is_seen(warehouse: str) -> None:
    images = machine_images(warehouse)
    assert len(images) in (500, 700)
    assert images == [image_id(n) for n in range(len(images))]
    pin = table_readers.newest(warehouse)
    assert pin is not None
    assert {t: DeltaTable(f"{warehouse}/{t}").version() for t in pin["table_versions"]} == pin["table_versions"]


# --- a full disk ---------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted here, which takes root: {error}")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def fill(disk: Path, left: int) -> Path:
    """A file that leaves `left` bytes of the disk free."""
    path = disk / "filling"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    path.write_bytes(bytes(max(0, free - left)))
    return path


def test_a_publication_that_finds_no_room_is_finished_once_there_is(disk: Path, empty_warehouse: Path):
    """From no byte to enough: the disk is full at every step once, behind a commit and before its checkpoint too."""
    warehouse = str(disk / "warehouse")
    shutil.copytree(empty_warehouse, warehouse)
    publish_rows(warehouse, OLD, 3)
    for table in ("publications", "images", "snapshots"):
        DeltaTable(f"{warehouse}/{table}").alter.set_table_properties({"delta.checkpointInterval": "1"})
    for n in range(100):
        filling, before, run = fill(disk, n * 12288), run_seen(warehouse), f"{0xA00 + n:016x}"
        refused = True
        try:
            publish_rows(warehouse, run, 3)
            refused = False
        except (StoreError, OSError):
            assert run_seen(warehouse) in (before, run)
        filling.unlink()
        publish_rows(warehouse, f"{0xB00 + n:016x}", 3)
        assert run_seen(warehouse) == f"{0xB00 + n:016x}"
        assert_heads_are_the_newest_snapshot(warehouse)
        if not refused:
            break
    assert 4 < n < 99, "it was refused at many steps, and taken in the end"


def test_a_full_disk_is_told_in_one_sentence_and_mended_by_the_same_command(
    spark: SparkSession, disk: Path, empty_warehouse: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    warehouse = str(disk / "warehouse")
    shutil.copytree(empty_warehouse, warehouse)
    places = ["--warehouse", warehouse, "--landing", str(land(tmp_path / "landing")), "--force"]
    assert in_this_process(*places) == 0
    refused = 0
    for left in range(0, 1 << 20, 36 << 10):
        before, lying_there, begun = (
            table_readers.seen(warehouse),
            table_readers.files(warehouse),
            begun_publications(warehouse),
        )
        filling = fill(disk, left)
        capfd.readouterr()
        code = in_this_process(*places)
        sentences = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("v3: ")]
        if code == 0:
            break
        refused += 1
        assert code == 2
        assert len(sentences) == 1
        assert sentences[0].startswith(f"oilake: {warehouse}")
        assert "No space left on device" in sentences[0]
        assert "run" in sentences[0], "the remedy"
        assert "\x1b" not in sentences[0], "no colours where no terminal is"
        assert table_readers.seen(warehouse) == before
        if begun_publications(warehouse) == begun:
            assert table_readers.files(warehouse) == lying_there
        filling.unlink()
        assert in_this_process(*places) == 0
        assert len(machine_images(warehouse)) == 2
    assert refused > 2


def begun_publications(warehouse: str) -> int:
    return DeltaTable(f"{warehouse}/publications").version()


def test_tables_that_find_no_room_are_told_in_one_sentence(
    spark: SparkSession, disk: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    """The very first ingest, on a disk that is full."""
    places = ["--warehouse", str(disk / "warehouse"), "--landing", str(land(tmp_path / "landing"))]
    filling = fill(disk, 0)
    assert in_this_process(*places) == 2
    (sentence,) = [line for line in capfd.readouterr().err.splitlines() if not line.startswith("v3: ")]
    assert sentence.startswith(f"oilake: {disk}")
    filling.unlink()
    assert in_this_process(*places) == 0
    assert len(machine_images(str(disk / "warehouse"))) == 2
