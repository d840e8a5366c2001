"""Verify on a real S3 server: by all bytes, and by ETag without moving any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore import UNSIGNED
from botocore.config import Config

from tests.conftest import Oilake
from tests.support import blobs, counting_proxy, s3_server, table_readers
from tests.support.blobs import Planted
from tests.support.counting_proxy import Proxy

pytestmark = pytest.mark.slow

BUCKET = "open-images"
PREFIX = "v3/images"
PLACE = f"s3://{BUCKET}/{PREFIX}"
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
# Which statuses ETags can tell apart; the others need the bytes.
BY_ETAG = {"not_an_image": "size_mismatch", "truncated": "size_mismatch", "placeholder": "size_mismatch"}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with (
        s3_server.running_or_skip(tmp_path_factory.mktemp("s3") / "buckets") as endpoint,
        counting_proxy.running(endpoint) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def client(proxy: Proxy) -> Any:
    found = boto3.client(
        "s3", endpoint_url=proxy.endpoint, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    found.create_bucket(Bucket=BUCKET)
    return found


@pytest.fixture(scope="module")
def planted(client: Any) -> Planted:
    """All blobs of the release with their faults, on the server; what cannot be read is broken by the proxy."""
    found = blobs.planted(blobs.originals(), blobs.WITHOUT_MD5)
    for key in found.links:
        found.blobs[key] = blobs.originals()[key]
    for key, data in found.blobs.items():
        client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=data)
    return found


@pytest.fixture
def environment(proxy: Proxy, tmp_path: Path) -> str:
    """Settings that name the server, and ask it without credentials and without patience."""
    packaged = yaml.safe_load((Path(__file__).parents[2] / "conf" / "local.yaml").read_text())
    packaged["fetch"] |= {"tries": 2, "backoff_seconds": 0.01}
    packaged["storage"] = {"endpoint": proxy.endpoint, "region": "us-east-1", "unsigned": True}
    path = tmp_path / "environment.yaml"
    path.write_text(yaml.safe_dump(packaged))
    return str(path)


def call(oilake: Oilake, blob_lake: str, environment: str, *more: str, place: str = PLACE) -> tuple[int, Any, str]:
    where = ("--release", "v3", "--blobs", place, "--warehouse", blob_lake, "--env", environment, "--json")
    code, out, err = oilake("verify", *where, *more)
    return code, json.loads(out) if out else None, err


def rows(blob_lake: str) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in table_readers.now(blob_lake, "blob_checks")}


def test_all_bytes_tell_each_fault_and_a_second_run_reads_none(
    blob_lake: str, environment: str, planted: Planted, proxy: Proxy, oilake: Oilake
):
    proxy.broken = {f"GET /{BUCKET}/{PREFIX}/{key}" for key in planted.links}
    code, told, _ = call(oilake, blob_lake, environment)
    assert code == 1
    assert {key: row["status"] for key, row in rows(blob_lake).items()} == planted.truth
    proxy.reset()
    code, told, _ = call(oilake, blob_lake, environment)
    assert told["read"] == blobs.N
    assert proxy.methods()["GET"] == 1 + 2 * blobs.N  # the listing, and two tries of what breaks
    assert {key: row["status"] for key, row in rows(blob_lake).items()} == planted.truth


def test_etags_find_the_same_blobs_and_no_body_is_sent(
    blob_lake: str, environment: str, planted: Planted, proxy: Proxy, oilake: Oilake
):
    proxy.broken = {f"GET /{BUCKET}/{PREFIX}/{key}" for key in planted.links}
    proxy.reset()
    code, told, _ = call(oilake, blob_lake, environment, "--method", "etag")
    assert code == 1
    wanted = {key: BY_ETAG.get(status, status) for key, status in planted.truth.items()}
    wanted |= dict.fromkeys(planted.links, "verified")  # nobody tried to read them
    assert {key: row["status"] for key, row in rows(blob_lake).items()} == wanted
    listed = sum(len(data) for data in planted.blobs.values())
    assert proxy.methods()["GET"] == 1, "only the listing"
    assert proxy.sent < listed / 3, f"{proxy.sent:,} bytes came, the blobs hold {listed:,}"
    assert told["read_bytes"] == 0


def test_images_that_other_tools_put_there_are_found(blob_lake: str, environment: str, client: Any, oilake: Oilake):
    whole = blobs.originals()
    one, other = list(whole)[:2]
    laid = {
        f"train/data/{Path(one).name}": (whole[one], "verified"),
        f"train/C# ?/{Path(one).stem.upper()}.JPEG": (whole[one], "verified"),
        f"{Path(other).stem}.png": (whole[other][:-9], "truncated"),
        "train/metadata/classes.csv": (b"/m/0bt9lr,Dog", "unexpected"),
    }
    for key, (data, _) in laid.items():
        client.put_object(Bucket=BUCKET, Key=f"tools/{key}", Body=data)
    place = f"s3://{BUCKET}/tools"
    call(oilake, blob_lake, environment, place=place)
    found = {key: row["status"] for key, row in rows(blob_lake).items()}
    assert found == {key: status for key, (_, status) in laid.items()} | dict.fromkeys(list(whole)[2:], "missing")


def test_an_etag_that_is_no_md5_is_told(blob_lake: str, environment: str, client: Any, oilake: Oilake):
    key, data = next(iter(blobs.originals().items()))
    name = {"Bucket": BUCKET, "Key": f"parts/{key}"}
    begun = client.create_multipart_upload(**name)["UploadId"]
    part = client.upload_part(**name, UploadId=begun, PartNumber=1, Body=data)
    done = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    client.complete_multipart_upload(**name, UploadId=begun, MultipartUpload=done)
    images = Path(blob_lake).parent / "ids"
    images.write_text(Path(key).stem)
    place = f"s3://{BUCKET}/parts"
    code, told, _ = call(oilake, blob_lake, environment, "--method", "etag", "--images", str(images), place=place)
    assert (code, told["statuses"]) == (0, {"size_matches": 1})
    assert rows(blob_lake)[key]["note"] == "its ETag is no MD5: it was put in 1 parts"
    code, told, _ = call(oilake, blob_lake, environment, "--images", str(images), place=place)
    assert (code, told["statuses"]) == (0, {"verified": 1})


def test_a_broken_connection_is_asked_again(
    blob_lake: str, environment: str, client: Any, proxy: Proxy, oilake: Oilake
):
    key, data = next(iter(blobs.originals().items()))
    client.put_object(Bucket=BUCKET, Key=f"again/{key}", Body=data)
    proxy.broken = {"list-type=2&prefix=again"}
    code, _, err = call(oilake, blob_lake, environment, place=f"s3://{BUCKET}/again")
    assert code == 2
    assert "cannot be listed" in err
    proxy.broken = set()
    code, told, _ = call(oilake, blob_lake, environment, place=f"s3://{BUCKET}/again")
    assert told["statuses"] == {"verified": 1, "missing": 47}


def test_a_bucket_that_is_not_there_is_told_and_no_credential_is(
    blob_lake: str, environment: str, oilake: Oilake, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    signed = Path(environment).read_text().replace("unsigned: true", "unsigned: false")
    Path(environment).write_text(signed)
    code, _, err = call(oilake, blob_lake, environment, place="s3://no-such-bucket/x")
    assert code == 2
    assert "s3://no-such-bucket/x: cannot be listed: the server answers 404 NoSuchBucket" in err
    code, told, err = call(oilake, blob_lake, environment)
    assert told["blobs"] > 40
    stored = "".join(path.read_bytes().decode("latin1") for path in Path(blob_lake).rglob("*") if path.is_file())
    for hidden in (SECRET, "AKIAIOSFODNN7EXAMPLE"):
        assert hidden not in err + json.dumps(told) + stored
