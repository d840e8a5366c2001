"""The class lists of a release, joined to one row a MID."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from oilake.jobs.transforms import mids
from oilake.schemas.loader import arrow_schema, table_schema

FLAGS = {
    "all": "is_listed",
    "trainable": "is_trainable",
    "boxable": "is_boxable",
    "box_trainable": "is_box_trainable",
    "segmentable": "is_segmentable",
}


def join_lists(names: Mapping[str, str | None], lists: Mapping[str, Iterable[str]]) -> pa.Table:
    """Rows of `classes`, one for each MID that any list or description holds, sorted by MID.

    `names`: MID -> display name; `lists`: the MIDs of each list, by the names in FLAGS. A list that the release does not
    have makes its flag NULL.
    """
    members = {name: set(listed) for name, listed in lists.items()}
    every = sorted(set(names).union(*members.values()))
    described = [names.get(mid) for mid in every]
    columns: dict[str, list[object]] = {"mid": list(every), "display_name": list(described)}
    columns["name"] = [(text or "").strip() or None for text in described]
    for name, flag in FLAGS.items():
        columns[flag] = [mid in members[name] for mid in every] if name in members else [None] * len(every)
    columns["freebase_id"] = mids.freebase_ids(pa.array(every, pa.string())).to_pylist()
    return pa.table(columns, schema=arrow_schema(table_schema("classes")))


def boxable_by_name(classes: pa.Table) -> dict[str, list[str]]:
    """The MIDs of the boxable classes by display name."""
    mids_by_name: dict[str, list[str]] = {}
    for row in classes.select(["mid", "display_name", "is_boxable"]).to_pylist():
        if row["is_boxable"] and row["display_name"] is not None:
            mids_by_name.setdefault(row["display_name"], []).append(row["mid"])
    return mids_by_name
