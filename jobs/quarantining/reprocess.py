"""Moves quarantined rows that pass by now into their tables, all in one publication; the others stay, with their reasons."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

from oilake.conf.errors import ConfigError, DataQualityError, StoreError
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import duplicate_keys, landing_area
from oilake.jobs.ingesting.published_tables import TRANSFORMS
from oilake.jobs.ingesting.repairs import COUNT_NAMES
from oilake.jobs.maintaining import sorting
from oilake.jobs.pipeline.gated_publication import PassedPublication, StagedPublication, pass_gate, publish_passed
from oilake.jobs.pipeline.start import start_job
from oilake.jobs.quarantining import merge_kernel, reprocess_kernel
from oilake.jobs.quarantining.merge_kernel import MergeTarget
from oilake.jobs.quarantining.reprocess_kernel import (
    FilePreview,
    MemberKey,
    MemberReader,
    MovedRows,
    ReprocessContext,
    RereadFile,
    SortedRun,
)
from oilake.jobs.runtime import code_version, spark_tasks
from oilake.jobs.runtime.progress import track_progress
from oilake.jobs.sources.csv_parser import read_header
from oilake.jobs.tables import cleanup, publish
from oilake.jobs.tables.publication import Publication
from oilake.jobs.tables.snapshots import (
    INGEST,
    RELEASE,
    Snapshot,
    current_slice,
    published_files,
    require_snapshot,
    small_rows,
    staged_at,
)
from oilake.jobs.tables.staging import StagedFile, stage_rows
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation.publish_gate import PublishFacts
from oilake.schemas import loader as schemas

TABLES = tuple(TRANSFORMS)
MODULE = "oilake.jobs.quarantining.reprocess"


@dataclass
class ReprocessOutcome:
    """One release. `released`: rows by table and by the reason they had been kept for (a row may have several); `moved`:
    rows by table; `reworded`: rows that stay with other reasons; `unjudged`: rows, by table, that only an ingest reads."""

    release: str
    warehouse: str
    changed: bool
    judged: int
    moved: dict[str, int] = field(default_factory=dict)
    released: dict[str, dict[str, int]] = field(default_factory=dict)
    reworded: int = 0
    unjudged: dict[str, int] = field(default_factory=dict)
    run_id: str | None = None
    seconds: float = 0.0
    start_seconds: float = 0.0

    def as_text(self) -> str:
        """The outcome as a few lines for a person."""
        moved = sum(self.moved.values())
        lines = [f"{self.release}: {self.judged:,} quarantined rows judged again, {moved:,} released"]
        for table, reasons in sorted(self.released.items()):
            reason_counts = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items()))
            lines.append(f"{table}: {self.moved[table]:,} rows had been kept back for {reason_counts}")
        if self.reworded:
            lines.append(f"{self.reworded:,} rows stay for other reasons than before")
        lines += [_unjudged_line(self.release, table, count) for table, count in sorted(self.unjudged.items())]
        return "\n".join([*lines, self._closing_line()])

    def _closing_line(self) -> str:
        if not self.changed:
            return (
                f"nothing to release: every row stays, for the reasons it had; nothing was written in {self.warehouse}"
            )
        return (
            f"published in {self.warehouse} by run {self.run_id}: {self.seconds:.1f} s, and {self.start_seconds:.1f} s "
            f"for Spark's start; what was made from {self.release} is withdrawn: make it again"
        )


def _unjudged_line(release: str, table: str, count: int) -> str:
    return (
        f"{table}: {count:,} rows stay unjudged, since its files make sense only as a whole; "
        f"`oilake ingest --release {release} --force` reads them again"
    )


@dataclass(frozen=True)
class ReprocessPlan:
    """The release as it is published, and what is to be read again of its quarantine."""

    pin: Snapshot
    context: ReprocessContext
    looks: tuple[FilePreview, ...]
    parts: tuple[RereadFile, ...]


def reprocess_release(settings: Settings, release: Release) -> ReprocessOutcome:
    """Publishes the quarantined rows of `release` that pass by now; does nothing when every row stays as it is.

    ConfigError when the release is not published or the registry no longer knows a file.
    """
    started = time.monotonic()
    warehouse = Warehouse.of(settings)
    publish.recover(warehouse)
    plan = _plan_reprocess(settings, release)
    unjudged = sum((look.skipped for look in plan.looks), Counter[str]())
    judged = sum(look.rows for look in plan.looks) - unjudged.total()
    outcome = ReprocessOutcome(release.release, warehouse.uri, bool(plan.parts), judged, unjudged=dict(unjudged))
    if not plan.parts:
        return outcome
    spark, outcome.start_seconds = start_job(settings)
    passed = prepare_publication(spark, settings, release, plan)
    publish_passed(warehouse, passed)
    moved_files = passed.told
    outcome.run_id, outcome.reworded = passed.publication.run_id, sum(moved_file.reworded for moved_file in moved_files)
    outcome.moved, outcome.released = _moved_by_table(moved_files), _reasons_by_table(moved_files)
    outcome.seconds = time.monotonic() - started - outcome.start_seconds
    return outcome


def _plan_reprocess(settings: Settings, release: Release) -> ReprocessPlan:
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
        uuid.uuid4().hex[:16],
        settings.limits.field_bytes,
        _member_readers(warehouse, pin, release),
    )
    uris = sorted(file.uri for file in published_files(warehouse, "quarantine", pin))
    looks = track_progress(
        (reprocess_kernel.preview_file(uri, context) for uri in uris),
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
        if expected.member.table not in TABLES:
            continue
        if row.get("header") is None:
            raise StoreError(
                f"{where}: was ingested before headers were kept, so its rows cannot be read again; "
                f"run `oilake ingest --release {pin.release} --force`"
            )
        columns = release.columns[expected.member.columns or ""]
        header = read_header(row["header"].encode(), columns, expected.member.optional_columns, where)
        readers[member] = MemberReader(expected, header, places.index(member))
    return readers


def _files_to_reread(looks: Sequence[FilePreview], warehouse: Warehouse, pin: Snapshot) -> list[RereadFile]:
    """The files of `quarantine` of which at least one row goes, or stays for other reasons."""
    ids = np.concatenate([np.empty(0, np.uint64), *(np.array(look.ids, np.uint64) for look in looks)])
    order = np.array([place for look in looks for place in look.order], np.int64).reshape(-1, 2)
    held = duplicate_keys.published_ids(
        [file.uri for file in published_files(warehouse, "images", pin)], np.unique(ids)
    )
    lost = duplicate_keys.mark_duplicates(ids, order[:, 0], order[:, 1], held)
    rereads, start = [], 0
    for number, look in enumerate(looks):
        is_lost = lost[start : start + len(look.ids)]
        start += len(look.ids)
        is_news = bool((is_lost & ~np.array(look.known, np.bool_)).any())
        if look.passing > is_lost.sum() or look.reworded or is_news:
            rereads.append(RereadFile(look.uri, number, np.array(look.places, np.int64)[is_lost]))
    return rereads


def prepare_publication(
    spark: SparkSession, settings: Settings, release: Release, plan: ReprocessPlan
) -> PassedPublication[Sequence[MovedRows]]:
    """A publication whose files are staged and passed the gate, and what became of each file of quarantine.

    BrokenError when the tables as they would be break a critical expectation. What fails leaves nothing behind.
    """
    stage_tables = partial(_stage_publication, spark, settings, release, plan)
    return pass_gate(spark, Warehouse.of(settings), plan.context.run_id, stage_tables)


def _stage_publication(
    spark: SparkSession, settings: Settings, release: Release, plan: ReprocessPlan
) -> StagedPublication[Sequence[MovedRows]]:
    warehouse, pin, run_id = Warehouse.of(settings), plan.pin, plan.context.run_id
    cores, name = spark.sparkContext.defaultParallelism, pin.release
    sorting.restore_order(spark, warehouse, [pin], TABLES, run_id)
    moving, what = partial(reprocess_kernel.move_rows, context=plan.context), f"{name}: releasing rows"
    moved_files = spark_tasks.run_tasks(spark, _balance_items(plan.parts, cores), moving, warehouse.uri, what)
    runs: dict[str, SortedRun] = {
        warehouse.table_uri(run.staged.table, run.staged.path): run for moved in moved_files for run in moved.runs
    }
    targets = _merge_targets(warehouse, pin, runs)
    merging, what = (
        partial(merge_kernel.merge_file, warehouse=warehouse, run_id=run_id),
        f"{name}: merging sorted files",
    )
    merged = spark_tasks.run_tasks(spark, _balance_items(targets, cores), merging, warehouse.uri, what)
    cleanup.delete_replaced([run.staged for run in runs.values()], warehouse)
    staged = [*merged, *(file for moved in moved_files for file in moved.staged)]
    kept = _kept_files(warehouse, pin, targets, plan.parts, {file.table for file in staged})
    _check_row_counts(warehouse, pin, staged, kept, moved_files)
    staged.append(_release_files(warehouse, pin, moved_files, run_id))
    inputs = {table: str(pin.table_versions[table]) for table in kept if table in pin.table_versions}
    notes = {
        "released": json.dumps(_moved_by_table(moved_files)),
        "released_reasons": json.dumps(_reasons_by_table(moved_files)),
    }
    basis = ((name, INGEST, pin.fingerprints[INGEST]),)
    fingerprint = _reprocess_fingerprint(settings, release, pin)
    publication = Publication(
        name, run_id, pin.status, fingerprint, RELEASE, inputs, tuple(staged), basis, notes=notes, kept=kept
    )
    return StagedPublication(
        publication, PublishFacts(unique=("images",), is_complete=pin.status == "complete"), moved_files
    )


def _balance_items(
    items: Sequence[RereadFile] | Sequence[MergeTarget], cores: int
) -> list[list[RereadFile | MergeTarget]]:
    """The items of each task, no more tasks than cores."""
    count = min(cores, len(items))
    return [list(items[n::count]) for n in range(count)]


def _merge_targets(warehouse: Warehouse, pin: Snapshot, runs: Mapping[str, SortedRun]) -> list[MergeTarget]:
    partitions: dict[tuple[str, str], dict[str, SortedRun]] = {}
    for uri, run in runs.items():
        partitions.setdefault((run.staged.table, json.dumps(run.staged.partition)), {})[uri] = run
    standing = {table: published_files(warehouse, table, pin) for table in {table for table, _ in partitions}}
    planned = []
    for (table, partition), some in partitions.items():
        values = json.loads(partition)
        planned += merge_kernel.merge_targets(
            table, values, [f for f in standing[table] if f.partition == values], some
        )
    return planned


def _kept_files(
    warehouse: Warehouse,
    pin: Snapshot,
    targets: Sequence[MergeTarget],
    parts: Sequence[RereadFile],
    staged: Collection[str],
) -> dict[str, tuple[StagedFile, ...]]:
    """By table: the published files that stay. What an older publication left of `released` does not."""
    gone = {target.published for target in targets} | {part.uri for part in parts}
    names = {"quarantine", *(target.table for target in targets)} | ({"repairs"} & {*staged})
    names |= {"released"} & {*pin.table_versions}
    kept: dict[str, tuple[StagedFile, ...]] = {"release_files": ()}
    for table in sorted(names):
        every = staged_at(warehouse, table, current_slice(warehouse, table, pin).version, {"release": pin.release})
        kept[table] = tuple(file for file in every if warehouse.table_uri(table, file.path) not in gone)
    return kept


def _check_row_counts(
    warehouse: Warehouse,
    pin: Snapshot,
    staged: Sequence[StagedFile],
    kept: Mapping[str, Sequence[StagedFile]],
    moved_files: Sequence[MovedRows],
) -> None:
    """PromiseError, before anything is published, when a row is lost or doubled."""
    moved = _moved_by_table(moved_files)
    repaired = sum(
        counts[name] for entry in moved_files for counts in entry.counts.values() for name in COUNT_NAMES.values()
    )
    changes = {**moved, "quarantine": -sum(moved.values())} | ({"repairs": repaired} if repaired else {})
    for table, change in changes.items():
        before = sum(file.rows for file in published_files(warehouse, table, pin))
        after = sum(file.rows for file in [*kept[table], *(entry for entry in staged if entry.table == table)])
        if after != before + change:
            raise DataQualityError(
                f"{pin.release}: {after:,} rows of {table} would stand after {before:,} and {change:+,}; nothing was "
                "published, please report this"
            )


def _release_files(warehouse: Warehouse, pin: Snapshot, moved_files: Sequence[MovedRows], run_id: str) -> StagedFile:
    """The rows of `release_files` with the released rows counted as kept ones."""
    table = schemas.table_schema("release_files")
    schema = schemas.arrow_schema(table)
    rows = small_rows(warehouse, "release_files", pin)
    for row in rows:
        for moved in moved_files:
            for column, change in moved.counts.get((row["file"], row["member"]), Counter[str]()).items():
                row[column] += change
    rows.sort(key=lambda row: (row["file"], row["member"]))
    data = pa.table({name: [row.get(name) for row in rows] for name in schema.names}, schema=schema)
    return stage_rows(warehouse, table, {"release": pin.release}, run_id, data)


def _reprocess_fingerprint(settings: Settings, release: Release, pin: Snapshot) -> str:
    """SHA-256 over all that decides the rows: what the ingest read and decided, and what judged its quarantine later.

    It is no ingest's own: rows that were kept were not judged again, so the next `oilake ingest` reads everything.
    """
    key_parts = (
        RELEASE,
        pin.fingerprints[INGEST],
        pin.table_versions["quarantine"],
        release,
        settings.limits.field_bytes,
    )
    return hashlib.sha256(repr(key_parts).encode() + code_version.code_digest(MODULE, RELEASE, INGEST)).hexdigest()


def _moved_by_table(moved_files: Sequence[MovedRows]) -> dict[str, int]:
    return dict(sorted(sum((moved.rows for moved in moved_files), Counter[str]()).items()))


def _reasons_by_table(moved_files: Sequence[MovedRows]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for (table, reason), count in sorted(sum((m.reasons for m in moved_files), Counter[tuple[str, str]]()).items()):
        total.setdefault(table, {})[reason] = count
    return total
