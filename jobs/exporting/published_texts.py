"""Columns of the tables as the published files write them: what ingest reads, it gets back."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.published_forms import NumberForm, PublishedForm
from oilake.conf.registry import ExpectedMember
from oilake.jobs.transforms import md5
from oilake.jobs.transforms.extreme_points import X_CLICKS, Y_CLICKS
from oilake.quality.row_expectations import numpy_mask

CLICKS = (*X_CLICKS, *Y_CLICKS)
UNKNOWN = "-1"
# Whole numbers that a float of 64 bits holds each.
EXACT_BELOW = 2.0**53

Places = npt.NDArray[np.int64]


def stored_column(name: str) -> str | None:
    """The column of the table that a column of a file is read into; None of one that tells only the subset."""
    return "extreme_points" if name in CLICKS else None if name == "subset" else name


def published_texts(
    name: str, rows: pa.Table, subset: str | None, expected: ExpectedMember, form: PublishedForm
) -> pa.Array:
    """A column of a file, by our name for it, as text of shape (rows,); what is NULL as the file writes it."""
    if name == "subset":
        return pa.array([subset] * len(rows), pa.string())
    is_click = name in CLICKS
    stored = stored_column(name)
    assert stored is not None
    values = rows[stored].combine_chunks()
    if is_click:
        values = _click_coordinates(values, name)
    if name == "confidence" and form.confidences:
        texts = _confidence_texts(values, rows["source"].combine_chunks(), form)
    else:
        texts = _value_texts(name, values, expected, form)
    default = UNKNOWN if is_click or pa.types.is_boolean(values.type) else ""
    return pc.fill_null(texts, expected.member.null_values.get(name, (default,))[0])


def number_texts(values: pa.Array, form: NumberForm) -> pa.Array:
    """Numbers as text; a number of decimals that would lose something gives way to the shortest text. NULL stays NULL."""
    numbers = values.cast(pa.float64())
    texts = numbers.cast(pa.string())
    odd = np.flatnonzero(numpy_mask(pc.fill_null(pc.match_substring(texts, "e"), False)))
    texts = _replace_texts(texts, odd, [number_text(numbers[place].as_py(), "plain") for place in odd.tolist()])
    if isinstance(form, int):
        return _fixed_texts(numbers, texts, form)
    if form == "float":
        is_whole = pc.invert(pc.match_substring(texts, "."))
        return pc.if_else(is_whole, pc.binary_join_element_wise(texts, ".0", ""), texts)
    return texts


def _fixed_texts(numbers: pa.Array, texts: pa.Array, decimals: int) -> pa.Array:
    """The numbers with so many decimals where that is all that they have, `texts` where it is not."""
    plain = numbers.to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        scaled = np.rint(plain * 10.0**decimals)
    is_exact = (scaled / 10.0**decimals == plain) & (np.abs(scaled) < EXACT_BELOW)
    fixed = pa.array(np.where(is_exact, plain, 0.0)).cast(pa.decimal128(38, decimals), safe=False).cast(pa.string())
    return pc.if_else(pa.array(is_exact), fixed, texts)


def _replace_texts(texts: pa.Array, places: Places, others: list[str]) -> pa.Array:
    if not len(places):
        return texts
    is_replaced = np.zeros(len(texts), np.bool_)
    is_replaced[places] = True
    return pc.replace_with_mask(texts, pa.array(is_replaced), pa.array(others, pa.string()))


def number_text(value: float, form: NumberForm) -> str:
    """One number as text, without an exponent."""
    if isinstance(form, int):
        fixed = f"{value:.{form}f}"
        if float(fixed) == value:
            return fixed
    text = repr(float(value))
    if "e" in text:
        text = np.format_float_positional(value, trim="0")
    return text if form == "float" else text.removesuffix(".0")


def _value_texts(name: str, values: pa.Array, expected: ExpectedMember, form: PublishedForm) -> pa.Array:
    own = _own_forms(expected, form).get(name)
    if own is not None:
        return _write_each(values, own)
    if pa.types.is_boolean(values.type):
        return pc.if_else(values, "1", "0")
    if pa.types.is_floating(values.type) or name in form.numbers:
        number = form.numbers.get("clicks" if name in CLICKS else name, "plain")
        return number_texts(values, number)
    return values.cast(pa.string())


def _own_forms(expected: ExpectedMember, form: PublishedForm) -> Mapping[str, Callable[[Any], str]]:
    """How columns are written whose text is another than their value."""
    forms: dict[str, Callable[[Any], str]] = {
        "original_md5": md5.to_base64,
        "author": html.escape,
        "title": html.escape,
        "clicks": lambda clicks: ";".join(_click_text(click, form.numbers.get("clicks", "plain")) for click in clicks),
    }
    if expected.member.ids == "decimal":
        forms["image_id"] = lambda digits: str(int(digits, 16))
    return forms


def _click_text(click: Mapping[str, Any], number: NumberForm) -> str:
    return f"{number_text(click['x'], number)} {number_text(click['y'], number)} {int(click['is_object'])}"


def _click_coordinates(points: pa.Array, name: str) -> pa.Array:
    axis, _, number = name.partition("_click_")
    return pc.struct_field(pc.list_element(points, int(number) - 1), axis)


def _confidence_texts(values: pa.Array, sources: pa.Array, form: PublishedForm) -> pa.Array:
    texts = number_texts(values, form.numbers.get("confidence", "plain"))
    for source, number in form.confidences.items():
        texts = pc.if_else(pc.fill_null(pc.equal(sources, source), False), number_texts(values, number), texts)
    return texts


def _write_each(values: pa.Array, write: Callable[[Any], str]) -> pa.Array:
    return pa.array([None if value is None else write(value) for value in values.to_pylist()], pa.string())
