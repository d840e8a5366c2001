"""The PNGs of published masks, read from the zips where they landed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from zipfile import ZipFile, ZipInfo

from oilake.conf.errors import InputError
from oilake.conf.mask_rules import MaskRules
from oilake.jobs.blobs.mask_pictures import DamagedMaskError, Foreground, read_foreground
from oilake.jobs.masking.landed_zips import LandedZip
from oilake.jobs.masking.mask_kernel import base_name
from oilake.jobs.sources.zip_members import DamagedMemberError, DamagedZipError, open_zip, read_member


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
            archive, members = self._open_digit(name[0])
            return read_foreground(read_member(archive, members[name], self.rules.max_bytes), self.rules)
        except KeyError:
            raise InputError(f"{place.uri}: {name} is not in it; {_fetch_remedy(place)}") from None
        except (DamagedMemberError, DamagedMaskError, DamagedZipError) as error:
            raise InputError(f"{place.uri}: {name}: {error}; {_fetch_remedy(place)}") from None

    def _open_digit(self, digit: str) -> tuple[ZipFile, dict[str, ZipInfo]]:
        if digit not in self.opened:
            archive = self.stack.enter_context(open_zip(self.zips[digit].uri))
            self.opened[digit] = archive, {base_name(info): info for info in archive.infolist()}
        return self.opened[digit]


@contextmanager
def open_pictures(zips: Iterable[LandedZip], rules: MaskRules) -> Iterator[MaskPictures]:
    """Open the zips of a subset when a mask of theirs is asked for."""
    with ExitStack() as stack:
        yield MaskPictures({landed.digit: landed for landed in zips}, rules, stack)


def _fetch_remedy(place: LandedZip) -> str:
    return f"fetch {place.name} again with `oilake fetch --masks`"
