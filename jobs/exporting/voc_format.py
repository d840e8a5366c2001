"""Pascal VOC: an XML file an image that has a box, in whole pixels counted from 1."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from oilake.jobs.exporting.csv_files import write_csv
from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import ImageBlock, Row
from oilake.jobs.exporting.image_files import open_folder
from oilake.jobs.exporting.image_sizes import ImageSizes
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.transforms.boxes import COORDINATES

# What VOC has elements for; the others stand under `attributes`, as annotation tools write them.
OWN = {"truncated": "is_truncated", "occluded": "is_occluded"}
OTHERS = ("is_group_of", "is_depiction", "is_inside")
COLUMNS = {"boxes": ("mid", *COORDINATES, *OWN.values(), *OTHERS)}
# What XML 1.0 cannot hold, not even as a reference.
UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `Annotations/<image_id>.xml` and `ImageSets/Main/<subset>.txt` for the images that have a box, and
    `classes.csv`; ConfigError where boxes or the sides of images are missing."""
    export.require_table("boxes", "ingest")
    sizes = export.require_sizes()
    sets = folder / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    counts = {"images": 0, "boxes": 0, "classes": len(export.classes.mids)}
    with open_folder(folder / "Annotations", ".xml") as write_file:
        for subset in export.subsets:
            with (sets / f"{subset}.txt").open("w") as listed:
                for block in export.blocks(subset, COLUMNS):
                    for image_id, objects in image_objects(block, export.classes, sizes):
                        text = _annotation_text(subset, image_id, sizes.sides(image_id), objects)
                        write_file(image_id, text.encode())
                        listed.write(f"{image_id}\n")
                        counts["images"] += 1
                        counts["boxes"] += len(objects)
    names = ((mid, _plain(export.classes.name(mid))) for mid in export.classes.mids)
    write_csv(folder / "classes.csv", ("mid", "name"), names)
    return counts


def image_objects(block: ImageBlock, classes: ExportClasses, sizes: ImageSizes) -> Iterator[tuple[str, list[Element]]]:
    """Yield (image ID, the `object` of each of its boxes) of the images that have a box."""
    for image_id, boxes in block.rows_by_image("boxes").items():
        sides = sizes.sides(image_id)
        yield image_id, [_object_element(box, classes.name(box["mid"]), *sides) for box in boxes]


def _annotation_text(subset: str, image_id: str, sides: tuple[int, int], objects: list[Element]) -> str:
    annotation = Element("annotation")
    _add_texts(annotation, {"folder": subset, "filename": f"{image_id}.jpg"})
    _add_texts(SubElement(annotation, "size"), {"width": sides[0], "height": sides[1]})
    _add_texts(annotation, {"segmented": 0})
    annotation.extend(objects)
    return tostring(annotation, encoding="unicode") + "\n"


def _object_element(box: Row, name: str, width: int, height: int) -> Element:
    """An `object`; an attribute that is unknown has no element."""
    left, right = _pixel_span(box["x_min"], box["x_max"], width)
    top, bottom = _pixel_span(box["y_min"], box["y_max"], height)
    thing = Element("object")
    own = {tag: int(box[column]) for tag, column in OWN.items() if box[column] is not None}
    _add_texts(thing, {"name": _plain(name), **own})
    _add_texts(SubElement(thing, "bndbox"), {"xmin": left, "ymin": top, "xmax": right, "ymax": bottom})
    others = [column for column in OTHERS if box[column] is not None]
    attributes = SubElement(thing, "attributes") if others else thing
    for column in others:
        _add_texts(SubElement(attributes, "attribute"), {"name": column, "value": str(box[column]).lower()})
    return thing


def _add_texts(parent: Element, texts: Mapping[str, str | int]) -> None:
    for tag, text in texts.items():
        SubElement(parent, tag).text = str(text)


def _pixel_span(low: float, high: float, side: int) -> tuple[int, int]:
    """The first and the last pixel between two fractions of a side, from 1 on; never none."""
    first = min(round(low * side) + 1, side)
    return first, max(round(high * side), first)


def _plain(text: str) -> str:
    return UNWRITABLE.sub("\ufffd", text)
