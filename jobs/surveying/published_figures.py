"""The published tables of a release as they are recomputed: figures by subset in the order of the pages that state them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from oilake.conf.registry import SUBSETS
from oilake.jobs.runtime.figure_tables import FigureCell, FigureRow, FigureTable
from oilake.schemas import loader as schemas

FIGURE_NAMES = {
    "Table 1: image-level labels": {
        "images": "images",
        "images with machine labels": "images_with_machine_labels",
        "images with human labels": "images_with_human_labels",
        "machine labels": "machine_labels",
        "human labels, positive": "human_labels_positive",
        "human labels, negative": "human_labels_negative",
        "classes of machine labels": "machine_classes",
        "classes of machine labels, trainable": "machine_classes_trainable",
        "classes of human labels": "human_classes",
        "classes of human labels, trainable": "human_classes_trainable",
        "classes": "classes",
        "classes, trainable": "classes_trainable",
    },
    "Trainable classes by the release's own rule": {
        "classes that the rule gives": "trainable_by_rule",
        "of these, not in the list": "trainable_by_rule_only",
        "in the list, and not by the rule": "trainable_by_list_only",
    },
    "Table 2: boxes": {
        "images with boxes": "images_with_boxes",
        "boxes": "boxes",
        "classes of boxes": "box_classes",
        "classes of boxes, trainable": "box_classes_trainable",
    },
    "Masks, relationships and points": {
        "images with masks": "images_with_masks",
        "masks": "masks",
        "classes of masks": "mask_classes",
        "relationships": "relationships",
        "triplets of relationships": "relationship_triplets",
        "points": "points",
        "classes of points": "point_classes",
    },
    "Narratives": {
        "images with narratives": "images_with_narratives",
        "narratives": "narratives",
    },
}

OTHER_TABLES = "Other tables: rows"


@dataclass(frozen=True)
class Figure:
    """One figure of one subset (None: of the release): what the tables hold, and what was published of it.

    `stated_by`: the number that each page of the publisher states, by its address.
    """

    figure: str
    subset: str | None
    value: int
    published: int | None
    stated_by: dict[str, int] = field(default_factory=dict)


def figure_names() -> dict[str, dict[str, str]]:
    """Name the figures by the words for them, by the published table they stand in; tables of which none tells come last."""
    named = {figure for names in FIGURE_NAMES.values() for figure in names.values()}
    tables = map(schemas.table_schema, schemas.row_tables())
    unnamed = {table.table: table.table for table in tables if not table.row_partition() and table.table not in named}
    return FIGURE_NAMES | ({OTHER_TABLES: unnamed} if unnamed else {})


def sort_figures(figures: Iterable[Figure]) -> list[Figure]:
    """The figures in the order of the tables, each of the release before those of its subsets."""
    order = {figure: n for n, figure in enumerate(f for table in figure_names().values() for f in table.values())}
    places = {subset: n for n, subset in enumerate(SUBSETS)}
    return sorted(figures, key=lambda f: (order.get(f.figure, len(order)), places.get(f.subset or "", -1)))


def figure_tables(figures: Sequence[Figure]) -> list[FigureTable]:
    """Both tables, with the figures that were recomputed for any subset: those of SUBSETS, then of the whole release."""
    return [FigureTable(title, _figure_rows(names, figures)) for title, names in figure_names().items()]


def _figure_rows(names: Mapping[str, str], figures: Sequence[Figure]) -> list[FigureRow]:
    rows = []
    for label, name in names.items():
        if by_subset := {figure.subset: figure for figure in figures if figure.figure == name}:
            rows.append(FigureRow(label, [_figure_cell(by_subset.get(subset)) for subset in (*SUBSETS, None)]))
    return rows


def _figure_cell(figure: Figure | None) -> FigureCell:
    return FigureCell(cell_text(figure), differs_from_published(figure)) if figure else FigureCell("–", False)


def differs_from_published(figure: Figure) -> bool:
    """Whether another figure was published."""
    return figure.published is not None and figure.published != figure.value


def cell_text(figure: Figure) -> str:
    """The figure, with the published one in brackets where it is another."""
    return f"{figure.value:,} ({figure.published:,})" if differs_from_published(figure) else f"{figure.value:,}"
