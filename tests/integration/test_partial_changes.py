"""Releases that were taken in part: what one of them lacks is neither removed nor added."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy, registry
from oilake.conf.chosen_files import FileChoice
from oilake.conf.settings import Settings
from oilake.jobs import api
from oilake.jobs.changes import changes, compare_neighbours
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from oilake.jobs.reconciling.partial_releases import PartialReleaseError
from tests.conftest import Oilake
from tests.support.releases import land

pytestmark = pytest.mark.slow

VALIDATION = FileChoice(subsets=("validation",))


def test_what_was_not_taken_is_not_told_as_removed(
    spark: SparkSession,
    settings: Settings,
    oilake: Oilake,
    warehouse: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    mine = replace(settings, landing=str(land(tmp_path)), warehouse=warehouse)
    earlier, later = (replace(registry.find_release("v3"), release=name) for name in ("v2", "v3"))
    for release, choice in ((earlier, FileChoice()), (later, VALIDATION)):
        ingest(mine, release, choice=choice)
        reconcile(mine, release, reconcile_policy.load_policy())
    with pytest.raises(PartialReleaseError) as refused:
        changes(mine, "v2", "v3")
    assert "v3 was taken in part, and what it lacks was neither removed nor added: v2 holds boxes of test" in str(
        refused.value
    )
    assert "run `oilake ingest --release v3` for the rest" in str(refused.value)
    assert oilake("changes", "--from", "v2", "--to", "v3", "--warehouse", warehouse)[0] == 2
    capsys.readouterr()
    assert compare_neighbours(mine, ["v2", "v3"]) == []
    assert "v2 to v3: not compared: " in capsys.readouterr().err

    mine = replace(mine, warehouse=f"{mine.warehouse}-in-part")
    for release in (earlier, later):
        ingest(mine, release, choice=VALIDATION)
        reconcile(mine, release, reconcile_policy.load_policy())
    (outcome,) = compare_neighbours(mine, ["v2", "v3"])
    removed = [counts["removed"] for counts in outcome.changes.values()]
    assert removed == [0, 0, 0, 0]
    assert {
        row["from_subset"] for row in api.read("box_changes", release="v3", warehouse=mine.warehouse).collect()
    } == {"validation"}
