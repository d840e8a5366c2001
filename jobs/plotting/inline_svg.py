"""Draws a chart as SVG that stands in a page: it scales, is described, and shares no name with another one."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import vl_convert

NAMESPACE = "http://www.w3.org/2000/svg"
REFERENCE = re.compile(r"url\(#([^)]*)\)")
# What XML cannot hold, and a name may: control characters, halves of pairs.
UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CONFIG: dict[str, Any] = {
    "aria": False,
    "background": "white",
    "font": "sans-serif",
    "view": {"stroke": None},
    "padding": {"left": 28, "right": 20, "top": 6, "bottom": 6},  # a browser's letters may be wider than those measured
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


def writable_text(value: Any) -> Any:
    """`value`, such as a chart, with a sign of its own for what XML cannot hold in each text: at such a character the
    library ends the process."""
    if isinstance(value, str):
        return UNWRITABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: writable_text(item) for key, item in value.items()}
    return [writable_text(item) for item in value] if isinstance(value, list) else value


def draw_svg(chart: dict[str, Any], key: str, description: str) -> InlineSvg:
    """The picture of a chart of Vega-Lite, which may load nothing; `key`: what its inner names begin with."""
    text = vl_convert.vegalite_to_svg(writable_text(chart), config=CONFIG, allowed_base_urls=[], format_locale=LOCALE)
    root = ElementTree.fromstring(text)
    for name in ("width", "height", "class"):
        root.attrib.pop(name, None)
    for element in root.iter():
        # The picture is told as a whole, and a symbol of it without a name is told as nothing.
        for name in [name for name in element.attrib if name == "role" or name.startswith("aria-")]:
            del element.attrib[name]
        for name, value in element.attrib.items():
            if name == "id":
                element.set(name, f"{key}-{value}")
            elif "url(#" in value:
                element.set(name, REFERENCE.sub(rf"url(#{key}-\1)", value))
    root.set("role", "img")
    root.set("aria-label", writable_text(description))
    return InlineSvg(ElementTree.tostring(root, encoding="unicode"))
