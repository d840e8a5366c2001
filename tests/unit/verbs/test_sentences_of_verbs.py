"""What a verb says where it is called in vain, and what it shows, without Spark."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from oilake.conf import settings as conf_settings
from oilake.jobs import cli, figures, releases
from oilake.jobs.tables import snapshots
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.publish_gate import BrokenExpectationError
from oilake.schemas import release_registry


def snapshot(number: int, classes: int, release: str = "v3") -> dict[str, Any]:
    when = datetime.datetime(2026, 1, number, tzinfo=datetime.timezone.utc)
    versions = {"classes": classes, "images": number}
    return Snapshot(release, "complete", number, f"run{number}", when, versions, {"ingest": "f"}).__dict__


def test_a_release_was_ingested_when_an_ingest_published_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two ingests, a reconcile after each, a release of quarantined rows, and rows in no order."""
    rows = [snapshot(5, 9), snapshot(1, 4), snapshot(3, 9), snapshot(2, 4), snapshot(4, 9), snapshot(1, 2, "v1")]
    monkeypatch.setattr(snapshots, "newest_rows", lambda *_: [dict(row) for row in rows])
    times = snapshots.ingest_times(snapshots.every_snapshot(Warehouse.at(tmp_path)))
    assert {release: when.day for release, when in times.items()} == {"v3": 3, "v1": 1}
    shown = releases._release_row(release_registry.find_release("v3"), str(tmp_path), Snapshot(**rows[0]), times["v3"])
    assert (shown["ingested_at"][:10], shown["published_at"][:10]) == ("2026-01-03", "2026-01-05")


@pytest.mark.parametrize(("folder", "says"), [(None, True), ("registry", False)])
def test_figures_of_another_registry_are_not_compared_in_vain(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str | None, says: bool
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise BrokenExpectationError("v3: share is broken", [])

    pinned = Snapshot(**snapshot(1, 1)).__dict__ | {"table_versions": dict.fromkeys(figures.INPUT_TABLES, 1)}
    monkeypatch.setattr(figures.publish, "recover", lambda _: None)
    monkeypatch.setattr(figures, "require_snapshot", lambda *_: Snapshot(**pinned))
    monkeypatch.setattr(figures, "run_derived_job", refuse)
    settings = conf_settings.environment_settings("local", {"warehouse": str(tmp_path), "registry": folder})
    with pytest.raises(BrokenExpectationError) as error:
        figures.figures(settings, release_registry.find_release("v3"))
    assert ("name it with --registry" in str(error.value)) is says


def test_the_history_of_no_table_is_refused_as_its_check_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--history", "lables", "--warehouse", str(tmp_path)]) == 2
    assert "lables: is neither a table of the warehouse nor a folder" in capsys.readouterr().err
