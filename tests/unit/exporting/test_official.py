"""The release's own files again: read by ingest's own kernels they give the rows that they were written from."""

from __future__ import annotations

import csv
import hashlib
import html
import json
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from oilake.conf.chosen_files import FileChoice
from oilake.conf.published_forms import published_form
from oilake.conf.registry import expected_members
from oilake.conf.settings import Settings
from oilake.jobs import cli
from oilake.jobs.exporting.published_lines import csv_lines, file_columns
from oilake.jobs.exporting.published_lists import class_file, hierarchy_file
from oilake.jobs.exporting.published_texts import number_text
from oilake.jobs.exporting.written_members import HELD_BY_OTHERS, NOT_READ
from oilake.jobs.ingesting.chunk_kernel import normalize_member
from oilake.jobs.ingesting.published_tables import TRANSFORMS, row_transform
from oilake.jobs.sources.class_lists import parse_hierarchy, parse_list
from oilake.jobs.sources.record_formats import record_format
from oilake.jobs.sources.splits import Split, read_chunks
from oilake.jobs.tables.snapshots import INGEST
from oilake.jobs.transforms.classes import join_lists
from oilake.jobs.transforms.hierarchy import hierarchy_rows
from oilake.schemas.release_registry import find_release
from tests.support import export_lake, ingest_here, table_readers, view_lake
from tests.support.releases import DOG, image_id
from tests.support.samples import write_sample
from tests.unit.exporting.conftest import Export

RELEASES = ("v1", "v3", "v7")
TABLES = (*TRANSFORMS, "classes", "hierarchy")

FILLED = {
    "v1": {"images", "labels", "classes"},
    "v3": {"images", "labels", "boxes", "classes", "hierarchy"},
    "v7": set(TABLES),
}
# Whose numbers the sample pads, and published rows that somebody showed do not, or nobody showed.
GUESSED = ("object-segmentation", "point-labels")
# Rows that were planted, IDs and MIDs that were repaired: no more lines of a file may be another.
PLANTED = 50
EXCERPTS = {f"v5/{subset}-annotations-human-imagelabels-boxable.csv" for subset in ("train", "validation", "test")}


