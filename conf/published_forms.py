"""How the published files write values: numbers, quotes, line ends and the order of lists, by the names of the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import Field

from oilake.conf.registry import Origin
from oilake.conf.yaml_loader import load_dataclass

NumberForm = Literal["plain", "float"] | Annotated[int, Field(ge=1, le=17)]


@dataclass(frozen=True)
class PublishedForm:
    """How files whose path (in its archive, where it lies in one) matches one of `names` are written.

    `origins`: of labels, whose rows they hold; none: of all. `numbers`: by our column, `plain` (1, 0.5), `float` (1.0,
    0.5) or so many decimals; `confidences`: by the source of the row, in place of that of `numbers`. `quoted`: our columns
    that always stand in quotes. `line_end`: None, LF. `order`: the column by which descriptions are sorted; None: mid.
    """

    names: tuple[str, ...]
    origins: tuple[Origin, ...] = ()
    numbers: dict[str, NumberForm] = field(default_factory=dict)
    confidences: dict[str, NumberForm] = field(default_factory=dict)
    quoted: tuple[str, ...] = ()
    line_end: Literal["crlf"] | None = None
    order: Literal["display_name"] | None = None


@dataclass(frozen=True)
class PublishedForms:
    """The entries of `published_forms.yaml`, in their order."""

    forms: tuple[PublishedForm, ...]


def published_form(path: str) -> PublishedForm:
    """The form of a file, of what all entries say that match its path."""
    whole = PublishedForm((path,))
    for form in _load_forms():
        if any(fnmatchcase(path, name) for name in form.names):
            whole = _add_form(whole, form)
    return whole


def _add_form(whole: PublishedForm, form: PublishedForm) -> PublishedForm:
    return PublishedForm(
        whole.names,
        (*whole.origins, *form.origins),
        whole.numbers | form.numbers,
        whole.confidences | form.confidences,
        (*whole.quoted, *form.quoted),
        form.line_end or whole.line_end,
        form.order or whole.order,
    )


@cache
def _load_forms() -> tuple[PublishedForm, ...]:
    return load_dataclass(PublishedForms, files("oilake.conf") / "published_forms.yaml").forms
