"""YOLO segments: a line a mask in a text file an image, its outline as fractions, and a data.yaml that names the classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from oilake.jobs.exporting.drawn_masks import DrawnMasks, masked_export, open_masks, write_left_out
from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import ImageBlock
from oilake.jobs.exporting.image_files import open_folder
from oilake.jobs.exporting.mask_polygons import Points, mask_polygon
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.exporting.yolo_format import write_data_yaml

COLUMNS = {"masks": ("mid", "mask_path")}


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `labels/<subset>/<image_id>.txt` and `<subset>.txt` for the images that have a mask, and `data.yaml`.

    ConfigError where the release has no masks, InputError where a zip is missing.
    """
    masked = masked_export(export)
    counts = {"images": 0, "masks": 0, "left_out": 0, "classes": len(masked.classes.mids)}
    left_out: list[tuple[str, str, str]] = []
    for subset in masked.subsets:
        with (
            open_folder(folder / "labels" / subset, ".txt") as write_file,
            (folder / f"{subset}.txt").open("w") as listed,
            open_masks(masked, subset) as masks,
        ):
            for block in masked.blocks(subset, COLUMNS):
                for image_id, lines in segment_lines(block, masked.classes, masks):
                    write_file(image_id, "".join(lines).encode())
                    listed.write(f"./images/{subset}/{image_id}.jpg\n")
                    counts["images"] += 1
                    counts["masks"] += len(lines)
        left_out += masks.left_out
    counts["left_out"] = len(left_out)
    write_left_out(left_out, folder)
    write_data_yaml(masked, folder)
    return counts


def segment_lines(block: ImageBlock, classes: ExportClasses, masks: DrawnMasks) -> Iterator[tuple[str, list[str]]]:
    """Yield (image ID, the line of each of its masks that can be drawn) of the images that have one."""
    for image_id, rows in block.rows_by_image("masks").items():
        drawn = [(row, masks.read_pixels(row)) for row in rows]
        lines = [
            _segment_line(mask_polygon(pixels), classes.places[row["mid"]])
            for row, pixels in drawn
            if pixels is not None
        ]
        if lines:
            yield image_id, lines


def _segment_line(points: Points, place: int) -> str:
    return " ".join([str(place), *(f"{value:.6g}" for value in points.ravel().tolist())]) + "\n"
