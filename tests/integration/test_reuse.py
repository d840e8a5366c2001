"""Label text that another release has made a file of is taken from there, and the rows are those that reading gives."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.conf.errors import DataQualityError
from oilake.conf.settings import Settings
from oilake.jobs import cli
from oilake.jobs.ingest import ingest
from oilake.jobs.ingesting import reusable_files, reuse
from oilake.jobs.runtime import code_version
from oilake.jobs.tables.snapshots import newest_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import table_readers

MACHINE = "annotations_machine_2017_11.tar.gz"
TAKEN = "label rows stand in another release word for word"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    assert cli.main(["sample", "--out", str(folder), "--releases", "v1,v2,v3"]) == 0
    return folder


@pytest.fixture(scope="module")
def v2(sample: Path, spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that holds V2; copied, never written to."""
    folder = tmp_path_factory.mktemp("v2") / "lake"
    ingest(
        replace(settings, warehouse=str(folder), landing=str(sample)),
        registry.find_release("v2", str(sample / "registry")),
    )
    return folder


@pytest.fixture
def lake(sample: Path, v2: Path, settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a warehouse that holds V2, and of archives of the test's own."""
    mine = replace(settings, warehouse=str(tmp_path / "lake"), landing=str(tmp_path / "landing"))
    shutil.copytree(sample, mine.landing)
    shutil.copytree(v2, mine.warehouse)
    return mine


def labels(warehouse: str) -> list[dict[str, object]]:
    return sorted(table_readers.rows(warehouse, "labels"), key=repr)


@pytest.fixture(scope="module")
def v3_alone(
    sample: Path, spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, object]]:
    """The rows of the sample's V3 where no other release is."""
    return alone(sample, replace(settings, landing=str(sample)), tmp_path_factory.mktemp("v3"))


def alone(sample: Path, mine: Settings, tmp_path: Path) -> list[dict[str, object]]:
    """The rows of V3 from the archives of `mine` where no other release is."""
    other = replace(mine, warehouse=str(tmp_path / "alone"))
    ingest(other, registry.find_release("v3", str(sample / "registry")))
    return labels(other.warehouse)


def test_equal_machine_labels_are_taken_and_the_rows_are_the_same(
    sample: Path, lake: Settings, v3_alone: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
):
    assert TAKEN not in capsys.readouterr().err
    summary = ingest(lake, registry.find_release("v3", str(sample / "registry")))
    machine = sum(counts.get("machine", 0) for counts in summary.rows.values())
    assert f"v3: {machine:,} {TAKEN}" in capsys.readouterr().err
    assert labels(lake.warehouse) == v3_alone


def test_text_that_differs_in_one_byte_is_read(
    sample: Path, lake: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    archive = Path(lake.landing) / "2017_11" / MACHINE
    text = gzip.decompress(archive.read_bytes())
    place = text.index(b",machine,") + len(b",machine,/m/0")
    archive.write_bytes(
        gzip.compress(text[:place] + (b"1" if text[place : place + 1] != b"1" else b"2") + text[place + 1 :])
    )
    capsys.readouterr()
    summary = ingest(lake, registry.find_release("v3", str(sample / "registry")))
    machine = sum(counts.get("machine", 0) for counts in summary.rows.values())
    told = capsys.readouterr().err
    assert TAKEN in told
    assert f"{machine:,} {TAKEN}" not in told
    assert labels(lake.warehouse) == alone(sample, lake, tmp_path)


def damage(path: str) -> None:
    data = bytearray(Path(path).read_bytes())
    data[-12:] = b"no parquet.."
    Path(path).write_bytes(data)


@pytest.mark.parametrize("harm", [damage, lambda path: Path(path).unlink()], ids=["damaged", "gone"])
@pytest.mark.parametrize("late", [False, True], ids=["before", "meanwhile"])
def test_a_file_that_cannot_be_taken_is_no_help_and_no_harm(
    sample: Path,
    lake: Settings,
    v3_alone: list[dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[str], None],
    late: bool,
):
    found = reusable_files.find_reusable(
        Warehouse.at(lake.warehouse), "v3", newest_snapshots(Warehouse.at(lake.warehouse))
    )
    assert found
    for known in found.values():
        harm(known.uri)
    if late:
        monkeypatch.setattr(reusable_files, "find_reusable", lambda *_: found)
    ingest(lake, registry.find_release("v3", str(sample / "registry")))
    assert labels(lake.warehouse) == v3_alone


def test_force_takes_nothing(sample: Path, lake: Settings, capsys: pytest.CaptureFixture[str]):
    ingest(lake, registry.find_release("v3", str(sample / "registry")), force=True)
    assert TAKEN not in capsys.readouterr().err


def test_what_other_code_made_is_not_taken(
    sample: Path, lake: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """As after an edit of the kernel: its files are made anew, also where another release holds the same text."""
    monkeypatch.setattr(code_version, "code_digest", lambda *_: b"of the edited code")
    ingest(lake, registry.find_release("v3", str(sample / "registry")))
    assert TAKEN not in capsys.readouterr().err


def test_rows_are_judged_again_where_their_source_has_another_origin(sample: Path, lake: Settings):
    release = registry.find_release("v3", str(sample / "registry"))
    other = replace(release, sources={**release.sources, "machine": "human"})
    with pytest.raises(DataQualityError, match="invalid_confidence"):
        ingest(lake, other)


def test_a_file_is_taken_where_its_sources_have_the_same_origin(lake: Settings):
    known = next(
        one
        for one in reusable_files.find_reusable(
            Warehouse.at(lake.warehouse), "v3", newest_snapshots(Warehouse.at(lake.warehouse))
        ).values()
        if one.origin == "machine"
    )
    assert reuse.is_same_origin(known, {"machine": "machine", "human": "human"})
    assert not reuse.is_same_origin(known, {"machine": "human"})
    assert not reuse.is_same_origin(known, {"human": "human"})


def test_other_code_or_another_header_is_another_text():
    names = ("image_id", "source", "mid", "confidence")
    digests = {reuse.begin_digest(seed, found).hexdigest() for seed in (b"a", b"b") for found in (names, names[::-1])}
    assert len(digests) == 4
