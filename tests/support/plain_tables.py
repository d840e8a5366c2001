"""A few rows of a plain file of every published table: good ones by number, bad ones with reasons, how to read them."""

from __future__ import annotations

import csv
import io
import json
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


def csv_rows(header: str, lines: list[str]) -> list[dict[str, Any]]:
    """The lines as Python's own csv module reads them, by published name."""
    return list(csv.DictReader(io.StringIO("\n".join([header, *lines]))))


def json_rows(header: str, lines: list[str]) -> list[dict[str, Any]]:
    """The lines as Python's own json module reads them; a key that is absent is none."""
    return [dict.fromkeys(header.split(",")) | json.loads(line) for line in lines]


@dataclass(frozen=True)
class PlainTable:
    """`good`: the n-th row; `bad`: rows with their reasons; `columns`: our column and its reader, by published name.

    `read`: the rows of some lines, by published name.
    """

    file: str
    header: str
    good: Callable[[int], str]
    bad: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[str, Reader]]
    has_header: bool = True
    read: Callable[[str, list[str]], list[dict[str, Any]]] = csv_rows

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
        """The good rows as one of Python's own modules reads them, by our columns."""
        read = self.read(self.header, self.good_lines())
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


def mask(n: int, clicks: str) -> str:
    box = f"{n + 5000000:08d}"
    path = f"{image(n // 2)}_{CAT[1:].replace('/', '')}_{box}.png"
    return f"{path},{image(n // 2)},{CAT},{box},{number(n)},1,0,{number(n)},{'0.87' if clicks else ''},{clicks}"


def read_clicks(text: str) -> list[dict[str, Any]] | None:
    clicks = [click.split() for click in text.split(";")] if text else []
    return [{"x": float(x), "y": float(y), "is_object": kind == "1"} for x, y, kind in clicks] or None


def narrative(**changed: Any) -> str:
    """A line of a narrative; what is changed to ... is left out."""
    said = {"utterance": 'a "cat"', "start_time": 0.0, "end_time": 0.8}
    trace = [[{"x": -0.25, "y": 0.5, "t": 0.016}, {"x": 0.125, "y": 1.75, "t": 0.032}], []]
    line = {"dataset_id": "open_images", "image_id": image(0), "annotator_id": 7, "caption": 'a "cat"'}
    line |= {"timed_caption": [said], "traces": trace, "voice_recording": "open_images_validation/1.ogg"}
    return json.dumps({name: value for name, value in (line | changed).items() if value is not ...})


