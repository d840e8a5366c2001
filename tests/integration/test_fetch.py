"""Files over a bad network: a real server misbehaves on command, and only whole files of one version get their names."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import format_datetime
from pathlib import Path

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from oilake.conf import registry
from oilake.conf import settings as conf_settings
from oilake.conf.errors import ConfigError, StoreError
from oilake.conf.settings import FetchSettings, Settings
from oilake.conf.storage import Storage
from oilake.jobs import cli
from oilake.jobs.fetch import fetch
from oilake.jobs.fetching.locations import FetchRequest
from oilake.jobs.fetching.results import FetchResult, failure_sentence
from oilake.jobs.transport import http_headers, retry
from oilake.jobs.transport.source import Version, is_same_version
from tests.support import http_server, s3_server
from tests.support.http_server import Server, Stored

ROOT = Path(__file__).parents[2]
TAG, NAME, OTHER, THIRD = "2017_11", "classes_2017_11.tar.gz", "images_2017_11.tar.gz", "bbox_hierarchy.json"
PATH = f"/{TAG}/{NAME}"
OLD = random.Random(1).randbytes(300_000)
NEW = random.Random(2).randbytes(300_000)
QUICK = FetchSettings(connections=3, tries=3, backoff_seconds=0.01, wait_limit_seconds=0.2, timeout_seconds=5)


@dataclass
class Lake:
    """A server and a landing area; `base` is where files come from."""

    server: Server
    settings: Settings
    base: str

    def fetch(self, *names: str, check: bool = False, is_unsigned: bool = False, **how: float) -> FetchResult:
        """Fetches NAME, or those named; the result of the first."""
        return self.fetch_all(*(names or (NAME,)), check=check, is_unsigned=is_unsigned, **how)[0]

    def fetch_all(self, *names: str, check: bool = False, is_unsigned: bool = False, **how: float) -> list[FetchResult]:
        fetch_settings = dataclasses.replace(self.settings.fetch, **how)
        settings = dataclasses.replace(self.settings, fetch=fetch_settings, storage=Storage(unsigned=is_unsigned))
        request = FetchRequest(self.base, names, check=check)
        return fetch(settings, registry.find_release("v3"), request)

    def path(self, name: str = NAME) -> Path:
        return Path(self.settings.landing) / TAG / name

    def serve(self, data: bytes = OLD, name: str = NAME, **how: object) -> Stored:
        self.server.files[f"/{TAG}/{name}"] = stored = Stored(data, **how)
        return stored

    def play(self, *tricks: http_server.Trick, name: str = NAME) -> None:
        self.server.tricks[f"/{TAG}/{name}"].extend(tricks)

    def ranges(self) -> list[str | None]:
        return [seen.headers.get("Range") for seen in self.server.requests("GET", NAME)]

    def leave_part(self, data: bytes, **version: object) -> None:
        """What an interrupted run leaves."""
        self.path().parent.mkdir(parents=True, exist_ok=True)
        self.path(f"{NAME}.part").write_bytes(data)
        note = {"url": f"{self.base}{PATH}", **dataclasses.asdict(Version(**version))}
        self.path(f"{NAME}.part.json").write_text(json.dumps(note))

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.path().parent.iterdir() if path.is_file())


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    settings = conf_settings.environment_settings("local", {"landing": str(tmp_path / "landing")})
    with http_server.running() as server:
        yield Lake(server, dataclasses.replace(settings, fetch=QUICK), server.url)


def test_a_file_arrives_whole_with_its_checksums_and_nothing_beside_it(lake: Lake):
    lake.serve()
    result = lake.fetch()
    assert (result.status, result.bytes, result.tries) == ("fetched", len(OLD), 1)
    assert result.sha256 == hashlib.sha256(OLD).hexdigest()
    assert lake.path().read_bytes() == OLD
    assert lake.leftovers() == [NAME]
    receipt = json.loads(lake.path(f".fetched/{NAME}.json").read_text())
    assert (receipt["md5"], receipt["etag"]) == (hashlib.md5(OLD).hexdigest(), '"v1"')


def test_a_connection_that_breaks_is_resumed_where_it_broke(lake: Lake):
    lake.serve()
    lake.play(http_server.breaks_after(100_000))
    result = lake.fetch()
    assert (result.status, result.tries) == ("resumed", 2)
    assert lake.path().read_bytes() == OLD
    assert result.sha256 == hashlib.sha256(OLD).hexdigest()
    assert lake.ranges() == [None, "bytes=100000-"]
    assert lake.server.requests("GET")[1].headers["If-Range"] == '"v1"'


def test_a_server_that_ignores_ranges_starts_the_file_again(lake: Lake):
    lake.serve()
    lake.play(http_server.breaks_after(100_000), http_server.ignores_range)
    assert lake.fetch().status == "fetched"
    assert lake.path().read_bytes() == OLD


CHANGED = Stored(NEW, etag='"v2"', modified=1_600_000_000.0)


@pytest.mark.parametrize(
    ("before", "after", "then"),
    [
        ({}, CHANGED, http_server.honest),
        ({}, CHANGED, http_server.ignores_if_range),
        ({"etag": ""}, dataclasses.replace(CHANGED, etag=""), http_server.honest),
        ({"etag": ""}, dataclasses.replace(CHANGED, etag=""), http_server.ignores_if_range),
        ({"etag": 'W/"v1"', "modified": None}, Stored(NEW, 'W/"v1"', None), http_server.ignores_if_range),
        ({}, Stored(NEW + b"more", "", None), http_server.ignores_if_range),
        ({}, Stored(NEW + b"more", '"v1"'), http_server.ignores_if_range),
        ({}, Stored(NEW[:50_000], '"v2"'), http_server.says(416)),
    ],
    ids=[
        "etag",
        "etag, no If-Range",
        "date",
        "date, no If-Range",
        "weak etag",
        "length alone",
        "length, one etag",
        "416",
    ],
)
def test_a_file_that_changes_between_two_tries_is_never_made_of_both(
    lake: Lake, before: dict[str, object], after: Stored, then: http_server.Trick
):
    lake.serve(**before)
    lake.play(http_server.breaks_after(100_000), http_server.changes_to(after, then))
    lake.fetch()
    assert lake.path().read_bytes() == after.data
    assert lake.leftovers() == [NAME]


def test_versions_are_the_same_when_all_that_is_known_agrees_and_something_identifies_the_bytes():
    one = Version(10, '"a"', "Sat, 01 Jan 2000 00:00:00 GMT")
    assert is_same_version(one, Version(None, '"a"'))
    assert not is_same_version(one, Version(11, '"a"'))
    assert not is_same_version(one, Version(10, '"a"', "Sun, 02 Jan 2000 00:00:00 GMT"))
    assert not is_same_version(one, Version(10))


def test_a_file_as_young_as_its_answer_is_not_resumed_by_its_date(lake: Lake):
    lake.serve(etag="", modified=time.time())
    lake.play(http_server.breaks_after(100_000))
    assert lake.fetch().status == "fetched"
    assert lake.ranges() == [None, None]


@pytest.mark.parametrize("by", [-10, 10])
def test_a_range_that_starts_elsewhere_is_not_appended(lake: Lake, by: int):
    lake.serve()
    lake.play(http_server.breaks_after(100_000), http_server.shifted(by))
    assert lake.fetch().tries == 3
    assert lake.path().read_bytes() == OLD


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_final_status_is_asked_for_once(lake: Lake, status: int):
    lake.server.head_tricks[PATH].append(http_server.says(status))
    result = lake.fetch()
    assert (result.status, result.tries, len(lake.server.seen)) == ("failed", 1, 1)
    assert f"the server answers {status}" in (result.error or "")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_status_is_asked_again(lake: Lake, status: int):
    lake.serve()
    lake.server.head_tricks[PATH].append(http_server.says(status))
    lake.play(http_server.says(status), http_server.says(status))
    assert lake.fetch().tries == 3
    assert lake.path().read_bytes() == OLD


def test_retry_after_is_honoured_and_capped(lake: Lake):
    lake.serve()
    lake.play(http_server.says(429, Retry_After="1"))
    assert lake.fetch(wait_limit_seconds=60).seconds >= 1
    lake.path().unlink()
    lake.play(http_server.says(429, Retry_After="3600"))
    assert 0.2 <= lake.fetch().seconds < 2


def test_retry_after_may_be_a_date():
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)
    assert 58 <= (http_headers.retry_after_seconds({"Retry-After": format_datetime(soon, usegmt=True)}) or 0) <= 60
    assert http_headers.retry_after_seconds({"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}) == 0
    assert http_headers.retry_after_seconds({"Retry-After": "soon"}) is http_headers.retry_after_seconds({}) is None


def test_waits_double_with_jitter_up_to_the_limit():
    how = FetchSettings(backoff_seconds=1, wait_limit_seconds=10)
    for vain, most in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (500, 10)):
        waits = [retry.pause_seconds(vain, None, how) for _ in range(50)]
        assert most / 2 <= min(waits) < max(waits) <= most


def test_a_body_that_is_always_too_short_is_given_up_and_kept_for_the_next_run(lake: Lake):
    lake.serve()
    lake.play(http_server.breaks_after(100), http_server.breaks_after(90), http_server.breaks_after(80))
    result = lake.fetch()
    assert (result.status, result.tries) == ("failed", 3)
    sentence = failure_sentence([result]) or ""
    assert NAME in sentence
    assert f"{lake.base}{PATH}" in sentence
    assert "the connection broke" in sentence
    assert "run the same command again" in sentence
    assert not lake.path().exists()
    assert lake.fetch().status == "resumed"
    assert lake.ranges()[-1] == "bytes=80-"
    assert lake.path().read_bytes() == OLD


def test_tries_that_bring_much_do_not_count(lake: Lake):
    data = random.Random(3).randbytes(9 << 20)
    lake.serve(data)

    def breaks_on(handler: http_server.Handler, stored: Stored) -> None:
        half = dataclasses.replace(stored, data=stored.data)
        start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        span = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}", "Content-Length": str(len(data) - start)}
        handler.begin(206 if start else 200, {**http_server.labels(half), **span})
        handler.body(data[start : start + (3 << 19)])
        handler.drop()

    lake.play(*[breaks_on] * 5)
    result = lake.fetch()
    assert (result.status, result.tries) == ("resumed", 6)
    assert lake.path().read_bytes() == data


def test_a_whole_part_is_recognized_when_the_server_has_no_more(lake: Lake):
    lake.serve()
    lake.leave_part(OLD, bytes=len(OLD), etag='"v1"')
    assert lake.fetch().status == "resumed"
    assert lake.ranges() == [f"bytes={len(OLD)}-"]
    assert lake.path().read_bytes() == OLD


def test_a_part_as_long_as_another_version_is_not_taken_for_it(lake: Lake):
    lake.serve(NEW, etag='"v2"')
    lake.leave_part(OLD, bytes=len(OLD), etag='"v1"')
    lake.play(http_server.says(416))
    assert lake.fetch().status == "fetched"
    assert lake.path().read_bytes() == NEW


def test_a_server_that_sends_less_than_was_asked_for_is_asked_for_the_rest(lake: Lake):
    lake.serve()
    lake.play(http_server.breaks_after(100_000), http_server.at_most(50_000))
    assert lake.fetch().tries == 3
    assert lake.ranges() == [None, "bytes=100000-", "bytes=150000-"]
    assert lake.path().read_bytes() == OLD


def test_a_part_of_another_address_or_without_a_note_is_not_used(lake: Lake):
    lake.serve()
    for note in ("", json.dumps({"url": "http://elsewhere/", "etag": '"v1"'}), "[]"):
        lake.leave_part(NEW[:1000])
        lake.path(f"{NAME}.part.json").write_text(note)
        assert lake.fetch().status == "fetched"
        assert lake.path().read_bytes() == OLD
        lake.path().unlink()


@pytest.mark.parametrize("name", [NAME, THIRD])
def test_a_web_page_is_not_taken_for_a_file(lake: Lake, name: str):
    lake.serve(name=name)
    lake.play(http_server.page, name=name)
    result = lake.fetch(name)
    assert "a web page (text/html)" in (result.error or "")
    assert not lake.path(name).exists()


def test_silence_is_broken_off_and_resumed(lake: Lake):
    lake.serve()
    lake.play(http_server.falls_silent_after(100_000))
    result = lake.fetch(timeout_seconds=0.3)
    assert (result.status, result.tries) == ("resumed", 2)
    assert result.seconds < 3
    assert lake.path().read_bytes() == OLD


def test_a_drip_that_is_never_silent_is_broken_off(lake: Lake):
    lake.serve()
    lake.play(http_server.drips)
    result = lake.fetch(timeout_seconds=0.5)
    assert (result.status, result.tries) == ("resumed", 2)
    assert lake.path().read_bytes() == OLD


def test_a_redirect_is_followed_and_keeps_the_range(lake: Lake):
    lake.serve()
    lake.server.files["/elsewhere"] = lake.server.files[PATH]
    lake.play(http_server.breaks_after(100_000), http_server.says(302, Location="/elsewhere"))
    assert lake.fetch().status == "resumed"
    assert lake.server.requests("GET", "/elsewhere")[0].headers["Range"] == "bytes=100000-"
    assert lake.path().read_bytes() == OLD


def test_a_redirect_loop_ends(lake: Lake):
    lake.serve()
    lake.play(*[http_server.says(302, Location=PATH)] * 20)
    assert lake.fetch().error == "it is redirected more than 5 times"
    assert len(lake.server.requests("GET")) == 6


def test_a_redirect_to_a_local_file_is_refused(lake: Lake):
    lake.serve()
    lake.play(http_server.says(302, Location="file:///etc/hostname"))
    assert "only http and https" in (lake.fetch().error or "")


def test_chunks_without_a_length_are_whole_only_with_their_end(lake: Lake):
    lake.serve()
    lake.server.head_tricks[PATH].append(http_server.chunked)
    lake.play(http_server.chunked_and_broken, http_server.chunked)
    assert lake.fetch().tries == 2
    assert lake.path().read_bytes() == OLD


def test_a_file_whose_end_nothing_tells_is_refused(lake: Lake):
    lake.serve()
    lake.play(http_server.endless)
    assert "does not say where the file ends" in (lake.fetch().error or "")
    assert not lake.path().exists()


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


@pytest.mark.parametrize("field", ["Content-MD5", "x-goog-hash"])
def test_the_servers_md5_must_match(lake: Lake, field: str):
    prefix = "crc32c=AAAAAA==, md5=" if field == "x-goog-hash" else ""
    stored = lake.serve(headers={field: prefix + md5(NEW)})
    result = lake.fetch()
    assert (result.status, result.tries) == ("failed", QUICK.tries)
    assert "checksum" in (result.error or "")
    assert not lake.path().exists()
    stored.headers[field] = prefix + md5(OLD)
    assert lake.fetch().status == "fetched"


def test_what_was_fetched_is_not_asked_for_again(lake: Lake):
    lake.serve()
    first = lake.fetch()
    os.utime(lake.path(), (1, 1))  # as a copy without its times would have it: the bytes are read, and are the same
    asked = len(lake.server.seen)
    again = [lake.fetch(), lake.fetch()]
    assert [(r.status, r.sha256, r.tries) for r in again] == [("present", first.sha256, 0)] * 2
    assert len(lake.server.seen) == asked


def test_a_fetched_file_that_was_cut_or_changed_is_fetched_again(lake: Lake):
    lake.serve()
    for damage in (OLD[:1000], NEW):
        lake.fetch()
        times = lake.path().stat()
        lake.path().write_bytes(damage)
        if len(damage) < len(OLD):
            os.utime(lake.path(), ns=(times.st_atime_ns, times.st_mtime_ns))
        assert lake.fetch().status == "fetched"
        assert lake.path().read_bytes() == OLD


@pytest.mark.parametrize("check", [False, True])
def test_a_file_put_there_by_hand_is_left_alone(lake: Lake, capsys: pytest.CaptureFixture[str], check: bool):
    lake.serve()
    lake.path().parent.mkdir(parents=True)
    lake.path().write_bytes(b"mine")
    result = lake.fetch(check=check)
    assert (result.status, result.bytes, result.sha256) == ("present", 4, None)
    assert lake.path().read_bytes() == b"mine"
    assert not lake.server.seen
    assert "left alone" in capsys.readouterr().err


def test_check_asks_and_fetches_only_what_changed(lake: Lake):
    lake.serve()
    lake.fetch()
    assert lake.fetch(check=True).status == "present"
    assert lake.server.requests("HEAD")[-1].headers["If-None-Match"] == '"v1"'
    assert len(lake.server.requests("GET")) == 1
    lake.serve(NEW, etag='"v2"')
    assert lake.fetch().status == "present"
    assert lake.fetch(check=True).status == "fetched"
    assert lake.path().read_bytes() == NEW


def test_a_server_without_head_is_asked_with_get(lake: Lake):
    lake.serve()
    lake.server.head_tricks[PATH].append(http_server.says(405))
    assert lake.fetch().status == "fetched"


def test_a_disk_that_is_too_small_is_told_before_the_first_byte(lake: Lake):
    lake.serve()
    lake.server.head_tricks[PATH].append(http_server.says(200, Content_Length=str(10**18)))
    with pytest.raises(StoreError, match="1,000,000,000,000,000,000 bytes are to be fetched"):
        lake.fetch()
    assert not lake.server.requests("GET")


def test_several_files_come_at_once_but_not_more_than_connections(lake: Lake):
    names = [file.name for file in registry.find_release("v3").files]
    for name in names:
        lake.serve(name=name)
        lake.play(http_server.slowly(0.3), name=name)
    results = lake.fetch_all(*names)
    assert [r.file for r in results] == names
    assert {r.status for r in results} == {"fetched"}
    assert lake.server.busiest == QUICK.connections


def test_the_files_that_can_be_had_are_fetched_and_all_others_named(lake: Lake):
    lake.serve(name=OTHER)
    results = lake.fetch_all(NAME, OTHER, THIRD)
    assert [r.status for r in results] == ["fetched", "failed", "failed"]
    assert lake.path(OTHER).read_bytes() == OLD
    sentence = failure_sentence(results) or ""
    assert NAME in sentence
    assert THIRD in sentence
    assert OTHER not in sentence


def test_a_server_that_is_not_there_is_told_in_one_sentence(lake: Lake):
    lake.base = "http://127.0.0.1:9"
    result = lake.fetch()
    assert (result.status, result.tries) == ("failed", 3)
    assert result.error == "no connection to the server (try 3, the last)"


def test_a_proxy_of_the_environment_is_used(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", lake.server.url)
    lake.base = "http://files.example"
    lake.server.files[f"{lake.base}{PATH}"] = Stored(OLD)
    assert lake.fetch().status == "fetched"
    assert lake.path().read_bytes() == OLD


def started(lake: Lake) -> subprocess.Popen[str]:
    """The job in a process of its own, in the middle of a file that does not go on."""
    lake.serve()
    lake.play(http_server.falls_silent_after(100_000))
    call = [sys.executable, "-m", "oilake.jobs.fetch", "--release", "v3", "--file", NAME, "--from", lake.base]
    call += ["--landing", lake.settings.landing]
    process = subprocess.Popen(call, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    part, deadline = lake.path(f"{NAME}.part"), time.monotonic() + 20
    while not (part.exists() and part.stat().st_size == 100_000):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.fault
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupted_run_ends_at_once_and_the_next_goes_on(lake: Lake, sent: signal.Signals, code: int):
    process, before = started(lake), time.monotonic()
    assert "another fetch (process" in (lake.fetch().error or "")
    process.send_signal(sent)
    _, told = process.communicate(timeout=10)
    assert (process.returncode, time.monotonic() - before < 5) == (code, True)
    assert "Traceback" not in told
    assert not lake.path().exists()
    assert lake.fetch().status == "resumed"
    assert lake.ranges()[-1] == "bytes=100000-"
    assert lake.path().read_bytes() == OLD
    assert lake.leftovers() == [NAME]


def test_a_lock_of_a_dead_process_is_in_nobodys_way(lake: Lake):
    lake.serve()
    lake.path().parent.mkdir(parents=True)
    lake.path(f"{NAME}.lock").write_text("999999999")
    assert lake.fetch().status == "fetched"


def test_a_local_folder_is_copied_and_resumed(lake: Lake, tmp_path: Path):
    lake.base = str(tmp_path / "disk")
    source = tmp_path / "disk" / TAG / NAME
    source.parent.mkdir(parents=True)
    source.write_bytes(OLD)
    assert (lake.fetch().status, lake.path().read_bytes()) == ("fetched", OLD)
    assert lake.fetch(check=True).status == "present"
    note = json.loads(lake.path(f".fetched/{NAME}.json").read_text())
    lake.path().unlink()
    lake.leave_part(OLD[:1000], bytes=len(OLD), etag=note["etag"])
    assert (lake.fetch().status, lake.path().read_bytes()) == ("resumed", OLD)
    lake.path().unlink()
    lake.leave_part(NEW[:1000], bytes=len(OLD), etag='"another"')
    assert (lake.fetch().status, lake.path().read_bytes()) == ("fetched", OLD)
    assert "No such file" in (lake.fetch(OTHER).error or "")


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ("/nowhere", "no such folder"),
        ("ftp://example.org", "http, https, s3 or a local folder"),
        ("http://ann:secret@example.org", "must be plain"),
        ("LANDING", "onto themselves"),
    ],
)
def test_places_that_do_not_fit_are_refused(lake: Lake, base: str, told: str):
    lake.path().parent.mkdir(parents=True)
    lake.base = lake.settings.landing if base == "LANDING" else base
    with pytest.raises(ConfigError, match=told) as error:
        lake.fetch()
    assert "secret" not in str(error.value)


def test_a_landing_area_elsewhere_and_an_unknown_file_are_refused(lake: Lake):
    with pytest.raises(ConfigError, match=r"no file x\.csv; it has images_2017_11"):
        lake.fetch("x.csv")
    lake.settings = dataclasses.replace(lake.settings, landing="gs://bucket/landing")
    with pytest.raises(ConfigError, match="in a folder or on S3"):
        lake.fetch()


def test_settings_of_fetch_that_make_no_sense_are_refused(tmp_path: Path):
    text = (Path(conf_settings.__file__).parent / "local.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("connections: 4", "connections: 0"))
    with pytest.raises(ConfigError, match=r"mine\.yaml: fetch\.connections must be a whole number from 1 to 65536"):
        conf_settings.environment_settings(str(tmp_path / "mine.yaml"))


def test_the_command_prints_json_and_ends_with_two_when_a_file_failed(lake: Lake, capsys: pytest.CaptureFixture[str]):
    lake.serve()
    call = ["fetch", "--release", "v3", "--from", f"{lake.base}/", "--landing", lake.settings.landing, "--json"]
    assert cli.main([*call, "--file", NAME]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["file"], row["url"], row["bytes"]) == (NAME, f"{lake.base}{PATH}", len(OLD))
    assert (row["status"], row["sha256"]) == ("fetched", hashlib.sha256(OLD).hexdigest())
    assert cli.main([*call, "--file", NAME, "--file", OTHER]) == 2
    out, err = capsys.readouterr()
    assert [row["status"] for row in json.loads(out)] == ["failed", "present"]
    assert err.splitlines()[-1].startswith(f"oilake: not fetched: {OTHER} from {lake.base}/{TAG}/{OTHER}: the server")


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server.running_or_skip(tmp_path_factory.mktemp("s3") / "buckets") as endpoint:
        yield endpoint


def test_s3_is_fetched_resumed_and_never_mixed(lake: Lake, s3: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    lake.base = "s3://mirror/open-images"
    client = boto3.client("s3", region_name="us-east-1", config=Config(signature_version=UNSIGNED))
    client.create_bucket(Bucket="mirror")
    etag = client.put_object(Bucket="mirror", Key=f"open-images{PATH}", Body=OLD)["ETag"]
    assert lake.fetch(is_unsigned=True).status == "fetched"
    assert lake.path().read_bytes() == OLD
    assert lake.fetch(is_unsigned=True, check=True).status == "present"
    lake.path().unlink()
    lake.leave_part(OLD[:1000], bytes=len(OLD), etag=etag)
    assert (lake.fetch(is_unsigned=True).status, lake.path().read_bytes()) == ("resumed", OLD)
    lake.path().unlink()
    lake.leave_part(OLD, bytes=len(OLD), etag=etag)
    assert (lake.fetch(is_unsigned=True).status, lake.path().read_bytes()) == ("resumed", OLD)
    client.put_object(Bucket="mirror", Key=f"open-images{PATH}", Body=NEW)
    assert lake.fetch(is_unsigned=True, check=True).status == "fetched"
    lake.path().unlink()
    lake.leave_part(OLD[:1000], bytes=len(OLD), etag=etag)
    assert (lake.fetch(is_unsigned=True).status, lake.path().read_bytes()) == ("fetched", NEW)
    assert "the server answers 404" in (lake.fetch(OTHER, is_unsigned=True).error or "")


def test_an_s3_connection_that_breaks_or_falls_silent_is_resumed(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", lake.server.url)
    lake.base, path = "s3://mirror", f"/mirror{PATH}"
    lake.server.files[path] = Stored(OLD)
    lake.server.tricks[path].extend([http_server.falls_silent_after(100_000), http_server.says(503)])
    result = lake.fetch(is_unsigned=True, timeout_seconds=0.5)
    assert (result.status, result.tries) == ("resumed", 3)
    assert lake.path().read_bytes() == OLD
    lake.path().unlink()
    after = Stored(NEW, '"v2"')
    lake.server.tricks[path].extend(
        [http_server.breaks_after(100_000), http_server.changes_to(after, http_server.honest)]
    )
    assert lake.fetch(is_unsigned=True).tries == 3
    assert lake.path().read_bytes() == NEW


def test_s3_bytes_that_do_not_match_the_etag_are_refused(lake: Lake, s3: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    lake.base = "s3://spoiled/open-images"
    client = boto3.client("s3", region_name="us-east-1", config=Config(signature_version=UNSIGNED))
    client.create_bucket(Bucket="spoiled")
    etag = client.put_object(Bucket="spoiled", Key=f"open-images{PATH}", Body=OLD)["ETag"]
    lake.leave_part(NEW[:1000], bytes=len(OLD), etag=etag, md5=etag.strip('"'))
    assert lake.fetch(is_unsigned=True).tries == 2
    assert lake.path().read_bytes() == OLD
