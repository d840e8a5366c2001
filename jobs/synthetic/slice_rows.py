"""What one slice of the image ID range holds: rows by subset, and their text by member."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.synthetic.boxes import Boxes
from oilake.jobs.synthetic.figures import FigureTally
from oilake.jobs.synthetic.human import HumanLabels
from oilake.jobs.synthetic.pairs import Pairs
from oilake.jobs.synthetic.photos import SamplePhoto

VANISHED = "vanished"

Lines = list[pa.StringArray]


@dataclass(frozen=True)
class SubsetRows:
    """The rows of one subset in one slice; all numbers of images count its IDs, which are sorted.

    `photos`: the originals of its first images, in the first slice.
    """

    ids: npt.NDArray[np.uint64]
    names: pa.StringArray
    details: pa.StringArray
    machine: Pairs
    labels: HumanLabels | None = None
    boxes: Boxes | None = None
    photos: tuple[SamplePhoto, ...] = ()


@dataclass
class SampleSlice:
    """The text of one slice by spool (see `archives.spool_name`), its parts by subset, and what it counts."""

    parts: dict[str, SubsetRows]
    spools: frozenset[str]
    texts: dict[str, Lines] = field(default_factory=dict)
    tally: FigureTally = field(default_factory=FigureTally)

    def put_text(self, spool: str, make_lines: Callable[[], pa.StringArray]) -> None:
        """Makes the rows of one spool, if it is written at all."""
        if spool in self.spools:
            self.texts[spool] = [make_lines()]
