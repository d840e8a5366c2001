"""The viewer's pages as text: from `templates/`, which hold all markup and escape every value."""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import quote, urlsplit

from oilake.conf.registry import SUBSETS
from oilake.jobs.reporting.html import make_environment
from oilake.jobs.tables.images_with_blobs import RANKS
from oilake.jobs.viewing import selection


def render(template: str, **values: object) -> str:
    """Return what `template` makes of `values`; each is shown as text, whatever signs of HTML it holds."""
    return ENVIRONMENT.get_template(template).render(**values)


def is_web_address(text: object) -> bool:
    """Whether a text from outside is an address that a link may lead to: http or https, and nothing that a browser runs."""
    try:
        parts = urlsplit(str(text))
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _or_unknown(value: object) -> str:
    """Word a value that may be missing, or be true or false."""
    if value is None:
        return "unknown"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _moment_text(value: datetime) -> str:
    """Word a moment in UTC, to the minute."""
    return f"{value.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"


ENVIRONMENT = make_environment("viewing")
ENVIRONMENT.tests |= {"web_address": is_web_address}
ENVIRONMENT.filters |= {
    "moment": _moment_text,
    "or_unknown": _or_unknown,
    "part": lambda text: quote(str(text), safe=""),
}
ENVIRONMENT.globals |= {
    "verdicts": selection.VERDICTS,
    "sources": selection.SOURCES,
    "subsets": SUBSETS,
    "change_kinds": selection.CHANGES,
    "blob_statuses": RANKS,
}
