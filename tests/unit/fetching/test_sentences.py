"""What the files and the system do wrong is told with the file, the cause and the remedy."""

from __future__ import annotations

import argparse
import errno
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from oilake.conf import registry
from oilake.conf.errors import ConfigError, InputError
from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.fetching import locations, results
from oilake.jobs.fetching.results import FetchResult
from oilake.jobs.runtime import entrypoint, filesystem
from oilake.jobs.runtime.fetch_receipt import load_receipt
from oilake.jobs.sources import byte_ranges, class_lists, splits
from oilake.jobs.sources.splits import Split
from oilake.jobs.transport import http, http_headers
from tests.support.registry_files import fetch_item


class Failing(io.RawIOBase):
    """A file on a disk that fails."""

    def read(self, size: int = -1) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset


@contextmanager
def failing(uri: str) -> Iterator[Any]:
    yield Failing()


def plain_file() -> tuple[Split, dict[str, Any]]:
    release = registry.find_release("v3")
    file = next(file for file in release.files if file.members[0].format == "csv")
    expected = registry.expected_members(release, file)[0]
    return Split("rows.csv", "/x/rows.csv", "plain", 1 << 20, stop=10), {"rows.csv": expected}


def test_a_disk_that_fails_is_told_with_the_file(monkeypatch: pytest.MonkeyPatch):
    for module, opener in (
        (splits, "open_file"),
        (byte_ranges, "open_file"),
        (filesystem, "open_stream"),
        (class_lists, "open_stream"),
    ):
        monkeypatch.setattr(module, opener, failing)
    split, wanted = plain_file()
    columns = registry.find_release("v3").columns
    reads = {
        "rows.csv": lambda: list(splits.read_chunks(split, wanted, columns, 1 << 20)),
        "/x/rows.csv": lambda: byte_ranges.plan_ranges("/x/rows.csv", 100, 3),
        "/x/sums.csv": lambda: filesystem.file_checksums("/x/sums.csv"),
        "tree.json": lambda: list(
            class_lists.read_contents("tree.json", "/x/tree.json", "plain", {"tree.json": wanted["rows.csv"]})
        ),
    }
    for name, read in reads.items():
        with pytest.raises(
            InputError, match=rf"^{name}: cannot be read \(.*Input/output error\); check its rights and the disk$"
        ):
            read()


@pytest.mark.parametrize("uri", ["s3n://bucket/warehouse", "gopher://x/y", "http://h/x", "://"])
def test_a_place_of_no_known_kind_is_named(uri: str):
    with pytest.raises(
        ConfigError, match=r"^.*is no place to read or write \(.*\); give a folder or s3://bucket/prefix$"
    ):
        filesystem.open_filesystem(uri)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), "/x/y: Permission denied; check"),
        (OSError("When getting information\nfor key 'a'"), "When getting information for key 'a'; check"),
        (OSError(), "OSError; check"),
    ],
)
def test_what_the_system_says_has_a_remedy(capsys: pytest.CaptureFixture[str], error: OSError, told: str):
    def run(_: argparse.Namespace) -> int:
        raise error

    assert entrypoint.run_guarded(run, argparse.Namespace()) == 2
    assert capsys.readouterr().err.startswith(f"oilake: {told} the place, its rights, the disk and the network")


def test_files_that_did_not_come_are_told_with_the_remedy():
    gone = [
        FetchResult(name, f"http://h/{name}", None, None, "failed", error="the server answers 404") for name in "ab"
    ]
    assert results.failure_sentence(gone) == (
        "not fetched: a, b from http://h/a: the server answers 404; mend what is named, then run the same command again, "
        "it goes on where it stopped"
    )


@pytest.mark.parametrize(
    "url", ["ftp://h/x", "http://u:p@h/x", "http://h/x?y=1", "http://h:99999/x", "http://h:port/x"]
)
def test_an_address_that_does_not_fit_is_told_with_the_remedy(tmp_path: Path, url: str):
    with pytest.raises(ConfigError, match=r"correct --from"):
        locations.sources_by_address([fetch_item("x", url, tmp_path)], FetchSettings(), Storage())


def test_a_hierarchy_of_other_nodes_is_not_expanded():
    deep = json.dumps({"name": "Entity", "children": [["x" * 10_000]]}).encode()
    with pytest.raises(
        InputError, match=r"^tree\.json: this is no hierarchy of named nodes \(see one of 1 entries \(list\)\); fetch"
    ):
        class_lists.parse_hierarchy(deep, "tree.json")
    for document in (b"[" * 100_000, b'{"name": 1' + b"0" * 10_000 + b"}"):
        with pytest.raises(
            InputError, match=r"^tree\.json: this is no JSON document \(.{1,150}\); fetch the file again$"
        ):
            class_lists.parse_hierarchy(document, "tree.json")


def test_a_class_list_is_not_read_without_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(class_lists, "LARGEST_BYTES", 1 << 20)
    with pytest.raises(
        InputError, match=r"^list\.csv: larger than 1 MiB, which no class list is; fetch the file again$"
    ):
        class_lists._read_whole(lambda size: bytes(size), "list.csv")


@pytest.mark.parametrize("count", ["9" * 5000, "-1", "1_0", "\u0661", "", "x", "1e3"])
def test_a_length_that_is_none_is_not_known(count: str):
    assert http_headers.content_length({"Content-Length": count}) is None
    assert http_headers.retry_after_seconds({"Retry-After": count}) is None


@pytest.mark.parametrize(
    "date", ["Thu, 01 Jan 99999999999999999999 00:00:00 GMT", "x" * 10_000, "Thu, 01 Jan 2017 99:99:99 GMT"]
)
def test_a_date_that_is_none_is_not_known(date: str):
    assert http_headers.answer_version({"Last-Modified": date, "Date": date}, 1).last_modified is None


def test_a_receipt_that_cannot_be_read_is_none(tmp_path: Path):
    (tmp_path / ".fetched").mkdir()
    for note in ("[" * 100_000, "{", "[]", '{"bytes": 1}'):
        (tmp_path / ".fetched" / "x.json").write_text(note)
        assert load_receipt(tmp_path / "x") is None


def test_a_proxy_that_is_none_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "socks5://user:secret@h:1")
    with pytest.raises(
        ConfigError, match=r"^HTTP_PROXY: socks5://h:1 is no http or https proxy; correct or unset it$"
    ) as refusal:
        http.http_source(FetchSettings(), Storage())
    assert "secret" not in str(refusal.value)
