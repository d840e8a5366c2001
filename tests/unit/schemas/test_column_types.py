"""Types of columns: whatever Spark SQL can nest is read, and what it cannot is refused."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.conf.errors import ConfigError
from oilake.schemas.column_types import SCALARS, parse_type

NAMES = st.sampled_from(["x", "y", "is_inside", "array", "_1"])
TYPES = st.recursive(
    st.sampled_from(list(SCALARS)),
    lambda inner: st.one_of(
        inner.map("array<{}>".format),
        st.builds("map<{},{}>".format, inner, inner),
        st.dictionaries(NAMES, inner, min_size=1).map(
            lambda fields: f"struct<{','.join(f'{name}:{kind}' for name, kind in fields.items())}>"
        ),
    ),
    max_leaves=12,
)


def written(data_type: pa.DataType) -> str:
    """The type as Spark SQL writes it."""
    if pa.types.is_struct(data_type):
        return f"struct<{','.join(f'{field.name}:{written(field.type)}' for field in data_type)}>"
    if pa.types.is_map(data_type):
        return f"map<{written(data_type.key_type)},{written(data_type.item_type)}>"
    if pa.types.is_list(data_type):
        return f"array<{written(data_type.value_type)}>"
    return next(name for name, scalar in SCALARS.items() if scalar == data_type)


@given(TYPES)
def test_a_type_of_any_depth_says_what_it_says(text: str):
    assert written(parse_type(text, "a column")) == text


def test_a_list_of_points_is_a_list_of_structs():
    point = pa.struct([("x", pa.float64()), ("y", pa.float64()), ("is_inside", pa.bool_())])
    assert parse_type("array<struct<x:double,y:double,is_inside:boolean>>", "a column") == pa.list_(point)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "array",
        "array<>",
        "array<int",
        "array<int>>",
        "array<int,int>",
        "array <int>",
        "map<string>",
        "struct<>",
        "struct<x>",
        "struct<x:int,>",
        "struct<x:int;y:int>",
        "struct<x:int,x:int>",
        "struct<1:int>",
        "int int",
        "INT",
    ],
)
def test_what_is_no_type_is_refused(text: str):
    with pytest.raises(ConfigError, match=r"^masks\.yaml: columns\[3\]\.type must be one of string, .* not "):
        parse_type(text, "masks.yaml: columns[3].type")
