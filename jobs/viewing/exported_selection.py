"""A selection written out: for `oilake show`, for `oilake download`, or as a list of IDs that any tool reads."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from oilake.jobs.runtime.standard_sql import quote_text
from oilake.jobs.viewing.selection import Selection

IDS = "ids.txt"


@dataclass(frozen=True)
class ExportedSelection:
    """`where`: a condition on the rows of `table` that say the same, None where one table's rows cannot; `show` and
    `download`: commands. `listed`: whether the download needs the list of IDs, as a file IDS."""

    table: str
    where: str | None
    show: str | None
    download: str
    listed: bool


def export_selection(selection: Selection, mids: Sequence[str], warehouse: str) -> ExportedSelection:
    """What says the same as a selection; `mids`: its class and those below it."""
    table = "image_labels" if selection.asks_labels else "images"
    where = (
        None
        if _needs_list(selection) or (selection.asks_labels and selection.license)
        else _row_condition(selection, mids)
    )
    place = ["--release", selection.release, "--warehouse", warehouse]
    show = shlex.join(["oilake", "show", table, "--where", where, *place]) if where else None
    listed = (
        _needs_list(selection)
        or bool(selection.source or selection.conflict)
        or (selection.asks_labels and not (selection.mid and selection.verdict))
    )
    flags = ["--images", IDS] if listed else _download_flags(selection)
    return ExportedSelection(
        table, where, show, shlex.join(["oilake", "download", *flags, "--to", "FOLDER", *place]), listed
    )


def _needs_list(selection: Selection) -> bool:
    """Whether other tables than those of labels and images decide."""
    return bool(selection.change or selection.blob or selection.contradiction)


def _row_condition(selection: Selection, mids: Sequence[str]) -> str:
    parts = []
    if mids:
        parts.append(
            f"mid IN ({', '.join(map(quote_text, mids))})" if len(mids) > 1 else f"mid = {quote_text(mids[0])}"
        )
    for column, value in (
        ("subset", selection.subset), ("verdict", selection.verdict), ("decided_by", selection.source)
    ):  # fmt: skip
        if value:
            parts.append(f"{column} = {quote_text(value)}")
    if selection.conflict:
        parts.append("is_conflict")
    if selection.license:
        parts.append(f"contains(lower(license), {quote_text(selection.license.lower())})")
    return " AND ".join(parts) or "true"


def _download_flags(selection: Selection) -> list[str]:
    flags = [f"--mid={selection.mid}"] if selection.mid else []
    flags += ["--with-subclasses"] if selection.mid and selection.below else []
    flags += [f"--verdict={selection.verdict}"] if selection.mid else []
    flags += [f"--subset={selection.subset}"] if selection.subset else []
    return flags + ([f"--license={selection.license}"] if selection.license else [])
