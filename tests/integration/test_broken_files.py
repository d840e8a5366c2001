"""A file that is damaged, missing or not what it should be ends in one sentence, and what was published stays as it was."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.jobs import ingest
from oilake.jobs.operations import watched_job
from tests.support import table_readers
from tests.support.releases import (
    CAT,
    DOG,
    IMAGE_HEADER,
    LABEL_HEADER,
    TAG,
    TREE,
    image_id,
    image_row,
    land,
    lines,
    members,
)

IMAGES, MACHINE, CLASSES = (f"{name}_{TAG}.tar.gz" for name in ("images", "annotations_machine", "classes"))
HIERARCHY = "bbox_hierarchy.json"
TRAIN_IMAGES = f"{TAG}/train/images.csv"
PAGE = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not Found</body></html>\n"

Refuse = Callable[..., str]


def oilake_ingest(landing: Path, warehouse: str, *flags: str) -> int:
    """`oilake ingest --release v3` in this process; the exit code."""
    argv = ["--release", "v3", "--landing", str(landing), "--warehouse", warehouse, *flags]
    return watched_job.main("ingest", "", ingest.add_arguments, ingest.run, argv)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, empty_warehouse: Path, spark: SparkSession) -> str:
    """A warehouse that holds a good release, which no test of this module may change."""
    folder = tmp_path_factory.mktemp("published")
    warehouse = str(folder / "warehouse")
    assert oilake_ingest(land(folder / "landing"), warehouse) == 0
    return warehouse


@pytest.fixture
def refused(published: str, capfd: pytest.CaptureFixture[str]) -> Refuse:
    """Ingests and is refused: the sentence, after a look that nothing else was said and nothing at all was changed."""

    def refuse(landing: Path, *flags: str, code: int = 2) -> str:
        before, lying_there = table_readers.seen(published), table_readers.files(published)
        capfd.readouterr()
        ended = oilake_ingest(landing, published, *flags)
        sentence = only_sentence(capfd.readouterr().err)
        assert ended == code, sentence
        assert table_readers.seen(published) == before
        assert table_readers.files(published) == lying_there
        return sentence

    return refuse


def only_sentence(stderr: str) -> str:
    assert "Traceback" not in stderr, stderr
    sentences = [line for line in stderr.splitlines() if line.startswith("oilake: ")]
    assert len(sentences) == 1, stderr
    assert stderr.splitlines()[-1] == sentences[0], stderr
    assert "\x1b" not in sentences[0], "no colours where no terminal is"
    return sentences[0]


def pack(path: Path, contents: list[tuple[str, bytes]]) -> None:
    """An archive of these members in this order, whatever their names."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data in contents:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def contents_of(path: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive]  # type: ignore[union-attr]


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def without_its_last_byte(data: bytes) -> bytes:
    return data[:-1]


def with_a_wrong_checksum(data: bytes) -> bytes:
    return data[:-8] + bytes(byte ^ 0xFF for byte in data[-8:-4]) + data[-4:]


def with_a_wrong_length(data: bytes) -> bytes:
    return data[:-4] + bytes(byte ^ 0xFF for byte in data[-4:])


