"""The small files of a release, written from its rows: class lists, descriptions and the hierarchy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from oilake.conf.published_forms import PublishedForm
from oilake.conf.registry import Member
from oilake.jobs.exporting.image_blocks import Row
from oilake.jobs.exporting.published_lines import join_lines, line_break, quote_fields
from oilake.jobs.transforms.classes import FLAGS
from oilake.jobs.transforms.hierarchy import BY_MID, BY_NAME

INDENT = 4


def class_file(rows: Sequence[Row], member: Member, header: str | None, form: PublishedForm) -> tuple[bytes, int]:
    """(A class list or descriptions, how many rows they have), of rows of `classes`."""
    listed = [row for row in rows if member.list is None or row[FLAGS[member.list]]]
    names = ["mid"]
    if member.format == "descriptions":
        names.append("display_name")
        listed = [row for row in listed if row["display_name"] is not None]
    listed.sort(key=lambda row: str(row[form.order or "mid"]))
    fields = [quote_fields(pa.array([row[name] for row in listed], pa.string()), name in form.quoted) for name in names]
    head = "" if header is None else f"{header}{line_break(form)}"
    return head.encode() + join_lines(fields, form), len(listed)


def hierarchy_file(rows: Sequence[Row]) -> bytes:
    """The tree as JSON, from rows of `hierarchy`: of MIDs where its root has one, which a root with a name lacks."""
    ordered = sorted(rows, key=lambda row: str(row["path"]))
    form = BY_MID if ordered[0]["mid"] is not None else BY_NAME
    keys = {relation: key for key, relation in form.relations.items()}
    column = "mid" if form is BY_MID else "name"
    nodes: dict[str, dict[str, Any]] = {}
    for row in ordered:
        node = nodes[row["path"]] = {form.label: row[column]}
        if row["parent_path"] is not None:
            nodes[row["parent_path"]].setdefault(keys[row["relation"]], []).append(node)
    indent = INDENT if form is BY_MID else None
    return json.dumps(nodes[ordered[0]["path"]], indent=indent, ensure_ascii=False).encode()
