"""Numbers as the published files write them: a whole column says what each number alone would."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oilake.conf.published_forms import NumberForm
from oilake.jobs.exporting.published_texts import number_text, number_texts

pytestmark = pytest.mark.lengthy

FORMS: tuple[NumberForm, ...] = ("plain", "float", 3, 6)
NUMBERS = [0.1, 1.0, 0.0, -1.0, 1e-5, 1e-7, 5e-324, 1e10, 1.5e16, 1e22, 1 / 3, 0.022673031, 0.9999995, 90.0]


@pytest.mark.parametrize("form", FORMS)
@given(numbers=st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_a_column_is_written_as_each_of_its_numbers(form: NumberForm, numbers: list[float | None]) -> None:
    rounded = (round(number, 6) for number in numbers if number is not None)
    most = 1e9 if isinstance(form, int) else math.inf
    given_rows = (*numbers, *NUMBERS, *rounded, None)
    rows = [None if number is None else number + 0.0 for number in given_rows if number is None or abs(number) < most]
    texts = number_texts(pa.array(rows, pa.float64()), form).to_pylist()
    assert texts == [None if number is None else number_text(number, form) for number in rows]
    for number, text in zip(rows, texts, strict=True):
        assert (number is None and text is None) or math.isclose(float(text), number, rel_tol=0, abs_tol=0)
