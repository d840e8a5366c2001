"""A small warehouse for the viewer, made without Spark: three releases with what is hard to show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from itertools import count
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from oilake.jobs.tables import publish
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.snapshots import INGEST
from oilake.jobs.tables.staging import stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas
from tests.support.releases import CAT, DOG, TREE, image_id

Row = dict[str, Any]
ANIMAL = "/m/0jbk"
MARKUP = "<script>alert(1)</script>'\"><img src=x onerror=alert(2)>"
LONG = "long " * 400
SCRIPT_ADDRESS = "javascript://photos.example/%0Aalert(3)"
MOST_BOXES = image_id(2)
NAMES = {ANIMAL: "Animal", CAT: "Cat", DOG: "Dog", TREE: "Tree & <b>bush</b>"}
EDGES = ("x_min", "x_max", "y_min", "y_max")
FLAGS = ("is_occluded", "is_truncated", "is_group_of", "is_depiction", "is_inside")
RUNS = count(1)


def make_tables(place: str) -> str:
    """Every table without a row, as far as readers see; `place`."""
    for name in schemas.table_names():
        table = schemas.table_schema(name)
        fields = [pa.field(column.name, schemas.arrow_type(column), column.nullable) for column in table.columns]
        DeltaTable.create(f"{place}/{name}", pa.schema(fields), partition_by=list(table.partition_by) or None)
    return place


def publish_rows(
    place: str,
    release: str,
    job: str,
    rows: Mapping[str, Sequence[Row]],
    since: str | None = None,
    status: str = "complete",
) -> None:
    """Publishes rows of a job's tables by the door that jobs use; columns that a row leaves out are NULL."""
    warehouse, run = Warehouse.at(place), f"{next(RUNS):016x}"
    files = []
    for name, table_rows in rows.items():
        table = schemas.table_schema(name)
        parts: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in table_rows:
            parts[tuple(row[column] for column in table.partition_by)].append(row)
        for values, part in parts.items():
            part.sort(key=lambda row: [row[column] for column in table.sort_by])
            columns = {column.name: [row.get(column.name) for row in part] for column in table.stored()}
            partition = dict(zip(table.partition_by, values, strict=True))
            arrow = pa.table(columns, schema=schemas.arrow_schema(table))
            files.append(stage_rows(warehouse, table, partition, run, arrow))
    kept = {name: () for name in rows if schemas.table_schema(name).written_by != job}
    publication = Publication(release, run, status, f"{job} {run}", job, {}, tuple(files), since=since, kept=kept)
    publish.publish(warehouse, publication)


def image(release: str, n: int, subset: str = "train", **values: Any) -> Row:
    """A row of `images`."""
    plain = {
        "release": release, "subset": subset, "image_id": image_id(n, subset), "title": f"Picture {n}", "author": "Ann",
        "original_url": f"https://photos.example/{n}.jpg", "original_landing_url": f"https://photos.example/{n}",
        "license": f"https://creativecommons.org/licenses/by/{2 + n % 3}.0/", "original_size": n,
        "author_profile_url": "https://photos.example/ann", "original_md5": f"{n:032x}",
    }  # fmt: skip
    return plain | values


def label(release: str, n: int, mid: str, verdict: str, subset: str = "train", **values: Any) -> Row:
    """A row of `image_labels`, decided by people in-house unless it is unverified."""
    is_decided = verdict != "unverified"
    plain = {
        "release": release, "subset": subset, "image_id": image_id(n, subset), "mid": mid, "display_name": NAMES[mid],
        "machine_confidence": 0.8 if n % 2 else None, "human_verdict": verdict == "positive" if is_decided else None,
        "verdict": verdict, "decided_by": "human" if is_decided else "machine", "is_conflict": False,
        "observations": 1, "extra_observations": [],
    }  # fmt: skip
    return plain | values


def box(release: str, n: int, mid: str, number: int = 0, **values: Any) -> Row:
    """A row of `boxes`, one of a hundred places."""
    across, down = number % 10 / 11, number // 10 % 10 / 11
    edges = dict(zip(EDGES, (across, across + 0.08, down, down + 0.08), strict=True))
    plain = {"release": release, "subset": "train", "image_id": image_id(n), "source": "xclick", "mid": mid}
    return {**plain, "confidence": 1.0, **edges, **dict.fromkeys(FLAGS, False)} | values


def class_rows(release: str) -> dict[str, list[Row]]:
    """Rows of `classes` and `hierarchy`: an animal is a cat or a dog; no image has a tree."""
    classes = [
        {"release": release, "mid": mid, "display_name": name, "name": name, "is_boxable": True, "freebase_id": mid[1:]}
        for mid, name in NAMES.items()
    ]
    nodes = [("0000", None, None), ("0000/0000", ANIMAL, "0000"), ("0000/0000/0000", CAT, "0000/0000")]
    nodes += [("0000/0000/0001", DOG, "0000/0000")]
    tree = [
        {
            "release": release, "path": path, "parent_path": above, "mid": mid, "name": NAMES.get(mid or ""),
            "relation": above and "subcategory", "depth": path.count("/"),
        }
        for path, mid, above in nodes
    ]  # fmt: skip
    return {"classes": classes, "hierarchy": tree}


