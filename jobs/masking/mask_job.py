"""Masks as a derived table: which zips are there, what of them was looked at before, and what is published of the rest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from pyspark.sql import SparkSession

from oilake.conf.errors import ConfigError
from oilake.conf.mask_rules import load_mask_rules
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.masking.landed_zips import LandedZip, find_zips, share_splits
from oilake.jobs.masking.mask_kernel import LISTED, TABLE, MaskContext, check_masks
from oilake.jobs.masking.outcome import MaskOutcome, MaskVerification, SubsetChecks
from oilake.jobs.pipeline.derived_job import COUNTS_PROPERTY, DerivedTask, run_derived_job
from oilake.jobs.runtime import code_version, spark_tasks
from oilake.jobs.tables import publish, slice_files
from oilake.jobs.tables.published_slices import current_slice, lost_rows_sentence, read_property
from oilake.jobs.tables.snapshots import INGEST, Snapshot, require_snapshot
from oilake.jobs.tables.staged_slices import staged_at
from oilake.jobs.tables.staging import StagedFile
from oilake.jobs.tables.warehouse import Warehouse

JOB, MODULE = "verify --masks", "jobs.masking.mask_job"

Checks = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class MaskPlan:
    """What one run does. `zips`: by subset, of those that are asked for; `digests`: of what their rows are made from;
    `before`: what is published of each subset, as `SubsetChecks`; `redone`: the subsets that are looked at, the others
    stay."""

    zips: Mapping[str, Sequence[LandedZip]]
    digests: dict[str, str]
    before: Checks
    redone: tuple[str, ...]

    @property
    def stays(self) -> list[str]:
        """The subsets whose published rows stay as they are."""
        return [subset for subset in self.before if subset not in self.redone]

    def deciding_digests(self) -> list[tuple[str, str]]:
        """What decides the rows of each subset that the table will hold."""
        held = {subset: str(checks["digest"]) for subset, checks in self.before.items()} | self.digests
        return sorted(held.items())


def verify_masks(
    settings: Settings, release: Release, subsets: Sequence[str] = (), force: bool = False
) -> MaskVerification:
    """Publishes `mask_checks` of some subsets (none named: those of which a zip has landed); the others' rows stay.

    Does nothing where the same zips were held against the same rows by the same code. ConfigError where the release or a
    subset has no masks, InputError where no zip has landed.
    """
    warehouse = publish.settled_warehouse(settings)
    pin = require_snapshot(warehouse, release.release)
    zips = find_zips(settings, release, subsets)
    row_files = _row_files(warehouse, pin, zips)
    plan = _plan_checks(warehouse, pin, zips, force)
    basis = ((pin.release, INGEST, pin.fingerprints[INGEST]),)
    kept = _kept_files(warehouse, pin, plan.stays)
    task = DerivedTask(
        JOB,
        pin,
        {LISTED: str(pin.table_versions[LISTED])},
        basis,
        decided_by=plan.deciding_digests(),
        reads=((pin, LISTED),),
        kept={TABLE: kept} if kept else {},
        module=MODULE,
    )
    outcomes: dict[str, MaskOutcome] = {}

    def stage_checks(spark: SparkSession, run_id: str) -> tuple[Sequence[StagedFile], Checks]:
        context = MaskContext(warehouse, pin.release, run_id, load_mask_rules(), row_files)
        outcomes.update(_check_zips(spark, plan, context))
        staged = [file for outcome in outcomes.values() for file in outcome.staged]
        return staged, {subset: plan.before[subset] for subset in plan.stays} | _subset_checks(plan, outcomes)

    done = run_derived_job(settings, task, stage_checks, force)
    shown = MaskOutcome()
    for outcome in outcomes.values():
        shown.add(outcome)
    return MaskVerification(
        pin.release,
        settings.landing,
        done.changed,
        {subset: SubsetChecks(**checks) for subset, checks in done.result.items()},
        plan.redone if done.changed else (),
        shown.shown,
        done.seconds,
        done.start_seconds,
    )


def _row_files(warehouse: Warehouse, pin: Snapshot, subsets: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The Parquet files of `masks` by subset; ConfigError where the release was ingested without masks of one."""
    files = slice_files.published_files(warehouse, LISTED, pin)
    by_subset = {
        subset: tuple(file.uri for file in files if file.partition["subset"] == subset and file.rows)
        for subset in subsets
    }
    if empty := [subset for subset, uris in by_subset.items() if not uris]:
        raise ConfigError(
            f"{warehouse}: masks of {pin.release} has no row of {', '.join(empty)}; ingest it with `--tables masks` "
            "first, or choose other subsets with --subset"
        )
    return by_subset


def _plan_checks(warehouse: Warehouse, pin: Snapshot, zips: Mapping[str, Sequence[LandedZip]], force: bool) -> MaskPlan:
    before: Checks = {}
    if TABLE in pin.table_versions and lost_rows_sentence(warehouse, pin, JOB) is None:
        before = json.loads(read_property(warehouse, pin, JOB, COUNTS_PROPERTY))
    code = code_version.code_digest(MODULE, JOB)
    digests = {subset: _subset_digest(of_subset, code) for subset, of_subset in zips.items()}
    redone = [subset for subset, digest in digests.items() if force or before.get(subset, {}).get("digest") != digest]
    return MaskPlan(zips, digests, before, tuple(redone))


def _subset_digest(zips: Sequence[LandedZip], code: bytes) -> str:
    """SHA-256 over the zips' states and the code; the rows of `masks` cannot change under published checks."""
    return hashlib.sha256(repr([(zip_file.name, zip_file.state) for zip_file in zips]).encode() + code).hexdigest()


def _kept_files(warehouse: Warehouse, pin: Snapshot, subsets: Sequence[str]) -> tuple[StagedFile, ...]:
    if not subsets:
        return ()
    version = current_slice(warehouse, TABLE, pin).version
    parts = [{"release": pin.release, "subset": subset} for subset in subsets]
    return tuple(file for part in parts for file in staged_at(warehouse, TABLE, version, part))


def _check_zips(spark: SparkSession, plan: MaskPlan, context: MaskContext) -> dict[str, MaskOutcome]:
    """What became of the masks of each subset that is looked at."""
    cores = spark.sparkContext.defaultParallelism
    outcomes = {}
    for subset in plan.redone:
        shares = share_splits(plan.zips[subset], cores)
        outcomes[subset] = MaskOutcome()
        what = f"{context.release}: masks of {subset}"
        for outcome in spark_tasks.run_tasks(
            spark, shares, partial(check_masks, context=context), context.warehouse.uri, what
        ):
            outcomes[subset].add(outcome)
    return outcomes


def _subset_checks(plan: MaskPlan, outcomes: Mapping[str, MaskOutcome]) -> Checks:
    return {
        subset: asdict(
            SubsetChecks(
                plan.digests[subset],
                sum(zip_file.state is not None for zip_file in plan.zips[subset]),
                outcome.members,
                outcome.bytes,
                dict(outcome.statuses),
                dict(outcome.reasons),
            )
        )
        for subset, outcome in outcomes.items()
    }
