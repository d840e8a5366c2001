"""The job `download` against a real server that plays Flickr, in good and in bad faith, and a real S3 server."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from deltalake import DeltaTable
from PIL import Image

from oilake.conf.errors import ConfigError
from oilake.jobs.downloading import row_selection
from oilake.jobs.downloading import selection as choices
from oilake.jobs.downloading.results_writer import ResultsWriter
from oilake.jobs.downloading.selection import ImageSelection
from oilake.jobs.tables.snapshots import require_snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.quality import row_expectations
from oilake.quality import suites as quality
from tests.conftest import Oilake
from tests.support import http_server, photos
from tests.support.http_server import (
    Server,
    Stored,
    breaks_after,
    changes_to,
    drips,
    falls_silent_after,
    honest,
    page,
    says,
)
from tests.support.photos import Photo
from tests.support.releases import DOG, TAG, TREE, image_id

COUNT = 24
FOUND = photos.photos(COUNT)
OTHERS = [Photo(image_id(n, "validation"), photos.jpeg(100 + n), "validation") for n in range(4)]
UNKNOWN = Photo(image_id(90), photos.jpeg(90))
TURNED = Photo(image_id(91), photos.jpeg(91, (320, 240), orientation=6))
LOCAL = Photo(image_id(92), photos.jpeg(92))

ORIGINALS = [photos.saved(photos.picture(200), form) for form in ("PNG", "GIF", "WEBP", "TIFF", "BMP", "MPO")]
ORIGINALS += [photos.saved(photos.picture(201).convert("CMYK"), "JPEG"), photos.jpeg(202, (320, 240))[:-20]]
KINDS = [Photo(image_id(100 + n), data) for n, data in enumerate(ORIGINALS)]

LISTS = tempfile.TemporaryDirectory()
Row = dict[str, Any]
Download = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture(scope="module")
def published(empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse with one release whose photos have real sizes and MD5s."""
    from oilake.jobs import cli

    folder = tmp_path_factory.mktemp("photos")
    rows = [photos.row(one) for one in FOUND] + [photos.row(UNKNOWN, checked=False), photos.row(TURNED)]
    rows += [photos.row(one) for one in KINDS]
    train = [*rows, photos.row(LOCAL, "http://127.0.0.1:1/x.jpg")]
    landing = photos.landed(folder / "landing", {"train": train, "validation": [photos.row(one) for one in OTHERS]})
    nested = {"name": "Entity", "children": [{"name": "Dog", "children": [{"name": "Tree", "size": 1000}]}]}
    (landing / TAG / "bbox_hierarchy.json").write_text(json.dumps(nested))
    warehouse = folder / "warehouse"
    shutil.copytree(empty_warehouse, warehouse)
    for job in ("ingest", "reconcile"):
        place = ["--landing", str(landing)] if job == "ingest" else []
        assert cli.main([job, "--release", "v3", "--warehouse", str(warehouse), *place]) == 0
    return str(warehouse)


@pytest.fixture
def server() -> Iterator[Server]:
    with http_server.running() as found:
        photos.serve(found, [*FOUND, *OTHERS, UNKNOWN, TURNED, *KINDS])
        yield found


@pytest.fixture
def quick(tmp_path: Path) -> str:
    """The local environment with short waits and small limits."""
    settings = yaml.safe_load(Path("conf/local.yaml").read_text())
    settings["fetch"] |= {"tries": 3, "backoff_seconds": 0.01, "wait_limit_seconds": 2, "timeout_seconds": 0.6}
    settings["download"] |= {"requests_per_second": None, "max_bytes": 300_000, "max_pixels": 1_000_000}
    path = tmp_path / "quick.yaml"
    path.write_text(yaml.safe_dump(settings))
    return str(path)


