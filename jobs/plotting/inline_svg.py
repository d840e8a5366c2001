"""Draws a chart as SVG that stands in a page: it scales, is described, and shares no name with another one."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import vl_convert

NAMESPACE = "http://www.w3.org/2000/svg"
REFERENCE = re.compile(r"url\(#([^)]*)\)")
CONFIG: dict[str, Any] = {
    "aria": False,
    "background": "white",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 240},
    "legend": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "orient": "top",
        "labelLimit": 240,
    },
}
# Any number of thousands has a comma: 1,234.
LOCALE = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["", ""]}

ElementTree.register_namespace("", NAMESPACE)


class InlineSvg(str):
    """An SVG element that a template takes as it is: it was written from parsed XML, so that every text in it is text."""

    def __html__(self) -> str:
        """The element itself, which jinja2 asks for in place of escaping."""
        return str(self)


def draw_svg(chart: dict[str, Any], key: str, description: str) -> InlineSvg:
    """The picture of a chart of Vega-Lite, which may load nothing; `key`: what its inner names begin with."""
    text = vl_convert.vegalite_to_svg(chart, config=CONFIG, allowed_base_urls=[], format_locale=LOCALE)
    root = ElementTree.fromstring(text)
    for name in ("width", "height", "class"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", description)
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "id":
                element.set(name, f"{key}-{value}")
            elif "url(#" in value:
                element.set(name, REFERENCE.sub(rf"url(#{key}-\1)", value))
    return InlineSvg(ElementTree.tostring(root, encoding="unicode"))
