"""Columns of classes as places among the classes of an export, so that what is written of a class is made once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.quality.row_expectations import numpy_mask

Places = npt.NDArray[np.int64]
NO_CLASS = -1
# The column with the place of a row's class.
PLACE = "place"


def class_places(mids: pa.ChunkedArray, classes: ExportClasses) -> Places:
    """The place of each MID among `classes.mids`, NO_CLASS where it is none of them; shape (rows,)."""
    encoded = mids.combine_chunks().dictionary_encode()
    places = np.array([classes.places.get(mid, NO_CLASS) for mid in encoded.dictionary.to_pylist()], np.int64)
    return places[encoded.indices.to_numpy()] if len(encoded) else np.empty(0, np.int64)


def decided_labels(labels: pa.Table, classes: ExportClasses, *verdicts: str) -> pa.Table:
    """The rows of `image_labels` with one of these verdicts on a class of `classes.mids`, and a column PLACE."""
    decided = labels.filter(numpy_mask(pc.is_in(labels["verdict"], value_set=pa.array(verdicts))))
    places = class_places(decided["mid"], classes)
    return decided.append_column(PLACE, pa.array(places)).filter(pa.array(places != NO_CLASS))
