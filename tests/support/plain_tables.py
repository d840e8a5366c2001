"""A few rows of a plain file of every published table: good ones by number, bad ones with reasons, how to read them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.releases import CAT, DOG, IMAGE_HEADER, LABEL_HEADER, TREE, image_id, image_row

ROWS = 60
RELEASE, SUBSET = "v7", "validation"
RAW_IDS = "123"

Reader = Callable[[str], Any]


def optional_text(text: str) -> str | None:
    return text or None


def attribute(text: str) -> bool | None:
    return {"1": True, "0": False, "-1": None}[text]


@dataclass(frozen=True)
class PlainTable:
    """`good`: the n-th row; `bad`: rows with their reasons; `columns`: our column and its reader, by published name."""

    file: str
    header: str
    good: Callable[[int], str]
    bad: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[str, Reader]]
    has_header: bool = True

    def good_lines(self) -> list[str]:
        """The good rows, those of later images first."""
        return [self.good(n) for n in reversed(range(ROWS))]

    def content(self) -> bytes:
        """The file: a bad row behind the first good ones, the others at the end."""
        rows = self.good_lines()
        first, *others = self.bad
        lines = [*([self.header] if self.has_header else []), *rows[:5], first, *rows[5:], *others]
        return "".join(f"{line}\n" for line in lines).encode()

    def rows(self) -> list[dict[str, Any]]:
        """The good rows as Python's own csv module reads them, by our columns."""
        read = csv.DictReader(io.StringIO("\n".join([self.header, *self.good_lines()])))
        return [{ours: as_value(row[name]) for name, (ours, as_value) in self.columns.items()} for row in read]

    def quarantined(self) -> list[tuple[int, bytes, list[str]]]:
        """Line, bytes and reasons of each bad row."""
        lines = self.content().split(b"\n")
        return [(lines.index(raw.encode()) + 1, raw.encode(), list(why)) for raw, why in self.bad.items()]


def number(n: int) -> str:
    return f"{(n + 1) / (ROWS + 1):.6f}"


def image(n: int) -> str:
    return image_id(n, SUBSET)


def relationship(n: int) -> str:
    edges = f"{number(n)},1,0,{number(n)}"
    return f"{image(n // 2)},{DOG},{TREE if n % 2 else '/m/02gy9n'},{edges},{edges},{'under' if n % 2 else 'is'}"


