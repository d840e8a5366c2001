"""A small warehouse for exports, made without Spark: what is hard to hand on stands in its rows."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from oilake.jobs.tables.snapshots import INGEST
from oilake.jobs.transforms.words import DROP_BOX
from oilake.schemas import loader as schemas
from tests.support import view_lake
from tests.support.releases import CAT, DOG, TREE, image_id
from tests.support.view_lake import ANIMAL, EDGES, FLAGS, Row

RELEASE = "v7"
MOUSE = "/m/04rmv"
COMPUTER_MOUSE = "/m/020lf"
UNDRAWN = "/m/0c_jw"
NAMES = {ANIMAL: "Animal", CAT: "Cat", DOG: "Dog", MOUSE: "Mouse", COMPUTER_MOUSE: "Mouse", UNDRAWN: None, TREE: "Tree"}
WIDTH, HEIGHT = 640, 480


def box(
    n: int, mid: str, edges: tuple[float, ...], flags: tuple[bool | None, ...] = (False,) * 5, **values: Any
) -> Row:
    plain = {"release": RELEASE, "subset": "train", "image_id": image_id(n, values.get("subset", "train"))}
    sides = dict(zip(EDGES, edges, strict=True))
    return (
        plain
        | {"source": "xclick", "mid": mid, "confidence": 1.0, **sides, **dict(zip(FLAGS, flags, strict=True))}
        | values
    )


# One that a correction leaves out, an unknown attribute, a group, edges that binary fractions do not have.
DROPPED = (0.5, 0.75, 0.25, 0.5)
BOXES = [
    box(0, DOG, (0.1, 0.3, 0.2, 0.7), (True, None, False, False, None)),
    box(0, DOG, DROPPED),
    box(0, MOUSE, (0.0, 1.0, 0.0, 1.0), (None,) * 5),
    box(1, CAT, (0.25, 0.5, 0.25, 0.75), (False, True, True, False, False)),
    box(1, COMPUTER_MOUSE, (0.0227, 0.9642, 1 / 3, 2 / 3)),
    box(0, DOG, (0.5, 0.6, 0.5, 0.6), subset="validation"),
]
KEPT_BOXES = [row for row in BOXES if tuple(row[edge] for edge in EDGES) != DROPPED]


def mask(n: int, mid: str, box_id: str, subset: str = "train") -> Row:
    image, edges = image_id(n, subset), dict(zip(EDGES, (0.0, 1.0, 0.0, 1.0), strict=True))
    name = f"{image}_{mid[1:].replace('/', '')}_{box_id}.png"
    return {
        "release": RELEASE, "subset": subset, "image_id": image, "mid": mid, "mask_path": name, "box_id": box_id, **edges,
    }  # fmt: skip


MASKS = [mask(0, DOG, "0000000a"), mask(0, MOUSE, "0000000b"), mask(0, DOG, "0000000c", "validation")]


def label(n: int, mid: str, verdict: str, subset: str = "train") -> Row:
    return view_lake.label(RELEASE, n, DOG, verdict, subset) | {"mid": mid, "display_name": NAMES[mid]}


LABELS = [
    label(0, DOG, "positive"), label(0, CAT, "negative"), label(0, ANIMAL, "positive"), label(1, CAT, "positive"),
    label(1, DOG, "negative"), label(2, DOG, "unverified"), label(2, CAT, "positive"),
    label(0, DOG, "positive", "validation"),
]  # fmt: skip


def published_label(n: int, mid: str, source: str, confidence: float, subset: str = "train") -> Row:
    origin = {"machine": "machine", "verification": "human"}[source]
    plain = {"release": RELEASE, "subset": subset, "origin": origin, "image_id": image_id(n, subset)}
    return plain | {"source": source, "mid": mid, "confidence": confidence}


PUBLISHED_LABELS = [
    published_label(0, DOG, "verification", 1.0), published_label(0, CAT, "verification", 0.0),
    published_label(0, DOG, "machine", 0.9), published_label(1, CAT, "machine", 0.8),
    published_label(0, DOG, "verification", 1.0, "validation"),
]  # fmt: skip


def images() -> list[Row]:
    """Three images of train, the last without a box, a size and an MD5, and one of validation."""
    rows = [view_lake.image(RELEASE, n) for n in range(3)] + [view_lake.image(RELEASE, 0, "validation")]
    rows[0] |= {"title": 'A "quoted", title\nof two lines \\N', "author": "=1+1 Großmann", "rotation": 90}
    rows[0]["original_size"] = rows[3]["original_size"] = 7
    rows[2] |= {"original_size": None, "original_md5": None, "license": None, "title": None}
    return rows


def classes() -> list[Row]:
    return [
        {
            "release": RELEASE, "mid": mid, "display_name": name, "name": name, "freebase_id": mid[1:],
            "is_boxable": mid != UNDRAWN,
        }
        for mid, name in NAMES.items()
    ]  # fmt: skip


BOX_HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
)
CLICK_HEADER = ",".join(f"XClick{n}{axis}" for axis in "XY" for n in (1, 2, 3, 4))
READ_FILES = {
    "2018_04/image_ids_and_rotation.csv": (
        "images",
        "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,"
        "Thumbnail300KURL,Rotation",
    ),
    **{
        f"v7/oidv7-{subset}-annotations-{kind}-imagelabels.csv": ("labels", "ImageID,Source,LabelName,Confidence")
        for subset in ("train", "val")
        for kind in ("human", "machine")
    },
    "v6/oidv6-train-annotations-bbox.csv": ("boxes", f"{BOX_HEADER},{CLICK_HEADER}"),
    "v5/validation-annotations-bbox.csv": ("boxes", BOX_HEADER),
    "v7/oidv7-class-descriptions.csv": ("classes", "LabelName,DisplayName"),
}  # fmt: skip


def release_files() -> list[Row]:
    """The files that the release was read from, as far as an export asks."""
    plain = {"release": RELEASE, "url": "https://files.example", "bytes": 1, "sha256": "0" * 64, "md5": "0" * 32}
    counts = dict.fromkeys(("rows_read", "rows_kept", "rows_quarantined", "image_ids_repaired", "mids_repaired"), 0)
    return [
        {**plain, **counts, "file": file, "member": file, "table_name": table, "header": header}
        for file, (table, header) in READ_FILES.items()
    ]


def correction() -> Row:
    return {
        "release": RELEASE, "line": 1, "subset": "train", "image_id": image_id(0), "kind": DROP_BOX, "mid": DOG,
        "is_applied": True, "who": "Ann", "why": "no dog", "releases": "v7",
        "file": "dogs.csv", "file_sha256": "0" * 64, "published_box": dict(zip(EDGES, DROPPED, strict=True)),
    }  # fmt: skip


def blob_checks() -> pa.Table:
    """Every image's blob, of which one is a placeholder of other sides beside the true one."""
    table = schemas.table_schema("blob_checks")
    fields = [pa.field(column.name, schemas.arrow_type(column), column.nullable) for column in table.columns]
    plain = {
        "release": RELEASE, "location_id": "0" * 12, "location": "/photos", "method": "full", "run_id": "0" * 16,
        "checked_at": datetime(2026, 1, 1, tzinfo=timezone.utc),
    }  # fmt: skip
    rows: list[Row] = []
    for image in images():
        key = f"{image['subset']}/{image['image_id']}.jpg"
        checked = {**plain, "image_id": image["image_id"], "subset": image["subset"], "key": key}
        checked |= {"expected_size": image["original_size"], "expected_md5": image["original_md5"]}
        rows.append({**checked, "status": "verified", "width": WIDTH, "height": HEIGHT})
        rows.append({**checked, "status": "placeholder", "width": 9, "height": 9, "key": f"lost/{key}"})
    return pa.Table.from_pylist(
        [{column.name: row.get(column.name) for column in table.columns} for row in rows], pa.schema(fields)
    )


def fill(place: str, with_checks: bool = True) -> str:
    """Publishes the release; `place`."""
    view_lake.make_tables(place)
    hierarchy = [{**row, "release": RELEASE} for row in view_lake.class_rows(RELEASE)["hierarchy"]]
    published = {
        "images": images(),
        "labels": PUBLISHED_LABELS,
        "boxes": BOXES,
        "masks": MASKS,
        "classes": classes(),
        "hierarchy": hierarchy,
        "release_files": release_files(),
    }
    view_lake.publish_rows(place, RELEASE, INGEST, published)
    view_lake.publish_rows(place, RELEASE, "reconcile", {"image_labels": LABELS, "corrections": [correction()]})
    if with_checks:
        write_deltalake(f"{place}/blob_checks", blob_checks(), mode="append")
    return place
