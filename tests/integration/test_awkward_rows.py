"""Awkward rows are read right, broken rows go to quarantine as they stood, and nothing depends on where a block ends."""

from __future__ import annotations

import base64
import csv
import html
import io
import shutil
import tarfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.conf.registry import Release
from oilake.conf.settings import Limits, Settings
from oilake.jobs import ingest
from oilake.jobs.ingesting import chunk_kernel, landing_area
from oilake.jobs.ingesting.chunk_kernel import ChunkReport, IngestContext
from oilake.jobs.ingesting.landing_area import LandedFile
from oilake.jobs.ingesting.summary import Summary
from oilake.jobs.operations import watched_job
from oilake.jobs.runtime.filesystem import file_checksums
from oilake.jobs.sources import class_lists
from oilake.jobs.sources.splits import Split
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import table_readers
from tests.support.broken_rows import (
    BOXES,
    BROKEN,
    DESCRIPTION_CASES,
    HUMAN,
    ID,
    IMAGES,
    MACHINE,
    MIB,
    TRAIN_IMAGES,
    TRAIN_MACHINE,
    Member,
    box,
    label,
)
from tests.support.releases import (
    CAT,
    DOG,
    IMAGE_HEADER,
    LABEL_HEADER,
    MD5,
    TAG,
    TRAIN_BOX_HEADER,
    TREE,
    image_id,
    image_row,
    land,
    lines,
)

V3 = registry.find_release("v3")
OURS = {
    "ImageID": "image_id",
    "OriginalURL": "original_url",
    "OriginalLandingURL": "original_landing_url",
    "License": "license",
    "AuthorProfileURL": "author_profile_url",
    "Author": "author",
    "Title": "title",
    "Thumbnail300KURL": "thumbnail_300k_url",
}

Row = dict[str, Any]
Ingested = Callable[..., tuple[Summary, str]]


# --- awkward rows: read right, whatever the blocks -----------------------------------------------------------------


TITLES = {
    "a line feed": '"first\nsecond"',
    "a carriage return and line feed": '"first\r\nsecond"',
    "a carriage return": '"first\rsecond"',
    "an empty line": '"first\n\nthird"',
    "line feeds only": '"\n\n\n"',
    "doubled quotes": '"He said ""hi"", then left"',
    "nothing but a quote": '""""',
    "a quote, a line feed, a quote": '"""\n"""',
    "commas": '"a,b,,c,"',
    "a quote in a field without quotes": '5" floppy "disk"',
    "no quotes": "plain",
    "spaces": "  two, at both ends  ".replace(",", ""),
    "nothing": "",
    "nothing, quoted": '""',
    "beyond the basic plane": "🦊🏳️‍🌈𝔘𐍈",
    "combining marks": "Zu\u0308rich e\u0301 A\u030a \u1100\u1161",
    "composed already": "Zürich é Å 가",
    "singletons": "\u212b \u2126 \u212a",
    "other line ends": "a\u2028b\u2029c\u0085d\x0be\x0cf",
    "right to left, no width": "\u202eאבג\u200b\u200d\ufeff",
    "entities": "Daniel X. O&#x27;Neil &amp; S&ouml;hne &lt;b&gt; &#128512;",
    "entities of entities": "&amp;amp; &amp;lt; &amp;#39;",
    "an entity that makes a comma and a quote": "a&#44;b&quot;c",
    "an entity of a combining mark": "e&#x301;",
    "ampersands": "R&D & Q&A; &; &#; &nosuch;",
    "backslashes": '"a\\"',
    "a tab": "a\tb",
}


def as_python_reads(data: bytes) -> list[Row]:
    """The images of a file by Python's csv module; author and title with entities decoded once, in NFC."""
    found = []
    for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        values: Row = {ours: row[published] or None for published, ours in OURS.items()}
        for name in ("author", "title"):
            values[name] = values[name] and unicodedata.normalize("NFC", html.unescape(values[name]))
        found.append(values | {"original_size": int(row["OriginalSize"] or "11")})
    return found


