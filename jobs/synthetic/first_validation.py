"""V1's validation set put together from what V2 made of it: its validation and test sets, and one image more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.jobs.synthetic import machine, pairs
from oilake.jobs.synthetic.pairs import Pairs

if TYPE_CHECKING:
    from oilake.jobs.synthetic.slice_rows import SubsetRows


@dataclass(frozen=True)
class FirstValidationRows:
    """The rows of V1's validation set in one slice: IDs and what stands behind them, sorted; labels by image number.

    `human`: (pairs, verdicts, sources).
    """

    names: pa.StringArray
    details: pa.StringArray
    machine: Pairs
    human: tuple[Pairs, Pairs, Pairs]


def validation_rows(
    rng: np.random.Generator, parts: Sequence[SubsetRows], machine_classes: npt.NDArray[np.bool_]
) -> FirstValidationRows:
    """The parts as one set; `machine_classes`: the classes that V1's machine knew. People judged its labels only."""
    order = np.argsort(np.concatenate([part.ids for part in parts]))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    numbers = np.split(number, np.cumsum([len(part.ids) for part in parts])[:-1])
    machine_pairs = [machine.pairs_of_classes(part.machine, machine_classes) for part in parts]
    judged = [_judged_pairs(rng, part, part_pairs) for part, part_pairs in zip(parts, machine_pairs, strict=True)]
    human_pairs = [
        pairs.pack(n[pairs.image_numbers(j)], pairs.class_numbers(j)) for n, (j, _) in zip(numbers, judged, strict=True)
    ]
    verdicts = np.concatenate([verdict for _, verdict in judged])
    return FirstValidationRows(
        names=pa.concat_arrays([part.names for part in parts]).take(pa.array(order)),
        details=pa.concat_arrays([part.details for part in parts]).take(pa.array(order)),
        machine=np.sort(
            np.concatenate([machine.renumber_images(m, n) for m, n in zip(machine_pairs, numbers, strict=True)])
        ),
        human=(np.concatenate(human_pairs), verdicts, np.zeros(len(verdicts), np.int64)),
    )


def _judged_pairs(rng: np.random.Generator, part: SubsetRows, machine_pairs: Pairs) -> tuple[Pairs, Pairs]:
    """(pairs, verdicts): V2's, where the machine had said it; an image that V2 lacks gets verdicts of its own."""
    proposed = machine.without_confidence(machine_pairs)
    if part.labels is None:
        return proposed, rng.integers(0, 2, len(proposed))
    is_proposed = pairs.isin(part.labels.pairs_before, proposed)
    return part.labels.pairs_before[is_proposed], part.labels.verdict_before[is_proposed]
