"""Which columns a release gives: those with a value in any row, however late it comes, and none that is NULL throughout."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oilake.conf.errors import StoreError
from oilake.jobs.reconciling import compare_kernel
from oilake.jobs.reconciling.compare_kernel import CompareContext
from oilake.jobs.scanning import filled_columns as scanning
from oilake.jobs.scanning.filled_columns import filled_columns
from oilake.jobs.scanning.key_ranges import plan_key_ranges
from oilake.jobs.scanning.merge_scan import Side
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import image_changes
from oilake.jobs.transforms.class_ancestors import NO_ANCESTORS
from oilake.jobs.transforms.class_vocabulary import build_vocabulary
from oilake.jobs.transforms.release_diff import FROM, TO, side_name
from oilake.schemas import loader as schemas

IMAGES = schemas.arrow_schema(schemas.table_schema("images"))


def image_file(path: Path, **columns: list[object]) -> str:
    """A file of `images` without the columns that are not given."""
    count = len(next(iter(columns.values())))
    ids = [f"{n:016x}" for n in range(count)]
    types = {field.name: field.type for field in IMAGES}
    arrays = {name: pa.array(values, types.get(name, pa.int32())) for name, values in columns.items()}
    pq.write_table(pa.table({"image_id": pa.array(ids), **arrays}), path)
    return str(path)


def test_a_column_counts_by_its_first_value_wherever_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scanning, "BATCH", 2)
    first = image_file(tmp_path / "a", title=[None] * 5, author=["Ann"] * 5, original_size=[None] * 5)
    second = image_file(tmp_path / "b", title=[None] * 4 + ["Dog"], original_size=[None] * 5)
    columns = ("original_size", "title", "author", "license")
    assert filled_columns([first], columns) == ["author"]
    assert filled_columns([first, second], columns) == ["title", "author"]
    assert filled_columns([], columns) == []


def test_a_damaged_file_is_named(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=str(tmp_path / "a")):
        filled_columns([str(tmp_path / "a")], ("title",))


def test_a_column_that_came_later_changes_no_image(tmp_path: Path):
    """As V4's rotation does: the older files lack it, or hold NULL in every row."""
    urls = [f"https://a.b/{n}" for n in range(4)]
    older = image_file(tmp_path / "v3", original_url=urls, rotation=[None] * 4)
    newer = image_file(tmp_path / "v4", original_url=[*urls[:3], "https://a.b/moved"], rotation=[0, 90, 180, None])
    columns = (*image_changes.COLUMNS, "rotation")
    uris = {side_name(FROM, "train"): older, side_name(TO, "train"): newer}
    given = {name: tuple(filled_columns([uri], columns)) for name, uri in uris.items()}
    context = CompareContext(
        "v3", "v4", Warehouse.at(tmp_path / "lake"), "run", build_vocabulary([]), given, NO_ANCESTORS, 0.5
    )
    sides = {name: Side((uri,), given[name], 2, True) for name, uri in uris.items()}
    (result,) = (
        result
        for span in plan_key_ranges("images", sides, 1)
        for result in compare_kernel.compare_images(span, context)
    )
    assert result.read == 8
    assert result.changes == {"metadata_changed": 1}