def good_narrative(n: int) -> str:
    words = [
        {"utterance": word, "start_time": t / 2, "end_time": float(t + n)}
        for t, word in enumerate(["ein", "Größen", "mäßig"])
    ]
    points = [[{"x": n / 40 - 0.2, "y": t / 3, "t": t * 0.016} for t in range(n % 4)]]
    caption = f"Narrative {n}: \\ {{ü}} \N{CAT FACE}\n"
    recording = f"recording/{n}.ogg" if n % 2 else ...
    return narrative(
        image_id=image(n // 2),
        annotator_id=n,
        caption=caption,
        timed_caption=words,
        traces=points,
        voice_recording=recording,
    )


def as_it_is(value: Any) -> Any:
    return value


ID = image(0)
MASK = f"{ID}_m0bt9lr_0000000a.png"
NARRATIVE_KEYS = "dataset_id,image_id,annotator_id,caption,timed_caption,traces,voice_recording"
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
            f"{ID},oracle,{DOG},1": ("unknown_source",),
            f"{ID},verification,{DOG},0.5": ("invalid_confidence",),
            f"{ID},verification,,1": ("missing_value",),
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
            f"{ID},xclick,{DOG},1,0.1,1.9,0.2,,0,0,0,0,0": ("invalid_coordinate", "missing_value"),
            f"{ID},xclick,{DOG},1,{EDGES},0,0,0,0": ("wrong_field_count",),
        },
        {**LABELS, **SIDES, **{name: (ours, attribute) for name, ours in zip(FLAGS, OUR_FLAGS, strict=True)}},
    ),
    "masks": PlainTable(
        "v5/validation-annotations-object-segmentation.csv",
        "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks",
        lambda n: mask(n, f"{number(n)} 0.5 1;0.25 1 0" if n % 3 else ""),
        {
            f"{MASK},no image,{DOG},0000000a,{EDGES},,": ("invalid_image_id",),
            f"{MASK},{RAW_IDS},{DOG},0000000a,{EDGES},,": ("ambiguous_image_id",),
            f"mask.png,{ID},{DOG},a,{EDGES},,": ("invalid_mask_path", "invalid_box_id"),
            f"{MASK},{ID},{DOG},0000000b,{EDGES},1.5,": ("invalid_iou",),
            f"{MASK},{ID},{DOG},0000000c,{EDGES},,0.1 0.2": ("invalid_clicks",),
            f"{MASK},{ID},{DOG},0000000d,{EDGES},,0.1 0.2 2;0.1 0.2 1": ("invalid_clicks",),
            f"{MASK},{ID},{DOG},0000000e,0.9,0.1,0,1,,": ("inverted_box",),
            f"{MASK},{ID},{DOG},,{EDGES},,": ("missing_value",),
        },
        {
            "MaskPath": ("mask_path", str),
            "ImageID": ("image_id", str),
            "LabelName": ("mid", str),
            "BoxID": ("box_id", str),
            **{f"Box{name}": reader for name, reader in SIDES.items()},
            "PredictedIoU": ("predicted_iou", lambda text: float(text) if text else None),
            "Clicks": ("clicks", read_clicks),
        },
    ),
    "relationships": PlainTable(
        "v6/oidv6-validation-annotations-vrd.csv",
        "ImageID,LabelName1,LabelName2,XMin1,XMax1,YMin1,YMax1,XMin2,XMax2,YMin2,YMax2,RelationshipLabel",
        relationship,
        {
            f"no image,{DOG},{CAT},{EDGES},{EDGES},at": ("invalid_image_id",),
            f"{RAW_IDS},{DOG},{CAT},{EDGES},{EDGES},at": ("ambiguous_image_id",),
            f"{ID},dog,{CAT},{EDGES},0.1,0.2,0.3,1.4,at": ("invalid_mid", "invalid_coordinate"),
            f"{ID},{DOG},{CAT},{EDGES},0.9,0.1,0.2,0.8,at": ("inverted_box",),
            f"{ID},{DOG},{CAT},{EDGES},{EDGES},On top": ("invalid_relationship",),
            f"{ID},{DOG},,{EDGES},{EDGES},": ("missing_value",),
            f"{ID},{DOG},{CAT},{EDGES},at": ("wrong_field_count",),
        },
        {
            "ImageID": ("image_id", str),
            "LabelName1": ("mid_1", str),
            "LabelName2": ("mid_2", str),
            **{f"{name}{side}": (f"{ours}_{side}", read) for side in "12" for name, (ours, read) in SIDES.items()},
            "RelationshipLabel": ("relationship", str),
        },
    ),
    "points": PlainTable(
        "v7/oidv7-val-annotations-point-labels.csv",
        "ImageId,X,Y,Label,EstimatedYesNo,Source,YesVotes,NoVotes,UnsureVotes,TextLabel",
        lambda n: (
            f"{image(n // 3)},{number(n)},1,{DOG},{('yes', 'no', 'unsure')[n % 3]},ih,{n},{n % 2},,{'dog' * (n % 2)}"
        ),
        {
            f"no image,0.1,0.2,{DOG},yes,ih,1,0,0,": ("invalid_image_id",),
            f"{RAW_IDS},0.1,0.2,{DOG},yes,ih,1,0,0,": ("ambiguous_image_id",),
            f"{ID},0.1,1.2,{DOG},yes,ih,1,0,0,": ("invalid_coordinate",),
            f"{ID},0.1,0.2,{DOG},maybe,ih,1,0,0,": ("invalid_estimate",),
            f"{ID},0.1,0.2,{DOG},yes,ih,1,-1,0.5,": ("invalid_votes",),
            f"{ID},0.1,0.2,,,,1,0,0,": ("missing_value",),
        },
        {
            "ImageId": ("image_id", str),
            "X": ("x", float),
            "Y": ("y", float),
            "Label": ("mid", str),
            "EstimatedYesNo": ("estimate", str),
            "Source": ("source", str),
            "YesVotes": ("yes_votes", int),
            "NoVotes": ("no_votes", int),
            "UnsureVotes": ("unsure_votes", lambda text: int(text) if text else None),
            "TextLabel": ("text_label", optional_text),
        },
    ),
    "narratives": PlainTable(
        "annotations/open_images_validation_localized_narratives.jsonl",
        NARRATIVE_KEYS,
        good_narrative,
        {
            narrative(image_id="no image"): ("invalid_image_id",),
            narrative(image_id=RAW_IDS): ("ambiguous_image_id",),
            narrative()[:-30]: ("broken_json",),
            narrative() + narrative(): ("broken_json",),
            "null": ("wrong_json_type",),
            narrative(annotator_id="7"): ("wrong_json_type",),
            narrative(traces=[[0.5, 0.25, 0.016]]): ("wrong_json_type",),
            narrative(traces=[[{"x": 0.5, "t": 0.016}]]): ("invalid_traces",),
            narrative(traces=[None]): ("invalid_traces",),
            narrative(timed_caption=[{"utterance": "a", "start_time": 0.5}]): ("invalid_timed_caption",),
            narrative(caption=..., traces=None): ("missing_value",),
        },
        {name: (name, as_it_is) for name in NARRATIVE_KEYS.split(",")},
        has_header=False,
        read=json_rows,
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