@pytest.fixture
def download(published: str, oilake: Oilake, server: Server, quick: str, tmp_path: Path) -> Download:
    """The command from the mirror into tmp_path/blobs: (exit code, summary, stderr)."""

    def call(*flags: str, to: str = "", mirror: bool = True) -> tuple[int, dict[str, Any], str]:
        given = ["--mirror", server.url, "--allow-private"] if mirror else []
        place = to or str(tmp_path / "blobs")
        code, out, err = oilake(
            "download", "--release", "v3", "--warehouse", published, "--env", quick, "--to", place, "--json",
            *given, *flags,
        )  # fmt: skip
        return code, json.loads(out) if out else {}, err

    return call


def only(*chosen: Photo) -> list[str]:
    """The flag that names a list of these images."""
    path = Path(LISTS.name, f"{uuid.uuid4().hex}.txt")
    path.write_text("".join(f"{one.subset}/{one.image}\n" for one in chosen))
    return ["--images", str(path)]


def rows(warehouse: str, location: str) -> dict[str, Row]:
    """The newest row of `downloads` of every image at a location."""
    found = pa.table(DeltaTable(f"{warehouse}/downloads").to_pyarrow_table()).to_pylist()
    mine = sorted((one for one in found if one["location"] == location), key=lambda one: one["downloaded_at"])
    return {one["image_id"]: one for one in mine}