def read_images(folder: Path, data: bytes, *sizes: int, chunk: int = 4 * MIB) -> Iterable[tuple[int, list[Row]]]:
    """(block size, rows in the file's order) for each size of a block; asserts that nothing went to quarantine."""
    archive = land(folder, {TRAIN_IMAGES: data}) / TAG / IMAGES
    for size in sizes:
        reports = kernel_reports(folder, archive, size, chunk)
        assert [report.reasons for report in reports if report.reasons] == [], f"blocks of {size} bytes"
        yield size, [row for report in reports for row in staged_rows(folder, report)]


def kernel_reports(
    folder: Path, archive: Path, block: int, chunk: int, member: str = TRAIN_IMAGES
) -> list[ChunkReport]:
    wanted = {archive.name: {member: landing_area.members_by_file(V3)[archive.name][member]}}
    context = IngestContext(V3, Warehouse.at(folder / "staged"), "run", wanted, block, MIB)
    return list(chunk_kernel.ingest_split(Split(archive.name, str(archive), "tar.gz", chunk), context))


def staged_rows(folder: Path, report: ChunkReport) -> list[Row]:
    found: list[Row] = []
    for file in report.staged:
        found += pq.ParquetFile(folder / "staged" / file.table / file.path).read().to_pylist()
    assert len(found) == report.kept == report.read
    return [{name: row[name] for name in (*OURS.values(), "original_size")} for row in found]


def images_file(titles: Iterable[str], end: str = "\n") -> bytes:
    """An images.csv with these titles, as author too, so that a row holds each twice."""
    rows = (image_row(image_id(n), author=title, title=title) for n, title in enumerate(titles))
    return "".join(line + end for line in (IMAGE_HEADER, *rows)).encode()


@pytest.mark.parametrize(
    ("title", "end"), [(TITLES["a line feed"], "\n"), (TITLES["a quote, a line feed, a quote"], "\r\n")]
)
def test_a_quoted_newline_is_read_right_wherever_the_blocks_end(tmp_path: Path, title: str, end: str):
    """The first block ends behind every byte of the row in turn, and the second one somewhere in the next rows."""
    before = images_file(["before"], end)
    awkward = images_file(["before", title], end)
    data = awkward + images_file(["", "", "after", title, '"last"'], end)[len(images_file(["", ""], end)) :]
    expected = as_python_reads(data)
    assert len(expected) == 5
    for size, rows in read_images(tmp_path, data, *range(len(before) - 2, len(awkward) + 3)):
        assert rows == expected, f"blocks of {size} bytes"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_awkward_titles_are_what_pythons_csv_module_reads(tmp_path: Path, end: str):
    data = images_file(TITLES.values(), end)
    expected = as_python_reads(data)
    assert len(expected) == len(TITLES)
    for size, rows in read_images(tmp_path, data, 1, 7, 64, 333, 1000, 4096, MIB):
        for name, row, wanted in zip(TITLES, rows, expected, strict=True):
            assert row == wanted, f"{name}, blocks of {size} bytes"


