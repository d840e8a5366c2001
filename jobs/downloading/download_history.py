"""What `downloads` says of the blobs at a location, beside the images that are wanted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.downloading.outcome import DOWNLOADED
from oilake.jobs.downloading.row_selection import RECORDED_COLUMNS, Numbers, RowSelection
from oilake.jobs.tables.parquet_reader import columns_of, newest_version
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms import image_ids

COLUMNS = ["image_id", "key", "status", "bytes", "source", "is_resized", "downloaded_at"]
OWN_KEY = (
    r"^(train|validation|test)/[0-9a-f]{16}\.(jpg|png)$"  # a repair may have replaced blobs of other names besides
)


def add_recorded_blobs(
    stretches: Sequence[RowSelection], warehouse: Warehouse, release: str, location: str
) -> list[RowSelection]:
    """The stretches with KNOWN: of each image the blob that its newest row tells of, NULL where that tells of none."""
    ids, recorded = _newest_records(warehouse, release, location)
    if not len(ids):
        return list(stretches)
    return [_add_recorded(selection, ids, recorded) for selection in stretches]


def _add_recorded(selection: RowSelection, ids: Numbers, recorded: pa.Table) -> RowSelection:
    selected_ids = selection.ids()
    places = np.searchsorted(ids, selected_ids)
    places[places == len(ids)] = 0
    rows = recorded.take(pa.array(places, mask=ids[places] != selected_ids))
    picks = selection.picks
    for name in RECORDED_COLUMNS:
        picks = picks.append_column(name, rows[name])
    return selection._replace(picks=picks)


def _newest_records(warehouse: Warehouse, release: str, location: str) -> tuple[Numbers, pa.Table]:
    """(sorted IDs of the images that have a blob where a download looks at the location, by their newest row; what that
    says: KNOWN); some 60 bytes a row while they are sorted."""
    newest, part, here = newest_version(warehouse, "downloads"), {"release": release}, [("location", "=", location)]
    file_rows = [] if newest is None else columns_of(warehouse, "downloads", newest, part, COLUMNS, here)
    own_rows = (rows.filter(pc.match_substring_regex(rows["key"], OWN_KEY)) for _, rows in file_rows)
    parts = [_numbered_rows(rows) for rows in own_rows if len(rows)]
    if not parts:
        return np.empty(0, np.uint64), pa.table({})
    ids = np.concatenate([numbers for numbers, _ in parts])
    rows = pa.concat_tables([rows for _, rows in parts]).unify_dictionaries()
    order = np.lexsort((rows["downloaded_at"].cast(pa.int64()).to_numpy(), ids))
    is_last = np.append(ids[order[1:]] != ids[order[:-1]], True)
    last = order[is_last]
    last = last[rows["is_there"].to_numpy()[last]]
    kept = rows.take(pa.array(last))
    return ids[last], pa.table(
        {name: kept[name.removeprefix("known_")].cast(kind) for name, kind in RECORDED_COLUMNS.items()}
    )


def _numbered_rows(rows: pa.Table) -> tuple[Numbers, pa.Table]:
    """(image IDs as numbers, the other columns, short)."""
    short = rows.select(["bytes", "is_resized", "downloaded_at"])
    short = short.append_column("is_there", pc.equal(rows["status"], DOWNLOADED))
    ids = image_ids.as_numbers(rows["image_id"].combine_chunks())
    return ids, short.append_column("source", rows["source"].dictionary_encode())
