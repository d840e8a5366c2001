"""The masks of an export: which images have one, their PNGs, and a list of those that cannot be drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from oilake.conf.errors import ConfigError, InputError
from oilake.conf.mask_rules import load_mask_rules
from oilake.jobs.blobs.mask_pictures import Foreground
from oilake.jobs.exporting.csv_files import write_csv
from oilake.jobs.exporting.image_blocks import Row
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.masking.landed_pictures import MaskPictures, open_pictures
from oilake.jobs.masking.landed_zips import LandedZip, find_zips

LEFT_OUT = "masks_left_out.csv"


@dataclass
class DrawnMasks:
    """The masks of one subset. `left_out`: the names of those that have no pixel or cannot be read, with the reason."""

    subset: str
    pictures: MaskPictures
    left_out: list[tuple[str, str, str]] = field(default_factory=list)

    def read_pixels(self, mask: Row) -> Foreground | None:
        """The pixels of a mask's object, shape (height, width), in its own resolution; None where it is left out."""
        try:
            foreground = self.pictures.read(mask["mask_path"])
            if foreground.any():
                return foreground
            reason = "it has no pixel of an object"
        except InputError as error:
            reason = str(error)
        self.left_out.append((self.subset, mask["mask_path"], reason))
        return None


def masked_export(export: OpenedExport) -> OpenedExport:
    """The export of those chosen images alone that have a mask; ConfigError where none has."""
    export.require_table("masks", "ingest")
    masked = {}
    for subset, chosen in export.images.items():
        images = np.intersect1d(chosen, export.image_numbers("masks", subset))
        if len(images):
            masked[subset] = images
    if not masked:
        raise ConfigError(
            f"{export.warehouse}: no chosen image of {export.request.release} has a mask; loosen the filters"
        )
    return replace(export, images=masked, with_masks=True)


@contextmanager
def open_masks(export: OpenedExport, subset: str) -> Iterator[DrawnMasks]:
    """The masks of a subset, read where they landed; InputError where a zip that is needed is not there."""
    zips = find_zips(export.settings, export.release, [subset])[subset]
    _refuse_missing(export, subset, zips)
    with open_pictures(zips, load_mask_rules()) as pictures:
        yield DrawnMasks(subset, pictures)


def _refuse_missing(export: OpenedExport, subset: str, zips: list[LandedZip]) -> None:
    needed = {f"{int(number) >> 60:x}" for number in export.images[subset]}
    if missing := [landed.name for landed in zips if landed.state is None and landed.digit in needed]:
        raise InputError(
            f"{export.settings.landing}: {', '.join(missing)} with masks of the chosen images is not here; bring it with "
            f"`oilake fetch --release {export.request.release} --masks`, or choose other images"
        )


def write_left_out(rows: list[tuple[str, str, str]], folder: Path) -> None:
    """Writes the masks that are left out, where there are any."""
    if rows:
        write_csv(folder / LEFT_OUT, ("subset", "mask_path", "reason"), rows)
