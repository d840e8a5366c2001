"""The clicks that corrected a mask: text such as `0.12 0.5 1;0.3 0.41 0` to a list of points a mask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.schemas.loader import arrow_schema, table_schema

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE](?:-[0-9]{1,3}|[+]?[0-9]{1,2}))?"
CLICK = rf"^ *(?P<x>{NUMBER}) +(?P<y>{NUMBER}) +(?P<kind>[01]) *$"

Mask = npt.NDArray[np.bool_]


def read_clicks(texts: pa.StringArray) -> tuple[pa.ListArray, Mask]:
    """(The clicks as x and y, fractions of the image, and whether they are on the object; which rows are no such list).

    Both have the shape (rows,); NULL stays NULL and is not marked. A semicolon behind the last click is no fault.
    """
    kind = arrow_schema(table_schema("masks")).field("clicks").type
    clicks = pc.split_pattern(pc.utf8_rtrim(texts, "; "), ";")
    read = pc.extract_regex(clicks.values, CLICK)
    rows = np.repeat(np.arange(len(texts)), np.diff(clicks.offsets.to_numpy()))
    bad = np.zeros(len(texts), np.bool_)
    bad[rows[read.is_null().to_numpy(zero_copy_only=False)]] = True
    x, y = (pc.cast(pc.struct_field(read, name), pa.float64()) for name in ("x", "y"))
    is_object = pc.equal(pc.struct_field(read, "kind"), "1")
    points = pa.StructArray.from_arrays([x, y, is_object], fields=list(kind.value_type))
    is_absent = pc.or_(texts.is_null(), pa.array(bad))
    return pa.ListArray.from_arrays(clicks.offsets, points, type=kind, mask=is_absent), bad
