"""Normalizing twice is normalizing once; what is repaired is what FORMATS calls the same thing."""

from __future__ import annotations

import base64

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oilake.conf.registry import IdForm
from oilake.jobs.transforms import dictionary_arrays, image_ids, md5, mids, numbers, text

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=24)), max_size=20)
HEX = st.text("0123456789abcdefABCDEFxXzg", max_size=18)
SPELLED = st.builds(
    "{}{}".format, st.sampled_from(["/m/", "m.", "/M/", "kg:/m/", "/g/", "g."]), st.text("0bcB_9a", max_size=6)
)


def array(values: list[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


@given(st.one_of(TEXTS, st.lists(HEX), st.lists(st.integers(0, 2**64 - 1).map("{:x}".format))))
def test_image_ids_are_normalized_once_for_all(values: list[str | None]):
    once, _ = image_ids.normalize(array(values))
    twice, repaired = image_ids.normalize(once)
    assert twice.equals(once)
    assert not repaired.any()


@given(
    st.integers(0, 2**64 - 1),
    st.sampled_from(["{:x}", "{:X}", "0x{:x}", "0X{:X}", "{:016X}", "{:016x}"]),
    st.sampled_from([None, "hex"]),
)
def test_every_spelling_of_a_number_is_its_image_id(number: int, spelling: str, form: IdForm | None):
    text = spelling.format(number)
    assume(form or len(text) >= 16 or not text.isdigit())
    found, repaired = image_ids.normalize(array([text]), form)
    assert found.to_pylist() == [f"{number:016x}"]
    assert repaired.tolist() == [spelling.format(number) != f"{number:016x}"]


@given(st.integers(0, 10**15 - 1), st.integers(1, 15))
def test_a_short_id_without_a_letter_is_taken_for_nothing(number: int, width: int):
    text = f"{number:0{width}d}"
    found, repaired = image_ids.normalize(array([text, "ab", None]))
    assert found.to_pylist() == [None, "00000000000000ab", None]
    assert repaired.tolist() == [False, True, False]


@given(st.integers(0, 2**64 - 1), st.integers(1, 25))
def test_a_decimal_id_is_the_number_that_it_says(number: int, width: int):
    text = f"{number:0{width}d}"
    found, repaired = image_ids.normalize(array([text, None]), "decimal")
    assert found.to_pylist() == [f"{number:016x}", None]
    assert repaired.tolist() == [text != f"{number:016x}", False]


@pytest.mark.parametrize(
    "value", ["18446744073709551616", "9" * 40, "000060e3121c7305", "0x10", "-1", "1.0", "1e3", " 1", ""]
)
def test_what_is_no_64_bit_number_is_no_decimal_id(value: str):
    assert image_ids.normalize(array([value]), "decimal")[0].to_pylist() == [None]


@pytest.mark.parametrize("value", ["", "x", "0x", "00000000000000000", "12 34", "0x0x1", "-1", "1.0", "１２", " 1"])
def test_what_is_no_image_id_stays_as_it_is(value: str):
    assert image_ids.normalize(array([value]))[0].to_pylist() == [value]


@given(st.one_of(TEXTS, st.lists(SPELLED)))
def test_mids_are_normalized_once_for_all(values: list[str | None]):
    once, _ = mids.normalize(array(values))
    twice, repaired = mids.normalize(once)
    assert twice.equals(once)
    assert not repaired.any()


@pytest.mark.parametrize(
    "value",
    ["/m/0bc", "m.0bc", "/M/0BC", "kg:/m/0bc", "http://rdf.freebase.com/ns/m.0bc", "https://rdf.freebase.com/ns/m.0bc"],
)
def test_every_spelling_of_a_mid_is_one_mid(value: str):
    found, repaired = mids.normalize(array([value, None]))
    assert found.to_pylist() == ["/m/0bc", None]
    assert repaired.tolist() == [value != "/m/0bc", False]


@given(TEXTS)
def test_mids_that_are_none_stay_as_they_are(values: list[str | None]):
    found = mids.normalize(array(values))[0].to_pylist()
    assert all(b == a or str(b).startswith(("/m/", "/g/")) for a, b in zip(values, found, strict=True))


@given(st.lists(st.one_of(st.none(), st.binary(min_size=16, max_size=16), st.text(max_size=24))))
def test_md5_is_the_hex_of_the_base64(values: list[bytes | str | None]):
    published = [base64.b64encode(v).decode() if isinstance(v, bytes) else v for v in values]
    expected = [v.hex() if isinstance(v, bytes) else v for v in values]
    assert md5.to_hex(array(published)).to_pylist() == expected


@pytest.mark.lengthy
@given(TEXTS)
def test_text_in_composed_form_stays(values: list[str | None]):
    once = text.normalize(array(values))
    if not any(value and "&" in value for value in values):
        assert text.normalize(once).equals(once)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Daniel X. O&#x27;Neil", "Daniel X. O'Neil"),
        ("Paris &amp; Le Maison", "Paris & Le Maison"),
        ("&amp;amp;", "&amp;"),
        ("R&D ?a=1&copy=2 &notin", "R&D ?a=1&copy=2 &notin"),
        ("e\u0301", "é"),
        ("e&#x301;", "é"),
        ("&notit; &lt;", "&notit; <"),
        ("&unknown; &#1114112;", "&unknown; \ufffd"),
    ],
)
def test_entities_are_decoded_once_and_need_their_semicolon(value: str, expected: str):
    assert text.normalize(array([value])).to_pylist() == [expected]


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32))))
def test_numbers_are_read_exactly(values: list[float | None]):
    found, bad = numbers.to_doubles(array([None if v is None else repr(v) for v in values]))
    assert found.to_pylist() == values
    assert not bad.any()


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf", "1e400", "abc", "", "1,5", "0x1", "1_0", "--1"])
def test_what_is_no_finite_number_is_marked(value: str):
    found, bad = numbers.to_doubles(array([value, "0.5"]))
    assert found.to_pylist() == [None, 0.5]
    assert bad.tolist() == [True, False]


def test_attributes_are_true_false_or_unknown():
    found, bad = numbers.to_booleans(array(["1", "0", "-1", None, "7"]))
    assert found.to_pylist() == [True, False, None, None, None]
    assert bad.tolist() == [False, False, False, False, True]


@given(st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", ""]))))
def test_runs_give_the_values_back(values: list[str | None]):
    assert dictionary_arrays.by_runs(array(values)).to_pylist() == values
