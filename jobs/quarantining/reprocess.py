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

from oilake.conf.errors import ConfigError, PromiseError, StoreError
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.ingesting import duplicate_keys, landing_area
from oilake.jobs.ingesting.chunk_kernel import TYPES
from oilake.jobs.ingesting.repairs import NAMED
from oilake.jobs.maintaining import sorting
from oilake.jobs.pipeline.gated_publication import Passed, Staged, pass_gate, publish_passed
from oilake.jobs.pipeline.start import begin
from oilake.jobs.quarantining import merge_kernel, reprocess_kernel
from oilake.jobs.quarantining.merge_kernel import Target
from oilake.jobs.quarantining.reprocess_kernel import Context, Look, Member, Moved, Part, Run, Source
from oilake.jobs.runtime import code_version, spark_tasks
from oilake.jobs.runtime.filesystem import join
from oilake.jobs.runtime.progress import track
from oilake.jobs.sources.csv_parser import read_header
from oilake.jobs.tables import publish
from oilake.jobs.tables.publish import Publication
from oilake.jobs.tables.snapshots import INGEST, RELEASE, Snapshot, files, held, pinned, small_rows, staged_at
from oilake.jobs.tables.staging import StagedFile, stage
from oilake.jobs.validation.publish_gate import Known
from oilake.schemas import loader as schemas

TABLES = tuple(TYPES)
MODULE = "oilake.jobs.quarantining.reprocess"


@dataclass
class Outcome:
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
            told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items()))
            lines.append(f"{table}: {self.moved[table]:,} rows had been kept back for {told}")
        if self.reworded:
            lines.append(f"{self.reworded:,} rows stay for other reasons than before")
        lines += [_unjudged(self.release, table, count) for table, count in sorted(self.unjudged.items())]
        return "\n".join([*lines, self._end()])

    def _end(self) -> str:
        if not self.changed:
            return (
                f"nothing to release: every row stays, for the reasons it had; nothing was written in {self.warehouse}"
            )
        return (
            f"published in {self.warehouse} by run {self.run_id}: {self.seconds:.1f} s, and {self.start_seconds:.1f} s "
            f"for Spark's start; what was made from {self.release} is withdrawn: make it again"
        )


def _unjudged(release: str, table: str, count: int) -> str:
    return (
        f"{table}: {count:,} rows stay unjudged, since its files make sense only as a whole; "
        f"`oilake ingest --release {release} --force` reads them again"
    )


@dataclass(frozen=True)
class Plan:
    """The release as it is published, and what is to be read again of its quarantine."""

    pin: Snapshot
    context: Context
    looks: tuple[Look, ...]
    parts: tuple[Part, ...]


def release_rows(settings: Settings, release: Release) -> Outcome:
    """Publishes the quarantined rows of `release` that pass by now; does nothing when every row stays as it is.

    ConfigError when the release is not published or the registry no longer knows a file.
    """
    started = time.monotonic()
    publish.recover(settings.warehouse)
    plan = _plan(settings, release)
    unjudged = sum((look.skipped for look in plan.looks), Counter[str]())
    judged = sum(look.rows for look in plan.looks) - unjudged.total()
    outcome = Outcome(release.release, settings.warehouse, bool(plan.parts), judged, unjudged=dict(unjudged))
    if not plan.parts:
        return outcome
    spark, outcome.start_seconds = begin(settings)
    passed = prepare(spark, settings, release, plan)
    publish_passed(settings.warehouse, passed)
    found = passed.told
    outcome.run_id, outcome.reworded = passed.publication.run_id, sum(one.reworded for one in found)
    outcome.moved, outcome.released = _rows(found), _reasons(found)
    outcome.seconds = time.monotonic() - started - outcome.start_seconds
    return outcome


def _plan(settings: Settings, release: Release) -> Plan:
    """Looks at every quarantined row, without Spark: most often there is nothing to do."""
    pin = pinned(settings.warehouse, release.release)
    if "repairs" not in pin.table_versions:
        raise StoreError(
            f"{settings.warehouse}: {pin.release} was ingested before repairs were listed, so the list would lack "
            f"those of the ingest; run `oilake ingest --release {pin.release} --force`"
        )
    context = Context(
        release,
        settings.warehouse,
        uuid.uuid4().hex[:16],
        settings.limits.field_bytes,
        _sources(settings.warehouse, pin, release),
    )
    uris = sorted(file.uri for file in files(settings.warehouse, "quarantine", pin))
    looks = track(
        (reprocess_kernel.look(uri, context) for uri in uris),
        len(uris),
        f"{pin.release}: judging quarantined rows",
        "files",
    )
    found = tuple(looks)
    return Plan(pin, context, found, tuple(_parts(found, settings.warehouse, pin)))


