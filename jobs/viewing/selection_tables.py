"""The tables that answer a selection: one leads through the images, the others say which of them stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from oilake.conf.errors import ConfigError
from oilake.jobs.surveying.locked_engine import Query
from oilake.jobs.surveying.pinned_view import PinnedView, missing_comparison
from oilake.jobs.surveying.view_slice import ViewSlice
from oilake.jobs.viewing.selection import Selection

LISTING = ("images", "image_labels", "boxes", "masks", "relationships", "points", "narratives")
COMPARED_SUBSET = "coalesce(to_subset, from_subset)"


class IdSpan(NamedTuple):
    """Images behind `after`, up to `last`; to the end where that is None."""

    after: str
    last: str | None


class ColumnCondition(NamedTuple):
    """A column, or an expression over a table's own, and the values that it may have; with `contains`, the one text
    that it holds."""

    expression: str
    values: tuple[str | bool, ...]
    contains: bool = False


class FilterTable(NamedTuple):
    """One table of a selection: the files that may hold such rows, none where no row can be meant, and what the rows
    meet."""

    name: str
    files: ViewSlice
    conditions: tuple[ColumnCondition, ...]
    subset: str = "subset"


@dataclass(frozen=True)
class SelectionTables:
    """`leading`: the table whose rows lead through the images; `others`: those that an image must have a row in as well.
    `is_slow`: whether labels of a class are looked for in a table that is not sorted by class."""

    leading: FilterTable
    others: tuple[FilterTable, ...]
    is_slow: bool

    @property
    def leading_files(self) -> ViewSlice | None:
        """The leading files; None where no image is meant."""
        needed = (self.leading, *self.others)
        return self.leading.files if all(table.files.files for table in needed) else None

    @property
    def is_by_image(self) -> bool:
        """Whether the leading files are sorted by image, so that their statistics tell which IDs they hold."""
        return self.leading.files.sorted_by == "image_id"

    @property
    def has_labels(self) -> bool:
        """Whether the leading rows are labels."""
        return self.leading.name in ("class_images", "image_labels")

    @property
    def subset_of_group(self) -> str:
        """The subset of an image, over its leading rows."""
        return f"any_value({self.leading.subset}) AS subset"

    def rows_sql(self, query: Query, span: IdSpan, driver: ViewSlice) -> str:
        """FROM and WHERE of the leading rows whose images meet everything, within a span of IDs."""
        parts = [_where_sql(query, self.leading, span)]
        for table in self.others:
            rows, where = query.files_relation(table.files), _where_sql(query, table, span)
            parts.append(f"image_id IN (SELECT image_id FROM {rows} WHERE {where})")
        return f"FROM {query.files_relation(driver)} WHERE {' AND '.join(parts)}"


def _where_sql(query: Query, table: FilterTable, span: IdSpan) -> str:
    parts = [f"image_id > {query.bind(span.after)}"]
    if span.last is not None:
        parts.append(f"image_id <= {query.bind(span.last)}")
    for expression, values, contains in table.conditions:
        if contains:
            parts.append(f"contains(lower({expression}), {query.bind(str(values[0]).lower())})")
        else:
            parts.append(f"{expression} IN ({', '.join(map(query.bind, values))})")
    return " AND ".join(parts)


def choose_tables(view: PinnedView, selection: Selection) -> SelectionTables:
    """The tables of a selection; ConfigError where one that it needs is not published."""
    mids = chosen_classes(view, selection)
    tables = []
    if selection.asks_labels:
        tables.append(_label_table(view, selection, mids))
    if selection.change:
        tables.append(_change_table(view, selection, mids))
    if selection.contradiction:
        tables.append(_plain_table(view, selection, "contradictions", _equal_to("kind", selection.contradiction)))
    if selection.blob:
        tables.append(_plain_table(view, selection, "blob_checks", _equal_to("status", selection.blob)))
    if selection.license or not tables:
        held = (ColumnCondition("license", (selection.license,), contains=True),) if selection.license else ()
        tables.append(_plain_table(view, selection, "images" if held else _listing_table(view, selection), held))
    is_slow = bool(mids) and tables[0].name == "image_labels"
    return SelectionTables(tables[0], tuple(tables[1:]), is_slow)


def _listing_table(view: PinnedView, selection: Selection) -> str:
    """The table that tells which images there are: `images`, unless a release that is not whole has none of it."""
    slices = {name: view.table_slice(name, selection.release) for name in LISTING}
    return next((name for name, published in slices.items() if published and published.files), LISTING[0])


def chosen_classes(view: PinnedView, selection: Selection) -> tuple[str, ...]:
    """The class of a selection, and those below it where it asks for them."""
    if not selection.mid:
        return ()
    below = view.subclasses(selection.release, selection.mid) if selection.below else []
    return (selection.mid, *below)


def _equal_to(column: str, value: str) -> tuple[ColumnCondition, ...]:
    return (ColumnCondition(column, (value,)),) if value else ()


def _label_table(view: PinnedView, selection: Selection, mids: tuple[str, ...]) -> FilterTable:
    name = "class_images" if mids and view.table_slice("class_images", selection.release) else "image_labels"
    conditions = (
        *((ColumnCondition("mid", mids),) if mids else ()),
        *_equal_to("verdict", selection.verdict),
        *_equal_to("decided_by", selection.source),
        *((ColumnCondition("is_conflict", (True,)),) if selection.conflict else ()),
    )
    table = _plain_table(view, selection, name, conditions)
    return table._replace(files=table.files.keep_holding("mid", mids)) if mids else table


def _change_table(view: PinnedView, selection: Selection, mids: tuple[str, ...]) -> FilterTable:
    """The rows of a comparison; of the chosen class where the comparison is one of labels or boxes."""
    name = selection.change_table
    conditions = _equal_to("change", selection.change_kind) + _equal_to(COMPARED_SUBSET, selection.subset)
    if mids and name != "image_changes":
        conditions += (ColumnCondition("mid", mids),)
    files = view.table_slice(name, selection.release, selection.since)
    if files is None:
        raise missing_comparison(selection.release, selection.since)
    return FilterTable(name, files, conditions, COMPARED_SUBSET)


def _plain_table(
    view: PinnedView, selection: Selection, name: str, conditions: tuple[ColumnCondition, ...]
) -> FilterTable:
    """A table with a column `subset`, some of its files by their partition; ConfigError where it is not published."""
    files = view.table_slice(name, selection.release)
    if files is None:
        raise ConfigError(
            f"{name} of {selection.release} is not published; {_publishing_remedy(name, selection.release)}"
        )
    if selection.subset:
        files = files.keep_partition("subset", selection.subset)
        conditions += _equal_to("subset", selection.subset)
    return FilterTable(name, files, conditions)


def _publishing_remedy(table: str, release: str) -> str:
    if table == "contradictions":
        return "run `oilake contradictions` first"
    if table == "blob_checks":
        return f"run `oilake verify --release {release} --blobs PLACE` first"
    return f"run `oilake reconcile --release {release}` first"