SHAPES: dict[str, Callable[[bytes], bytes]] = {
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "no line end at the end": lambda data: data.rstrip(b"\n"),
    "blank lines at the end": lambda data: data + b"\n\n\r\n",
    "blank lines between": lambda data: data.replace(b"\n1000", b"\n\n\r\n\n1000"),
    "quotes around the header": lambda data: data.replace(b"ImageID,", b'"ImageID",', 1),
    "a byte order mark before a quote": lambda data: b'\xef\xbb\xbf"ImageID"' + data.removeprefix(b"ImageID"),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_shape_of_a_file_changes_no_row(tmp_path: Path, shape: Callable[[bytes], bytes]):
    data = images_file(["one", '"two\nlines"', "three", '"fo""ur"'])
    expected = as_python_reads(data)
    for size, rows in read_images(tmp_path, shape(data), 1, 50, 173, 300, 500, MIB):
        assert rows == expected, f"blocks of {size} bytes"


def test_blocks_and_chunks_of_any_size_give_the_same_rows(tmp_path: Path):
    data = images_file(list(TITLES.values()) * 3)
    expected = as_python_reads(data)
    for chunk in (1, 500, 5000):
        for size, rows in read_images(tmp_path, data, 100, 1024, chunk=chunk):
            assert rows == expected, f"blocks of {size} bytes, chunks of {chunk}"


def test_a_field_of_just_the_limit_is_a_row(tmp_path: Path):
    data = images_file(["x" * MIB, "y" * (MIB - 1), "short"])
    for size, rows in read_images(tmp_path, data, 100_000, 8 * MIB):
        assert [len(row["title"]) for row in rows] == [MIB, MIB - 1, 5], f"blocks of {size} bytes"


# --- broken rows: quarantined as they stood, all others right ------------------------------------------------------


@pytest.fixture(scope="module")
def ingested(settings: Settings, empty_warehouse: Path) -> Ingested:
    """Ingests what lies in `<folder>/landing` within the given limits: (summary, warehouse)."""

    def call(folder: Path, release: Release = V3, **limits: Any) -> tuple[Summary, str]:
        warehouse = str(folder / f"warehouse {len(list(folder.iterdir()))}")
        shutil.copytree(empty_warehouse, warehouse)
        changed: Limits = replace(settings.limits, **limits)
        places = replace(settings, landing=str(folder / "landing"), warehouse=warehouse, limits=changed)
        return ingest.ingest(places, release), warehouse

    return call


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, ingested: Ingested) -> tuple[Summary, str]:
    """(summary, warehouse) of a release full of broken rows, read by two readers in small blocks and chunks."""
    folder = tmp_path_factory.mktemp("broken")
    land(folder / "landing", {member.path: member.data for member in BROKEN})
    small = {"block_bytes": 4096, "chunk_bytes": 8192, "readers": 2, "large_bytes": 1}
    return ingested(folder, max_share=1.0, **small)


def quarantined(warehouse: str, path: str) -> list[tuple[Any, ...]]:
    found = [
        (*(row[name] for name in ("table_name", "file", "member", "line", "raw")), tuple(sorted(row["reasons"])))
        for row in table_readers.rows(warehouse, "quarantine")
        if row["member"] == path
    ]
    return sorted(found, key=lambda row: row[3])


@pytest.mark.parametrize("member", BROKEN, ids=lambda member: member.path)
def test_each_broken_row_is_quarantined_as_it_stood(broken: tuple[Summary, str], member: Member):
    found = quarantined(broken[1], member.path)
    assert [(row[3], row[5]) for row in found] == [(row[3], row[5]) for row in member.quarantined]
    assert found == member.quarantined


def good_rows(member: Member) -> list[dict[str, str]]:
    names = member.header.split(",")
    texts = [record.raw.decode() for record in member.records if not record.reasons]
    return [dict(zip(names, row, strict=True)) for row in csv.reader(texts)]


def test_every_good_image_is_kept_as_it_is(broken: tuple[Summary, str]):
    found = {(row["subset"], row["image_id"]): row for row in table_readers.rows(broken[1], "images")}
    wanted = [row for member in BROKEN if member.table == "images" for row in good_rows(member)]
    assert len(found) == len(table_readers.rows(broken[1], "images")) == len(wanted) + 4, (
        "4 of the test subset, untouched"
    )
    for row in wanted:
        kept = found[row["Subset"], row["ImageID"]]
        assert {name: kept[name] or "" for name in OURS.values()} == {OURS[name]: row[name] for name in OURS}
        assert (kept["original_size"], kept["original_md5"]) == (11, base64.b64decode(MD5).hex())


def test_every_good_label_is_kept_as_it_is(broken: tuple[Summary, str]):
    found = [row for row in table_readers.rows(broken[1], "labels") if row["subset"] == "train"]
    wanted = [row for member in BROKEN if member.table == "labels" for row in good_rows(member)]
    assert Counter((r["image_id"], r["source"], r["mid"], r["confidence"]) for r in found) == Counter(
        (r["ImageID"], r["Source"], r["LabelName"], float(r["Confidence"])) for r in wanted
    )
    origins = {"machine": "machine", "verification": "human", "crowdsource-verification": "crowdsource"}
    assert all(row["origin"] == origins[row["source"]] for row in found)