def _sources(warehouse: str, pin: Snapshot, release: Release) -> dict[Member, Source]:
    """What reads the rows of every member that has some in quarantine, by (file, member); not of lists and the hierarchy."""
    wanted = landing_area.wanted(release)
    places = [(name, path) for name, members in wanted.items() for path in members]
    found = {}
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
        expected = wanted[row["file"]][row["member"]]
        if expected.member.table not in TABLES:
            continue
        if row.get("header") is None:
            raise StoreError(
                f"{where}: was ingested before headers were kept, so its rows cannot be read again; "
                f"run `oilake ingest --release {pin.release} --force`"
            )
        columns = release.columns[expected.member.columns or ""]
        header = read_header(row["header"].encode(), columns, expected.member.optional_columns, where)
        found[member] = Source(expected, header, places.index(member))
    return found


def _parts(looks: Sequence[Look], warehouse: str, pin: Snapshot) -> list[Part]:
    """The files of `quarantine` of which at least one row goes, or stays for other reasons."""
    ids = np.concatenate([np.empty(0, np.uint64), *(np.array(look.ids, np.uint64) for look in looks)])
    order = np.array([place for look in looks for place in look.order], np.int64).reshape(-1, 2)
    held = duplicate_keys.taken([file.uri for file in files(warehouse, "images", pin)], np.unique(ids))
    lost = duplicate_keys.lost(ids, order[:, 0], order[:, 1], held)
    found, start = [], 0
    for number, look in enumerate(looks):
        mine = lost[start : start + len(look.ids)]
        start += len(look.ids)
        is_news = bool((mine & ~np.array(look.known, np.bool_)).any())
        if look.passing > mine.sum() or look.reworded or is_news:
            found.append(Part(look.uri, number, np.array(look.places, np.int64)[mine]))
    return found


def prepare(spark: SparkSession, settings: Settings, release: Release, plan: Plan) -> Passed[Sequence[Moved]]:
    """A publication whose files are staged and passed the gate, and what became of each file of quarantine.

    BrokenError when the tables as they would be break a critical expectation. What fails leaves nothing behind.
    """
    stage_tables = partial(_stage, spark, settings, release, plan)
    return pass_gate(spark, settings.warehouse, plan.context.run_id, stage_tables)


def _stage(spark: SparkSession, settings: Settings, release: Release, plan: Plan) -> Staged[Sequence[Moved]]:
    warehouse, pin, run_id = settings.warehouse, plan.pin, plan.context.run_id
    cores, name = spark.sparkContext.defaultParallelism, pin.release
    sorting.restore(spark, warehouse, [pin], TABLES, run_id)
    moving, what = partial(reprocess_kernel.move, context=plan.context), f"{name}: releasing rows"
    found = spark_tasks.spread(spark, _shares(plan.parts, cores), moving, warehouse, what)
    runs = {join(warehouse, run.staged.table, run.staged.path): run for moved in found for run in moved.runs}
    targets = _targets(warehouse, pin, runs)
    merging, what = partial(merge_kernel.merge, warehouse=warehouse, run_id=run_id), f"{name}: merging sorted files"
    merged = spark_tasks.spread(spark, _shares(targets, cores), merging, warehouse, what)
    publish.leftovers([run.staged for run in runs.values()], warehouse)
    staged = [*merged, *(file for moved in found for file in moved.staged)]
    kept = _kept(warehouse, pin, targets, plan.parts, {file.table for file in staged})
    _check(warehouse, pin, staged, kept, found)
    staged.append(_release_files(warehouse, pin, found, run_id))
    inputs = {table: str(pin.table_versions[table]) for table in kept if table in pin.table_versions}
    notes = {"released": json.dumps(_rows(found)), "released_reasons": json.dumps(_reasons(found))}
    basis = ((name, INGEST, pin.fingerprints[INGEST]),)
    fingerprint = _fingerprint(settings, release, pin)
    publication = Publication(
        name, run_id, pin.status, fingerprint, RELEASE, inputs, tuple(staged), basis, notes=notes, kept=kept
    )
    return Staged(publication, Known(unique=("images",), is_complete=pin.status == "complete"), found)