EDGES = "0.1,0.9,0.2,0.8"
LABELS = {"ImageID": ("image_id", str), "Source": ("source", str), "LabelName": ("mid", str)}
LABELS |= {"Confidence": ("confidence", float)}
SIDES = {"XMin": ("x_min", float), "XMax": ("x_max", float), "YMin": ("y_min", float), "YMax": ("y_max", float)}
FLAGS = ("IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside")
OUR_FLAGS = ("is_occluded", "is_truncated", "is_group_of", "is_depiction", "is_inside")
PLAIN_TABLES = {
    "images": PlainTable(
        "2018_04/validation/validation-images-with-rotation.csv",
        f"{IMAGE_HEADER},Rotation",
        lambda n: f"{image_row(image(n), SUBSET)},{n % 4 * 90}.0",
        {
            f"{image_row('no image', SUBSET)},0": ("invalid_image_id",),
            f"{image_row(RAW_IDS, SUBSET)},0": ("ambiguous_image_id",),
            f"{image_row(image(ROWS), SUBSET)},7": ("invalid_rotation",),
            f"{image_row(image(3), SUBSET)},0": ("duplicate_image_id",),
        },
        {
            "ImageID": ("image_id", str),
            "Author": ("author", str),
            "Rotation": ("rotation", lambda text: int(float(text))),
        },
    ),
    "labels": PlainTable(
        "v7/oidv7-val-annotations-human-imagelabels.csv",
        LABEL_HEADER,
        lambda n: f"{image(n // 3)},verification,{(DOG, CAT, TREE)[n % 3]},{n % 2}.0",
        {
            f"no image,verification,{DOG},1": ("invalid_image_id",),
            f"{RAW_IDS},verification,{DOG},1": ("ambiguous_image_id",),
            f"{image(0)},oracle,{DOG},1": ("unknown_source",),
            f"{image(0)},verification,{DOG},0.5": ("invalid_confidence",),
            f"{image(0)},verification,,1": ("missing_value",),
        },
        LABELS,
    ),
    "boxes": PlainTable(
        "v5/validation-annotations-bbox.csv",
        ",".join([LABEL_HEADER, *SIDES, *FLAGS]),
        lambda n: f"{image(n // 2)},xclick,{CAT},1,{number(n)},1,0,{number(n)},1,0,-1,0,{n % 2}",
        {
            f"no image,xclick,{DOG},1,{EDGES},0,0,0,0,0": ("invalid_image_id",),
            f"{RAW_IDS},xclick,{DOG},1,{EDGES},0,0,0,0,0": ("ambiguous_image_id",),
            f"{image(0)},xclick,{DOG},1,0.1,1.9,0.2,,0,0,0,0,0": ("invalid_coordinate", "missing_value"),
            f"{image(0)},xclick,{DOG},1,{EDGES},0,0,0,0": ("wrong_field_count",),
        },
        {**LABELS, **SIDES, **{name: (ours, attribute) for name, ours in zip(FLAGS, OUR_FLAGS, strict=True)}},
    ),
    "relationships": PlainTable(
        "v6/oidv6-validation-annotations-vrd.csv",
        "ImageID,LabelName1,LabelName2,XMin1,XMax1,YMin1,YMax1,XMin2,XMax2,YMin2,YMax2,RelationshipLabel",
        relationship,
        {
            f"no image,{DOG},{CAT},{EDGES},{EDGES},at": ("invalid_image_id",),
            f"{RAW_IDS},{DOG},{CAT},{EDGES},{EDGES},at": ("ambiguous_image_id",),
            f"{image(0)},dog,{CAT},{EDGES},0.1,0.2,0.3,1.4,at": ("invalid_mid", "invalid_coordinate"),
            f"{image(0)},{DOG},{CAT},{EDGES},0.9,0.1,0.2,0.8,at": ("inverted_box",),
            f"{image(0)},{DOG},{CAT},{EDGES},{EDGES},On top": ("invalid_relationship",),
            f"{image(0)},{DOG},,{EDGES},{EDGES},": ("missing_value",),
            f"{image(0)},{DOG},{CAT},{EDGES},at": ("wrong_field_count",),
        },
        {
            "ImageID": ("image_id", str),
            "LabelName1": ("mid_1", str),
            "LabelName2": ("mid_2", str),
            **{f"{name}{side}": (f"{ours}_{side}", read) for side in "12" for name, (ours, read) in SIDES.items()},
            "RelationshipLabel": ("relationship", str),
        },
    ),
    "attributes": PlainTable(
        "v6/oidv6-attributes-description.csv",
        "LabelName,DisplayName",
        lambda n: f"/m/0{n},Attribute {n}",
        {"plastic,Plastic": ("invalid_mid",), "/m/05z87,": ("missing_value",), "/m/05z87": ("wrong_field_count",)},
        {"LabelName": ("mid", str), "DisplayName": ("name", str)},
        has_header=False,
    ),
    "relationship_triplets": PlainTable(
        "v6/oidv6-relationship-triplets.csv",
        "LabelName1,LabelName2,RelationshipLabel",
        lambda n: f"/m/0{n},{CAT},inside_of",
        {f"cat,{DOG},is": ("invalid_mid",), f"{CAT},{DOG},9": ("invalid_relationship",), "is": ("wrong_field_count",)},
        {"LabelName1": ("mid_1", str), "LabelName2": ("mid_2", str), "RelationshipLabel": ("relationship", str)},
    ),
    "relationship_descriptions": PlainTable(
        "v6/oidv6-relationships-description.csv",
        "RelationshipLabel,Description",
        lambda n: f"on{'abcdefghij'[n % 10]}_{'abcdef'[n // 10]},on {n}",
        {"On,on": ("invalid_relationship",), "on,": ("missing_value",)},
        {"RelationshipLabel": ("relationship", str), "Description": ("description", str)},
        has_header=False,
    ),
}


def land_tables(folder: Path, tables: Mapping[str, PlainTable] = PLAIN_TABLES) -> Path:
    """Writes the file of every table to its published path; `folder`."""
    for table in tables.values():
        path = folder / table.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(table.content())
    return folder
