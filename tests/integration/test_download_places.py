"""Where images come from and go to besides folders and Flickr: a real S3 server, and CVDF's archives."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from oilake.conf import placeholders
from oilake.conf.settings import DownloadSettings, FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.blobs import open_store
from oilake.jobs.blobs.blob_store import BlobReceipt
from oilake.jobs.downloading import archive_downloader as archives
from oilake.jobs.downloading import row_selection
from oilake.jobs.downloading.request import DownloadRequest
from oilake.jobs.downloading.task_messages import TaskMessage
from oilake.jobs.runtime.arrow_ipc import unpack_table
from tests.integration.test_download import (
    FOUND,
    KINDS,
    OTHERS,
    attributed,
    blobs,
    download,
    only,
    published,
    quick,
    rows,
    server,
    whole,
)
from tests.integration.test_download import Download as Call
from tests.support import photos, s3_server
from tests.support.http_server import Server, Stored, breaks_after

pytestmark = pytest.mark.slow

__all__ = ["download", "published", "quick", "server"]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server.running_or_skip(tmp_path_factory.mktemp("s3") / "buckets", s3_server.SECRET) as found:
        yield found


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Any, str]:
    """A client, and the name of an empty bucket: (client, name)."""
    s3_server.set_variables(monkeypatch, AWS_DEFAULT_REGION="us-east-1", AWS_ENDPOINT_URL_S3=endpoint)
    client = boto3.client("s3")
    name = f"b{abs(hash(str(tmp_path))) % 10**9}"
    client.create_bucket(Bucket=name)
    return client, name


def test_blobs_on_s3_come_with_their_receipt_and_replace_only_what_was_looked_at(bucket: Any):
    client, name = bucket
    store = open_store.open_blob_store(f"s3://{name}/a/b", FetchSettings(tries=2, backoff_seconds=0.01), Storage())
    for one in FOUND[:3]:
        with store.begin(one.key) as unfinished:
            unfinished.stream.write(one.data)
            store.finish(unfinished, BlobReceipt(one.md5, len(one.data), "original", False), True)
    keys = [one.key for one in FOUND[:4]]
    assert store.sizes(keys) == {one.key: len(one.data) for one in FOUND[:3]}
    assert store.receipt(keys[1]) == BlobReceipt(FOUND[1].md5, len(FOUND[1].data), "original", False)
    assert store.md5(keys[2]) == FOUND[2].md5
    client.put_object(Bucket=name, Key=f"a/b/{keys[0]}", Body=b"damaged")
    assert store.receipt(keys[0]) is None
    with store.begin(keys[0]) as unfinished:
        unfinished.stream.write(FOUND[0].data)
        store.finish(unfinished, BlobReceipt(FOUND[0].md5, len(FOUND[0].data), "original", False), True)
    assert store.md5(keys[0]) == FOUND[0].md5
    with store.begin(FOUND[5].key) as unfinished:
        unfinished.stream.write(b"never finished")
    assert store.sizes([FOUND[5].key]) == {}


def test_a_blob_on_s3_has_the_content_type_of_its_bytes_under_any_name(bucket: Any):
    client, name = bucket
    store = open_store.open_blob_store(f"s3://{name}/a", FetchSettings(tries=2, backoff_seconds=0.01), Storage())
    kinds = {one.key: data for one, data in zip(FOUND, (*(kind.data for kind in KINDS), b"no image"), strict=False)}
    kinds |= {f"Dog/{FOUND[9].image.upper()}.JPEG": FOUND[9].data, f"Dog/{FOUND[9].image}": FOUND[9].data}
    for key, data in kinds.items():
        with store.begin(key) as unfinished:
            unfinished.stream.write(data)
            md5 = hashlib.md5(data).hexdigest()
            store.finish(unfinished, BlobReceipt(md5, len(data), "original", False), True)
    store.put("attribution/x.csv", b"key")
    types = {
        key: client.head_object(Bucket=name, Key=f"a/{key}")["ContentType"] for key in (*kinds, "attribution/x.csv")
    }
    expected = ["png", "gif", "webp", "tiff", "bmp", "jpeg", "jpeg", "jpeg"]
    told = [f"image/{kind}" for kind in expected] + ["application/octet-stream", "image/jpeg", "image/jpeg"]
    assert list(types.values()) == [*told, "text/csv; charset=utf-8"]


def test_sizes_are_found_over_several_pages_of_a_listing(bucket: Any, monkeypatch: pytest.MonkeyPatch):
    client, name = bucket
    for one in FOUND:
        client.put_object(Bucket=name, Key=one.key, Body=b"x" * 7)
    store = open_store.open_blob_store(f"s3://{name}", FetchSettings(), Storage())
    listing = type(client).list_objects_v2
    monkeypatch.setattr(
        type(store.sizes.__self__._client), "list_objects_v2", lambda self, **k: listing(self, MaxKeys=5, **k)
    )
    assert store.sizes([FOUND[1].key, FOUND[20].key]) == {FOUND[1].key: 7, FOUND[20].key: 7}


def test_from_a_public_bucket_to_one_that_takes_signed_writing_and_repaired_there(
    bucket: Any, published: str, quick: str, tmp_path: Path
):
    """In processes of their own: Spark's workers take boto3's settings from the environment that they start in."""
    client, name = bucket
    source, anyone = f"{name}-source", boto3.client("s3", config=Config(signature_version=UNSIGNED))
    client.create_bucket(Bucket=source, ACL="public-read")
    for one in (*FOUND[:5], OTHERS[0]):
        client.put_object(Bucket=source, Key=one.key, Body=one.data, ACL="public-read")
    with pytest.raises(ClientError, match="AccessDenied"):
        anyone.put_object(Bucket=name, Key="x", Body=b"unsigned")
    place = ["--release", "v3", "--warehouse", published, "--env", quick, "--from", f"s3://{source}", "--json"]

    def oilake(*words: str) -> tuple[int, Any, str]:
        call = [sys.executable, "-m", "oilake.jobs.cli", *words, *place]
        done = subprocess.run(call, capture_output=True, text=True, timeout=170)
        return done.returncode, json.loads(done.stdout), done.stderr

    code, summary, stderr = oilake("download", "--to", f"s3://{name}/v3/", *only(*FOUND[:6], OTHERS[0]))
    assert (code, summary["statuses"]) == (0, {"downloaded": 6, "not_found": 1}), stderr
    found = {one["Key"] for one in client.list_objects_v2(Bucket=name)["Contents"]}
    assert {key for key in found if "attribution" not in key} == {f"v3/{o.key}" for o in (*FOUND[:5], OTHERS[0])}
    assert len(found) == 7
    told = rows(published, f"s3://{name}/v3")
    assert told[FOUND[0].image]["md5"] == FOUND[0].md5
    assert (told[FOUND[5].image]["http_code"], told[FOUND[5].image]["status"]) == (404, "not_found")
    client.put_object(Bucket=name, Key=f"v3/{FOUND[0].key}", Body=FOUND[0].data[:-1] + b"x")
    client.delete_object(Bucket=name, Key=f"v3/{FOUND[1].key}")
    code, summary, again = oilake("verify", "--blobs", f"s3://{name}/v3", "--method", "etag", "--repair")
    assert (code, summary["repair"]["statuses"]) == (1, {"downloaded": 2, "not_found": 1}), again
    assert summary["statuses"] == {"verified": 6, "missing": 1}
    assert client.get_object(Bucket=name, Key=f"v3/{FOUND[0].key}")["Body"].read() == FOUND[0].data
    assert "hush" not in stderr + again + json.dumps(told, default=str)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """As CVDF packs them: train_1/<image_id>.jpg; two images of the release, and one that it does not have."""
    path = tmp_path / "train_1.tar.gz"
    strange = photos.Photo("1fffffffffffffff", photos.jpeg(5))
    with tarfile.open(path, "w:gz") as packed:
        for one in (FOUND[1], strange, FOUND[0]):
            info = tarfile.TarInfo(f"train_1/{one.image}.jpg")
            info.size = len(one.data)
            packed.addfile(info, io.BytesIO(one.data))
    return path


def test_images_are_taken_out_of_an_archive(download: Call, published: str, archive: Path, tmp_path: Path):
    summary = download("--from", str(archive), *only(*FOUND[:3], OTHERS[0]), mirror=False)[1]
    assert summary["statuses"] == {"downloaded": 2, "not_found": 1}
    assert blobs(tmp_path / "blobs") == whole(*FOUND[:2])
    assert rows(published, summary["location"])[FOUND[0].image]["source"] == "cvdf"
    assert {row["key"] for row in attributed(tmp_path / "blobs")} == {one.key for one in FOUND[:2]}
    again = download("--from", str(archive), *only(*FOUND[:2]), mirror=False)[1]
    assert (again["present"], again["statuses"]) == (2, {})


class Letters(list[Any]):
    """A mailbox without Spark."""

    def add(self, letters: list[TaskMessage]) -> None:
        self.extend(letters)


def test_every_blob_of_an_image_is_replaced_from_an_archive_that_gives_its_bytes_once(archive: Path, tmp_path: Path):
    keys = [f"train/{FOUND[0].image}.jpg", f"train/Dog/{FOUND[0].image.upper()}.JPG", f"{FOUND[1].image}.png"]
    images = (FOUND[0], FOUND[0], FOUND[1])
    blank = dict.fromkeys((*row_selection.IMAGE_COLUMNS, *row_selection.ADDED_COLUMNS))
    pairs = zip(images, keys, strict=True)
    rows = [blank | {"image_id": one.image, "subset": "train", "blob_key": key} for one, key in pairs]
    place, limits = (
        str(tmp_path / "blobs"),
        (FetchSettings(), Storage(), DownloadSettings(), placeholders.load_placeholders()),
    )
    order = DownloadRequest("v3", "run", place, "cvdf", str(archive), None, True, None, *limits, is_anew=True)
    mailbox: Any = Letters()
    archives.download_from_archive(
        pa.Table.from_pylist(rows).to_batches(),
        order,
        mailbox,
        open_store.open_blob_store(order.location, order.fetch, order.storage),
    )
    told = [row for letter in mailbox for row in unpack_table(letter.rows).to_pylist()]
    assert sorted((row["key"], row["status"]) for row in told) == sorted((key, "downloaded") for key in keys)
    for one, key in zip(images, keys, strict=True):
        assert (tmp_path / "blobs" / key).read_bytes() == one.data


def test_an_archive_is_read_on_where_the_connection_broke(
    download: Call, server: Server, archive: Path, tmp_path: Path
):
    server.files["/tar/train_1.tar.gz"] = Stored(archive.read_bytes())
    server.tricks["/tar/train_1.tar.gz"].append(breaks_after(400))
    flags = ["--from", f"{server.url}/tar/train_1.tar.gz", "--allow-private", *only(*FOUND[:2])]
    assert download(*flags, mirror=False)[1]["statuses"] == {"downloaded": 2}
    assert blobs(tmp_path / "blobs") == whole(*FOUND[:2])
    assert [seen.headers.get("Range") for seen in server.seen] == [None, "bytes=400-"]


def test_a_damaged_archive_is_told_and_what_came_before_is_kept(download: Call, archive: Path, tmp_path: Path):
    archive.write_bytes(archive.read_bytes()[:-6])
    code, _, err = download("--from", str(archive), *only(*FOUND[:2]), mirror=False)
    assert (code, "train_1.tar.gz" in err, "Traceback" in err) == (2, True, False), err
    assert os.path.exists(tmp_path / "blobs" / FOUND[1].key)