def _shares(items: Sequence[Part] | Sequence[Target], cores: int) -> list[list[Part | Target]]:
    """The items of each task, no more tasks than cores."""
    count = min(cores, len(items))
    return [list(items[n::count]) for n in range(count)]


def _targets(warehouse: str, pin: Snapshot, runs: Mapping[str, Run]) -> list[Target]:
    partitions: dict[tuple[str, str], dict[str, Run]] = {}
    for uri, run in runs.items():
        partitions.setdefault((run.staged.table, json.dumps(run.staged.partition)), {})[uri] = run
    standing = {table: files(warehouse, table, pin) for table in {table for table, _ in partitions}}
    found = []
    for (table, partition), some in partitions.items():
        values = json.loads(partition)
        found += merge_kernel.targets(table, values, [f for f in standing[table] if f.partition == values], some)
    return found


def _kept(
    warehouse: str, pin: Snapshot, targets: Sequence[Target], parts: Sequence[Part], staged: Collection[str]
) -> dict[str, tuple[StagedFile, ...]]:
    """By table: the published files that stay. What an older publication left of `released` does not."""
    gone = {target.published for target in targets} | {part.uri for part in parts}
    names = {"quarantine", *(target.table for target in targets)} | ({"repairs"} & {*staged})
    names |= {"released"} & {*pin.table_versions}
    kept: dict[str, tuple[StagedFile, ...]] = {"release_files": ()}
    for table in sorted(names):
        every = staged_at(warehouse, table, held(warehouse, table, pin).version, {"release": pin.release})
        kept[table] = tuple(file for file in every if join(warehouse, table, file.path) not in gone)
    return kept


def _check(
    warehouse: str,
    pin: Snapshot,
    staged: Sequence[StagedFile],
    kept: Mapping[str, Sequence[StagedFile]],
    found: Sequence[Moved],
) -> None:
    """PromiseError, before anything is published, when a row is lost or doubled."""
    moved = _rows(found)
    repaired = sum(counts[name] for one in found for counts in one.counts.values() for name in NAMED.values())
    changes = {**moved, "quarantine": -sum(moved.values())} | ({"repairs": repaired} if repaired else {})
    for table, change in changes.items():
        before = sum(file.rows for file in files(warehouse, table, pin))
        after = sum(file.rows for file in [*kept[table], *(one for one in staged if one.table == table)])
        if after != before + change:
            raise PromiseError(
                f"{pin.release}: {after:,} rows of {table} would stand after {before:,} and {change:+,}; nothing was "
                "published, please report this"
            )


def _release_files(warehouse: str, pin: Snapshot, found: Sequence[Moved], run_id: str) -> StagedFile:
    """The rows of `release_files` with the released rows counted as kept ones."""
    table = schemas.load("release_files")
    schema = schemas.arrow_schema(table)
    rows = small_rows(warehouse, "release_files", pin)
    for row in rows:
        for moved in found:
            for column, change in moved.counts.get((row["file"], row["member"]), Counter[str]()).items():
                row[column] += change
    rows.sort(key=lambda row: (row["file"], row["member"]))
    data = pa.table({name: [row.get(name) for row in rows] for name in schema.names}, schema=schema)
    return stage(warehouse, table, {"release": pin.release}, run_id, data)


def _fingerprint(settings: Settings, release: Release, pin: Snapshot) -> str:
    """SHA-256 over all that decides the rows: what the ingest read and decided, and what judged its quarantine later.

    It is no ingest's own: rows that were kept were not judged again, so the next `oilake ingest` reads everything.
    """
    known = (RELEASE, pin.fingerprints[INGEST], pin.table_versions["quarantine"], release, settings.limits.field_bytes)
    return hashlib.sha256(repr(known).encode() + code_version.digest(MODULE, RELEASE, INGEST)).hexdigest()


def _rows(found: Sequence[Moved]) -> dict[str, int]:
    return dict(sorted(sum((moved.rows for moved in found), Counter[str]()).items()))


def _reasons(found: Sequence[Moved]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for (table, reason), count in sorted(sum((m.reasons for m in found), Counter[tuple[str, str]]()).items()):
        total.setdefault(table, {})[reason] = count
    return total