def labels_of(release: str, images: int) -> list[Row]:
    """Dogs in most images, cats denied in some, the crowd against the house in a few."""
    rows = [label(release, n, DOG, "positive" if n % 3 else "unverified") for n in range(images)]
    rows += [label(release, n, CAT, "negative", decided_by="crowdsource") for n in range(0, images, 4)]
    rows += [label(release, n, ANIMAL, "positive", is_conflict=True, crowd_verdict=False) for n in range(5)]
    return rows + [label(release, n, DOG, "positive", "validation") for n in range(10)]


def fill(place: str) -> str:
    """Publishes V2, V3 with all that follows from it, and V5, which is partial and has no boxes; `place`."""
    publish_rows(place, "v2", INGEST, {"images": [image("v2", n) for n in range(60)], **class_rows("v2")})
    publish_rows(place, "v2", "reconcile", {"image_labels": labels_of("v2", 60)})
    images = [image("v3", n) for n in range(130)] + [image("v3", n, "validation") for n in range(10)]
    images[0] |= {"title": MARKUP, "author": MARKUP, "author_profile_url": SCRIPT_ADDRESS}
    images[1] |= {"title": LONG}
    boxes = [box("v3", 2, DOG, number) for number in range(500)]
    boxes += [box("v3", 0, DOG, 1, is_occluded=True, is_truncated=None)]
    labels = labels_of("v3", 130)
    publish_rows(place, "v3", INGEST, {"images": images, "boxes": boxes, **class_rows("v3")})
    publish_rows(place, "v3", "reconcile", {"image_labels": labels})
    names = [column.name for column in schemas.table_schema("class_images").columns]
    publish_rows(place, "v3", "index", {"class_images": [{name: row.get(name) for name in names} for row in labels]})
    publish_rows(place, "v3", "changes", comparison(), since="v2")
    publish_rows(place, "v3", "contradictions", {"contradictions": contradictions()})
    publish_rows(place, "v5", INGEST, newest_release(), status="partial")
    write_deltalake(f"{place}/blob_checks", blob_checks(), mode="append")
    return place


def add_labels(place: str) -> str:
    """Publishes V4 with the rows that plots count: labels of all origins, boxes, figures, bad rows; `place`."""
    labels = [_published_label(n, mid, origin, sure) for n, mid, origin, sure in _label_facts()]
    boxes = [box("v4", n, DOG if n % 3 else TREE, n, is_occluded=None if n % 2 else n % 4 == 0) for n in range(60)]
    boxes += [box("v4", 0, DOG, x_min=0.0, x_max=1.0, y_min=0.0, y_max=1.0)]
    images = [image("v4", n) for n in range(60)]
    bad = [
        {"release": "v4", "table_name": "labels", "file": MARKUP, "member": "m", "line": n, "raw": b"x",
         "reasons": ["unknown_source", "invalid_mid"][: n % 2 + 1]}
        for n in range(4)
    ]  # fmt: skip
    rows = {"images": images, "labels": labels, "boxes": boxes, "quarantine": bad, **class_rows("v4")}
    below_dog = [("0000/0000/0001/0000", CAT, "subcategory"), ("0000/0000/0001/0001", TREE, "part")]
    rows["hierarchy"] += [
        {"release": "v4", "path": path, "parent_path": path[:-5], "mid": mid, "name": NAMES[mid], "relation": relation,
         "depth": 3}
        for path, mid, relation in below_dog
    ]  # fmt: skip
    publish_rows(place, "v4", INGEST, rows)
    publish_rows(place, "v4", "reconcile", {"image_labels": _judged_labels()})
    values = (("images", "train", 60, 60), ("boxes", "train", 61, 59), ("classes", None, 4, None))
    figures = [
        {"release": "v4", "figure": name, "subset": subset, "value": value, "published": published}
        for name, subset, value, published in values
    ]
    publish_rows(place, "v4", "figures", {"release_figures": figures})
    return place


def _label_facts() -> list[tuple[int, str, str, float]]:
    """(image, class, origin, confidence) of the published labels."""
    facts = [(n, DOG, "human", float(n % 3 > 0)) for n in range(60)] + [(n, TREE, "human", 1.0) for n in range(7)]
    facts += [(n, CAT, "crowdsource", 0.0) for n in range(9)]
    return facts + [(n, DOG, "machine", 0.5 + n % 5 / 10) for n in range(60)]


def _published_label(n: int, mid: str, origin: str, confidence: float) -> Row:
    place = {"release": "v4", "subset": "validation" if n % 4 == 0 else "train", "origin": origin}
    return {**place, "image_id": image_id(n), "source": origin, "mid": mid, "confidence": confidence}


