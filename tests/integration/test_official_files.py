"""The files that an export writes again, taken by `oilake ingest` as published ones are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Oilake
from tests.support import table_readers
from tests.support.samples import write_sample

pytestmark = pytest.mark.slow

TABLES = ("images", "labels", "boxes", "masks", "relationships", "points", "narratives", "classes", "hierarchy")


def test_ingest_makes_equal_tables_of_them(oilake: Oilake, tmp_path: Path) -> None:
    sample = write_sample(tmp_path / "sample", "--releases", "v3,v7", "--scale", "0.00002")
    registry = ("--registry", str(sample / "registry"))
    first, second, files = (str(tmp_path / name) for name in ("first", "second", "files"))
    for release in ("v3", "v7"):
        words = ("ingest", "--release", release, *registry)
        assert oilake(*words, "--landing", str(sample), "--warehouse", first)[0] == 0
        out = f"{files}-{release}"
        words_of_export = ("export", "official", "--release", release, *registry, "--out", out, "--warehouse", first)
        assert oilake(*words_of_export)[0] == 0
        code, _, errors = oilake(*words, "--landing", out, "--warehouse", second, "--accept-changed")
        assert code == 0, errors
        for table in TABLES:
            before, after = (sorted(map(repr, table_readers.rows(place, table, release))) for place in (first, second))
            assert before == after, table
