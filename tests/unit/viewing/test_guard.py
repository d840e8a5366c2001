"""Who may ask the viewer, and for what."""

from __future__ import annotations

import re
import socket
import subprocess
import sys

import pytest
from starlette.testclient import TestClient

from oilake.conf.errors import ConfigError
from oilake.jobs import cli
from oilake.jobs.surveying.locked_engine import LockedEngine
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.viewing.request_guard import RequestGuard, host_name
from oilake.jobs.viewing.view_address import view_address
from tests.unit.viewing.conftest import Open

pytestmark = pytest.mark.lengthy


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "evil.example:8321", "[::2]"])
def test_a_page_that_points_its_own_name_here_is_refused(browser: TestClient, host: str):
    assert browser.get("/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8321", "LOCALHOST", "[::1]:9"])
def test_this_machine_is_answered(browser: TestClient, host: str):
    assert browser.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_but_reading_is_done(browser: TestClient, method: str):
    answer = browser.request(method, "/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert browser.head("/").status_code == 200


def test_headers_stand_on_refusals_too(browser: TestClient):
    for answer in (browser.get("/"), browser.get("/none"), browser.get("/", headers={"Host": "x"})):
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


def test_others_need_the_token_and_keep_it_as_a_cookie(view_place: str, open_viewer: Open):
    client = open_viewer(view_place, host="0.0.0.0", names=("lake.example",))
    assert isinstance(client.app, RequestGuard)
    token = client.app.token
    assert client.get("/").status_code == 403
    assert client.get("/?token=wrong").status_code == 403
    answer = client.get(f"/browse?release=v3&token={token}", headers={"Host": "lake.example"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/browse?release=v3")
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["Set-Cookie"].split("; "))
    assert client.get("/", headers={"Cookie": f"token={token}"}).status_code == 200
    client.cookies.clear()
    elsewhere = client.get(f"http://127.0.0.1//evil.example?token={token}").headers["Location"]
    assert elsewhere.startswith("/")
    assert not elsewhere.startswith("//")


def test_the_token_is_asked_where_others_can_call():
    assert view_address("127.0.0.1", 1, []).token is None
    assert view_address("::1", 1, []).url(5) == "http://[::1]:5/"
    there = view_address("192.168.1.5", 1, [])
    assert there.url(5) == f"http://192.168.1.5:5/?token={there.token}"
    assert view_address("0.0.0.0", 1, ["lake"]).url(5).startswith("http://lake:5/?token=")
    with pytest.raises(ConfigError, match="--name"):
        view_address("0.0.0.0", 1, [])
    with pytest.raises(ConfigError, match="--port"):
        view_address("127.0.0.1", 70_000, [])
    with pytest.raises(ConfigError, match="no name of a host"):
        view_address("127.0.0.1", 1, ["http://lake/"])


def test_hosts_are_read_without_port_and_brackets():
    assert [host_name(text) for text in ("A.b:80", "[::1]:80", "x.", "::1")] == ["a.b", "::1", "x", ""]


def test_the_engine_reads_the_warehouse_and_nothing_else(view_place: str, tmp_path):
    engine = LockedEngine(Warehouse.at(view_place))
    (tmp_path / "secret.csv").write_text("a\n1\n")
    reads = (f"FROM read_csv('{tmp_path}/secret.csv')", "FROM read_text('/etc/hostname')")
    for text in (*reads, "INSTALL httpfs", "SET threads = 8"):
        with pytest.raises(Exception, match="cannot be read"):
            engine.begin_query().read_rows(text)


def test_a_call_that_does_not_fit_is_one_sentence(view_place: str, capsys: pytest.CaptureFixture[str]):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for flags in (["--port", port], ["--blobs", "/no/such/place"], ["--host", "0.0.0.0"], ["--host", "no host"]):
            assert cli.main(["view", "--warehouse", view_place, *flags]) == 2
            assert re.fullmatch(r"oilake: [^\n]*\n", capsys.readouterr().err)


def test_a_folder_that_is_not_there_is_told_and_not_shown_as_empty(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["view", "--warehouse", "/no/such/lake", "--port", "0"]) == 2
    assert capsys.readouterr().err == (
        "oilake: /no/such/lake: there is no such folder; --warehouse must name that of the tables\n"
    )


def test_the_server_is_imported_when_the_viewer_runs_and_not_before():
    listed = "[name for name in ('starlette', 'uvicorn', 'duckdb') if name in sys.modules]"
    code = f"import sys, oilake.jobs.view; print({listed})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
