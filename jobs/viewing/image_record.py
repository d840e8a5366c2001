"""All that one release says of one image, and what became of the image over the releases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oilake.conf.errors import ConfigError, OilakeError
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.surveying.wide_files import keep_holding_image

Row = dict[str, Any]
DRAWN = ("boxes", "masks", "points", "relationships")
TOLD = ("image_labels", "contradictions", "narratives", "blob_checks")
READERS = 2
COMPARED = ("image_changes", "label_changes", "box_changes")


@dataclass(frozen=True)
class ImageRecord:
    """`image`: the row of `images`, None where the release has no such image. `rows`: of each table by its name; None
    where it is not published. `problems`: sentences about tables that cannot be read."""

    release: str
    image_id: str
    image: Row | None
    rows: dict[str, list[Row] | None]
    problems: list[str] = field(default_factory=list)

    def table_rows(self, table: str) -> list[Row]:
        """The rows of a table; none where it is not published."""
        return self.rows.get(table) or []

    @property
    def is_known(self) -> bool:
        """Whether the release says anything of the image."""
        return self.image is not None or any(self.rows.values())


class ReleaseEntry(NamedTuple):
    """One release in an image's history: its row of `images`, its labels and boxes in numbers; None is not published."""

    release: str
    image: Row | None
    labels: int | None
    positives: int | None
    boxes: int | None


@dataclass(frozen=True)
class ImageHistory:
    """`entries`: one a release, in order; `changes`: rows of the comparisons by their table."""

    entries: list[ReleaseEntry]
    changes: dict[str, list[Row]]


def read_record(view: PinnedView, release: str, image_id: str) -> ImageRecord:
    """What a release says of an image, table by table; a table that cannot be read is a problem and ends nothing."""
    problems: list[str] = []

    def read_table(table: str) -> list[Row] | None:
        try:
            return image_rows(view, table, release, image_id)
        except ConfigError:
            raise
        except OilakeError as error:
            problems.append(str(error))
            return None

    tables = ("images", *DRAWN, *TOLD)
    with ThreadPoolExecutor(READERS) as pool:
        rows = dict(zip(tables, pool.map(read_table, tables), strict=True))
    images = rows.pop("images")
    return ImageRecord(release, image_id, images[0] if images else None, rows, problems)


def image_rows(view: PinnedView, table: str, release: str, image_id: str, since: str | None = None) -> list[Row] | None:
    """The published rows of a table that are about the image, as they lie in it; None where it is not published."""
    published = view.table_slice(table, release, since)
    if published is None:
        return None
    chosen = keep_holding_image(view, published, release, image_id)
    if not chosen.files:
        return []
    query = view.engine.begin_query()
    return query.read_rows(f"SELECT * FROM {query.files_relation(chosen)} WHERE image_id = {query.bind(image_id)}")


def read_history(view: PinnedView, image_id: str) -> ImageHistory:
    """The image in every release, and every published comparison's rows about it."""
    changes: dict[str, list[Row]] = {table: [] for table in COMPARED}
    for release in view.releases:
        for since in view.earlier_releases(release):
            for table in COMPARED:
                changes[table] += image_rows(view, table, release, image_id, since) or []
    return ImageHistory([_release_entry(view, release, image_id) for release in view.releases], changes)


def _release_entry(view: PinnedView, release: str, image_id: str) -> ReleaseEntry:
    images = image_rows(view, "images", release, image_id)
    labels = image_rows(view, "image_labels", release, image_id)
    boxes = image_rows(view, "boxes", release, image_id)
    positives = None if labels is None else sum(row["verdict"] == "positive" for row in labels)
    return ReleaseEntry(
        release,
        images[0] if images else None,
        None if labels is None else len(labels),
        positives,
        None if boxes is None else len(boxes),
    )