def second_member(data: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getmembers()[1]


def cut_inside_the_second_member(data: bytes) -> bytes:
    second = second_member(data)
    return gzip.compress(gzip.decompress(data)[: second.offset_data + second.size // 2])


def cut_inside_the_second_header(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data)[: second_member(data).offset + 100])


def never_packed(data: bytes) -> bytes:
    return gzip.decompress(data)


def followed_by_something_else(data: bytes) -> bytes:
    return data + PAGE


def no_tar_inside(data: bytes) -> bytes:
    return gzip.compress(PAGE * 20)


DAMAGES: list[tuple[Callable[[bytes], bytes], str]] = [
    (half, "truncated"),
    (without_its_last_byte, "truncated"),
    (with_a_wrong_checksum, "checksum"),
    (with_a_wrong_length, "damaged"),
    (cut_inside_the_second_member, "truncated"),
    (cut_inside_the_second_header, ""),
    (lambda data: PAGE, "no gzip file"),
    (lambda data: b"", "empty"),
    (never_packed, "no gzip file"),
    (followed_by_something_else, ""),
    (no_tar_inside, "damaged"),
]
NAMES = [
    "cut in half", "without its last byte", "wrong CRC", "wrong length", "tar cut in a member", "tar cut in a header",
    "HTML page", "0 bytes", "tar without gzip", "gzip and something else", "gzip without tar",
]  # fmt: skip


@pytest.mark.parametrize("archive", [IMAGES, CLASSES])
@pytest.mark.parametrize(("damage", "cause"), DAMAGES, ids=NAMES)
def test_a_damaged_archive_is_named_with_cause_and_remedy(
    refused: Refuse, tmp_path: Path, archive: str, damage: Callable[[bytes], bytes], cause: str
):
    path = land(tmp_path) / TAG / archive
    path.write_bytes(damage(path.read_bytes()))
    sentence = refused(tmp_path)
    assert archive in sentence
    assert cause in sentence
    assert "fetch" in sentence


@pytest.mark.parametrize("archive", [IMAGES, CLASSES])
@pytest.mark.parametrize("damage", [cut_inside_the_second_header, cut_inside_the_second_member])
def test_a_tar_that_is_cut_is_no_smaller_release(
    refused: Refuse, tmp_path: Path, archive: str, damage: Callable[[bytes], bytes]
):
    """`--partial` takes what was published in parts, not what broke off on the way."""
    path = land(tmp_path) / TAG / archive
    path.write_bytes(damage(path.read_bytes()))
    assert archive in refused(tmp_path, "--partial")


def test_damage_found_late_leaves_none_of_the_files_staged_before(refused: Refuse, tmp_path: Path):
    """Small chunks: hundreds of files are staged before the wrong checksum at the archive's end is seen."""
    environment = yaml.safe_load((package_files("oilake.conf") / "local.yaml").read_text())
    environment["limits"] |= {"block_bytes": 1 << 15, "chunk_bytes": 1 << 15}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(environment))
    rows = (image_row(image_id(n)) for n in range(20_000))
    path = land(tmp_path, {TRAIN_IMAGES: lines(IMAGE_HEADER, *rows)}) / TAG / IMAGES
    path.write_bytes(with_a_wrong_checksum(path.read_bytes()))
    assert IMAGES in refused(tmp_path, "--env", str(tmp_path / "small.yaml"))


def test_a_member_that_stands_twice_is_refused(refused: Refuse, tmp_path: Path):
    path = land(tmp_path) / TAG / IMAGES
    contents = contents_of(path)
    pack(path, [*contents, ("./" + contents[0][0], contents[0][1])])
    sentence = refused(tmp_path)
    assert f"{IMAGES}: {TRAIN_IMAGES}" in sentence
    assert "twice" in sentence


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_a_member_that_is_no_regular_file_is_refused(refused: Refuse, tmp_path: Path, kind: bytes):
    path = land(tmp_path) / TAG / IMAGES
    (tmp_path / "secret.csv").write_bytes(members()[TRAIN_IMAGES])
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo(TRAIN_IMAGES)
        link.type, link.linkname = kind, str(tmp_path / "secret.csv")
        archive.addfile(link)
    sentence = refused(tmp_path)
    assert f"{IMAGES}: {TRAIN_IMAGES}" in sentence
    assert "regular file" in sentence


HEADERS: dict[str, tuple[str, bytes, str]] = {
    "a required column is missing": (IMAGES, lines(IMAGE_HEADER.replace("License,", "")), "License"),
    "a column stands twice": (IMAGES, lines(IMAGE_HEADER + ",License"), "License"),
    "the header is no text": (IMAGES, b"\xff\xfe" + IMAGE_HEADER.encode("utf-16-le"), "not text"),
    "the header is absent": (IMAGES, lines(image_row(image_id(0))), "ImageID"),
    "the member is empty": (IMAGES, b"", "empty"),
    "the member holds blank lines only": (IMAGES, b"\n\r\n\n", "empty"),
    "the member is a page": (MACHINE, PAGE, "ImageID"),
}


@pytest.mark.parametrize(("archive", "data", "cause"), HEADERS.values(), ids=HEADERS)
def test_a_member_without_the_columns_is_refused(
    refused: Refuse, tmp_path: Path, archive: str, data: bytes, cause: str
):
    member = TRAIN_IMAGES if archive == IMAGES else f"{TAG}/train/annotations-machine.csv"
    land(tmp_path, {member: data})
    sentence = refused(tmp_path)
    assert f"{archive}: {member}" in sentence
    assert cause in sentence
    assert "fetch" in sentence


@pytest.mark.parametrize("member", ["classes.txt", "classes-bbox-trainable.txt", "class-descriptions.csv"])
def test_an_empty_class_list_is_refused(refused: Refuse, tmp_path: Path, member: str):
    land(tmp_path, {f"{TAG}/{member}": b""})
    sentence = refused(tmp_path)
    assert f"{CLASSES}: {TAG}/{member}" in sentence
    assert "empty" in sentence


DOCUMENTS = {
    "a page": PAGE,
    "cut in half": b'{"name": "Entity", "children": [{"name": "Do',
    "0 bytes": b"",
    "a list": b'[{"name": "Entity"}]',
    "without a name": b'{"children": []}',
    "no UTF-8": b'{"name": "Entit\xff"}',
    "half a surrogate pair": b'{"name": "Entity", "children": [{"name": "\\ud800"}]}',
    "children that are names": b'{"name": "Entity", "children": ["Dog", "Tree"]}',
    "children that are no list": b'{"name": "Entity", "children": 5}',
    "nested without end": b'{"name": "Entity", "children": [' * 100_000,
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_damaged_hierarchy_is_refused(refused: Refuse, tmp_path: Path, document: bytes):
    (land(tmp_path) / TAG / HIERARCHY).write_bytes(document)
    sentence = refused(tmp_path)
    assert HIERARCHY in sentence
    assert "fetch" in sentence


def test_a_class_list_that_is_a_page_breaks_a_promise(refused: Refuse, tmp_path: Path):
    land(tmp_path, {f"{TAG}/classes.txt": PAGE})
    sentence = refused(tmp_path, code=1)
    assert f"{CLASSES}: {TAG}/classes.txt" in sentence
    assert "invalid_mid" in sentence


def test_missing_archives_are_all_listed(refused: Refuse, tmp_path: Path):
    folder = land(tmp_path) / TAG
    (folder / MACHINE).unlink()
    (folder / HIERARCHY).unlink()
    sentence = refused(tmp_path)
    assert f"{MACHINE}, {HIERARCHY}" in sentence
    assert IMAGES not in sentence
    assert "--partial" in sentence


def test_missing_members_are_all_listed(refused: Refuse, tmp_path: Path):
    gone = (f"{TAG}/test/images.csv", f"{TAG}/validation/annotations-machine.csv", f"{TAG}/classes-bbox.txt")
    land(tmp_path, leave_out=gone)
    sentence = refused(tmp_path)
    for archive, member in zip((IMAGES, MACHINE, CLASSES), gone, strict=True):
        assert f"{archive}: {member}" in sentence
    assert TRAIN_IMAGES not in sentence
    assert "--partial" in sentence


def test_partial_takes_what_is_there_and_says_so(warehouse: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = land(tmp_path, leave_out=(f"{TAG}/test/images.csv", f"{TAG}/classes-bbox.txt")) / TAG
    (folder / MACHINE).unlink()
    assert oilake_ingest(tmp_path, warehouse, "--partial", "--json") == 0
    assert json.loads(capsys.readouterr().out)["status"] == "partial"
    assert table_readers.newest(warehouse)["status"] == "partial"  # type: ignore[index]
    assert {row["subset"] for row in table_readers.rows(warehouse, "images")} == {"train", "validation"}
    assert {row["origin"] for row in table_readers.rows(warehouse, "labels")} == {"human", "crowdsource"}
    assert {row["is_boxable"] for row in table_readers.rows(warehouse, "classes")} == {None}
    assert oilake_ingest(tmp_path, warehouse) == 2, "without --partial it is refused still"
    assert table_readers.newest(warehouse)["status"] == "partial"  # type: ignore[index]


@pytest.mark.parametrize("flags", [(), ("--partial",)])
def test_a_landing_that_does_not_exist_is_named(refused: Refuse, tmp_path: Path, flags: tuple[str, ...]):
    sentence = refused(tmp_path / "nowhere", *flags)
    assert str(tmp_path / "nowhere" / TAG) in sentence
    assert "fetch" in sentence


ODD = {
    f"{TAG}/train/annotations-machine.csv": lines(LABEL_HEADER),
    f"{TAG}/validation/annotations-machine.csv": lines(
        "Reviewer," + LABEL_HEADER + ",Note", f'x,{image_id(0, "validation")},machine,{CAT},0.7,"a, note"'
    ),
    f"{TAG}/test/annotations-machine.csv": lines(
        "Confidence,LabelName,ImageID,Source", f"0.6,{TREE},{image_id(0, 'test')},machine"
    ),
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, empty_warehouse: Path, spark: SparkSession) -> tuple[Path, Any, str]:
    """(folder, summary, warehouse) of a release that is odd but not broken: headers, and names that would climb out."""
    folder = tmp_path_factory.mktemp("odd")
    landing, warehouse = land(folder / "deep" / "landing", ODD), str(folder / "deep" / "warehouse")
    path = landing / TAG / MACHINE
    evil = [(name, b"evil") for name in ("../../evil", str(folder / "evil"), f"{TAG}/../../../evil", f"../{TAG}/evil")]
    pack(path, [*evil, *((f"./{name}", data) for name, data in contents_of(path)), *evil])
    settings = command_settings(landing, warehouse)
    return folder, ingest.ingest(settings, registry.find_release("v3")), warehouse


def command_settings(landing: Path, warehouse: str) -> Any:
    from oilake.conf import settings

    return settings.environment_settings("local", {"landing": str(landing), "warehouse": warehouse})


def machine_labels(warehouse: str, subset: str) -> list[tuple[str, str, float]]:
    found = [r for r in table_readers.rows(warehouse, "labels") if (r["subset"], r["origin"]) == (subset, "machine")]
    return [(row["image_id"], row["mid"], row["confidence"]) for row in found]


def test_a_header_only_is_no_row_and_a_warning(odd: tuple[Path, Any, str]):
    _, summary, warehouse = odd
    assert machine_labels(warehouse, "train") == []
    assert f"{MACHINE}: {TAG}/train/annotations-machine.csv: holds a header and no row" in summary.warnings
    files = {row["member"]: row for row in table_readers.rows(warehouse, "release_files")}
    empty = files[f"{TAG}/train/annotations-machine.csv"]
    assert (empty["rows_read"], empty["rows_kept"], empty["rows_quarantined"]) == (0, 0, 0)


def test_extra_columns_are_a_warning_and_change_no_row(odd: tuple[Path, Any, str]):
    _, summary, warehouse = odd
    assert machine_labels(warehouse, "validation") == [(image_id(0, "validation"), CAT, 0.7)]
    assert [warning for warning in summary.warnings if "Reviewer, Note" in warning and MACHINE in warning]


def test_columns_are_read_by_their_header_and_not_by_position(odd: tuple[Path, Any, str]):
    _, summary, warehouse = odd
    assert machine_labels(warehouse, "test") == [(image_id(0, "test"), TREE, 0.6)]
    assert summary.status == "complete"
    assert summary.totals["rows_quarantined"] == 0
    assert len(summary.warnings) == 2


def test_no_member_is_written_anywhere(odd: tuple[Path, Any, str]):
    folder, _, warehouse = odd
    assert [path for path in folder.rglob("*") if "evil" in path.name] == []
    assert {path.name for path in folder.iterdir()} == {"deep"}
    assert {path.name for path in (folder / "deep").iterdir()} == {"landing", "warehouse"}
    members_read = {row["member"] for row in table_readers.rows(warehouse, "release_files")}
    assert not [member for member in members_read if "evil" in member or member.startswith(".")]


def written_registry(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A registry of one file, v3.yaml, after `change`."""
    document = yaml.safe_load((registry.packaged_registry() / "v3.yaml").read_text())
    change(document)
    folder.mkdir(exist_ok=True)
    (folder / "v3.yaml").write_text(yaml.safe_dump(document))
    return folder


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an unknown key": (lambda d: d.update(colour="red"), "colour"),
    "an unknown key, deep": (lambda d: d["files"][0]["members"][0].update(colour=1), "files[0].members[0].colour"),
    "a missing key": (lambda d: d.pop("tag"), "tag"),
    "a number for a text": (lambda d: d.update(title=3), "title"),
    "a text for a date": (lambda d: d.update(date="soon"), "date"),
    "a text for a list": (lambda d: d.update(subsets="train"), "subsets"),
    "a list for a mapping": (lambda d: d.update(columns=["ImageID"]), "columns"),
    "an unknown kind of file": (lambda d: d["files"][0].update(kind="zip"), "files[0].kind"),
    "an unknown origin": (lambda d: d["sources"].update(machine="robot"), "sources.machine"),
    "columns that are not declared": (lambda d: d["files"][0]["members"][0].update(columns="pictures"), "columns"),
    "a column that no table has": (lambda d: d["columns"]["labels"].update(Extra="colour"), "columns.labels"),
    "a column that is needed": (lambda d: d["columns"]["images"].pop("ImageID"), "columns.images"),
    "a name that no release has": (lambda d: d.update(release="sample v3"), "release"),
    "a name that climbs": (lambda d: d.update(release="v3/../../v3"), "release"),
    "a subset that no table takes": (lambda d: d.update(subsets=["train", "validation", "dev"]), "subsets"),
    "a text for a count": (lambda d: d["published"].update(classes="many"), "published.classes"),
}


@pytest.mark.parametrize(("change", "key"), CHANGES.values(), ids=CHANGES)
def test_a_registry_that_does_not_fit_is_refused_by_file_and_key(
    refused: Refuse, tmp_path: Path, change: Callable[[dict[str, Any]], object], key: str
):
    folder = written_registry(tmp_path / "registry", change)
    sentence = refused(land(tmp_path / "landing"), "--registry", str(folder))
    assert str(folder / "v3.yaml") in sentence
    assert key in sentence


@pytest.mark.parametrize("document", [b"release: [v3", b"\xff\xfe", b"", b"- v3\n"])
def test_a_registry_that_is_no_yaml_is_refused_by_file(refused: Refuse, tmp_path: Path, document: bytes):
    (tmp_path / "v3.yaml").write_bytes(document)
    assert str(tmp_path / "v3.yaml") in refused(tmp_path, "--registry", str(tmp_path))


def test_two_files_that_tell_one_release_are_refused(refused: Refuse, tmp_path: Path):
    folder = written_registry(tmp_path / "registry", lambda document: None)
    (folder / "copy.yaml").write_text((folder / "v3.yaml").read_text().replace("Open Images V3", "A copy"))
    sentence = refused(land(tmp_path / "landing"), "--registry", str(folder))
    assert "copy.yaml" in sentence
    assert "v3.yaml" in sentence


@pytest.mark.parametrize("folder", ["empty", "absent"])
def test_a_registry_without_a_release_is_refused(refused: Refuse, tmp_path: Path, folder: str):
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / folder) in refused(tmp_path, "--registry", str(tmp_path / folder))


def test_an_unknown_release_is_told_with_those_that_are_known(published: str, capfd: pytest.CaptureFixture[str]):
    argv = ["--release", "v9", "--landing", "nowhere", "--warehouse", published]
    assert watched_job.main("ingest", "", ingest.add_arguments, ingest.run, argv) == 2
    sentence = only_sentence(capfd.readouterr().err)
    assert "'v9'" in sentence
    assert "v1, v2, v3" in sentence


@pytest.mark.parametrize("place", ["a file", "below a file"])
def test_a_warehouse_that_cannot_be_one_is_refused(
    spark: SparkSession, tmp_path: Path, capfd: pytest.CaptureFixture[str], place: str
):
    (tmp_path / "file").write_text("taken")
    warehouse = str(tmp_path / "file" / ("" if place == "a file" else "warehouse"))
    assert oilake_ingest(land(tmp_path), warehouse) == 2
    assert str(tmp_path / "file") in only_sentence(capfd.readouterr().err)


def test_folders_that_are_somebodys_own_are_left_as_they_are(
    spark: SparkSession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    """A warehouse may be pointed at a folder of photos by mistake, and `images` is no rare name."""
    own = [tmp_path / "home" / name for name in ("images/holiday.jpg", "labels/notes/my.txt", "boxes/mine.csv")]
    for path in own:
        path.parent.mkdir(parents=True)
        path.write_text("mine")
    assert oilake_ingest(land(tmp_path / "landing"), str(tmp_path / "home")) == 2
    assert str(tmp_path / "home") in only_sentence(capfd.readouterr().err)
    assert [path for path in own if not path.exists()] == []


def test_what_was_refused_is_taken_once_it_is_mended(
    published: str, refused: Refuse, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    """The same landing again, whole: the fingerprint is the published one, so nothing is done twice."""
    path = land(tmp_path) / TAG / IMAGES
    whole = path.read_bytes()
    path.write_bytes(half(whole))
    refused(tmp_path)
    path.write_bytes(whole)
    before = table_readers.seen(published)
    assert oilake_ingest(tmp_path, published) == 0
    assert table_readers.seen(published)["v3", "images"] == before["v3", "images"]
    assert {row["mid"] for row in table_readers.rows(published, "classes")} == {DOG, CAT, TREE}
