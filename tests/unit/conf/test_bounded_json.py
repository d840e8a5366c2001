"""JSON that is written is JSON to every parser, whatever numbers a copied table holds."""

from __future__ import annotations

import datetime
import json

import pytest

from oilake.conf.bounded_json import strict_json


def refuse(constant: str) -> None:
    pytest.fail(f"{constant} is no JSON")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_does_not_know_is_text(number: float):
    text = strict_json({"rows": [{"x": number, "y": (1.5, number)}], "at": datetime.date(2017, 11, 16)})
    document = json.loads(text, parse_constant=refuse)
    assert document == {"rows": [{"x": str(number), "y": [1.5, str(number)]}], "at": "2017-11-16"}
