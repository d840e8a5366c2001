"""Tells one image's or one class's story over all published releases."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from oilake.conf.showing import escape_unprintable
from oilake.jobs.reporting import entity_history
from oilake.jobs.reporting.entity_history import EntityHistory, Row
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import aligned_lines, print_text
from oilake.jobs.sources.image_id_text import parse_image_id
from oilake.jobs.tables import class_names
from oilake.jobs.tables.snapshots import pin_for_reading, require_snapshots
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.words import BOX_CHANGES, VERDICT

NOTHING = "–"
SHOWN_COLUMNS = ("original_md5", "title", "original_url")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--image", metavar="ID", help="image ID in any spelling: 16 hex digits, 0x…, without zeros")
    which.add_argument("--mid", metavar="CLASS", help="class: its name, or its MID in any spelling")
    options.add_places(parser, "warehouse")
    parser.add_argument("--json", action="store_true", help="print the story as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    warehouse = pin_for_reading(Warehouse.of(settings))
    if arguments.image is not None:
        story = entity_history.read_image_history(warehouse, parse_image_id(arguments.image, "--image"))
        lines = _image_lines(story)
    else:
        story = entity_history.read_class_history(warehouse, _class_mid(warehouse, arguments.mid))
        lines = _class_lines(story)
    print_text(json.dumps(asdict(story), default=str) if arguments.json else "\n".join(lines))
    return 0


def _class_mid(warehouse: Warehouse, text: str) -> str:
    """The class's MID; one that no release lists may have labels all the same."""
    published = require_snapshots(warehouse, None)
    where = ", ".join(snapshot.release for snapshot in published)
    return class_names.mid_of(text) or class_names.find_class(
        text, class_names.listed_classes(warehouse, published), "--mid", where
    )


def _image_lines(story: EntityHistory) -> Iterator[str]:
    yield story.id
    for entry in story.releases:
        image = entry["image"]
        yield f"{entry['release']}  " + (_image_line(image) if image else "has no such image")
        if image:
            yield from (f"    {escape_unprintable(image[name])}" for name in SHOWN_COLUMNS if image[name] is not None)
            yield f"    boxes: {entry['boxes']:,}"
        for narrative in entry["narratives"]:
            yield f"    annotator {narrative['annotator_id']} tells: {escape_unprintable(narrative['caption'])}"
        if entry["labels"]:
            yield from _indented_table(
                [("mid", "name", "machine", "human", "crowd", "verdict"), *map(_label_cells, entry["labels"])]
            )
        yield from (f"    contradiction: {_contradiction_line(row)}" for row in entry["contradictions"] or ())
        yield from (f"    {_correction_line(row)}" for row in entry["corrections"])
    for row in story.changes["image_changes"]:
        sides = row["from_subset"], row["to_subset"]
        moved = f", {_or_nothing(sides[0])} -> {_or_nothing(sides[1])}" if sides[0] != sides[1] else ""
        differ = f" ({', '.join(row['columns_changed'])})" if row["columns_changed"] else ""
        yield f"{_release_pair(row)}: {row['change']}{moved}{differ}"
    for row in story.changes["label_changes"]:
        yield f"{_release_pair(row)}: {row['mid']} {row['change']}, {_label_side(row, 'from')} -> {_label_side(row, 'to')}"
    yield from _box_lines(story.changes["box_changes"], of_each=" {mid}")
    yield from (f"note: {note}" for note in story.notes)


def _image_line(image: Row) -> str:
    size = image["original_size"]
    return f"{image['subset']}, {size:,} bytes" if size is not None else str(image["subset"])


def _contradiction_line(row: Row) -> str:
    """The kind, the class, and what both sides say."""
    classes = " ".join(filter(None, (row["mid"], row["display_name"])))
    other = f" ({row['other_mid']})" if row["other_mid"] else ""
    is_first = row["source_1"] == "relationships"
    first = f"{row['source_1']}: {row['value_1']}{other if is_first else ''}"
    second = f"{row['source_2']}: {row['value_2']}{'' if is_first else other}"
    iou = "" if row["iou"] is None else f", IoU {row['iou']:.2f}"
    votes = "" if row["yes_votes"] is None else f", votes {row['yes_votes']:,} to {row['no_votes']:,}"
    return escape_unprintable(f"{row['kind']}{f' {classes}' if classes else ''}, {first} -- {second}{iou}{votes}")


