"""What is to be read again of a release's quarantine: found without Spark, since most often there is nothing to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oilake.conf.errors import ConfigError, StoreError
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import duplicate_keys, landing_area
from oilake.jobs.quarantining import rejudge_kernel
from oilake.jobs.quarantining.records import (
    FilePreview,
    MemberKey,
    MemberReader,
    ReprocessContext,
    RereadFile,
)
from oilake.jobs.quarantining.released_tables import TABLES
from oilake.jobs.runtime.progress import track_progress
from oilake.jobs.runtime.run_ids import new_run_id
from oilake.jobs.sources.csv_parser import positional_header, read_header
from oilake.jobs.sources.json_lines import keyed_header
from oilake.jobs.sources.record_formats import record_format
from oilake.jobs.tables.slice_files import published_files, small_rows
from oilake.jobs.tables.snapshots import Snapshot, require_snapshot
from oilake.jobs.tables.warehouse import Warehouse


@dataclass(frozen=True)
class ReprocessPlan:
    """The release as it is published, and what is to be read again of its quarantine."""

    pin: Snapshot
    context: ReprocessContext
    looks: tuple[FilePreview, ...]
    parts: tuple[RereadFile, ...]


def plan_reprocess(settings: Settings, release: Release) -> ReprocessPlan:
    """Looks at every quarantined row, without Spark: most often there is nothing to do."""
    warehouse = Warehouse.of(settings)
    pin = require_snapshot(warehouse, release.release)
    if "repairs" not in pin.table_versions:
        raise StoreError(
            f"{warehouse}: {pin.release} was ingested before repairs were listed, so the list would lack "
            f"those of the ingest; run `oilake ingest --release {pin.release} --force`"
        )
    context = ReprocessContext(
        release,
        warehouse,
        new_run_id(),
        settings.limits.field_bytes,
        _member_readers(warehouse, pin, release),
    )
    uris = sorted(file.uri for file in published_files(warehouse, "quarantine", pin))
    looks = track_progress(
        (rejudge_kernel.preview_file(uri, context) for uri in uris),
        len(uris),
        f"{pin.release}: judging quarantined rows",
        "files",
    )
    previews = tuple(looks)
    return ReprocessPlan(pin, context, previews, tuple(_files_to_reread(previews, warehouse, pin)))


def _member_readers(warehouse: Warehouse, pin: Snapshot, release: Release) -> dict[MemberKey, MemberReader]:
    """What reads the rows of every member that has some in quarantine, by (file, member); not of lists and the hierarchy."""
    members_by_file = landing_area.members_by_file(release)
    places = [(name, path) for name, members in members_by_file.items() for path in members]
    readers = {}
    for row in small_rows(warehouse, "release_files", pin):
        member = row["file"], row["member"]
        where = f"{row['file']}: {row['member']}"
        if not row["rows_quarantined"]:
            continue
        if member not in places:
            raise ConfigError(
                f"{where}: has rows in quarantine, but the registry no longer lists it for {pin.release}; "
                f"correct the registry, or ingest {pin.release} again"
            )
        expected = members_by_file[row["file"]][row["member"]]
        is_list = row.get("images_unmatched") is not None
        if expected.member.table not in TABLES or is_list:
            continue
        columns = release.columns[expected.member.columns or ""]
        if record_format(expected.member.format).has_keys:
            readers[member] = MemberReader(expected, keyed_header(columns, where), places.index(member))
            continue
        if row.get("header") is None and expected.member.header in ("absent", "either"):
            readers[member] = MemberReader(expected, positional_header(columns, where), places.index(member))
            continue
        if row.get("header") is None:
            raise StoreError(
                f"{where}: was ingested before headers were kept, so its rows cannot be read again; "
                f"run `oilake ingest --release {pin.release} --force`"
            )
        header = read_header(row["header"].encode(), columns, expected.member.optional_columns, where)
        readers[member] = MemberReader(expected, header, places.index(member))
    return readers


def _files_to_reread(looks: Sequence[FilePreview], warehouse: Warehouse, pin: Snapshot) -> list[RereadFile]:
    """The files of `quarantine` of which at least one row goes, or stays for other reasons."""
    ids = np.concatenate([np.empty(0, np.uint64), *(np.array(look.ids, np.uint64) for look in looks)])
    order = np.array([place for look in looks for place in look.order], np.int64).reshape(-1, 2)
    tables = np.array([table for look in looks for table in look.tables], object)
    lost = np.zeros(len(ids), np.bool_)
    for table in sorted({*tables.tolist()}):
        own = tables == table
        uris = [file.uri for file in published_files(warehouse, table, pin)]
        held = duplicate_keys.published_ids(uris, np.unique(ids[own]))
        lost[own] = duplicate_keys.mark_duplicates(ids[own], order[own, 0], order[own, 1], held)
    rereads, start = [], 0
    for number, look in enumerate(looks):
        is_lost = lost[start : start + len(look.ids)]
        start += len(look.ids)
        is_news = bool((is_lost & ~np.array(look.were_duplicates, np.bool_)).any())
        if look.passing > is_lost.sum() or look.reworded or is_news:
            rereads.append(RereadFile(look.uri, number, np.array(look.places, np.int64)[is_lost]))
    return rereads
