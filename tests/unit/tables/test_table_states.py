"""A run that only reads opens each state of a table once; one that writes sees what was committed since."""

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
from oilake.jobs.tables import delta_log
from oilake.jobs.tables.warehouse import Warehouse
from tests.support import view_lake
from tests.support.releases import image_id

pytestmark = pytest.mark.lengthy


def test_a_story_opens_each_state_of_a_table_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = view_lake.fill(view_lake.make_tables(str(tmp_path / "lake")))
    openings: Counter[tuple[Any, ...]] = Counter()
    open_state = DeltaTable.__init__

    def count_opening(opened: DeltaTable, uri: str, *version: Any, **options: Any) -> None:
        openings[(uri, *version[:1])] += 1
        open_state(opened, uri, *version, **options)

    monkeypatch.setattr(DeltaTable, "__init__", count_opening)
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


def test_without_a_memory_each_opening_is_a_new_look(tmp_path: Path) -> None:
    warehouse = Warehouse.at(view_lake.make_tables(str(tmp_path / "lake")))
    before = delta_log.existing_table(warehouse, "images").version()
    view_lake.publish_rows(str(warehouse), "v3", "ingest", {"images": [view_lake.image("v3", 0)]})
    assert delta_log.existing_table(warehouse, "images").version() > before
