"""What all published releases say about one image or one class, gathered from the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow.compute as pc

from oilake.conf.errors import ConfigError
from oilake.jobs.tables import point_lookup
from oilake.jobs.tables.snapshots import SINCE, Snapshot, pins, snapshots

Row = dict[str, Any]
LABEL_COLUMNS = (
    "mid",
    "display_name",
    "machine_confidence",
    "human_verdict",
    "crowd_verdict",
    "verdict",
    "decided_by",
    "is_conflict",
)


@dataclass
class Story:
    """`releases`: one entry a published release, in its order; `changes`: rows of the comparisons; `notes`: what could not
    be told, and what to do about it."""

    id: str
    releases: list[Row] = field(default_factory=list)
    changes: dict[str, list[Row]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def of_image(warehouse: str, image_id: str) -> Story:
    """The story of one image; ConfigError when no published release knows it."""
    story = Story(image_id)
    known = snapshots(warehouse)
    for pin in pins(warehouse, None, known):
        images = point_lookup.rows(warehouse, "images", pin.release, "image_id", image_id, known)
        boxes = point_lookup.parts(warehouse, "boxes", pin.release, "image_id", image_id, ["mid"], known)
        labels = _told(
            story, partial(point_lookup.rows, warehouse, "image_labels", pin.release, "image_id", image_id, known)
        )
        entry: Row = {
            "release": pin.release,
            "image": images[0] if images else None,
            "boxes": sum(len(part) for _, part in boxes),
            "labels": None if labels is None else [{name: row[name] for name in LABEL_COLUMNS} for row in labels],
        }
        story.releases.append(entry)
        for table in ("image_changes", "label_changes"):
            _compared(story, warehouse, pin, table, "image_id", known)
    if not any(entry["image"] or entry["boxes"] or entry["labels"] for entry in story.releases):
        raise _unknown(warehouse, f"image {image_id}", "check the ID, or ingest the release that has it", story)
    return story


def of_class(warehouse: str, mid: str, known: Mapping[str, Snapshot]) -> Story:
    """The story of one class; reads the labels and boxes of all releases. ConfigError when no release knows the MID."""
    story = Story(mid)
    for pin in pins(warehouse, None, known):
        listed = point_lookup.rows(warehouse, "classes", pin.release, "mid", mid, known)
        boxes = point_lookup.parts(warehouse, "boxes", pin.release, "mid", mid, ["mid"], known)
        counts = {"machine": 0, "positive": 0, "negative": 0, "boxes": sum(len(part) for _, part in boxes)}
        for partition, part in point_lookup.parts(warehouse, "labels", pin.release, "mid", mid, ["confidence"], known):
            positive = pc.sum(pc.equal(part["confidence"], 1.0)).as_py() or 0
            if partition["origin"] == "machine":
                counts["machine"] += len(part)
            else:
                counts["positive"] += positive
                counts["negative"] += len(part) - positive
        story.releases.append({"release": pin.release, "class": listed[0] if listed else None, **counts})
        _compared(story, warehouse, pin, "class_history", "mid", known)
    if not any(entry["class"] or any(entry[name] for name in counts) for entry in story.releases):
        raise _unknown(warehouse, f"class {mid}", "`oilake show classes` lists those that there are", story)
    return story


def _compared(
    story: Story, warehouse: str, pin: Snapshot, table: str, column: str, known: Mapping[str, Snapshot]
) -> None:
    """Adds what comparisons of this release with earlier ones say."""
    found = story.changes.setdefault(table, [])
    if any(name.startswith(f"{table}{SINCE}") for name in pin.table_versions):
        found += _told(story, partial(point_lookup.rows, warehouse, table, pin.release, column, story.id, known)) or []


def _told(story: Story, read: Callable[[], list[Row]]) -> list[Row] | None:
    """The rows; None where they are not published, with a note."""
    try:
        return read()
    except ConfigError as error:
        if str(error) not in story.notes:
            story.notes.append(str(error))
        return None


def _unknown(warehouse: str, what: str, remedy: str, story: Story) -> ConfigError:
    releases = ", ".join(entry["release"] for entry in story.releases)
    return ConfigError(f"{warehouse}: no published release ({releases}) has the {what}; {remedy}")
