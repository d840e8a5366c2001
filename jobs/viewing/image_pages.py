"""The images of a selection, page by page: from the last image of a page the next goes on, so none is shown twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.surveying.view_slice import ViewSlice
from oilake.jobs.viewing.selection import Selection
from oilake.jobs.viewing.selection_tables import IdSpan, SelectionTables, choose_tables

PAGE = 48
COUNTED_ROWS = 3_000_000
FIRST_FILES = 4
# How many times as many rows are asked for where one image has had many.
ROWS_AGAIN = 8


class ImagePage(NamedTuple):
    """Images of a page, sorted by ID; whether others follow; whether the class's labels had to be looked for in all rows
    of image_labels."""

    images: list[dict[str, Any]]
    has_more: bool
    is_slow: bool


def read_page(view: PinnedView, selection: Selection, size: int = PAGE) -> ImagePage:
    """The next `size` images of a selection. Each: image_id, subset, and of labels `labels`, up to four of those chosen."""
    tables = choose_tables(view, selection)
    images: list[dict[str, Any]] = []
    for span in _id_spans(tables.leading_files, selection.after, tables.is_by_image):
        images += _read_span(view, tables, span, size + 1 - len(images))
        if len(images) > size:
            break
    return ImagePage(images[:size], len(images) > size, tables.is_slow)


def read_ids(view: PinnedView, selection: Selection) -> Iterator[str]:
    """The IDs of all images of a selection, sorted, as they are read."""
    tables = choose_tables(view, selection)
    spans = _id_spans(tables.leading_files, selection.after, tables.is_by_image)
    return (image_id for span in spans for image_id in _read_span_ids(view, tables, span))


def count_images(view: PinnedView, selection: Selection, always: bool = False) -> int | None:
    """How many images a selection has in all; None where so many rows would be read that it is not `always` done."""
    whole = selection.from_start()
    tables = choose_tables(view, whole)
    files = tables.leading_files
    if files is None:
        return 0
    if files.rows > COUNTED_ROWS and not always:
        return None
    if whole.blob:  # whose table no snapshot pins
        return _count_leading(view, tables, files)
    key = ("images of", whole.release, whole.address_query())
    return view.remember(key, lambda: _count_leading(view, tables, files))


def _count_leading(view: PinnedView, tables: SelectionTables, files: ViewSlice) -> int:
    """The images of the leading rows that meet everything."""
    query = view.engine.begin_query()
    rows = tables.rows_sql(query, IdSpan("", None), files)
    images = "*" if tables.leading.name == "images" else "DISTINCT image_id"
    return int(query.read_rows(f"SELECT count({images}) AS images {rows}")[0]["images"])


def _id_spans(driver: ViewSlice | None, after: str, is_by_image: bool) -> Iterator[IdSpan]:
    """Spans that cover all IDs behind `after`, in order: of few files first, of twice as many each time."""
    if driver is None:
        return
    ends = sorted({file.most or "~" for file in driver.files if (file.most or "~") > after}) if is_by_image else []
    files = FIRST_FILES
    while len(ends) > files:
        yield IdSpan(after, ends[files - 1])
        after, ends, files = ends[files - 1], ends[files:], files * 2
    yield IdSpan(after, None)


def _read_span(view: PinnedView, tables: SelectionTables, span: IdSpan, size: int) -> list[dict[str, Any]]:
    """The first `size` images of a span, with their labels: the IDs alone are looked for first, in many rows."""
    rows = size * 2
    while True:
        row_ids = list(_read_span_ids(view, tables, span, rows))
        ids = list(dict.fromkeys(row_ids))
        if len(ids) >= size or len(row_ids) < rows:
            break
        rows *= ROWS_AGAIN
    if not ids:
        return []
    query, driver = view.engine.begin_query(), _span_files(tables, span)
    of_page = tables.rows_sql(query, IdSpan(span.after, ids[:size][-1]), driver)
    return query.read_rows(
        f"SELECT image_id, {tables.subset_of_group}, {_label_list(tables)} AS labels {of_page} "
        "GROUP BY image_id ORDER BY image_id"
    )


def _read_span_ids(view: PinnedView, tables: SelectionTables, span: IdSpan, rows: int | None = None) -> Iterator[str]:
    """The IDs of a span's images, sorted and each once; with `rows` those of the first rows, repeated as they stand."""
    driver = _span_files(tables, span)
    if not driver.files:
        return iter(())
    query = view.engine.begin_query()
    distinct, bound = ("DISTINCT ", "") if rows is None else ("", f" LIMIT {query.bind(rows)}")
    return query.read_column(
        f"SELECT {distinct}image_id {tables.rows_sql(query, span, driver)} ORDER BY image_id{bound}"
    )


def _span_files(tables: SelectionTables, span: IdSpan) -> ViewSlice:
    """The leading files that may hold images of a span."""
    assert tables.leading_files is not None
    return tables.leading_files.keep_between(span.after, span.last) if tables.is_by_image else tables.leading_files


def _label_list(tables: SelectionTables) -> str:
    """The chosen labels of an image, as a list of structs; NULL where the leading rows are no labels."""
    if not tables.has_labels:
        return "NULL"
    columns = ("mid", "verdict", "decided_by", "machine_confidence", "is_conflict", "box_count")
    packed = ", ".join(f"{column} := {column}" for column in columns)
    return f"list(struct_pack({packed}) ORDER BY mid)[:4]"