def _correction_line(row: Row) -> str:
    """What a person corrected, who, why, and where it is written."""
    statement = row["verdict"] if row["kind"] == VERDICT else "box left out"
    return escape_unprintable(
        f"correction: {row['mid']} {statement}, by {row['who']}: {row['why']} ({row['file']}, line {row['line']})"
    )


def _label_cells(row: Row) -> tuple[str, ...]:
    by = f"{row['verdict']} ({row['decided_by']})" if row["verdict"] != "unverified" else row["verdict"]
    statements = (row["machine_confidence"], _yes_or_no(row["human_verdict"]), _yes_or_no(row["crowd_verdict"]))
    conflict = ", conflict" if row["is_conflict"] else ""
    return (row["mid"], _or_nothing(row["display_name"]), *map(_or_nothing, statements), by + conflict)


def _class_lines(story: EntityHistory) -> Iterator[str]:
    yield story.id
    header = ("release", "name", "trainable", "boxable", "machine", "positive", "negative", "boxes")
    yield from _indented_table([header, *map(_class_cells, story.releases)])
    for row in story.changes["class_history"]:
        names = f", {_or_nothing(row['from_name'])} -> {_or_nothing(row['to_name'])}" if row["change"] != "kept" else ""
        sharing = f", {row['sharing']} classes have this name" if (row["sharing"] or 0) > 1 else ""
        yield f"{_release_pair(row)}: {row['change']}{names}{sharing}"
    yield from _box_lines(story.changes["box_changes"])
    yield from (f"note: {note}" for note in story.notes)


def _box_lines(rows: Iterable[Row], of_each: str = "") -> Iterator[str]:
    """A line for two releases, and what `of_each` names, whose boxes differ; `rows`: boxes, or with `count` how many."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(f"{_release_pair(row)}:{of_each.format(**row)} boxes", []).append(row)
    for title, group in groups.items():
        if any(row["change"] != "unchanged" for row in group):
            yield f"{title}: {', '.join(filter(None, (_box_words(change, group) for change in BOX_CHANGES)))}"


def _box_words(change: str, rows: Iterable[Row]) -> str:
    """How many of the boxes have this change, and how far redrawn ones overlap with what they were."""
    of_change = [row for row in rows if row["change"] == change]
    count = sum(row.get("count", 1) for row in of_change)
    ious = ", ".join(f"{row['iou']:.2f}" for row in of_change if change == "redrawn" and "iou" in row)
    return f"{count:,} {change}" + (f" (IoU {ious})" if ious else "") if count else ""


def _class_cells(entry: Row) -> tuple[str, ...]:
    listed = entry["class"] or {}
    flags = (_yes_or_no(listed.get(name)) for name in ("is_trainable", "is_boxable"))
    name = _or_nothing(listed.get("display_name")) if listed else "(not listed)"
    counts = (f"{entry[name]:,}" for name in ("machine", "positive", "negative", "boxes"))
    return (entry["release"], name, *map(_or_nothing, flags), *counts)


def _release_pair(row: Row) -> str:
    return f"{row['from_release']} to {row['to_release']}"


def _label_side(row: Row, role: str) -> str:
    """What one side of a label's change said."""
    if row[f"{role}_verdict"] is None:
        return NOTHING
    confidence = row[f"{role}_machine_confidence"]
    machine = "" if confidence is None else f", machine {confidence}"
    return f"{row[f'{role}_verdict']} ({row[f'{role}_decided_by']}{machine})"


def _yes_or_no(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _or_nothing(value: object) -> str:
    return NOTHING if value is None else str(value)


def _indented_table(cells: list[tuple[str, ...]]) -> Iterator[str]:
    yield from (f"    {line}" for line in aligned_lines(cells))


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("history", __doc__, add_arguments, run))
