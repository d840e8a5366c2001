"""The published masks: which box each belongs to, and their PNGs, read where they landed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from zipfile import ZipFile, ZipInfo

import numpy as np
import pyarrow as pa

from oilake.conf.errors import InputError
from oilake.conf.mask_rules import MaskRules
from oilake.jobs.blobs.mask_pictures import DamagedMaskError, Foreground, read_foreground
from oilake.jobs.evaluating.best_partners import best_partners, first_claims, image_keys
from oilake.jobs.evaluating.prediction_file import EDGES, edge_matrix
from oilake.jobs.masking.landed_zips import LandedZip
from oilake.jobs.masking.mask_kernel import base_name
from oilake.jobs.sources.zip_members import DamagedMemberError, DamagedZipError, open_zip, read_member
from oilake.jobs.transforms.box_matching import NOBODY, box_ious

# From which overlap on a mask's box is a published one: they are the same but for the digits that are printed.
SAME_BOX = 0.95


@dataclass
class MaskPictures:
    """The PNGs in the zips of one subset. InputError names the zip or member that is missing or damaged."""

    zips: dict[str, LandedZip]
    rules: MaskRules
    stack: ExitStack
    opened: dict[str, tuple[ZipFile, dict[str, ZipInfo]]] = field(default_factory=dict)

    def read(self, name: str) -> Foreground:
        """Return the pixels of the object of a mask, by the name of its PNG; shape (height, width)."""
        place = self.zips[name[0]]
        try:
            archive, members = self._open(name[0])
            return read_foreground(read_member(archive, members[name], self.rules.max_bytes), self.rules)
        except KeyError:
            raise InputError(f"{place.uri}: {name} is not in it; {_remedy(place)}") from None
        except (DamagedMemberError, DamagedMaskError, DamagedZipError) as error:
            raise InputError(f"{place.uri}: {name}: {error}; {_remedy(place)}") from None

    def _open(self, digit: str) -> tuple[ZipFile, dict[str, ZipInfo]]:
        if digit not in self.opened:
            archive = self.stack.enter_context(open_zip(self.zips[digit].uri))
            self.opened[digit] = archive, {base_name(info): info for info in archive.infolist()}
        return self.opened[digit]


@contextmanager
def open_pictures(zips: Iterable[LandedZip], rules: MaskRules) -> Iterator[MaskPictures]:
    """Open the zips of a subset when a mask of theirs is asked for."""
    with ExitStack() as stack:
        yield MaskPictures({landed.digit: landed for landed in zips}, rules, stack)


def mask_marks(boxes: pa.Table, masks: pa.Table) -> pa.Table:
    """Return one row a mark: masks with the group flag of their box, and the boxes that have none, `mask_path` NULL.

    Both have `image`, `code` and edges; boxes `is_group_of`, masks `mask_path`.
    """
    keys, mask_keys = image_keys(*((part["image"].to_numpy(), part["code"].to_numpy()) for part in (boxes, masks)))
    order = np.argsort(keys, kind="stable")
    edges, mask_edges = edge_matrix(boxes)[order], edge_matrix(masks)
    partners = best_partners(
        mask_keys, keys[order], lambda left, right: box_ious(mask_edges[left], edges[right]), SAME_BOX
    )
    partners[~first_claims(partners, np.arange(len(partners)))] = NOBODY
    partner_boxes = np.append(order, NOBODY)[partners]
    has_box = partner_boxes != NOBODY
    is_group_of = np.append(boxes["is_group_of"].to_numpy(), False)[partner_boxes] & has_box
    is_bare = np.ones(len(boxes), np.bool_)
    is_bare[partner_boxes[has_box]] = False
    bare = boxes.filter(pa.array(is_bare))
    names = ["image", "code", *EDGES, "is_group_of", "mask_path"]
    masked = masks.append_column("is_group_of", pa.array(is_group_of, pa.bool_())).select(names)
    return pa.concat_tables([masked, bare.append_column("mask_path", pa.nulls(len(bare), pa.string())).select(names)])


def _remedy(place: LandedZip) -> str:
    return f"fetch {place.name} again with `oilake fetch --masks`"
