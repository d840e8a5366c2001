"""What a person reads when S3 cannot be reached, and who is let write there: asked of a real server."""

from __future__ import annotations

import datetime
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from oilake.conf.errors import StoreError
from oilake.conf.storage import Storage
from oilake.jobs.synthetic.serve import served_in_thread
from oilake.jobs.transport import s3_reach
from tests.support import counting_proxy, s3_server

pytestmark = pytest.mark.lengthy

SECRET = "hush"
BUCKET = "lake"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("s3") / "buckets"
    (folder / BUCKET).mkdir(parents=True)
    with s3_server.running_or_skip(folder, SECRET) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def anybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that asks for no signature, so that a proxy may change what is sent to it."""
    folder = tmp_path_factory.mktemp("open") / "buckets"
    (folder / BUCKET).mkdir(parents=True)
    with s3_server.running_or_skip(folder) as endpoint:
        yield endpoint


@pytest.fixture
def storage(signed: str, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """How the signed server is reached, with the right keys."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr(s3_reach.time, "sleep", lambda _: None)
    s3_reach.require_reachable.cache_clear()
    s3_reach.require_one_writer_of_two.cache_clear()
    return Storage(signed, "us-east-1")


def refusal(storage: Storage, bucket: str = BUCKET) -> str:
    boto3.DEFAULT_SESSION = None  # it keeps the keys that it has read
    with pytest.raises(StoreError) as error:
        s3_reach.require_reachable(f"s3://{bucket}/warehouse", storage)
    return str(error.value)


def test_a_bucket_that_is_there_is_reached(storage: Storage):
    s3_reach.require_reachable(f"s3://{BUCKET}/warehouse", storage)


def test_a_bucket_that_is_not_there_is_told(storage: Storage):
    assert refusal(storage, "nowhere") == (
        "s3://nowhere/warehouse: cannot be reached: there is no such bucket; make it, or correct the URI"
    )


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("AWS_SECRET_ACCESS_KEY", "the secret key does not fit the access key"),
        ("AWS_ACCESS_KEY_ID", "the access key is not"),
    ],
)
def test_a_wrong_key_is_told_and_never_shown(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, variable: str, sentence: str
):
    monkeypatch.setenv(variable, "wrong-and-secret")
    told = refusal(storage)
    assert sentence in told
    assert variable in told
    assert "wrong-and-secret" not in told


def test_no_keys_at_all_are_told(storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    assert "no AWS credentials were found" in refusal(storage)


def test_no_network_is_told(storage: Storage):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert f"{nobody} does not answer; check the network" in refusal(Storage(nobody, "us-east-1"))


def test_a_certificate_that_nobody_vouches_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    openssl = shutil.which("openssl") or pytest.skip("openssl is not installed, which makes the certificate")
    pem = tmp_path / "own.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-keyout", str(pem), "-out", str(tmp_path / "certificate"), "-days", "1"]
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", pem)
    monkeypatch.setattr(s3_reach, "TRIES", 1)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with served_in_thread(server):
        endpoint = f"https://127.0.0.1:{server.server_port}"
        assert f"the certificate of {endpoint} is not trusted" in refusal(Storage(endpoint, "us-east-1", unsigned=True))


def test_a_clock_that_is_an_hour_off_is_told(storage: Storage, monkeypatch: pytest.MonkeyPatch):
    off = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: off.replace(tzinfo=None))
    assert "clock and the store's differ by too much; set the clock" in refusal(storage)


def test_a_store_that_keeps_two_writers_apart_is_asked_twice_and_later_once(storage: Storage):
    with counting_proxy.running(storage.endpoint or "") as proxy:
        near = Storage(proxy.endpoint, "us-east-1")
        counts = []
        for _ in range(2):
            s3_reach.require_one_writer_of_two.cache_clear()
            proxy.reset()
            s3_reach.require_one_writer_of_two(f"s3://{BUCKET}/twice", near)
            s3_reach.require_one_writer_of_two(f"s3://{BUCKET}/twice", near)
            counts.append(proxy.methods().get("PUT"))
    assert counts == [2, 1]


def test_a_store_that_does_not_is_refused_unless_nobody_else_writes(anybody: str):
    """A real server behind a proxy that takes the condition out of what it is sent."""
    with counting_proxy.running(anybody) as proxy:
        proxy.hidden.add(b"If-None-Match")
        careless = Storage(proxy.endpoint, "us-east-1", unsigned=True)
        with pytest.raises(StoreError, match=re.escape("does not keep two writers apart")):
            s3_reach.require_one_writer_of_two(f"s3://{BUCKET}/warehouse", careless)
        alone = Storage(proxy.endpoint, "us-east-1", unsigned=True, single_writer=True)
        s3_reach.require_one_writer_of_two(f"s3://{BUCKET}/warehouse", alone)
