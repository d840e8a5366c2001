"""What all published releases say about one image or one class, gathered from the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow.compute as pc

from oilake.conf.errors import ConfigError
from oilake.jobs.tables import point_lookup
from oilake.jobs.tables.snapshots import SINCE, Snapshot, require_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.words import CORRECTIONS

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

READERS = 2  # releases looked into at a time: Delta's library and Arrow read without Python's lock

CORRECTION_COLUMNS = ("mid", "kind", "verdict", "published_box", "who", "why", "file", "line")


@dataclass
class EntityHistory:
    """`releases`: one entry a published release, in its order; `changes`: rows of the comparisons; `notes`: what could not
    be told, and what to do about it."""

    id: str
    releases: list[Row] = field(default_factory=list)
    changes: dict[str, list[Row]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_image_history(warehouse: Warehouse, image_id: str) -> EntityHistory:
    """The story of one image; ConfigError when no published release knows it."""
    with ThreadPoolExecutor(READERS) as pool:
        parts = pool.map(partial(_read_release, warehouse, image_id), require_snapshots(warehouse, None))
        history = _joined_history(image_id, parts)
    sections = ("image", "boxes", "labels", "contradictions", "narratives")
    if not any(entry[name] for entry in history.releases for name in sections):
        raise _unknown_error(warehouse, f"image {image_id}", "check the ID, or ingest the release that has it", history)
    return history


def _read_release(warehouse: Warehouse, image_id: str, snapshot: Snapshot) -> EntityHistory:
    """What one release says of an image."""
    history = EntityHistory(image_id)
    rows_of = partial(
        point_lookup.matching_rows, warehouse, release=snapshot.release, column="image_id", value=image_id
    )
    images = rows_of("images")
    boxes = point_lookup.matching_parts(warehouse, "boxes", snapshot.release, "image_id", image_id, ["mid"])
    labels = _rows_or_note(history, partial(rows_of, "image_labels"))
    corrections = rows_of(CORRECTIONS) if CORRECTIONS in snapshot.table_versions else []
    is_judged = "contradictions" in snapshot.table_versions
    contradictions = _rows_or_note(history, partial(rows_of, "contradictions")) if is_judged else None
    entry: Row = {
        "release": snapshot.release,
        "image": images[0] if images else None,
        "boxes": sum(len(part) for _, part in boxes),
        "corrections": _applied_corrections(corrections),
        "narratives": _read_narratives(warehouse, snapshot, image_id),
        "labels": None if labels is None else [{name: row[name] for name in LABEL_COLUMNS} for row in labels],
        "contradictions": None if contradictions is None else _by_kind(contradictions),
    }
    history.releases.append(entry)
    for table in ("image_changes", "label_changes", "box_changes"):
        _add_changes(history, warehouse, snapshot, table, "image_id")
    return history


def _joined_history(entity_id: str, parts: Iterable[EntityHistory]) -> EntityHistory:
    history = EntityHistory(entity_id)
    for part in parts:
        history.releases += part.releases
        history.notes += [note for note in part.notes if note not in history.notes]
        for table, changes in part.changes.items():
            history.changes.setdefault(table, []).extend(changes)
    return history


def _by_kind(contradictions: list[Row]) -> list[Row]:
    """The contradictions of an image, in the order of their kinds."""
    if not contradictions:
        return []
    from oilake.conf.contradiction_rules import load_rules  # with the registry, which most images do without

    order = {kind: place for place, kind in enumerate(load_rules().kinds)}
    return sorted(contradictions, key=lambda row: (order.get(row["kind"], len(order)), row["mid"] or ""))


def _applied_corrections(corrections: list[Row]) -> list[Row]:
    """The corrections of the image that are applied in the release."""
    return [{name: row[name] for name in CORRECTION_COLUMNS} for row in corrections if row["is_applied"]]


def _read_narratives(warehouse: Warehouse, snapshot: Snapshot, image_id: str) -> list[Row]:
    """Who told what of the image, without the traces: these have hundreds of points."""
    if "narratives" not in snapshot.table_versions:
        return []
    columns = ["annotator_id", "caption", "voice_recording"]
    parts = point_lookup.matching_parts(warehouse, "narratives", snapshot.release, "image_id", image_id, columns)
    rows = [row for _, part in parts for row in part.select(columns).to_pylist()]
    return sorted(rows, key=lambda row: (row["annotator_id"], row["caption"]))


def read_class_history(warehouse: Warehouse, mid: str) -> EntityHistory:
    """The story of one class; reads the labels and boxes of all releases. ConfigError when no release knows the MID."""
    history = EntityHistory(mid)
    for snapshot in require_snapshots(warehouse, None):
        listed = point_lookup.matching_rows(warehouse, "classes", snapshot.release, "mid", mid)
        boxes = point_lookup.matching_parts(warehouse, "boxes", snapshot.release, "mid", mid, ["mid"])
        counts = {"machine": 0, "positive": 0, "negative": 0, "boxes": sum(len(part) for _, part in boxes)}
        for partition, part in point_lookup.matching_parts(
            warehouse, "labels", snapshot.release, "mid", mid, ["confidence"]
        ):
            positive = pc.sum(pc.equal(part["confidence"], 1.0)).as_py() or 0
            if partition["origin"] == "machine":
                counts["machine"] += len(part)
            else:
                counts["positive"] += positive
                counts["negative"] += len(part) - positive
        history.releases.append({"release": snapshot.release, "class": listed[0] if listed else None, **counts})
        _add_changes(history, warehouse, snapshot, "class_history", "mid")
        _add_box_counts(history, warehouse, snapshot)
    if not any(entry["class"] or any(entry[name] for name in counts) for entry in history.releases):
        raise _unknown_error(warehouse, f"class {mid}", "`oilake show classes` lists those that there are", history)
    return history


def _add_changes(
    history: EntityHistory,
    warehouse: Warehouse,
    snapshot: Snapshot,
    table: str,
    column: str,
) -> None:
    """Adds what comparisons of this release with earlier ones say."""
    changes = history.changes.setdefault(table, [])
    if any(name.startswith(f"{table}{SINCE}") for name in snapshot.table_versions):
        changes += (
            _rows_or_note(
                history,
                partial(point_lookup.matching_rows, warehouse, table, snapshot.release, column, history.id),
            )
            or []
        )


def _add_box_counts(history: EntityHistory, warehouse: Warehouse, snapshot: Snapshot) -> None:
    """Adds what became of the boxes of a class since earlier releases, as rows with their number: there may be a million."""
    counted = history.changes.setdefault("box_changes", [])
    if any(name.startswith(f"box_changes{SINCE}") for name in snapshot.table_versions):
        counted += _rows_or_note(history, partial(_box_counts, warehouse, snapshot.release, history.id)) or []


def _box_counts(warehouse: Warehouse, release: str, mid: str) -> list[Row]:
    counts: Counter[tuple[str, str]] = Counter()
    for partition, part in point_lookup.matching_parts(warehouse, "box_changes", release, "mid", mid, ["change"]):
        for entry in part["change"].value_counts().to_pylist():
            counts[partition["from_release"], entry["values"]] += entry["counts"]
    return [
        {"from_release": earlier, "to_release": release, "change": change, "count": count}
        for (earlier, change), count in counts.items()
    ]


def _rows_or_note(history: EntityHistory, read: Callable[[], list[Row]]) -> list[Row] | None:
    """The rows; None where they are not published, with a note."""
    try:
        return read()
    except ConfigError as error:
        if str(error) not in history.notes:
            history.notes.append(str(error))
        return None


def _unknown_error(warehouse: Warehouse, what: str, remedy: str, history: EntityHistory) -> ConfigError:
    releases = ", ".join(entry["release"] for entry in history.releases)
    return ConfigError(f"{warehouse}: no published release ({releases}) has the {what}; {remedy}")