def _judged_labels() -> list[Row]:
    """Dogs that the machine sees and people judge, a few of them by both house and crowd."""
    return [
        label("v4", n, DOG, "positive" if n % 3 else "negative", machine_confidence=0.5 + n % 5 / 10,
              machine_agrees=n % 3 > 0, crowd_verdict=n % 2 > 0 if n < 20 else None)
        for n in range(60)
    ]  # fmt: skip


def comparison() -> dict[str, list[Row]]:
    """What became of V2 in V3: images added, a label flipped, a box redrawn."""
    sides = {"from_release": "v2", "to_release": "v3"}
    images = [
        {**sides, "image_id": image_id(n), "change": "added", "to_subset": "train", "columns_changed": []}
        for n in range(60, 130)
    ]
    flipped = {
        **sides, "image_id": image_id(4), "mid": DOG, "change": "flipped", "is_confidence_changed": False,
        "is_subset_moved": False, "from_subset": "train", "to_subset": "train", "from_verdict": "negative",
        "to_verdict": "positive", "from_decided_by": "human", "to_decided_by": "human",
    }  # fmt: skip
    redrawn = {
        **sides, "image_id": image_id(2), "mid": DOG, "change": "redrawn", "iou": 0.8, "attributes_changed": [],
        "from_subset": "train", "to_subset": "train",
    }  # fmt: skip
    return {"image_changes": images, "label_changes": [flipped], "box_changes": [redrawn]}


def contradictions() -> list[Row]:
    """Two of V3: the crowd against the house, and a box of a class that is denied."""
    place = {"release": "v3", "subset": "train", "mid": DOG, "display_name": "Dog", "remedy": f"leave it out {MARKUP}"}
    sides = {"source_1": "human", "value_1": "yes", "source_2": "crowdsource", "value_2": "no"}
    kinds = ((0, "human_against_crowd"), (7, "box_of_denied_class"))
    return [{**place, **sides, "image_id": image_id(n), "kind": kind} for n, kind in kinds]


def newest_release() -> dict[str, list[Row]]:
    """V5: an image on its side with a mask, points, a relationship and an attribute."""
    place = {"release": "v5", "subset": "train", "image_id": image_id(0)}
    edges = dict(zip(EDGES, (0.1, 0.5, 0.2, 0.6), strict=True))
    mask = {
        **place, **edges, "mid": CAT, "mask_path": f"{image_id(0)}_m01yrx_0000000a.png", "box_id": "0000000a",
        "predicted_iou": 0.9, "clicks": [{"x": 0.2, "y": 0.3, "is_object": True}, {"x": 0.9, "y": 0.9, "is_object": False}],
    }  # fmt: skip
    sides = {f"{name}_{n}": value for n in (1, 2) for name, value in edges.items()}
    relationships = [
        {**place, **sides, "mid_1": CAT, "relationship": "on", "mid_2": TREE, "is_attribute": False},
        {**place, **sides, "mid_1": CAT, "relationship": "is", "mid_2": "/m/05z87", "is_attribute": True},
    ]
    point = {**place, "mid": TREE, "x": 0.25, "y": 0.75, "estimate": "unsure", "source": "ih", "yes_votes": 1}
    told = {
        **place, "annotator_id": 7, "caption": f"A cat. {MARKUP}", "timed_caption": [],
        "traces": [[{"x": 0.0, "y": 0.0, "t": 0.1}, {"x": 0.5, "y": 0.25, "t": 0.2}]],
    }  # fmt: skip
    attribute = {"release": "v5", "mid": "/m/05z87", "name": "Plastic"}
    images = [image("v5", 0, rotation=90), image("v5", 1), image("v5", 2)]
    return {
        "images": images, "masks": [mask], "relationships": relationships, "points": [point], "attributes": [attribute],
        "narratives": [told], **class_rows("v5"),
    }  # fmt: skip


def blob_checks() -> pa.Table:
    """Two blobs of V3 that were checked: one whole under a name of its own, one missing; and one of no image."""
    plain = {
        "release": "v3", "location_id": "0" * 12, "location": "/photos", "method": "full", "run_id": "0" * 16,
        "checked_at": datetime(2026, 1, 1, tzinfo=timezone.utc), "subset": "train",
    }  # fmt: skip
    rows: list[Row] = [
        {**plain, "image_id": image_id(0), "key": f"dogs/{image_id(0)}.jpg", "status": "verified"},
        {**plain, "image_id": image_id(1), "key": f"train/{image_id(1)}.jpg", "status": "missing"},
        {**plain, "image_id": None, "key": "other.jpg", "status": "unexpected"},
    ]
    return plain_rows("blob_checks", rows)


def plain_rows(name: str, rows: Sequence[Row]) -> pa.Table:
    """Rows of a table that no snapshot pins; columns that a row leaves out are NULL."""
    columns = schemas.table_schema(name).columns
    fields = [pa.field(column.name, schemas.arrow_type(column), column.nullable) for column in columns]
    return pa.Table.from_pylist(
        [{column.name: row.get(column.name) for column in columns} for row in rows], pa.schema(fields)
    )
