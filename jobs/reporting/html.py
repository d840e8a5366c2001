"""How every page is made: from the files in `templates/`, which hold all markup and escape every value."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from oilake.conf.errors import StoreError
from oilake.jobs.reporting import palette, plots, wording
from oilake.jobs.runtime.folder_swap import replace_text


class GridColumn(NamedTuple):
    """One column of a grid; `style` is the class of its cells, such as `number`."""

    label: str
    style: str = ""


def render(template: str, **values: object) -> str:
    """Return what `template` makes of `values`; each is shown as text, whatever signs of HTML it holds."""
    return ENVIRONMENT.get_template(template).render(**values)


def write_page(page: str, path: Path, noun: str, flag: str) -> Path:
    """Write the `noun` that `flag` asks for to `path`; returns the path, absolute. StoreError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, page)
    except OSError as error:
        raise StoreError(
            f"{path}: the {noun} cannot be written ({error.strerror or error}); name another {flag}"
        ) from None
    return path.absolute()


def _in_tenths(length: float) -> str:
    """Word a length in a drawing, to a tenth."""
    return f"{length:.1f}"


def make_environment(room: str) -> Environment:
    """Return what fills the templates of a room with values, each escaped, with the words and colours of all pages."""
    environment = Environment(
        loader=PackageLoader(f"oilake.jobs.{room}"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "consequence": wording.consequence,
        "counted": wording.counted,
        "number": wording.number,
        "outcome_notes": wording.outcome_notes,
        "share": wording.share,
        "tenths": _in_tenths,
    }
    environment.globals |= {"canvas": plots.CANVAS, "palette": palette, "state_words": wording.STATES}
    return environment


ENVIRONMENT = make_environment("reporting")
