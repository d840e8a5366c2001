"""What a run read and wrote goes to OpenLineage's receiver as events, where one is configured, and never holds a job up."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from oilake.conf.errors import DataQualityError
from oilake.jobs import cli
from oilake.jobs.operations import lineage_events
from oilake.jobs.runtime import run_events, run_ids
from oilake.jobs.synthetic.serve import served_in_thread
from tests.support import publications
from tests.support.watched_jobs import call_job
from tests.unit.operations.test_job_runs import rows_of

pytestmark = pytest.mark.lengthy

Event = dict[str, Any]
SECRET = "a-key-that-nobody-may-see"


class Receiver(ThreadingHTTPServer):
    """Takes events at OpenLineage's address; answers `status`, where that is None not before the test has ended."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.events: list[Event] = []
        self.keys: list[str | None] = []
        self.status: int | None = 201
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/api/v1/lineage"
        if self.server.status is None:
            self.server.ended.wait(60)
        self.server.events.append(json.loads(body))
        self.server.keys.append(self.headers["Authorization"])
        self.send_response(self.server.status or 201)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with served_in_thread(Receiver()) as server:
        yield server
        server.ended.set()


@pytest.fixture
def environment(tmp_path: Path, receiver: Receiver) -> str:
    """An environment like the packaged one whose events go to the receiver."""
    return write_environment(tmp_path, receiver.url)


def write_environment(folder: Path, url: str, wait_seconds: float = 5) -> str:
    text = Path("conf/local.yaml").read_text()
    (folder / "own.yaml").write_text(
        f"{text}lineage: {{url: '{url}', namespace: lake, wait_seconds: {wait_seconds}}}\n"
    )
    return str(folder / "own.yaml")


def publish(lake: str) -> None:
    publications.publish_rows(lake, run_ids.new_run_id(), 5)
    run_events.tell(run_events.InputsRead({f"{lake}/../landing/images.csv": "0" * 64}, are_files=True))


def test_a_run_is_told_as_it_begins_and_when_it_is_complete(lake: str, environment: str, receiver: Receiver):
    assert call_job(lake, lambda: publish(lake), "--env", environment) == 0
    start, complete = receiver.events
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert (start["job"]["namespace"], start["job"]["name"]) == ("lake", "ingest")
    assert start["run"]["runId"] == complete["run"]["runId"]
    [row] = rows_of(lake)
    assert complete["run"]["runId"] == lineage_events.event_run_id(row["run_id"])
    assert {"key": "run_id", "value": row["run_id"], "source": "oilake"} in complete["run"]["facets"]["tags"]["tags"]
    assert [(one["namespace"], one["name"]) for one in complete["inputs"]] == [
        ("file", f"{lake}/../landing/images.csv")
    ]
    assert start.get("outputs", []) == []


def test_tables_that_were_written_have_schema_version_and_counts(lake: str, environment: str, receiver: Receiver):
    call_job(lake, lambda: publish(lake), "--env", environment)
    outputs = {one["name"].rpartition("/")[2]: one for one in receiver.events[-1]["outputs"]}
    assert outputs.keys() == publications.MARKS.keys()
    images = outputs["images"]
    assert (images["namespace"], images["name"]) == ("file", f"{lake}/images")
    assert images["outputFacets"]["outputStatistics"]["rowCount"] == 5
    assert images["outputFacets"]["outputStatistics"]["fileCount"] == 1
    columns = {column["name"]: column for column in images["facets"]["schema"]["fields"]}
    assert columns["image_id"]["type"] == "string"
    assert columns["image_id"]["ordinal_position"] == 3
    assert int(images["facets"]["version"]["datasetVersion"]) > 1


