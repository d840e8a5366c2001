"""The real rows as the files that an export writes again: ingest makes equal tables of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from oilake.schemas.release_registry import find_release
from tests.conftest import Oilake
from tests.support import real_plain, table_readers

pytestmark = [pytest.mark.real, pytest.mark.slow]

TABLES = ("images", "labels", "boxes", "relationships", "classes", "hierarchy")
WITH_ROWS = {
    "v3": {"images", "labels", "boxes", "classes", "hierarchy"},
    "v5": {"images", "labels", "boxes", "relationships", "classes", "hierarchy"},
    "v7": {"images", "labels", "boxes", "classes", "hierarchy"},
}


@pytest.mark.parametrize("release", WITH_ROWS)
def test_ingest_makes_equal_tables_of_what_is_written_again(
    oilake: Oilake, real: Path, tmp_path: Path, release: str
) -> None:
    landing, first, second, out = real, *(str(tmp_path / name) for name in ("first", "second", "files"))
    if release != "v3":
        landing = tmp_path / "landing"
        real_plain.land_rows(real, landing)
        real_plain.list_images(landing, find_release(release))
    ingest = ("ingest", "--release", release, "--partial", "--accept-changed")
    assert oilake(*ingest, "--landing", str(landing), "--warehouse", first)[0] == 0
    assert oilake("export", "official", "--release", release, "--out", out, "--warehouse", first)[0] == 0
    code, _, errors = oilake(*ingest, "--landing", out, "--warehouse", second)
    assert code == 0, errors
    filled = set()
    for table in TABLES:
        before, after = (sorted(map(repr, table_readers.rows(place, table, release))) for place in (first, second))
        assert before == after, table
        filled |= {table} if before else set()
    assert filled == WITH_ROWS[release]
