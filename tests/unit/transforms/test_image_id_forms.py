"""Decimal image IDs: what could be either is kept aside, unless the registry says how the file writes its IDs."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from oilake.conf import registry
from oilake.conf.errors import ConfigError
from oilake.conf.registry import IdForm, Release
from oilake.conf.settings import Settings
from oilake.jobs.ingest import ingest
from oilake.jobs.ingesting import landing_area, reuse
from oilake.jobs.ingesting.chunk_kernel import ChunkReport, IngestContext, ingest_split
from oilake.jobs.quarantining.reprocess import reprocess_release
from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.sources.splits import Split
from oilake.jobs.tables import parquet_footers
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse
from tests.conftest import Oilake
from tests.support import table_readers
from tests.support.releases import DOG, IMAGE_HEADER, LABEL_HEADER, TRAIN_BOX_HEADER, image_id, image_row, land, lines

PUBLISHED, RIGHT, WRONG = "106528377697029", "000060e3121c7305", "0106528377697029"
TRAIN = "2017_11/train"
IMAGES, MACHINE, BOXES = (
    f"{TRAIN}/images.csv",
    f"{TRAIN}/annotations-machine.csv",
    f"{TRAIN}/annotations-human-bbox.csv",
)
ROWS = {
    IMAGES: (IMAGE_HEADER, image_row),
    MACHINE: (LABEL_HEADER, "{},machine,/m/0bt9lr,0.5".format),
    BOXES: (TRAIN_BOX_HEADER, "{},xclick,/m/0bt9lr,1,0.1,0.9,0.25,0.75".format),
}
ARCHIVES = {
    IMAGES: "images_2017_11.tar.gz",
    MACHINE: "annotations_machine_2017_11.tar.gz",
    BOXES: "annotations_human_bbox_2017_11.tar.gz",
}
# Whoever reads which share, in blocks and chunks of whatever size.
SHAPES = [(1 << 20, 1 << 20, 1), (60, 1, 1), (200, 300, 3)]

FORMS: tuple[IdForm | None, ...] = (None, "hex", "decimal")

Row = dict[str, Any]


def declared(folder: Path, form: str, release: str = "v3") -> Release:
    """The packaged release, all of whose row files declare the form of their IDs."""
    document = yaml.safe_load((registry.packaged_registry() / f"{release}.yaml").read_text())
    for member in (member for file in document["files"] for member in file["members"]):
        if member.get("format", "csv") == "csv":
            member["ids"] = form
    folder.mkdir()
    (folder / f"{release}.yaml").write_text(yaml.safe_dump(document))
    return registry.find_release(release, str(folder))


def read(
    folder: Path,
    release: Release,
    archive: Path,
    shape: tuple[int, int, int],
    texts: Mapping[str, reuse.ReusableFile] | None = None,
) -> list[ChunkReport]:
    block, chunk, shares = shape
    wanted = landing_area.members_by_file(release)
    context = IngestContext(release, Warehouse.at(folder / "lake"), "run", wanted, block, 1 << 20, earlier=texts or {})
    splits = [Split(archive.name, str(archive), "tar.gz", chunk, n, shares) for n in range(shares)]
    return sorted(
        (report for split in splits for report in ingest_split(split, context)), key=lambda report: report.number
    )


def rows(
    folder: Path, reports: list[ChunkReport], chosen: Callable[[ChunkReport], list[StagedFile | None]]
) -> list[Row]:
    files = [file for report in reports for file in chosen(report) if file]
    paths = [join_uri(str(folder / "lake"), file.table, file.path) for file in files]
    return [row for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()]


def landed(folder: Path, member: str, *ids: str) -> Path:
    header, row = ROWS[member]
    return land(folder / "landing", {member: lines(header, *map(row, ids))}) / "2017_11" / ARCHIVES[member]


@pytest.mark.lengthy
@pytest.mark.parametrize("shape", SHAPES, ids=["whole", "row by row", "shared"])
@pytest.mark.parametrize("member", ROWS)
def test_a_short_id_without_a_letter_is_kept_aside(tmp_path: Path, member: str, shape: tuple[int, int, int]):
    ids = [image_id(0), PUBLISHED, "ab", "0x12", "7", image_id(9)]
    reports = read(tmp_path, registry.find_release("v3"), landed(tmp_path, member, *ids), shape)
    mine = [report for report in reports if report.member == member]
    kept = {row["image_id"] for row in rows(tmp_path, mine, lambda r: list(r.staged))}
    assert kept == {image_id(0), image_id(9), f"{0xAB:016x}", f"{0x12:016x}"}
    bad = rows(tmp_path, mine, lambda r: [r.quarantined])
    assert [(row["line"], row["reasons"]) for row in bad] == [(n, ["ambiguous_image_id"]) for n in (3, 6)]
    assert sum((report.broken for report in mine), start=type(mine[0].broken)()) == {"ambiguous_image_id": 2}
    listed = rows(tmp_path, mine, lambda r: [r.repairs])
    assert [(row["line"], row["before"], row["after"]) for row in listed] == [
        (4, "ab", f"{0xAB:016x}"),
        (5, "0x12", f"{0x12:016x}"),
    ]
    assert sum(report.image_ids_repaired for report in mine) == len(listed)


@pytest.mark.lengthy
@pytest.mark.parametrize("shape", SHAPES, ids=["whole", "row by row", "shared"])
@pytest.mark.parametrize("member", ROWS)
def test_a_file_of_decimal_ids_is_read_as_such(tmp_path: Path, member: str, shape: tuple[int, int, int]):
    release = declared(tmp_path / "registry", "decimal")
    ids = [PUBLISHED, str(2**64 - 1), str(2**64), RIGHT, "1234567890123456"]
    reports = read(tmp_path, release, landed(tmp_path, member, *ids), shape)
    mine = [report for report in reports if report.member == member]
    kept = [row["image_id"] for row in rows(tmp_path, mine, lambda r: list(r.staged))]
    assert kept == [RIGHT, "f" * 16, f"{1234567890123456:016x}"]
    bad = rows(tmp_path, mine, lambda r: [r.quarantined])
    assert [(row["line"], row["reasons"]) for row in bad] == [(n, ["invalid_image_id"]) for n in (4, 5)]
    listed = rows(tmp_path, mine, lambda r: [r.repairs])
    assert [(row["line"], row["before"], row["after"]) for row in listed] == [
        (2, ids[0], kept[0]),
        (3, ids[1], kept[1]),
        (6, ids[4], kept[2]),
    ]


def test_a_file_of_hexadecimal_ids_is_read_as_such(tmp_path: Path):
    release = declared(tmp_path / "registry", "hex")
    reports = read(tmp_path, release, landed(tmp_path, IMAGES, PUBLISHED), SHAPES[0])
    mine = [report for report in reports if report.member == IMAGES]
    assert [row["image_id"] for row in rows(tmp_path, mine, lambda r: list(r.staged))] == [WRONG]


def test_v1_with_a_decimal_id_among_hexadecimal_ones(tmp_path: Path):
    header = ",".join(registry.find_release("v1").columns["images"])
    row = f"{PUBLISHED},train,https://c1.staticflickr.com/5/4129/5215831864_46f356962f_o.jpg,,,,,,12,,"
    text = lines(header, row, row.replace(PUBLISHED, RIGHT))
    archive = tmp_path / "images_2016_08_v5.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        info = tarfile.TarInfo("images_2016_08/train/images.csv")
        info.size = len(text)
        packed.addfile(info, io.BytesIO(text))
    for number, release in enumerate((registry.find_release("v1"), declared(tmp_path / "registry", "decimal", "v1"))):
        folder = tmp_path / str(number)
        reports = read(folder, release, archive, SHAPES[0])
        assert [r["image_id"] for r in rows(folder, reports, lambda r: list(r.staged))] == [RIGHT]
        reasons = [r["reasons"] for r in rows(folder, reports, lambda r: [r.quarantined])]
        assert reasons == [["ambiguous_image_id" if number == 0 else "invalid_image_id"]]


@pytest.mark.parametrize(
    ("member", "value", "told"),
    [
        ({}, "octal", "ids must be one of hex, decimal, not 'octal'"),
        (
            {"format": "classes", "list": "all", "table": "classes"},
            "hex",
            "ids is given for rows of images, labels and",
        ),
    ],
)
def test_a_form_that_does_not_fit_is_refused(tmp_path: Path, member: dict[str, str], value: str, told: str):
    document = yaml.safe_load((registry.packaged_registry() / "v3.yaml").read_text())
    document["files"][0]["members"][0] |= {**member, "ids": value}
    (tmp_path / "v3.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match=r"v3\.yaml") as error:
        registry.load_releases(str(tmp_path))
    assert told in str(error.value)


def test_text_is_not_shared_between_files_that_write_ids_otherwise():
    names = ("image_id", "source", "mid", "confidence")
    assert len({reuse.begin_digest(b"", names, form).hexdigest() for form in FORMS}) == 3


@pytest.mark.lengthy
def test_text_that_is_taken_from_another_release_brings_its_repairs(tmp_path: Path):
    """Chunks without a repair are taken over; a chunk with one is read, so that its line is listed again."""
    archive = landed(tmp_path, MACHINE, *(image_id(n) for n in range(5)), "0xABC", *(image_id(n) for n in range(6, 9)))
    first = read(tmp_path, registry.find_release("v3"), archive, SHAPES[1])
    texts = {}
    for staged in (file for report in first for file in report.staged):
        uri = join_uri(str(tmp_path / "lake"), staged.table, staged.path)
        texts |= {
            note: reuse.ReusableFile(uri, "machine")
            for name, note in parquet_footers.footer_notes(uri).items()
            if name == reuse.TEXT_NOTE
        }
    assert texts
    again = read(tmp_path, registry.find_release("v3"), archive, SHAPES[1], texts)
    assert sum(report.reused for report in again) > 0
    for chosen in ((lambda r: list(r.staged)), (lambda r: [r.repairs])):
        assert rows(tmp_path, again, chosen) == rows(tmp_path, first, chosen) != []


@pytest.mark.usefixtures("spark")
def test_a_declared_form_releases_what_was_kept_aside(
    settings: Settings, warehouse: str, tmp_path: Path, oilake: Oilake
):
    """As an ingest under the declaration: rows, counts and the list of repairs; `show repairs` prints them."""
    mine = replace(settings, warehouse=warehouse, landing=str(tmp_path / "landing"))
    mine = replace(mine, limits=replace(mine.limits, max_share=1.0))
    replaced = {
        IMAGES: lines(IMAGE_HEADER, *(image_row(str(int(image_id(n), 16))) for n in range(4)), image_row(PUBLISHED)),
        MACHINE: lines(LABEL_HEADER, f"{PUBLISHED},machine,m.0bt9lr,0.9", f"12,machine,{DOG},0.9"),
    }
    land(tmp_path / "landing", replaced)
    document = yaml.safe_load((registry.packaged_registry() / "v3.yaml").read_text()) | {
        "subsets": ["train"],
        "published": {},
    }
    (tmp_path / "v3.yaml").write_text(yaml.safe_dump(document))
    first = registry.find_release("v3", str(tmp_path))
    for member in (member for file in document["files"] for member in file["members"]):
        if member["pattern"].endswith(("/images.csv", "-machine.csv")):
            member["ids"] = "decimal"
    (tmp_path / "v3.yaml").write_text(yaml.safe_dump(document))
    second = registry.find_release("v3", str(tmp_path))
    summary = ingest(mine, first)
    assert summary.reasons["ambiguous_image_id"] == 3
    assert table_readers.rows(warehouse, "repairs") == []
    reprocess_release(mine, second)
    tables = ("images", "labels", "quarantine", "repairs", "release_files")
    released = {table: sorted(map(repr, table_readers.rows(warehouse, table))) for table in tables}
    found = [
        (r["member"], r["line"], r["column_name"], r["before"], r["after"])
        for r in table_readers.rows(warehouse, "repairs")
    ]
    assert (IMAGES, 6, "image_id", PUBLISHED, RIGHT) in found
    assert (MACHINE, 2, "mid", "m.0bt9lr", DOG) in found
    ingest(mine, second, force=True)
    assert {table: sorted(map(repr, table_readers.rows(warehouse, table))) for table in tables} == released
    code, out, _ = oilake("show", "repairs", "--release", "v3", "--warehouse", warehouse)
    assert code == 0
    assert PUBLISHED in out
    assert RIGHT in out