def test_a_check_tells_each_promise_and_no_row(lake: str, environment: str, receiver: Receiver):
    code = cli.main(["check", "classes", "--release", "v3", "--warehouse", lake, "--env", environment])
    assert code in (0, 1)
    event = receiver.events[-1]
    assert event["eventType"] == ("FAIL" if code else "COMPLETE")
    [classes] = [one for one in event["inputs"] if one["name"].endswith("/classes")]
    assertions = classes["inputFacets"]["dataQualityAssertions"]["assertions"]
    by_name = {one["name"]: one for one in assertions}
    broken = by_name["key_is_unique"]
    assert (broken["success"], broken["severity"], broken["params"]) == (False, "error", {"release": "v3"})
    assert "example" not in json.dumps(assertions)


def test_a_run_that_fails_tells_its_sentence(lake: str, environment: str, receiver: Receiver):
    def fail() -> None:
        raise DataQualityError("boxes: 3 rows break the promise")

    assert call_job(lake, fail, "--env", environment) == 1
    assert receiver.events[-1]["eventType"] == "FAIL"
    assert receiver.events[-1]["run"]["facets"]["errorMessage"]["message"] == "boxes: 3 rows break the promise"


def test_no_event_holds_a_secret(lake: str, environment: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENLINEAGE_API_KEY", SECRET)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert call_job(lake, lambda: publish(lake), "--env", environment) == 0
    assert receiver.keys == [f"Bearer {SECRET}"] * 2
    assert SECRET not in json.dumps(receiver.events)
    assert lineage_events.dataset_name(f"s3://key:{SECRET}@bucket/lake/images") == ("s3://bucket", "lake/images")


def test_the_variables_of_openlineage_are_enough(lake: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENLINEAGE_URL", receiver.url)
    words = [sys.executable, "-m", "oilake.jobs.cli", "maintain", "masks", "--warehouse", lake]
    assert subprocess.run(words, capture_output=True, text=True).stderr == ""
    assert [event["eventType"] for event in receiver.events] == ["START", "COMPLETE"]


def test_jobs_that_only_read_tell_nothing(lake: str, environment: str, receiver: Receiver):
    cli.main(["maintain", "--dry-run", "--warehouse", lake, "--env", environment])
    assert not receiver.events


@pytest.mark.parametrize(
    ("status", "cause"), [(400, "the receiver answers 400"), (None, "the receiver has not answered in 0.5 s")]
)
def test_a_receiver_that_fails_is_one_warning_and_bounded_seconds(
    lake: str, tmp_path: Path, receiver: Receiver, status: int | None, cause: str,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    receiver.status = status
    assert call_job(lake, lambda: None, "--env", write_environment(tmp_path, receiver.url, 0.5)) == 0
    [warning] = capsys.readouterr().err.splitlines()
    assert warning.startswith("lineage is not all sent (")
    assert cause in warning


def test_a_receiver_that_refuses_is_told_as_such_before_the_time_is_over(lake: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    words = [sys.executable, "-m", "oilake.jobs.cli", "maintain", "masks", "--warehouse", lake]
    warning = subprocess.run(words, capture_output=True, text=True).stderr
    assert warning.startswith("lineage is not all sent (the receiver cannot be reached: ConnectionError)")


def test_a_receiver_that_is_not_there_is_one_warning(lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert call_job(lake, lambda: None, "--env", write_environment(tmp_path, f"http://127.0.0.1:9/?key={SECRET}")) == 0
    [warning] = capsys.readouterr().err.splitlines()
    assert "the receiver cannot be reached: ConnectionError" in warning
    assert SECRET not in warning
    assert [row["outcome"] for row in rows_of(lake)] == ["done"]


def test_nothing_of_the_library_is_loaded_where_nobody_listens(lake: str):
    program = (
        "import sys\nfrom oilake.jobs import cli\n"
        f"assert cli.main(['maintain', 'masks', '--warehouse', {lake!r}]) == 0\n"
        "assert 'openlineage' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_without_the_library_a_sentence_says_what_to_install(
    lake: str, environment: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "openlineage.client", None)
    assert call_job(lake, lambda: None, "--env", environment) == 0
    [warning] = capsys.readouterr().err.splitlines()
    assert "install the extra `lineage`" in warning