def test_every_good_box_is_kept_as_it_is(broken: tuple[Summary, str]):
    found = sorted(table_readers.rows(broken[1], "boxes"), key=lambda row: row["image_id"])
    wanted = sorted((r for m in BROKEN if m.table == "boxes" for r in good_rows(m)), key=lambda r: r["ImageID"])
    kept = [row for row in found if row["subset"] != "validation"]
    corners = {"x_min": "XMin", "x_max": "XMax", "y_min": "YMin", "y_max": "YMax"}
    assert [(r["image_id"], *(r[c] for c in corners)) for r in kept] == [
        (r["ImageID"], *(float(r[c]) for c in corners.values())) for r in wanted
    ]
    attributes = ("is_occluded", "is_truncated", "is_group_of", "is_depiction", "is_inside")
    assert {(r["subset"], *(r[a] for a in attributes)) for r in kept} == {
        ("train", None, None, None, None, None),
        ("test", True, False, None, None, False),
    }


def test_every_good_class_is_kept_as_it_is(broken: tuple[Summary, str]):
    names = {row["mid"]: row["display_name"] for row in table_readers.rows(broken[1], "classes")}
    wanted = {f"/m/0{n}z": f"Good {n}" for n in range(len(DESCRIPTION_CASES) + 1)}
    assert names == {**wanted, DOG: "Dog", CAT: "Cat", TREE: None}


def test_what_is_kept_and_what_is_quarantined_is_what_was_read(broken: tuple[Summary, str]):
    found = {row["member"]: row for row in table_readers.rows(broken[1], "release_files")}
    for row in found.values():
        assert row["rows_kept"] + row["rows_quarantined"] == row["rows_read"], row["member"]
    for member in BROKEN:
        header_is_a_row = member.table == "classes"
        counts = (found[member.path]["rows_read"], found[member.path]["rows_quarantined"])
        assert counts == (len(member.records) + header_is_a_row, len(member.quarantined)), member.path


def test_the_counts_are_those_of_the_tables(broken: tuple[Summary, str]):
    """What `release_files` calls kept is counted again in the tables themselves."""
    summary, warehouse = broken
    kept: Counter[str] = Counter()
    for row in table_readers.rows(warehouse, "release_files"):
        kept["images" if row["file"] == IMAGES else "boxes" if row["file"] == BOXES else "other"] += row["rows_kept"]
        kept["labels"] += row["rows_kept"] * (row["file"] in (MACHINE, HUMAN))
    for table in ("images", "labels", "boxes"):
        assert len(table_readers.rows(warehouse, table)) == kept[table], table
    assert summary.totals["rows_quarantined"] == len(table_readers.rows(warehouse, "quarantine"))
    told = Counter(reason for row in table_readers.rows(warehouse, "quarantine") for reason in row["reasons"])
    assert summary.reasons == dict(told)


def test_broken_rows_do_not_unsort_the_tables(broken: tuple[Summary, str]):
    for table in ("images", "labels", "boxes"):
        assert_sorted(broken[1], table)


def assert_sorted(warehouse: str, table: str) -> None:
    """Each file is sorted by image, no two of a partition overlap, and the log's statistics are those of the files."""
    pin = table_readers.newest(warehouse)
    assert pin is not None
    delta = DeltaTable(f"{warehouse}/{table}", version=pin["table_versions"][table])
    spans: dict[str, list[tuple[str, str]]] = {}
    for action in pa.table(delta.get_add_actions(flatten=True)).to_pylist():
        ids = pq.ParquetFile(f"{warehouse}/{table}/{action['path']}").read(["image_id"])["image_id"].to_pylist()
        assert ids == sorted(ids), action["path"]
        assert (action["min.image_id"], action["max.image_id"]) == (ids[0], ids[-1]), action["path"]
        spans.setdefault(action["path"].rpartition("/")[0], []).append((ids[0], ids[-1]))
    for partition, found in spans.items():
        assert all(a[1] <= b[0] for a, b in pairwise(sorted(found))), partition


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_broken_row_prints_no_stack_trace():
    """The driver reads class lists itself, so what a library prints about a row there stands on the user's terminal."""
    rows, bad, _ = class_lists.parse_list(
        f"{DOG},Dog\r\n".encode() + b"/m/0x,\xff,y\r\n", "descriptions", MIB, "names.csv"
    )
    assert [row.mid for row in rows] == [DOG]
    assert [record.reasons for record in bad] == [("invalid_utf8", "wrong_field_count")]


