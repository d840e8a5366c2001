"""What `oilake changes` says before there is anything to compare."""

from __future__ import annotations

from pathlib import Path

import pytest

from oilake.jobs import cli
from oilake.jobs.tables.snapshots import INGEST
from tests.support.view_lake import image, make_tables, publish_rows


def test_all_of_one_release_is_nothing_to_compare_and_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    make_tables(str(tmp_path))
    publish_rows(str(tmp_path), "v1", INGEST, {"images": [image("v1", 0)]})
    assert cli.main(["changes", "--all", "--warehouse", str(tmp_path)]) == 0
    assert f"{tmp_path}: only v1 is published here, so there is nothing to compare yet" in capsys.readouterr().err
