"""A state of a table is opened once in a process, also by threads; what was committed since is seen at once."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from oilake.jobs import cli
from oilake.jobs.tables import ddl, delta_log
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import kept_states, view_lake
from tests.support.releases import image_id

pytestmark = pytest.mark.lengthy


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[Any, ...]]:
    """Counts the openings by Delta's library, by the folder and the version where one was asked for; no state is kept
    from before."""
    counts: Counter[tuple[Any, ...]] = Counter()
    open_state = DeltaTable.__init__

    def count_opening(opened: DeltaTable, table_uri: str, *version: Any, **options: Any) -> None:
        counts[(table_uri, *version[:1])] += 1
        open_state(opened, table_uri, *version, **options)

    monkeypatch.setattr(DeltaTable, "__init__", count_opening)
    kept_states.forget_states(monkeypatch)
    return counts


def test_a_story_opens_each_state_of_a_table_once(
    tmp_path: Path,
    openings: Counter[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = view_lake.fill(view_lake.make_tables(str(tmp_path / "lake")))
    openings.clear()
    kept_states.forget_states(monkeypatch)
    assert cli.main(["history", "--image", image_id(0), "--warehouse", place]) == 0
    assert "Picture 0" in capsys.readouterr().out
    assert {uri.rpartition("/")[2] for uri, *_ in openings} >= {"images", "boxes", "image_labels"}
    assert {state: count for state, count in openings.items() if count > 1} == {}


def test_threads_of_one_run_open_a_state_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = replace(Warehouse.at(view_lake.make_tables(str(tmp_path / "lake"))), states={})
    openings: Counter[str] = Counter()
    open_state = DeltaTable.__init__

    def open_slowly(opened: DeltaTable, uri: str, *version: Any, **options: Any) -> None:
        openings[uri] += 1
        time.sleep(0.2)
        open_state(opened, uri, *version, **options)

    monkeypatch.setattr(DeltaTable, "__init__", open_slowly)
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: delta_log.open_table(warehouse, "images"), range(4)))
    assert openings == {str(warehouse.table_uri("images")): 1}
    assert all(table is opened[0] for table in opened)


def test_a_state_is_opened_again_once_another_follows(tmp_path: Path, openings: Counter[tuple[Any, ...]]) -> None:
    warehouse = Warehouse.at(view_lake.make_tables(str(tmp_path / "lake")))
    before = delta_log.existing_table(warehouse, "images")
    openings.clear()
    assert delta_log.existing_table(warehouse, "images") is before
    assert delta_log.open_version(warehouse, "images", before.version()) is before
    assert not openings
    DeltaTable(str(warehouse.table_uri("images"))).alter.set_table_properties({"delta.appendOnly": "false"})
    after = delta_log.existing_table(warehouse, "images")
    assert after.version() == before.version() + 1
    assert after.metadata().configuration["delta.appendOnly"] == "false"
    assert delta_log.open_version(warehouse, "images", before.version()) is before


def test_what_commits_opens_a_state_of_its_own(tmp_path: Path) -> None:
    warehouse = Warehouse.at(view_lake.make_tables(str(tmp_path / "lake")))
    assert delta_log.table_to_commit(warehouse, "images") is not delta_log.existing_table(warehouse, "images")


def test_a_table_that_was_made_anew_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    warehouse = Warehouse.at(view_lake.make_tables(str(tmp_path / "lake")))
    view_lake.publish_rows(str(warehouse), "v3", "ingest", {"images": [view_lake.image("v3", 0)]})
    before = delta_log.existing_table(warehouse, "images")
    folder = Path(warehouse.table_uri("images"))
    folder.rename(tmp_path / "aside")
    assert delta_log.open_table(warehouse, "images") is None
    ddl.create_table(warehouse, "images")
    assert delta_log.existing_table(warehouse, "images").version() == 0 < before.version()


def test_no_more_states_are_kept_than_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse.at(view_lake.make_tables(str(tmp_path / "lake")))
    monkeypatch.setattr(delta_log, "KEPT_STATES", 2)
    opened = {name: delta_log.existing_table(warehouse, name) for name in ("images", "boxes", "labels")}
    assert len(delta_log._kept) == 2
    assert delta_log.existing_table(warehouse, "labels") is opened["labels"]
    assert delta_log.existing_table(warehouse, "images") is not opened["images"]
