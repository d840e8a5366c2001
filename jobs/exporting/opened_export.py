"""An export as its format sees it: one snapshot, the chosen images, the classes, and the rows in blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from oilake.conf.errors import ConfigError
from oilake.conf.registry import SUBSETS, Release
from oilake.conf.settings import Settings
from oilake.jobs.downloading.selection import NO_IMAGES
from oilake.jobs.exporting.chosen_images import choose_ids, chosen_mids
from oilake.jobs.exporting.export_classes import ExportClasses, mark_classes, name_classes
from oilake.jobs.exporting.image_blocks import BlockPlan, ImageBlock, Row, read_blocks
from oilake.jobs.exporting.image_sizes import ImageSizes, read_sizes
from oilake.jobs.exporting.request import ExportRequest
from oilake.jobs.tables.dropped_boxes import read_dropped_boxes
from oilake.jobs.tables.parquet_reader import distinct_values, read_file
from oilake.jobs.tables.slice_files import PublishedFile, published_files, small_rows
from oilake.jobs.tables.snapshots import Snapshot, pin_for_reading, require_snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.dropped_boxes import DroppedBox
from oilake.jobs.transforms.image_ids import as_numbers
from oilake.jobs.transforms.image_runs import Numbers, distinct_images
from oilake.schemas.release_registry import find_release

Columns = Mapping[str, Sequence[str]]

CLASS_COLUMNS = ["mid", "display_name", "name", "is_boxable"]


@dataclass(frozen=True)
class OpenedExport:
    """`images`: the chosen ones of each subset, ascending; `mids`: the chosen classes, None for all; `with_masks`:
    whether masks are written, whose classes have numbers then; `files`: by table, those that were asked for."""

    request: ExportRequest
    settings: Settings
    warehouse: Warehouse
    snapshot: Snapshot
    images: Mapping[str, Numbers]
    mids: frozenset[str] | None
    with_masks: bool = False
    files: dict[str, list[PublishedFile]] = field(default_factory=dict)

    @property
    def subsets(self) -> tuple[str, ...]:
        """The subsets that have a chosen image."""
        return tuple(subset for subset in SUBSETS if subset in self.images)

    @cached_property
    def release(self) -> Release:
        """The release as the registry describes it; ConfigError where it does not know it."""
        return find_release(self.request.release, self.settings.registry)

    @cached_property
    def classes(self) -> ExportClasses:
        """The release's classes; of its marks those that are listed as box classes, or that a box or a written mask has."""
        rows = self.small_rows("classes", CLASS_COLUMNS)
        masked = self._drawn_mids("masks") if self.with_masks else ()
        display_names = {row["mid"]: row["display_name"] for row in rows}
        return ExportClasses(display_names, name_classes(rows), mark_classes(rows, self._drawn_mids("boxes"), masked))

    def has_table(self, table: str) -> bool:
        """Whether a table of the release is published."""
        return table in self.snapshot.table_versions

    def require_table(self, table: str, job: str) -> None:
        """ConfigError, with the job that makes it, where a table that the format needs is not published."""
        if not self.has_table(table):
            release, name = self.request.release, self.request.format
            raise ConfigError(
                f"{self.warehouse}: {name} needs {table}, and {release} has none; "
                f"run `oilake {job} --release {release}` first"
            )

    def require_sizes(self) -> ImageSizes:
        """The sides of all chosen images; ConfigError, with the way to them, where some are not known."""
        sizes = read_sizes(self.warehouse, self.request.release, self.request.sizes)
        sizes.require_all(self.images, self.request.release, self.request.format)
        return sizes

    def blocks(self, subset: str, columns: Columns, after: str | None = None) -> Iterator[ImageBlock]:
        """Yield the chosen images of a subset, those behind the image `after`, in blocks, with these columns by table; of a
        table that is not published no row."""
        files = {
            table: [file.uri for file in self._files(table) if file.partition["subset"] == subset] for table in columns
        }
        dropped = self._dropped.get(subset, frozenset())
        low = 0 if after is None else int(after, 16) + 1
        return read_blocks(BlockPlan(subset, files, columns, self.images[subset], self.mids, dropped, low))

    def published_blocks(
        self, subset: str, table: str, columns: Sequence[str], origins: Collection[str] = ()
    ) -> Iterator[ImageBlock]:
        """Yield the rows of one table as they were published, without corrections; `origins`: of labels only these."""
        uris = [
            file.uri
            for file in self._files(table)
            if file.partition["subset"] == subset and (not origins or file.partition["origin"] in origins)
        ]
        return read_blocks(
            BlockPlan(subset, {table: uris}, {table: columns}, self.images[subset], self.mids, frozenset())
        )

    def image_numbers(self, table: str, subset: str) -> Numbers:
        """The images of a subset that a table has rows of, ascending."""
        uris = [file.uri for file in self._files(table) if file.partition["subset"] == subset]
        columns = [read_file(uri, table, ["image_id"])["image_id"] for uri in uris]
        return distinct_images([NO_IMAGES, *(as_numbers(part) for column in columns for part in column.chunks)])

    def small_rows(self, table: str, columns: list[str] | None = None) -> list[Row]:
        """The rows of a small table of the release; none where it is not published."""
        return small_rows(self.warehouse, table, self.snapshot, columns) if self.has_table(table) else []

    def _drawn_mids(self, table: str) -> set[str]:
        return {mid for file in self._files(table) for mid in distinct_values(file.uri, "mid")}

    def _files(self, table: str) -> list[PublishedFile]:
        if table not in self.files:
            pin = self.snapshot
            self.files[table] = published_files(self.warehouse, table, pin) if self.has_table(table) else []
        return self.files[table]

    @cached_property
    def _dropped(self) -> dict[str, frozenset[DroppedBox]]:
        return read_dropped_boxes(self.warehouse, self.snapshot)


def open_export(settings: Settings, request: ExportRequest) -> OpenedExport:
    """Choose the images of one moment's snapshot; ConfigError where nothing is chosen or the request does not fit."""
    pinned = pin_for_reading(Warehouse.of(settings))
    snapshot = require_snapshot(pinned, request.release)
    mids = chosen_mids(pinned, request)
    images = choose_ids(pinned, request, mids)
    if not images:
        raise ConfigError(f"{pinned}: no image of {request.release} meets the filters; loosen them")
    return OpenedExport(request, settings, pinned, snapshot, images, mids)
