"""Makes Great Expectations' pages ask nothing of any host, show hostile values as text, and come out the same each time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import distribution
from importlib.resources import files
from typing import Any

from oilake.jobs.reporting.html import render

STATIC = "static"
FAVICON = "favicon.ico"
# What stands in for an address that a template names, by a part of that address. What is not here is left out: Vega draws
# graphs, which no expectation of ours has; Popper is in Bootstrap's bundle; date picker and dark colours are trimmings.
STAND_INS = {
    "/bootstrap.min.css": ("bootstrap.min.css",),
    "/font-awesome/": ("css/fontawesome.min.css", "css/solid.min.css"),
    "/jquery-": ("jquery.min.js",),
    "/bootstrap.min.js": ("bootstrap.bundle.min.js",),
    "/bootstrap-table.min.js": ("tables.js",),
}
FETCHED = re.compile(r'<(?:link|script)\b[^>]*?\b(?:href|src)="((?:https?:)?//[^"]*)"[^>]*>(?:\s*</script>)?')
LOGO = re.compile(r'(<img\b[^>]*?\bsrc=")(?:https?:)?//[^"]*/([\w-]+\.png)[^"]*"')
ICON = re.compile(r'<link rel="shortcut icon"[^>]*>')
HEAD = re.compile(r"<html>\s*<head>")
IN_STYLES = re.compile(r"url\(\s*['\"]?(?:https?:)?//[^)]*\)")
DARK = "@media (prefers-color-scheme: dark)"
IDENTIFIER = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")
# Its templates escape some values and not others, so each sign of HTML travels through them as a character of no script.
SIGNS = '<>&"$`'
ARMOUR = {ord(sign): chr(0xE000 + at) for at, sign in enumerate(SIGNS)}
ENTITIES = {0xE000 + at: f"&#{ord(sign)};" for at, sign in enumerate(SIGNS)}
TABLES = files("oilake.jobs") / "reporting" / "tables.js"


def armour_value(value: Any) -> Any:
    """`value` with every string in it safe from the templates; `localised` turns them back into text."""
    if isinstance(value, str):
        return value.translate(ARMOUR)
    if isinstance(value, dict):
        return {armour_value(key): armour_value(item) for key, item in value.items()}
    return [armour_value(item) for item in value] if isinstance(value, list | tuple) else value


def localise_page(html: str, up: str) -> str:
    """A page of Great Expectations that fetches only from `static/`, which `up` (such as `../../`) leads to."""
    folder = f"{up}{STATIC}"
    html = FETCHED.sub(lambda tag: _asset_tags(folder, _stand_ins(tag[1])), html)
    html = LOGO.sub(lambda logo: f'{logo[1]}{folder}/{logo[2]}"', html)
    html = ICON.sub(lambda _: _asset_tags(folder, (FAVICON,)), html)
    html = IN_STYLES.sub("none", html).replace(DARK, "@media not all")
    html = HEAD.sub(lambda _: render("gx_head.html"), html, count=1)
    parts: dict[str, str] = {}
    html = IDENTIFIER.sub(lambda identifier: parts.setdefault(identifier[0], f"part-{len(parts)}"), html)
    return html.translate(ENTITIES)


def _stand_ins(address: str) -> Sequence[str]:
    return next((names for part, names in STAND_INS.items() if part in address), ())


def _asset_tags(folder: str, names: Sequence[str]) -> str:
    """The tags that load files of `folder`."""
    return render("gx_assets.html", folder=folder, names=names)


def read_assets() -> Mapping[str, bytes]:
    """What the pages load, by its path below `static/`: from the packages that this project depends on."""
    images = files("great_expectations") / "render" / "view" / "static" / "images"
    contents = {name: (images / name).read_bytes() for name in ("logo-long.png", FAVICON)}
    contents["tables.js"] = TABLES.read_bytes()
    contents["jquery.min.js"] = _read_package_file("xstatic-jquery", "jquery/data/jquery.min.js")
    for name, folder in (("bootstrap.min.css", "css"), ("bootstrap.bundle.min.js", "js")):
        contents[name] = _without_maps(_read_package_file("xstatic-bootstrap", f"bootstrap/data/{folder}/{name}"))
    for name in (
        "css/fontawesome.min.css",
        "css/solid.min.css",
        "webfonts/fa-solid-900.woff2",
        "webfonts/fa-solid-900.ttf",
    ):
        contents[name] = _read_package_file("xstatic-font-awesome", f"font_awesome/data/{name}")
    return contents


def _read_package_file(package: str, path: str) -> bytes:
    with open(str(distribution(package).locate_file(f"xstatic/pkg/{path}")), "rb") as stream:
        return stream.read()


def _without_maps(content: bytes) -> bytes:
    """Developers' tools would look for a source map that is not here."""
    return re.sub(rb"/[/*]# sourceMappingURL=\S+(?: \*/)?", b"", content)