NEIGHBOURS = (
    " 0.5",
    "0.5\t",
    "+0.5",
    "5e-1",
    "5E-0001",
    "1.",
    ".5",
    "-0",
    "00.5",
    "0.5f",
    "0.5 5",
    "1e400",
    "nan",
    "0x1p-1",
)


@pytest.mark.parametrize("number", NEIGHBOURS)
def test_a_rows_fate_does_not_hang_on_its_neighbours(tmp_path: Path, number: str):
    """A number that is no number in the same block sends all of the block's numbers another way."""
    member, row = f"{TAG}/train/annotations-human-bbox.csv", box(image_id(1), f"{number},1,0,1")
    fates = []
    for n, others in enumerate([(box(image_id(0)),), (box(image_id(0)), box(image_id(2), "x,1,0,1"))]):
        folder = tmp_path / str(n)
        archive = land(folder, {member: lines(TRAIN_BOX_HEADER, *others, row)}) / TAG / BOXES
        (report,) = kernel_reports(folder, archive, MIB, MIB, member)
        fates.append(report.kept - 1)
    assert fates[0] == fates[1]


def test_bytes_of_an_unknown_column_do_not_hang_on_the_neighbours(tmp_path: Path):
    fates = []
    for n, others in enumerate([(), ("lonely",)]):
        good = [f"{label(image_id(0))},ok", *others]
        data = lines(LABEL_HEADER + ",Note", *good) + label(image_id(1)).encode() + b",\xff\n"
        archive = land(tmp_path / str(n), {TRAIN_MACHINE: data}) / TAG / MACHINE
        (report,) = kernel_reports(tmp_path / str(n), archive, MIB, MIB, TRAIN_MACHINE)
        fates.append(report.kept - 1)
    assert fates[0] == fates[1]


# --- too many broken rows ------------------------------------------------------------------------------------------


def labels_file(good: int, bad: int) -> bytes:
    rows = [label(image_id(n)) for n in range(good)] + [label(image_id(good), confidence="high")] * bad
    return lines(LABEL_HEADER, *rows)


def test_one_row_in_a_hundred_may_break_a_promise_and_no_more(
    warehouse: str, tmp_path: Path, spark: SparkSession, capfd: pytest.CaptureFixture[str]
):
    places = ["--release", "v3", "--landing", str(tmp_path), "--warehouse", warehouse]
    land(tmp_path, {TRAIN_MACHINE: labels_file(99, 1)})
    assert watched_job.main("ingest", "", ingest.add_arguments, ingest.run, places) == 0
    before, lying_there = table_readers.seen(warehouse), table_readers.files(warehouse)
    land(tmp_path, {TRAIN_MACHINE: labels_file(98, 2)})
    capfd.readouterr()
    assert watched_job.main("ingest", "", ingest.add_arguments, ingest.run, places) == 1
    (sentence,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("oilake: ")]
    for told in (MACHINE, TRAIN_MACHINE, "2 of 100", "invalid_confidence 2", "1.0%", "max_share"):
        assert told in sentence
    assert table_readers.seen(warehouse) == before
    assert table_readers.files(warehouse) == lying_there


# --- order and spelling --------------------------------------------------------------------------------------------


