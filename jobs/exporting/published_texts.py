"""Columns of the tables as the published files write them: what ingest reads, it gets back."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf.published_forms import NumberForm, PublishedForm
from oilake.conf.registry import ExpectedMember
from oilake.jobs.transforms import md5
from oilake.jobs.transforms.extreme_points import X_CLICKS, Y_CLICKS

CLICKS = (*X_CLICKS, *Y_CLICKS)
UNKNOWN = "-1"


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
    return _write_each(values, lambda value: number_text(value, form))


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
    usual = form.numbers.get("confidence", "plain")
    pairs = zip(values.to_pylist(), sources.to_pylist(), strict=True)
    return pa.array([number_text(value, form.confidences.get(source, usual)) for value, source in pairs], pa.string())


def _write_each(values: pa.Array, write: Callable[[Any], str]) -> pa.Array:
    return pa.array([None if value is None else write(value) for value in values.to_pylist()], pa.string())