@pytest.fixture(scope="module")
def places(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Where a sample is published."""
    folder = tmp_path_factory.mktemp("official")
    sample = write_sample(folder / "sample", "--releases", ",".join(RELEASES), "--scale", "0.00002", "--plant", "all=1")
    places = replace(settings, warehouse=str(folder / "lake"), landing=str(sample), registry=str(sample / "registry"))
    for release in RELEASES:
        ingest_here.publish_release(places, release)
    return places


def write_official(places: Settings, release: str, out: Path, *flags: str) -> Path:
    words = ["export", "official", "--release", release, "--out", str(out), "--warehouse", places.warehouse]
    assert cli.main([*words, "--registry", str(places.registry), *flags]) == 0
    return out


def rows_of(places: Settings, table: str, release: str) -> Counter[str]:
    rows = table_readers.rows(places.warehouse, table, release)
    return Counter(json.dumps(row, sort_keys=True, default=str) for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES)
def test_what_is_written_gives_equal_tables_when_it_is_read_again(
    places: Settings, tmp_path: Path, release: str
) -> None:
    out = write_official(places, release, tmp_path / "files")
    again = replace(places, warehouse=str(tmp_path / "lake"), landing=str(out))
    ingest_here.publish_release(again, release)
    for table in TABLES:
        assert rows_of(again, table, release) == rows_of(places, table, release), table
    assert {table for table in TABLES if rows_of(again, table, release)} >= FILLED[release]


def composed_lines(path: Path) -> Counter[str]:
    """The lines without what repairs of authors and titles lose."""
    text = path.read_bytes().decode(errors="replace")
    return Counter(unicodedata.normalize("NFC", html.unescape(line)) for line in text.split("\n"))


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES)
def test_lines_are_those_of_the_published_files_but_for_repairs(places: Settings, tmp_path: Path, release: str) -> None:
    out = write_official(places, release, tmp_path / "files")
    with (out / "files.csv").open() as stream:
        notes = list(csv.DictReader(stream))
    assert {note["why_not"] for note in notes if note["file"] in EXCERPTS} <= {HELD_BY_OTHERS}
    for note in notes:
        path = out / note["file"]
        if note["why_not"] or path.suffix != ".csv" or path.stem.endswith(GUESSED):
            continue
        folder = Path(places.landing) / (find_release(release, places.registry).tag if "/" not in note["file"] else "")
        path = out / path.relative_to(out) if "/" in note["file"] else out / folder.name / note["file"]
        published, written = composed_lines(folder / note["file"]), composed_lines(path)
        lost = sum((published - written).values())
        assert lost <= PLANTED, note["file"]


@pytest.mark.slow
def test_a_cut_holds_the_chosen_images_and_no_others(places: Settings, tmp_path: Path) -> None:
    out = write_official(places, "v7", tmp_path / "files", "--subset", "validation")
    again = replace(places, warehouse=str(tmp_path / "lake"), landing=str(out))
    ingest_here.publish_release(again, "v7", FileChoice(subsets=("validation",)))
    for table in ("images", "labels", "boxes", "masks", "points", "narratives", "relationships"):
        rows = [row for row in table_readers.rows(places.warehouse, table, "v7") if row["subset"] == "validation"]
        expected = Counter(json.dumps(row, sort_keys=True, default=str) for row in rows)
        assert expected
        assert rows_of(again, table, "v7") == expected, table


@pytest.mark.lengthy
def test_a_small_release_is_read_again_as_it_was(
    settings: Settings, lake: str, export: Export, out: Path, tmp_path: Path
) -> None:
    assert export("official")["files"] == len({row["file"] for row in export_lake.release_files()})
    again = replace(settings, warehouse=str(tmp_path / "again"), landing=str(out))
    ingest_here.publish_release(again, "v7", partial=True)
    for table in ("images", "labels", "boxes"):
        written = rows_of(replace(settings, warehouse=lake), table, "v7")
        assert written == rows_of(again, table, "v7"), table
    before, after = (table_readers.rows(place, "classes", "v7") for place in (lake, again.warehouse))
    assert {row["mid"]: row["display_name"] for row in before if row["display_name"]} == {
        row["mid"]: row["display_name"] for row in after
    }


def test_a_class_cuts_labels_and_boxes(export: Export, out: Path) -> None:
    export("official", "--mid", "Dog", "--subset", "validation")
    text = (out / "v5" / "validation-annotations-bbox.csv").read_text()
    image = image_id(0, "validation")
    assert text.splitlines()[1:] == [f"{image},xclick,{DOG},1,0.5,0.6,0.5,0.6,0,0,0,0,0"]
    assert not (out / "v6").exists()
    with (out / "files.csv").open() as stream:
        reasons = {row["file"]: row["why_not"] for row in csv.DictReader(stream)}
    assert reasons["v5/validation-annotations-object-segmentation.csv"] == NOT_READ
    assert reasons["v5/validation-annotations-human-imagelabels-boxable.csv"] == HELD_BY_OTHERS


def test_a_release_that_was_not_ingested_from_files_is_refused(
    tmp_path_factory: pytest.TempPathFactory, refused: Callable[..., str]
) -> None:
    place = view_lake.make_tables(str(tmp_path_factory.mktemp("bare") / "lake"))
    view_lake.publish_rows(place, "v7", INGEST, {"images": export_lake.images()})
    assert "release_files does not tell which files v7 was read from" in refused("official", warehouse=place)


NUMBERS = {
    (1.0, "plain"): "1", (1.0, "float"): "1.0", (0.5, 6): "0.500000", (0.0, "plain"): "0", (1e-7, "plain"): "0.0000001",
    (0.022673031, "plain"): "0.022673031", (0.0226730315, 6): "0.0226730315", (1e-7, "float"): "0.0000001",
}  # fmt: skip


@pytest.mark.parametrize(("number", "form"), NUMBERS)
def test_a_number_is_written_as_the_file_does_and_never_loses_a_digit(number: float, form: Any) -> None:
    assert number_text(number, form) == NUMBERS[number, form]


DESCRIPTIONS = {"v7/oidv7-class-descriptions.csv": "v7", "2016_08/dict.csv": "v1"}


@pytest.mark.real
@pytest.mark.parametrize("path", DESCRIPTIONS)
def test_real_descriptions_are_written_byte_by_byte(real: Path, path: str) -> None:
    release = find_release(DESCRIPTIONS[path])
    name = path if path.startswith("v7") else "dict.csv"
    file = next(file for file in release.files if file.name == name)
    (expected,) = expected_members(release, file)
    data = (real / path).read_bytes()
    parsed = parse_list(data, "descriptions", 1 << 20, path, expected.member.header or "either")
    rows = join_lists({str(row.mid): row.display_name for row in parsed.rows}, {}).to_pylist()
    content, count = class_file(rows, expected.member, parsed.header, published_form(name))
    assert count == len(parsed.rows)
    written, published = content.splitlines(keepends=True), data.splitlines(keepends=True)
    assert Counter(written) == Counter(published)
    if name != "dict.csv":  # not sorted
        assert hashlib.sha256(content).hexdigest() == file.checksums[0].sha256


@pytest.mark.real
def test_the_real_hierarchy_is_written_byte_by_byte(real: Path) -> None:
    data = (real / "2018_04" / "bbox_labels_600_hierarchy.json").read_bytes()
    rows = hierarchy_rows(parse_hierarchy(data, "it"), join_lists({}, {}), ()).to_pylist()
    assert hierarchy_file(rows) == data


REAL_ROWS = {
    "v5/validation-annotations-bbox.csv": "v5",
    "v5/validation-annotations-vrd.csv": "v5",
    "v5/validation-annotations-human-imagelabels.csv": "v5",
    "v7/oidv7-val-annotations-human-imagelabels.csv": "v7",
    "v6/oidv6-train-annotations-human-imagelabels.csv": "v6",
    "2018_04/train/train-annotations-bbox.csv": "v4",
}


@pytest.mark.real
@pytest.mark.parametrize("path", REAL_ROWS)
def test_real_rows_are_written_byte_by_byte(real: Path, path: str) -> None:
    release = find_release(REAL_ROWS[path])
    file = next(file for file in release.files if file.name == path)
    (expected,) = expected_members(release, file)
    data = (real / path).read_bytes()
    header = data.split(b"\n")[0].decode()
    split = Split(path, str(real / path), "plain", 1 << 20, stop=len(data))
    columns = file_columns(release, expected, header)
    written = []
    for chunk in read_chunks(split, {path: expected}, release.columns, 1 << 20):
        for block in chunk.blocks:
            rows = record_format("csv").parse_block(
                block, chunk.header, row_transform(expected.member.table).TYPES, 1 << 20
            )
            normalized = normalize_member(rows.columns, expected, release).columns
            table = pa.table({name: plain_array(values) for name, values in normalized.items()})
            written.append(csv_lines(table, columns.ours, expected.subset, expected, published_form(path)))
    assert header.encode() + b"\n" + b"".join(written) == data


def plain_array(values: Any) -> Any:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
