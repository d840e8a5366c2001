"""Files are left out only where an image has no row in them, whatever their ranges say."""

from __future__ import annotations

import pytest

from oilake.jobs.surveying import wide_files
from oilake.jobs.surveying.locked_engine import LockedEngine
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.surveying.view_slice import ViewFile, ViewSlice
from oilake.jobs.surveying.wide_files import is_wide, keep_holding_image
from oilake.jobs.tables.warehouse import Warehouse

HALF = ViewFile("a.parquet", {}, 10, "0000000000000000", "8000000000000000")


def test_files_that_hold_an_image_are_kept_and_no_others(view_place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide_files, "LEAST_SPAN", -1)
    place = Warehouse.at(view_place)
    view = PinnedView(LockedEngine(place), place)
    published = view.table_slice("image_labels", "v3")
    assert published is not None
    holders: dict[str, set[str]] = {"ffffffffffffffff": set()}
    for file in published.files:
        query = view.engine.begin_query()
        relation = query.files_relation(published.keep_partition("subset", file.partition["subset"]))
        for image_id in query.read_column(f"SELECT DISTINCT image_id FROM {relation}"):
            holders.setdefault(image_id, set()).add(file.uri)
    assert {len(uris) for uris in holders.values()} == {0, 1}
    assert len({uri for uris in holders.values() for uri in uris}) == len(published.files) == 2
    # Both files seem to hold every image, as those of large releases do.
    wide = ViewSlice(published.table, tuple(file._replace(least="0" * 16, most="f" * 16) for file in published.files))
    for image_id, uris in holders.items():
        kept = keep_holding_image(view, wide, "v3", image_id)
        assert {file.uri for file in kept.files} == uris, image_id


@pytest.mark.parametrize(
    ("file", "wide"),
    [
        (HALF, True),
        (HALF._replace(most="3fffffffffffffff"), False),
        (HALF._replace(rows=wide_files.MOST_ROWS + 1), False),
        (HALF._replace(rows=None), False),
        (HALF._replace(least=None), False),
    ],
)
def test_what_is_wide_and_small_enough_to_be_kept(file: ViewFile, wide: bool) -> None:
    assert is_wide(file) is wide
