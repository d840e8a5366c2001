"""Reads a sample as a stranger would: tarfile and csv, nothing of the generator."""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections import Counter, defaultdict
from pathlib import Path

ARCHIVES = {
    "v1": {
        "images": ("2016_08/images_2016_08_v5.tar.gz", "images_2016_08/{}/images.csv"),
        "machine": ("2016_08/machine_ann_2016_08_v3.tar.gz", "machine_ann_2016_08/{}/labels.csv"),
        "human": ("2016_08/human_ann_2016_08_v3.tar.gz", "human_ann_2016_08/{}/labels.csv"),
    }
}
for _name, _tag in (("v2", "2017_07"), ("v3", "2017_11")):
    ARCHIVES[_name] = {
        "images": (f"{_tag}/images_{_tag}.tar.gz", _tag + "/{}/images.csv"),
        "machine": (f"{_tag}/annotations_machine_{_tag}.tar.gz", _tag + "/{}/annotations-machine.csv"),
        "human": (f"{_tag}/annotations_human_{_tag}.tar.gz", _tag + "/{}/annotations-human.csv"),
        "boxes": (f"{_tag}/annotations_human_bbox_{_tag}.tar.gz", _tag + "/{}/annotations-human-bbox.csv"),
        "classes": (f"{_tag}/classes_{_tag}.tar.gz", _tag + "/{}"),
    }
SUBSETS = {"v1": ("train", "validation"), "v2": ("train", "validation", "test"), "v3": ("train", "validation", "test")}
MID = re.compile(r"/m/0[0-9b-df-hj-np-tv-z_]+|/g/[0-9a-z_]+")
SOURCES = {"machine", "verification", "crowdsource-verification"}
BOX_SOURCES = {"freeform", "xclick", "activemil", "verification"}

Row = dict[str, str]


def member(sample: Path, release: str, table: str, name: str) -> bytes:
    """The bytes of one member; `name` is a subset, or a file of the class archive."""
    archive, path = ARCHIVES[release][table]
    with tarfile.open(sample / archive) as opened:
        found = opened.extractfile(path.format(name))
        assert found is not None
        return found.read()


def records(data: bytes, header: bool = True) -> list[list[str]]:
    """Every record of a CSV file but its header."""
    return list(csv.reader(io.StringIO(data.decode(), newline="")))[1 if header else 0 :]


def rows(sample: Path, release: str, table: str, subset: str) -> list[Row]:
    """Every row of one member, by column."""
    return list(csv.DictReader(io.StringIO(member(sample, release, table, subset).decode(), newline="")))


def verdicts(sample: Path, release: str, subset: str) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(source, verdict) of every row, by (image, MID)."""
    found = defaultdict(list)
    for row in rows(sample, release, "human", subset):
        found[row["ImageID"], row["LabelName"]].append((row["Source"], row["Confidence"]))
    return found


def recount(sample: Path, release: str) -> dict[str, object]:
    """The figures of a release, counted row by row."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    mids: dict[str, set[str]] = defaultdict(set)
    for subset in SUBSETS[release]:
        counts["images"][subset] = len(rows(sample, release, "images", subset))
        for table in {"machine", "human", "boxes"} & set(ARCHIVES[release]):
            if (release, table, subset) == ("v1", "human", "train"):
                continue
            found = rows(sample, release, table, subset)
            mids[table] |= {row["LabelName"] for row in found}
            if table == "human":
                counts["human_labels_positive"][subset] = sum(float(row["Confidence"]) == 1 for row in found)
                counts["human_labels_negative"][subset] = sum(float(row["Confidence"]) == 0 for row in found)
            else:
                counts["boxes" if table == "boxes" else "machine_labels"][subset] = len(found)
            if table == "boxes":
                counts["images_with_boxes"][subset] = len({row["ImageID"] for row in found})
    figures: dict[str, object] = {name: dict(by_subset) for name, by_subset in counts.items()}
    figures |= {f"{'box' if table == 'boxes' else table}_classes": len(found) for table, found in mids.items()}
    if release == "v1":
        return figures | {"classes": len((sample / "2016_08/dict.csv").read_text().splitlines())}
    trainable = set(member(sample, release, "classes", "classes-trainable.txt").decode().split())
    listed = set(member(sample, release, "classes", "classes.txt").decode().split())
    names = {"machine": "machine", "human": "human", "boxes": "box"}
    figures |= {f"{names[table]}_classes_trainable": len(found & trainable) for table, found in mids.items()}
    return figures | {"classes": len(listed), "classes_trainable": len(listed & trainable)}


def faults(raw: bytes, table: str, subset: str, columns: list[str], before: set[str]) -> set[str]:
    """Every reason why a record of V3 is no row; `before`: the image IDs of the rows above it."""
    broken = {"nul_byte"} if b"\0" in raw else set()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return broken | {"invalid_utf8"}
    if re.search(r'(^|,)"([^"]|"")*"(?!"|,|$)', text):
        return broken | {"malformed_quotes"}
    csv.field_size_limit(1 << 22)
    values = next(csv.reader([text.replace("\0", "")]))  # Python 3.10 reads no NUL
    if len(values) != len(columns):
        return broken | {"wrong_field_count"}
    if max(len(value.encode()) for value in values) > 1 << 20:
        broken.add("field_too_long")
    row = dict(zip(columns, values, strict=True))
    if not re.fullmatch("(0x)?[0-9a-fA-F]{1,16}", row["ImageID"]):
        broken.add("invalid_image_id")
    elif re.fullmatch("[0-9]{1,15}", row["ImageID"]):
        broken.add("ambiguous_image_id")
    if table == "images":
        return broken | _image_faults(row, subset, before)
    return broken | _label_faults(row, table) | (_box_faults(row) if table == "boxes" else set())


def _image_faults(row: Row, subset: str, before: set[str]) -> set[str]:
    broken = {"wrong_subset"} if row["Subset"] != subset else set()
    if row["ImageID"] in before:
        broken.add("duplicate_image_id")
    if not re.fullmatch("[1-9][0-9]*|", row["OriginalSize"]):
        broken.add("invalid_size")
    if not re.fullmatch("[A-Za-z0-9+/]{21}[AQgw]==|", row["OriginalMD5"]):
        broken.add("invalid_md5")
    return broken


def _label_faults(row: Row, table: str) -> set[str]:
    broken = set() if row["Source"] in (BOX_SOURCES if table == "boxes" else SOURCES) else {"unknown_source"}
    mid = re.sub("^(?:kg:/|/|http://rdf.freebase.com/ns/)?([mg])[./]", r"/\1/", row["LabelName"].lower())
    if not MID.fullmatch(mid) and "\0" not in mid:
        broken.add("invalid_mid")
    allowed = {"machine": "0[.][5-9]|1[.]0", "human": "[01]", "boxes": "1"}[table]
    if not re.fullmatch(allowed, row["Confidence"]):
        broken.add("invalid_confidence")
    return broken


def _box_faults(row: Row) -> set[str]:
    sides = [row[name] for name in ("XMin", "XMax", "YMin", "YMax")]
    if not all(re.fullmatch("0[.][0-9]{6}|1[.]0{6}", side) for side in sides):
        return {"invalid_coordinate"}
    broken = {"inverted_box"} if sides[0] > sides[1] or sides[2] > sides[3] else set()
    attributes = [value for name, value in row.items() if name.startswith("Is")]
    return broken if set(attributes) <= {"0", "1"} else broken | {"invalid_attribute"}
