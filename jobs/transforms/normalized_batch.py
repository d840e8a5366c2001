"""What normalizing a batch of raw rows gives: columns in the table's types, and what could not be made to fit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oilake.quality.row_expectations import numpy_mask

Mask = npt.NDArray[np.bool_]


@dataclass
class NormalizedBatch:
    """Columns by name, each of shape (rows,).

    `faults`: (column, which rows, reason) of what no value of the column can show, such as a text where a number belongs.
    `repaired`: which rows had an image ID or a MID in another spelling, by `image_id` and `mid`. `constants`: columns that
    have one value in all rows.
    """

    columns: dict[str, pa.Array]
    faults: list[tuple[str, Mask, str]] = field(default_factory=list)
    repaired: dict[str, Mask] = field(default_factory=dict)
    constants: dict[str, str | None] = field(default_factory=dict)

    def add(self, name: str, values: pa.Array, bad: Mask, reason: str) -> None:
        """One column, and the rows of it that could not be read."""
        self.columns[name] = values
        if bad.any():
            self.faults.append((name, bad, reason))

    def add_repaired(self, name: str, values: pa.Array, repaired: Mask) -> None:
        """One column, and the rows of it that were spelled otherwise."""
        self.columns[name] = values
        if repaired.any():
            self.repaired[name] = repaired

    def add_image_ids(self, published: pa.Array, values: pa.Array, repaired: Mask, reason: str) -> None:
        """The image IDs of the published ones; those that became NULL could not be read, for `reason`."""
        self.add_repaired("image_id", values, repaired)
        if values.null_count > published.null_count:
            self.faults.append(("image_id", numpy_mask(published.is_valid()) & ~numpy_mask(values.is_valid()), reason))