SPELLINGS = {
    f"0x{image_id(0)}": image_id(0),
    image_id(0xAB).upper(): image_id(0xAB),
    "ABC": f"{0xABC:016x}",
    "0XaBd": f"{0xABD:016x}",
    "0x0": "0" * 16,
    image_id(7): image_id(7),
}
MID_SPELLINGS = {
    "m.0bt9lr": DOG,
    "/M/0BT9LR": DOG,
    "kg:/m/0bt9lr": DOG,
    "KG:/M/0bt9lr": DOG,
    "http://rdf.freebase.com/ns/m.0bt9lr": DOG,
    "/g/11b6r_3k": "/g/11b6r_3k",
    "g.11b6r_3k": "/g/11b6r_3k",
    DOG: DOG,
}


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory, ingested: Ingested) -> dict[str, str]:
    """Warehouses of one release whose files are sorted, and the same ones shuffled; many small chunks."""
    found = {}
    for name, shuffle in (("sorted", lambda rows: rows), ("shuffled", shuffled)):
        folder = tmp_path_factory.mktemp(name)
        land(folder / "landing", {path: lines(header, *shuffle(rows)) for path, (header, rows) in ordered().items()})
        found[name] = ingested(folder, block_bytes=1000, chunk_bytes=2000, readers=2, large_bytes=1)[1]
    return found


def ordered() -> dict[str, tuple[str, list[str]]]:
    """(header, rows sorted by image) of three members; IDs above 2^63, so that a signed order would be another one."""
    ids = sorted([image_id(n) for n in range(60)] + [f"{0xF << 60 | n:016x}" for n in range(60)])
    human = [label(i, s, confidence="1") for i in ids for s in ("verification", "crowdsource-verification")]
    return {
        TRAIN_IMAGES: (IMAGE_HEADER, [image_row(i) for i in ids]),
        TRAIN_MACHINE: (LABEL_HEADER, [label(i, mid=mid) for i in ids for mid in (CAT, DOG)]),
        f"{TAG}/train/annotations-human.csv": (LABEL_HEADER, human),
        f"{TAG}/train/annotations-human-bbox.csv": (TRAIN_BOX_HEADER, [box(i) for i in ids]),
    }


def shuffled(rows: Sequence[str]) -> list[str]:
    """Every seventh row, then the ones behind them, and so on: the same on every run, and far from sorted."""
    return [row for first in (3, 0, 6, 1, 5, 2, 4) for row in rows[first::7]]


@pytest.mark.parametrize("table", ["images", "labels", "boxes"])
def test_shuffled_files_give_the_same_tables(orders: dict[str, str], table: str):
    one, other = (sorted(map(repr, table_readers.rows(orders[name], table))) for name in ("sorted", "shuffled"))
    assert one == other
    assert len(one) > 120


@pytest.mark.parametrize("name", ["sorted", "shuffled"])
def test_tables_come_out_sorted_by_image(orders: dict[str, str], name: str):
    for table in ("images", "labels", "boxes"):
        assert_sorted(orders[name], table)


def test_sorting_leaves_no_file_behind(orders: dict[str, str]):
    for warehouse in orders.values():
        for table, version in table_readers.newest(warehouse)["table_versions"].items():  # type: ignore[index]
            named = {action["path"] for action in actions(warehouse, table, version)}
            lying = {
                file.removeprefix(f"{table}/")
                for file in table_readers.files(warehouse)
                if file.startswith(f"{table}/")
            }
            assert lying == named


def actions(warehouse: str, table: str, version: int) -> list[Row]:
    found: list[Row] = pa.table(DeltaTable(f"{warehouse}/{table}", version=version).get_add_actions()).to_pylist()
    return found


@pytest.fixture(scope="module")
def spelled(tmp_path_factory: pytest.TempPathFactory, ingested: Ingested) -> str:
    """The warehouse of a release whose IDs are spelled in every way that is repaired."""
    folder = tmp_path_factory.mktemp("spelled")
    labels = [label(image, mid=mid) for image in SPELLINGS for mid in MID_SPELLINGS]
    land(
        folder / "landing",
        {
            TRAIN_IMAGES: lines(IMAGE_HEADER, *(image_row(image) for image in SPELLINGS)),
            TRAIN_MACHINE: lines(LABEL_HEADER, *labels, label("0XAA", mid="m.0bt9lr", confidence="high")),
            f"{TAG}/classes.txt": f"{DOG}\nm.01yrx\nm.0bt9lr\n{TREE}\n".encode(),
        },
    )
    return ingested(folder, max_share=1.0)[1]