def blobs(folder: Path) -> dict[str, bytes]:
    """Every file under the folder but the attribution, hidden ones too."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if not name.startswith("attribution/")}


def attributed(folder: Path) -> list[dict[str, str]]:
    texts = [path.read_text() for path in sorted((folder / "attribution").glob("*"))]
    return [row for text in texts for row in csv.DictReader(io.StringIO(text, newline=""))]


def whole(*found: Photo) -> dict[str, bytes]:
    return {one.key: one.data for one in found}


def test_all_images_of_a_release_come_with_rows_and_attribution(
    download: Download, published: str, server: Server, tmp_path: Path
):
    server.tricks[FOUND[3].path].append(says(503))
    expected = [*FOUND, *OTHERS, TURNED]
    code, summary, _ = download(*only(*expected))
    assert (code, summary["statuses"]["downloaded"]) == (0, len(expected)), summary
    assert {k: v for k, v in blobs(tmp_path / "blobs").items() if k[0] != "."} == whole(*expected)
    found = rows(published, summary["location"])
    for one in expected:
        row = found[one.image]
        assert (row["status"], row["md5"], row["bytes"], row["key"]) == ("downloaded", one.md5, len(one.data), one.key)
        assert (row["source"], row["http_code"], row["is_resized"]) == ("original", 200, False)
        assert row["url"] == server.url + one.path
    assert found[FOUND[3].image]["tries"] == 2
    told = attributed(tmp_path / "blobs")
    assert sorted(row["key"] for row in told) == sorted(one.key for one in expected)
    assert (told[0]["author"], told[0]["license"][-7:], told[0]["is_changed"]) == ('Ann, of "A"', "/by/2.0", "false")
    assert told[0]["attribution"].startswith('"A dog" (')


def test_a_second_run_asks_for_nothing_and_adds_no_row(
    download: Download, published: str, server: Server, tmp_path: Path
):
    chosen = FOUND[:3]
    download(*only(*chosen))
    server.seen.clear()
    version = DeltaTable(f"{published}/downloads").version()
    code, summary, _ = download(*only(*chosen))
    assert (code, summary["present"], summary["statuses"], server.seen) == (0, 3, {}, [])
    assert DeltaTable(f"{published}/downloads").version() == version
    assert blobs(tmp_path / "blobs") == whole(*chosen)


def test_blobs_that_were_lost_or_cut_are_brought_again(download: Download, server: Server, tmp_path: Path):
    chosen = FOUND[:4]
    download(*only(*chosen))
    paths = [tmp_path / "blobs" / one.key for one in chosen]
    paths[0].unlink()
    paths[1].write_bytes(chosen[1].data[:100])
    paths[2].write_bytes(b"")
    server.seen.clear()
    assert download(*only(*chosen))[1]["statuses"] == {"downloaded": 3}
    assert {seen.path for seen in server.seen} == {one.path for one in chosen[:3]}
    assert blobs(tmp_path / "blobs") == whole(*chosen)


TRICKS: list[tuple[http_server.Trick, str, int, int]] = [
    (says(404), "not_found", 404, 1),
    (says(410), "gone", 410, 1),
    (says(403), "refused", 403, 1),
    (says(429, Retry_After="0"), "rate_limited", 429, 3),
    (says(503), "server_error", 503, 3),
    (photos.lost, "placeholder", 200, 1),
    (photos.redirects_to("/again"), "refused", 302, 1),
    (photos.redirects_to("ftp://example.org/x.jpg"), "refused", 302, 1),
    (breaks_after(200), "cut", 200, 3),
    (photos.short_body, "cut", 200, 3),
    (falls_silent_after(100), "too_slow", 200, 3),
    (drips, "too_slow", 200, 3),
    (page, "refused", 200, 1),
    (changes_to(Stored(b"no image at all"), honest), "not_an_image", 200, 1),
    (changes_to(Stored(b""), honest), "not_an_image", 200, 1),
    (changes_to(Stored(photos.jpeg(77)), honest), "md5_mismatch", 200, 1),
    (changes_to(Stored(photos.jpeg(77) + bytes(400_000)), honest), "bomb", 200, 1),
]


def test_what_is_not_the_image_leaves_a_row_and_no_blob_and_is_asked_for_again_by_the_next_run(
    download: Download, published: str, server: Server, tmp_path: Path
):
    bad, good = FOUND[: len(TRICKS)], FOUND[len(TRICKS) :]
    server.tricks["/again"].extend([photos.redirects_to("/again")] * 20)
    for one, (trick, _, _, _) in zip(bad, TRICKS, strict=True):
        server.tricks[one.path].extend([trick] * 3)
    code, summary, _ = download(*only(*FOUND))
    found = rows(published, summary["location"])
    assert code == 0
    for one, (_, status, http_code, tries) in zip(bad, TRICKS, strict=True):
        row = found[one.image]
        assert (row["status"], row["http_code"], row["tries"]) == (status, http_code, tries), row
        assert (row["bytes"], row["md5"], bool(row["error"])) == (None, None, True), row
    assert blobs(tmp_path / "blobs") == whole(*good)
    assert sorted(one["key"] for one in attributed(tmp_path / "blobs")) == sorted(one.key for one in good)
    server.tricks.clear()
    photos.serve(server, FOUND)
    assert download(*only(*FOUND))[1]["statuses"] == {"downloaded": len(bad)}
    assert blobs(tmp_path / "blobs") == whole(*FOUND)


def test_one_bad_answer_is_asked_again(download: Download, server: Server, tmp_path: Path):
    for one, trick in zip(
        FOUND, (says(429, Retry_After="1"), says(500), breaks_after(99), photos.short_body), strict=False
    ):
        server.tricks[one.path].append(trick)
    server.files[FOUND[4].path].headers = {"Content-Type": "application/x-nonsense"}
    assert download(*only(*FOUND[:5]))[1]["statuses"] == {"downloaded": 5}
    assert blobs(tmp_path / "blobs") == whole(*FOUND[:5])


def test_an_image_without_checksum_is_taken_unless_it_is_a_placeholder(
    download: Download, published: str, server: Server, tmp_path: Path
):
    server.files[UNKNOWN.path] = Stored(photos.png())
    assert download(*only(UNKNOWN))[1]["statuses"] == {"placeholder": 1}
    server.files[UNKNOWN.path] = Stored(UNKNOWN.data)
    summary = download(*only(UNKNOWN))[1]
    assert rows(published, summary["location"])[UNKNOWN.image]["md5"] == UNKNOWN.md5


def test_an_image_without_checksum_that_ends_too_soon_is_cut(download: Download, server: Server, tmp_path: Path):
    """Though its length is the one that was told; bytes of the camera's own behind the image's end are fine."""
    server.files[UNKNOWN.path] = Stored(UNKNOWN.data[:400])
    summary = download(*only(UNKNOWN))[1]
    assert (summary["statuses"], blobs(tmp_path / "blobs")) == ({"cut": 1}, {})
    assert summary["reasons"] == {"cut": "the 400 bytes begin as an image and do not end as one"}
    server.files[UNKNOWN.path] = Stored(UNKNOWN.data + b"made by a camera" * 9)
    assert download(*only(UNKNOWN))[1]["statuses"] == {"downloaded": 1}


def test_a_body_that_is_said_to_be_too_large_is_not_read(download: Download, server: Server):
    server.files[UNKNOWN.path] = Stored(bytes(300_001))
    summary = download(*only(UNKNOWN))[1]
    assert summary["reasons"] == {"bomb": "it is said to have 300,001 bytes, more than download.max_bytes"}


def test_images_go_to_the_server_that_is_named(
    download: Download, quick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = yaml.safe_load(Path(quick).read_text())
    settings["storage"] = {"endpoint": "http://127.0.0.1:1", "region": "us-east-1", "unsigned": True}
    settings["fetch"] |= {"tries": 1}
    Path(quick).write_text(yaml.safe_dump(settings))
    code, _, err = download(*only(FOUND[0]), to="s3://bucket/prefix")
    assert (code, "s3://bucket/prefix" in err and "no connection to the server" in err) == (2, True), err


def test_ids_of_no_image_are_told(published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    listed = tmp_path / "list.txt"
    listed.write_text(f"train/{FOUND[0].image}\n{'f' * 16}\nvalidation/{FOUND[1].image}\n")
    assert (
        row_selection.count_images(
            choices.choose_images(Warehouse.at(published), "v3", ImageSelection(images=str(listed)))
        )
        == 1
    )
    assert f"2 of its IDs are of no image there that is listed so, such as {FOUND[1].image}" in capsys.readouterr().err


def test_an_image_of_too_many_pixels_is_refused_though_it_is_small(download: Download, server: Server):
    server.files[UNKNOWN.path] = Stored(photos.jpeg(1, (1100, 1000)))
    assert download(*only(UNKNOWN))[1]["statuses"] == {"bomb": 1}
    assert download("--resize", "100", *only(UNKNOWN))[1]["statuses"] == {"bomb": 1}


def test_a_resized_image_is_upright_and_small_and_its_original_was_checked(
    download: Download, published: str, server: Server, tmp_path: Path
):
    server.files[FOUND[0].path] = Stored(photos.jpeg(55))
    chosen = [TURNED, FOUND[0], FOUND[1]]
    summary = download("--resize", "64", *only(*chosen))[1]
    assert summary["statuses"] == {"downloaded": 2, "md5_mismatch": 1}
    data = (tmp_path / "blobs" / TURNED.key).read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (48, 64)
        # Orientation 6 is shown turned clockwise: what was left and dark comes to stand on top.
        assert image.convert("L").getpixel((24, 8)) < 100 < 180 < image.convert("L").getpixel((24, 56))
        assert image.getexif().get(photos.ORIENTATION) in (None, 1)
    found = rows(published, summary["location"])
    assert (found[TURNED.image]["is_resized"], found[TURNED.image]["md5"]) == (True, hashlib.md5(data).hexdigest())
    assert found[FOUND[1].image]["is_resized"] is False
    assert (tmp_path / "blobs" / FOUND[1].key).read_bytes() == FOUND[1].data


def test_resized_png_files_are_named_so(download: Download, tmp_path: Path):
    download("--resize", "64", "--format", "png", *only(TURNED))
    assert list(blobs(tmp_path / "blobs")) == [TURNED.key.replace(".jpg", ".png")]


def test_originals_of_every_kind_come_as_they_are_and_are_made_smaller(
    download: Download, published: str, tmp_path: Path
):
    """The last of them was published without its end."""
    assert download(*only(*KINDS))[1]["statuses"] == {"downloaded": len(KINDS)}
    assert blobs(tmp_path / "blobs") == whole(*KINDS)
    summary = download("--resize", "24", *only(*KINDS), to=str(tmp_path / "small"))[1]
    assert summary["statuses"] == {"downloaded": len(KINDS)}, summary["reasons"]
    for one in KINDS:
        with Image.open(tmp_path / "small" / one.key) as image:
            assert (image.format, image.mode, max(image.size)) == ("JPEG", "RGB", 24)
    assert {row["is_resized"] for row in rows(published, summary["location"]).values()} == {True}


def test_an_image_of_any_kind_without_checksum_that_ends_too_soon_is_cut(
    download: Download, server: Server, tmp_path: Path
):
    some = KINDS[2:6]  # a small PNG or GIF in place of a JPEG is a placeholder
    for one in some:
        server.files[UNKNOWN.path] = Stored(one.data[: len(one.data) * 3 // 4])
        assert download(*only(UNKNOWN))[1]["statuses"] == {"cut": 1}, one
    for one in some:
        server.files[UNKNOWN.path] = Stored(one.data)
        assert download(*only(UNKNOWN), to=str(tmp_path / one.image))[1]["statuses"] == {"downloaded": 1}, one


def test_private_addresses_are_refused_unless_allowed(
    download: Download, published: str, server: Server, tmp_path: Path
):
    base = server.url.replace("127.0.0.1", "localhost")
    summary = download("--from", base, *only(FOUND[0]), mirror=False)[1]
    assert summary["statuses"] == {"refused": 1}
    row = rows(published, summary["location"])[FOUND[0].image]
    assert ("not a public address" in row["error"], row["http_code"]) == (True, None)
    assert download(*only(LOCAL), mirror=False)[1]["statuses"] == {"refused": 1}
    assert server.seen == []


def test_a_mirror_is_asked_in_place_of_the_hosts(download: Download, server: Server):
    download("--from", "thumbnail", *only(FOUND[0]))
    assert [seen.path for seen in server.seen] == [FOUND[0].path.replace("_o.jpg", "_z.jpg?zz=1")]


def test_another_place_is_asked_by_subset_and_id_and_nothing_is_compared_with_the_original(
    download: Download, published: str, server: Server, tmp_path: Path
):
    other = photos.jpeg(123)
    server.files[f"/base/{FOUND[0].key}"] = Stored(other)
    summary = download("--from", f"{server.url}/base/", "--allow-private", *only(FOUND[0]), mirror=False)[1]
    row = rows(published, summary["location"])[FOUND[0].image]
    assert (row["source"], row["status"], blobs(tmp_path / "blobs")) == ("other", "downloaded", {FOUND[0].key: other})


def test_what_is_there_from_another_source_is_left_and_told(download: Download, server: Server, tmp_path: Path):
    download(*only(FOUND[0]))
    summary = download("--from", server.url, "--allow-private", *only(FOUND[0]), mirror=False)[1]
    assert (summary["present"], summary["other"], summary["statuses"]) == (1, 1, {})


def test_a_copy_that_somebody_put_there_is_recorded_if_it_is_the_original(
    download: Download, published: str, server: Server, tmp_path: Path
):
    for one, data in ((FOUND[0], FOUND[0].data), (FOUND[1], FOUND[1].data[:-1] + b"x")):
        path = tmp_path / "blobs" / one.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    summary = download(*only(*FOUND[:2]))[1]
    assert [seen.path for seen in server.seen] == [FOUND[1].path]
    assert (summary["statuses"], summary["found"]) == ({"downloaded": 2}, 1)
    assert rows(published, summary["location"])[FOUND[0].image]["tries"] == 0
    assert {row["key"] for row in attributed(tmp_path / "blobs")} == {one.key for one in FOUND[:2]}


def test_choices(published: str, spark: Any, tmp_path: Path):
    """DOG stands in image 0 of every subset as a positive label and a box; see tests/support/releases.py."""

    def chosen(where: str = "", **given: Any) -> set[str]:
        found = choices.choose_images(Warehouse.at(published), "v3", ImageSelection(**given))
        if where:
            found = choices.keep_matching(Warehouse.at(published), "v3", where, found)
        return {row["image_id"] for row in read_rows(row_selection.cut_into_tasks(found, 2))}

    others = {one.image for one in OTHERS}
    assert chosen(subsets=("validation",)) == others
    assert chosen(mids=(DOG,)) == {FOUND[0].image, OTHERS[0].image, image_id(0, "test")}
    assert chosen(mids=(DOG,), verdict="negative") == set()
    assert chosen(mids=(DOG,), is_boxed=True, subsets=("train",)) == {FOUND[0].image}
    assert chosen(is_boxed=True, where="subset != 'test'") == {FOUND[0].image, OTHERS[0].image}
    assert chosen(license="/BY/2.0", subsets=("validation",)) == others
    assert chosen(license="/by-nc/") == set()
    ids = tmp_path / "ids.txt"
    ids.write_text(f"train/{FOUND[2].image}\n\n{OTHERS[1].image.upper()}\nvalidation/{FOUND[3].image}\n")
    assert chosen(images=str(ids)) == {FOUND[2].image, OTHERS[1].image}
    tsv = tmp_path / "list.tsv"
    url = f"https://{photos.HOST}"
    tsv.write_text(f"TsvHttpData-1.0\n{url}/{UNKNOWN.image}_o.jpg\t{len(UNKNOWN.data)}\t\n{url}/other.jpg\t7\t\n")
    assert chosen(images=str(tsv)) == {UNKNOWN.image}
    assert chosen(archive=("train", "9")) == set()
    assert chosen(archive=("train", FOUND[0].image[0]), images=str(ids)) == {FOUND[2].image}
    tsv.write_text("TsvHttpData-1.0\n\nhttps://example.org/a.jpg\tmany\n")
    with pytest.raises(ConfigError, match=r"line 3: .*many"):
        chosen(images=str(tsv))


def test_stretches_are_cut_evenly_and_every_row_is_read_once(published: str):
    found = choices.choose_images(Warehouse.at(published), "v3", ImageSelection())
    every = [row["image_id"] for row in read_rows(row_selection.cut_into_tasks(found, 1))]
    for tasks in (1, 3, 7, len(every)):
        shares = row_selection.cut_into_tasks(found, tasks)
        sizes = [len(read_rows([one])) for one in shares]
        assert (len(shares), sum(sizes), max(sizes) - min(sizes) <= 1) == (tasks, len(every), True)
        assert [row["image_id"] for row in read_rows(shares)] == every
    rows = read_rows(row_selection.cut_into_tasks([one.keep(one.ids() % np.uint64(3) == 0) for one in found], 2))
    assert [row["image_id"] for row in rows] == [image for image in every if int(image, 16) % 3 == 0]


def read_rows(shares: list[list[row_selection.TaskRows]]) -> list[Row]:
    return [row for one in shares for batch in row_selection.read_batches(one) for row in batch.to_pylist()]


def test_subclasses_are_those_below_in_the_hierarchy(published: str):
    pin = require_snapshot(Warehouse.at(published), "v3")
    assert choices.find_classes(Warehouse.at(published), pin, [DOG], True) == [TREE, DOG]
    assert choices.find_classes(Warehouse.at(published), pin, [TREE], True) == [TREE]
    assert choices.find_classes(Warehouse.at(published), pin, [DOG], False) == [DOG]
    assert choices.find_classes(Warehouse.at(published), pin, ["dog", "m.0bt9lr", "0bt9lr"], False) == [DOG]


def test_the_size_and_md5_of_a_transfer_list_count_where_the_release_has_none(
    download: Download, server: Server, tmp_path: Path
):
    tsv = tmp_path / "list.tsv"
    wrong = "XrY7u+Ae7tCTyVK7j1rNww=="
    tsv.write_text(f"TsvHttpData-1.0\nhttps://{photos.HOST}/{UNKNOWN.image}_o.jpg\t{len(UNKNOWN.data)}\t{wrong}\n")
    assert download("--images", str(tsv))[1]["statuses"] == {"md5_mismatch": 1}


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--images", "/nowhere"], "cannot be read"),
        (["--where", "no_such_column = 1"], "--where"),
        (["--where", "reflect('java.lang.System', 'getenv', 'HOME') = 'secret'"], "reflect does not exist"),
        (["--where", "image_id IN (SELECT content FROM read_text('/etc/hosts'))"], "is no part of that"),
        (["--mid", "/m/0zzzz"], "is called so"),
        (["--mid", "Dogs"], "--mid 'Dogs': no class of v3 is called so; the nearest are Dog (/m/0bt9lr)"),
        (["--images", "/dev/null"], "holds no image"),
        (["--with-subclasses"], "needs --mid"),
        (["--quality", "50"], "give --resize too"),
        (["--from", "ftp://example.org"], "--from takes"),
        (["--from", "https://user:secret@example.org/"], "no user"),
        (["--from", "s3://b/images.tar.gz"], "named as CVDF's"),
        (["--rate", "-1"], "--rate"),
        (["--mirror", "file:///etc"], "--mirror takes"),
    ],
)
def test_wrong_calls_are_refused_in_one_sentence(download: Download, flags: list[str], told: str):
    code, _, err = download(*flags, mirror="--mirror" not in flags and "--from" not in flags)
    assert (code, told in err, "Traceback" in err, "secret" in err) == (2, True, False, False), err


def test_a_place_that_cannot_be_written_ends_the_run_with_one_sentence(download: Download, tmp_path: Path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "train").write_text("in the way")
    code, _, err = download(*only(FOUND[0]))
    assert (code, "run the same command again" in err, "Traceback" in err) == (2, True, False), err


def test_rows_hold_what_quality_promises(download: Download, server: Server, published: str):
    server.tricks[FOUND[0].path].append(says(404))
    download(*only(*FOUND[:2]))
    found = pa.table(DeltaTable(f"{published}/downloads").to_pyarrow_table())
    assert {"downloaded", "not_found"} <= set(found["status"].to_pylist())
    for expectation in quality.load_suite("downloads").expectations:
        if expectation.kwargs.get("column") in found.column_names:
            assert row_expectations.passing_rows(expectation.rule, found).all(), expectation.description


def test_an_interrupt_ends_cleanly_and_the_next_run_goes_on(
    download: Download, published: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(self: ResultsWriter, spark: Any, count: int, what: str, collected: Any) -> None:
        while len(server.seen) < COUNT // 2:
            time.sleep(0.01)
        raise KeyboardInterrupt

    for one in FOUND[COUNT // 2 :]:
        server.tricks[one.path].append(falls_silent_after(100))
    with monkeypatch.context() as patched:
        patched.setattr(ResultsWriter, "watch", interrupted)
        code, _, err = download(*only(*FOUND), "--connections", "2")
    assert (code, "the same command goes on" in err, "Traceback" in err) == (130, True, False), err
    before = {key for key in blobs(tmp_path / "blobs") if not key.partition("/")[2].startswith(".")}
    assert len(before) < COUNT
    server.seen.clear()
    summary = download(*only(*FOUND))[1]
    assert summary["present"] + summary["found"] >= len(before)
    assert not {seen.path for seen in server.seen} & {one.path for one in FOUND if one.key in before}
    assert blobs(tmp_path / "blobs") == whole(*FOUND)
    assert len(rows(published, summary["location"])) == COUNT


def test_blobs_of_a_run_that_died_before_its_commit_are_recorded_and_not_asked_for_again(
    download: Download, published: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def dies(self: ResultsWriter) -> None:
        raise OSError("killed")

    flags = ("--resize", "24", *only(*FOUND[:3]))
    with monkeypatch.context() as patched:
        patched.setattr(ResultsWriter, "flush", dies)
        assert download(*flags)[0] == 2
    there = blobs(tmp_path / "blobs")
    assert len(there) == 2 * 3, "each with its receipt"
    (tmp_path / "blobs" / FOUND[0].key).write_bytes(b"not what the receipt says")
    server.seen.clear()
    summary = download(*flags)[1]
    assert (summary["found"], summary["statuses"]) == (2, {"downloaded": 3})
    assert [seen.path for seen in server.seen] == [FOUND[0].path]
    after = blobs(tmp_path / "blobs")
    assert after == {one.key: there[one.key] for one in FOUND[:3]}
    told = rows(published, summary["location"])
    assert {one: row["md5"] for one, row in told.items()} == {
        one.image: hashlib.md5(after[one.key]).hexdigest() for one in FOUND[:3]
    }
