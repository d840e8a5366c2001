"""A path works from the first job to the last, or is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from oilake.conf.errors import ConfigError
from oilake.conf.places import refuse_odd_folder, refuse_odd_warehouse
from oilake.jobs import cli
from oilake.jobs.blobs import locations, open_store
from oilake.jobs.tables.quoting import path_table
from tests.conftest import Oilake
from tests.support.releases import land

REFUSED = {
    "100%25x": "%25 in its path",
    "%00": "%00 in its path",
    "back\\slash": "a backslash in its path",
    "new\nline": "the character U+000A in its path",
    "tab\tx": "the character U+0009 in its path",
    "bell\x07": "the character U+0007 in its path",
    "half\udcff": "the character U+DCFF in its path",
}
JOBS = (
    ("ingest", "--release", "v3"),
    ("reconcile", "--release", "v3"),
    ("check",),
    ("show", "labels"),
    ("docs",),
    ("maintain",),
    ("quarantine", "summary"),
    ("propose", "labels"),
    ("releases",),
)


@pytest.mark.lengthy
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job[0])
def test_what_not_every_library_reads_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], job: tuple[str, ...], name: str
):
    code = cli.main([*job, "--warehouse", f"{tmp_path}/{name}"])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert REFUSED[name] in err
    assert err.count("\n") == 1, "one sentence in one line"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("s3n://bucket/x", "s3n:// is not read; write s3:// instead"),
        ("ftp://host/x", "ftp:// is not read; --warehouse takes a folder or s3://bucket/prefix"),
        ("s3://bucket/a#b", "# in a URI is not read alike"),
        ("s3://bucket/a?b", "? in a URI is not read alike"),
        ("s3://bucket/a%20b", "% in a URI is not read alike"),
        ("s3://bucket/a b", "in a URI is not read alike"),
        ("file:///a`b", "` in a URI is not read alike"),
    ],
)
def test_a_uri_is_plain(uri: str, sentence: str):
    with pytest.raises(ConfigError) as refused:
        refuse_odd_warehouse(uri)
    assert sentence in str(refused.value)


def test_ordinary_places_pass():
    for place in ("/a/b", "/a b/c#d", "/50%/x", "s3://bucket/pre-fix_1/x=y", "file:///tmp/x", "/ünïcode/写真"):
        refuse_odd_warehouse(place)
    for place in ("/a\\b", "/100%25x", "s3://bucket/x?region=eu-west-1", ""):
        refuse_odd_folder("landing", place)


def test_places_of_images_and_files_are_of_one_line():
    for place in (locations.locate_blobs, open_store.target_location):
        with pytest.raises(ConfigError, match=r"a\\nb: a path for --\w+ must not hold the character U\+000A"):
            place("/a\nb")
    with pytest.raises(ConfigError, match="a path for --landing must not hold"):
        refuse_odd_folder("landing", "/a\x1b[2J")


def test_a_backtick_is_doubled():
    assert path_table("/a`b") == "delta.`/a``b`"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hash#tag", "ques?x", "back`tick 'n' \"q\" [a]{b,c}* 50% ü"])
def test_odd_characters_work_from_ingest_to_check(oilake: Oilake, tmp_path: Path, name: str):
    """Landing area, registry, warehouse and pages all lie in such a folder."""
    home = tmp_path / name
    land(home / "landing")
    place = ("--warehouse", str(home / "lake"))
    for job in (
        ("ingest", "--release", "v3", "--landing", str(home / "landing"), "--partial"),
        ("reconcile", "--release", "v3"),
        ("duplicates", "--release", "v3"),
        ("show", "labels", "--release", "v3"),
        ("show", "image_labels"),
        ("check",),
        ("propose", "labels"),
        ("docs", "--to", str(home / "docs")),
        ("maintain", "--landing", str(home / "landing")),
    ):
        code, out, err = oilake(*job, *place)
        assert (code, "Traceback" in err) in ((0, False), (1, False)), (job, out, err)
        assert out
    code, out, err = oilake("check", str(home / "lake" / "labels"))
    assert code in (0, 1), err
    code, out, _ = oilake("maintain", "--landing", str(home / "landing"), *place)
    assert (code, out.endswith("nothing to do\n")) == (0, True)