def test_small_spellings_are_repaired(spelled: str):
    images = {row["image_id"] for row in table_readers.rows(spelled, "images") if row["subset"] == "train"}
    assert images == set(SPELLINGS.values())
    found = [r for r in table_readers.rows(spelled, "labels") if (r["subset"], r["origin"]) == ("train", "machine")]
    wanted = [(image, mid) for image in SPELLINGS.values() for mid in MID_SPELLINGS.values()]
    assert Counter((row["image_id"], row["mid"]) for row in found) == Counter(wanted)
    assert_sorted(spelled, "labels")


def test_repairs_are_counted_where_the_row_is_kept(spelled: str):
    """The machine label that is quarantined, and the second row of one MID, are repaired for nobody."""
    files = {row["member"]: row for row in table_readers.rows(spelled, "release_files")}
    ids, mids = len(SPELLINGS) - 1, len(MID_SPELLINGS) - 2
    assert files[TRAIN_IMAGES]["image_ids_repaired"] == ids
    machine = files[TRAIN_MACHINE]
    assert machine["image_ids_repaired"] == ids * len(MID_SPELLINGS)
    assert machine["mids_repaired"] == mids * len(SPELLINGS)
    assert files[f"{TAG}/classes.txt"]["mids_repaired"] == 1


def test_repairs_are_listed_row_by_row(spelled: str):
    """By member, line and column, what stood in the file and what stands in the table."""
    found = [
        (r["member"], r["line"], r["column_name"], r["before"], r["after"])
        for r in table_readers.rows(spelled, "repairs")
    ]
    wanted = [(f"{TAG}/classes.txt", 2, "mid", "m.01yrx", CAT)]
    wanted += [(TRAIN_IMAGES, n, "image_id", *ids) for n, ids in enumerate(SPELLINGS.items(), 2) if ids[0] != ids[1]]
    pairs = [(ids, classes) for ids in SPELLINGS.items() for classes in MID_SPELLINGS.items()]
    for line, (ids, classes) in enumerate(pairs, 2):
        wanted += [(TRAIN_MACHINE, line, "image_id", *ids)] * (ids[0] != ids[1])
        wanted += [(TRAIN_MACHINE, line, "mid", *classes)] * (classes[0] != classes[1])
    assert sorted(found) == sorted(wanted)
    counts = [r["image_ids_repaired"] + r["mids_repaired"] for r in table_readers.rows(spelled, "release_files")]
    assert sum(counts) == len(found)


def test_two_sources_of_one_origin_are_kept_once(tmp_path: Path, ingested: Ingested):
    """A release may declare that two of its sources are of one origin; V2's `human` is such a mixture."""
    land(tmp_path / "landing")
    merged = replace(V3, sources={**V3.sources, "crowdsource-verification": "human"})
    _, warehouse = ingested(tmp_path, merged)
    found = Counter(row["source"] for row in table_readers.rows(warehouse, "labels") if row["origin"] == "human")
    assert found == {"verification": 3, "crowdsource-verification": 3}


# --- plain CSV files, read by byte ranges --------------------------------------------------------------------------


PLAIN_TAG = "2099_01"
PLAIN_IMAGES, PLAIN_LABELS = "train-images.csv", "train-labels.tar.gz"


@pytest.fixture
def plain(tmp_path: Path) -> Release:
    """A release of one's own, told in YAML: its images are a loose CSV file, its labels an archive."""
    document = yaml.safe_load((registry.packaged_registry() / "v3.yaml").read_text())
    images = {"table": "images", "pattern": "{subset}-images.csv", "columns": "images", "subsets": ["train"]}
    labels = {"table": "labels", "pattern": "{subset}/labels.csv", "columns": "labels", "subsets": ["train"]}
    document |= {
        "release": "v9",
        "tag": PLAIN_TAG,
        "published": {},
        "files": [
            {"name": PLAIN_IMAGES, "url": "https://example.org/i", "kind": "plain", "members": [images]},
            {"name": PLAIN_LABELS, "url": "https://example.org/l", "kind": "tar.gz", "members": [labels]},
        ],
    }
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "v9.yaml").write_text(yaml.safe_dump(document))
    return registry.find_release("v9", str(folder))


