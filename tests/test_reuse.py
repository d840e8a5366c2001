"""Label text that another release has made a file of is taken from there, and the rows are those that reading gives."""

from __future__ import annotations

import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from conf import registry
from conf.settings import Settings
from jobs import cli, reuse
from jobs.ingest import ingest
from jobs.tables import create
from tests import readers

MACHINE = "annotations_machine_2017_11.tar.gz"
TAKEN = "label rows stand in another release word for word"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    assert cli.main(["sample", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def lake(sample: Path, spark: SparkSession, settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a warehouse that holds V2."""
    mine = replace(settings, warehouse=str(tmp_path / "lake"), landing=str(tmp_path / "landing"))
    shutil.copytree(sample, mine.landing)
    ingest(mine, registry.find("v2", str(sample / "registry")))
    return mine


def labels(warehouse: str) -> list[dict[str, object]]:
    return sorted(readers.rows(warehouse, "labels"), key=repr)


def alone(sample: Path, mine: Settings, tmp_path: Path) -> list[dict[str, object]]:
    """The rows of V3 where no other release is."""
    other = replace(mine, warehouse=str(tmp_path / "alone"))
    ingest(other, registry.find("v3", str(sample / "registry")))
    return labels(other.warehouse)


def test_equal_machine_labels_are_taken_and_the_rows_are_the_same(
    sample: Path, lake: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    capsys.readouterr()
    summary = ingest(lake, registry.find("v3", str(sample / "registry")))
    machine = sum(counts.get("machine", 0) for counts in summary.rows.values())
    assert f"v3: {machine:,} {TAKEN}" in capsys.readouterr().err
    assert labels(lake.warehouse) == alone(sample, lake, tmp_path)
    assert TAKEN not in capsys.readouterr().err


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
    summary = ingest(lake, registry.find("v3", str(sample / "registry")))
    machine = sum(counts.get("machine", 0) for counts in summary.rows.values())
    told = capsys.readouterr().err
    assert TAKEN in told
    assert f"{machine:,} {TAKEN}" not in told
    assert labels(lake.warehouse) == alone(sample, lake, tmp_path)


def test_a_file_that_is_gone_is_read_again(
    sample: Path, lake: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from jobs import earlier

    found = earlier.texts(lake.warehouse, "v3")
    assert found
    monkeypatch.setattr(earlier, "texts", lambda *_: {digest: f"{uri}.gone" for digest, uri in found.items()})
    ingest(lake, registry.find("v3", str(sample / "registry")))
    assert labels(lake.warehouse) == alone(sample, lake, tmp_path)


def test_a_file_whose_source_the_release_does_not_declare_has_no_origin(lake: Settings, spark: SparkSession):
    create.ensure(spark, lake.warehouse)
    file = next(uri for uri in DeltaTable(f"{lake.warehouse}/labels").file_uris() if "origin=machine" in uri)
    assert reuse.origin(file, {"machine": "machine", "human": "human"}) == "machine"
    assert reuse.origin(file, {"human": "human"}) is None


def test_other_code_or_another_header_is_another_text():
    names = ("image_id", "source", "mid", "confidence")
    digests = {reuse.digest(seed, found).hexdigest() for seed in (b"a", b"b") for found in (names, names[::-1])}
    assert len(digests) == 4
