"""Every published table on one road: rows as published, bad ones with their reasons, the same again, and released."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf.chosen_files import FileChoice
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.check import check
from oilake.jobs.ingest import ingest
from oilake.jobs.ingesting.release_files import noted_digests
from oilake.jobs.quarantining.released_tables import TABLES
from oilake.jobs.quarantining.reprocess import reprocess_release
from oilake.jobs.tables import parquet_footers
from oilake.jobs.tables.slice_files import published_files
from oilake.jobs.tables.snapshots import require_snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader
from oilake.schemas.release_registry import find_release
from tests.support import plain_tables
from tests.support.plain_tables import PLAIN_TABLES, RAW_IDS, RELEASE, ROWS, SUBSET, PlainTable

pytestmark = pytest.mark.slow

NEW_TABLES = [name for name in PLAIN_TABLES if name not in ("images", "labels", "boxes")]
ID_AS_HEX = "0" * (16 - len(RAW_IDS)) + RAW_IDS


@pytest.fixture(scope="module")
def published(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Where every table is published; only `release`, the last test, changes it."""
    folder = tmp_path_factory.mktemp("published")
    where = replace(
        settings,
        landing=str(plain_tables.land_tables(folder / "landing")),
        warehouse=str(folder / "lake"),
        limits=replace(settings.limits, max_share=0.5),
    )
    ingest(where, find_release(RELEASE), partial=True, accept_changed=True)
    return where


def table_rows(where: Settings, name: str, release: str = RELEASE) -> list[dict[str, Any]]:
    table = DeltaTable(f"{where.warehouse}/{name}")
    return list(table.to_pyarrow_table(filters=[("release", "=", release)]).to_pylist())


def test_every_published_table_of_rows_is_here():
    assert [*PLAIN_TABLES] == [*loader.row_tables()]


@pytest.mark.parametrize(("name", "table"), PLAIN_TABLES.items())
def test_rows_are_as_published_and_sorted_by_image(published: Settings, name: str, table: PlainTable):
    ours = table_rows(published, name)
    columns = [ours for ours, _ in table.columns.values()]
    assert sorted(repr([row[c] for c in columns]) for row in ours) == sorted(
        repr([row[c] for c in columns]) for row in table.rows()
    )
    assert {row["release"] for row in ours} == {RELEASE}
    if "subset" in ours[0]:
        assert {row["subset"] for row in ours} == {SUBSET}
        assert [row["image_id"] for row in ours] == sorted(row["image_id"] for row in ours)


@pytest.mark.parametrize(("name", "table"), PLAIN_TABLES.items())
def test_what_is_read_is_kept_or_quarantined(published: Settings, name: str, table: PlainTable):
    (counts,) = (row for row in table_rows(published, "release_files") if row["file"] == table.file)
    assert (counts["rows_read"], counts["rows_kept"]) == (ROWS + len(table.bad), ROWS)
    assert counts["rows_quarantined"] == len(table.bad)
    bad = [row for row in table_rows(published, "quarantine") if row["table_name"] == name]
    assert sorted((row["line"], row["raw"], row["reasons"]) for row in bad) == sorted(table.quarantined())


def test_again_it_is_the_same(published: Settings):
    release = find_release(RELEASE)
    before = {name: table_rows(published, name) for name in (*PLAIN_TABLES, "quarantine")}
    assert not ingest(published, release, partial=True, accept_changed=True).changed
    assert ingest(published, release, partial=True, accept_changed=True, force=True).changed
    assert {name: table_rows(published, name) for name in before} == before


def member_digests(published: Settings, release: str) -> dict[tuple[str, str], str]:
    """What decides the rows of each member of the release, as the file of `release_files` notes it."""
    warehouse = Warehouse.of(published)
    (file,) = published_files(warehouse, "release_files", require_snapshot(warehouse, release))
    return noted_digests(parquet_footers.footer_notes(file.uri))


def test_another_release_takes_over_what_it_shares(published: Settings):
    shared = [name for name in PLAIN_TABLES if name not in ("labels", "points")]
    choice = FileChoice(tuple(shared))
    ingest(published, find_release("v6"), partial=True, accept_changed=True, choice=choice)
    files = [PLAIN_TABLES[name].file for name in shared]
    digests = [
        {file: d for (file, _), d in member_digests(published, r).items() if file in files} for r in ("v6", RELEASE)
    ]
    assert digests[0] == digests[1]
    assert digests[0].keys() == {*files}
    for name in shared:
        ours, theirs = ([row | {"release": ""} for row in table_rows(published, name, r)] for r in ("v6", RELEASE))
        assert ours == theirs


@pytest.mark.slow
def test_every_promise_about_rows_holds(published: Settings):
    for name in NEW_TABLES:
        (checked,) = check(published, name, RELEASE).checked
        assert [r for r in checked.results if not r.success and r.severity == "critical"] == []


def test_rows_of_every_sorted_table_leave_quarantine(published: Settings):
    """The last one here: short IDs are said to be hexadecimal, and one row a table comes back in its place."""
    names = [name for name in PLAIN_TABLES if name in TABLES]
    before = {name: len(table_rows(published, name)) for name in PLAIN_TABLES}
    outcome = reprocess_release(published, with_hex_ids(find_release(RELEASE)))
    assert outcome.moved == dict.fromkeys(names, 1)
    for name in PLAIN_TABLES:
        assert len(table_rows(published, name)) == before[name] + (name in names)
    for name in names:
        ids = [row["image_id"] for row in table_rows(published, name)]
        assert ids == sorted(ids)
        assert ids.count(ID_AS_HEX) == 1


def with_hex_ids(release: Release) -> Release:
    """The release, its rows' image IDs known to be hexadecimal."""
    files = []
    for file in release.files:
        members = tuple(replace(member, ids="hex") if member.table in TABLES else member for member in file.members)
        files.append(replace(file, members=members))
    return replace(release, files=tuple(files))