def land_plain(folder: Path, images: bytes, labels: bytes) -> Path:
    target = folder / "landing" / PLAIN_TAG
    target.mkdir(parents=True, exist_ok=True)
    (target / PLAIN_IMAGES).write_bytes(images)
    with tarfile.open(target / PLAIN_LABELS, "w:gz") as archive:
        info = tarfile.TarInfo("train/labels.csv")
        info.size = len(labels)
        archive.addfile(info, io.BytesIO(labels))
    return target / PLAIN_IMAGES


def range_rows(folder: Path, release: Release, path: Path, limits: Limits) -> list[Row]:
    """The rows of a plain file, all its ranges read one after another."""
    wanted = landing_area.members_by_file(release)
    landed = LandedFile(release.files[0], str(path), file_checksums(str(path)))
    context = IngestContext(
        release, Warehouse.at(folder / "staged"), "run", wanted, limits.block_bytes, limits.field_bytes
    )
    reports = [
        r
        for split in landing_area.plan_splits([landed], wanted, limits)
        for r in chunk_kernel.ingest_split(split, context)
    ]
    reports.sort(key=lambda report: report.number)
    return [row for report in reports for row in staged_rows(folder, report)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_plain_file_reads_the_same_in_any_number_of_ranges(
    tmp_path: Path, settings: Settings, plain: Release, end: str
):
    """As many ranges as it takes for their edges to fall on every kind of byte, quoted newlines before all."""
    titles = ['"a\nb"', '"\n\n\n\n\n\n"', '"""\n"""', "plain", '"x,\r\ny"'] * 4
    path = land_plain(tmp_path, images_file(titles, end), lines(LABEL_HEADER))
    limits = replace(settings.limits, large_bytes=1, block_bytes=300, chunk_bytes=1000)
    whole = range_rows(tmp_path, plain, path, replace(limits, readers=1))
    assert len(whole) == len(titles)
    for shares in (2, 3, 5, 8, 13, 21, 34, 55, 89, 233, 610):
        assert range_rows(tmp_path, plain, path, replace(limits, readers=shares)) == whole, f"{shares} ranges"


STRAY = [image_row(image_id(n), title=f'"two\nlines {n}"') for n in range(40)]
STRAY[20] = image_row(image_id(20), title='5" floppy')  # legal, yet it turns every later quote's meaning over
STRAY_LABELS = [label(image_id(n)) for n in range(20)]


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (STRAY, STRAY_LABELS),
        ([*STRAY, STRAY[30]], STRAY_LABELS),
        (STRAY, [*STRAY_LABELS, label(ID, source='mach"ine')]),
        (STRAY[::-1], STRAY_LABELS),
    ],
    ids=["alone", "and a second row of an image", "and one in the archive beside it", "and unsorted"],
)
def test_a_quote_that_misleads_the_ranges_costs_no_row(
    tmp_path: Path, ingested: Ingested, plain: Release, rows: list[str], labels: list[str]
):
    land_plain(tmp_path, lines(IMAGE_HEADER, *rows), lines(LABEL_HEADER, *labels))
    found = []
    for shares in (3, 1):
        limits = {"max_share": 1.0, "large_bytes": 1, "readers": shares, "block_bytes": 1000, "chunk_bytes": 3000}
        summary, warehouse = ingested(tmp_path, plain, **limits)
        tables = ("images", "labels", "quarantine", "release_files")
        found.append({name: sorted(map(repr, table_readers.rows(warehouse, name, "v9"))) for name in tables})
        assert summary.totals["rows_read"] == len(rows) + len(labels)
    assert found[0] == found[1]
    assert len(found[0]["images"]) == len(set(rows)) == 40
    assert sum(len(found[0][name]) for name in ("images", "labels", "quarantine")) == len(rows) + len(labels)
