"""The status of a warehouse as a file of metrics in Prometheus' text format, for the node exporter's textfile collector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from oilake.conf.errors import StoreError
from oilake.jobs.operations.warehouse_status import ReleaseStatus, RunStatus, WarehouseStatus
from oilake.jobs.runtime.folder_swap import replace_text

MEANINGS = {
    "oilake_warehouse_readable": "1 where the warehouse could be read when the metrics were written, else 0",
    "oilake_run_ended_timestamp_seconds": "When the newest run of a job for a release ended, in seconds since 1970",
    "oilake_run_exit_code": "Exit code of that run: 0 done, 1 data breaks a promise, 2 failed, 130 interrupted",
    "oilake_run_seconds": "Seconds from its start to its end",
    "oilake_run_rows": "Rows of the files that it committed",
    "oilake_run_bytes": "Bytes of the files that it committed or brought",
    "oilake_run_peak_memory_bytes": "Most bytes that its processes had resident at once",
    "oilake_release_published_timestamp_seconds": "When the newest snapshot of a release was published",
    "oilake_release_complete": "1 where all of the release is published, 0 where a part of it",
    "oilake_release_withdrawn_tables": "Tables of a release that are published no more, as their sources changed",
    "oilake_release_stale_tables": "Comparisons of a release whose earlier release was published anew",
    "oilake_release_unchecked_tables": "Published tables of a release that no gate or check has judged",
    "oilake_broken_expectations": "Expectations that the newest gate or check found broken, by severity",
    "oilake_kept_rows": "Rows of a release's files that are in a table",
    "oilake_quarantined_rows": "Rows of a release's files that were meant for a table and are in quarantine",
}


class Sample(NamedTuple):
    """One value of one metric."""

    name: str
    labels: Mapping[str, str]
    value: float


def write_metrics(path: str, status: WarehouseStatus | None, ended: Sequence[RunStatus] = ()) -> None:
    """Puts a new file in the place of the one at `path`, whole or not at all; StoreError when it cannot be written.

    `status`: None where the warehouse could not be read; `ended`: a run that has just ended, by its releases, which may not
    be on record.
    """
    text = metrics_text(_all_samples(status, ended))
    try:
        replace_text(Path(path), text)  # the collector leaves the name of the unfinished file alone
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); give --metrics a file in a folder") from None


def metrics_text(samples: list[Sample]) -> str:
    """The samples in Prometheus' text format, metric by metric."""
    lines = []
    for name, meaning in MEANINGS.items():
        of_metric = [sample for sample in samples if sample.name == name]
        if of_metric:
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        lines += [f"{name}{_label_text(sample.labels)} {sample.value:.17g}" for sample in of_metric]
    return "".join(f"{line}\n" for line in lines)


def _label_text(labels: Mapping[str, str]) -> str:
    pairs = [f'{name}="{_escape_label(value)}"' for name, value in labels.items()]
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _escape_label(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _all_samples(status: WarehouseStatus | None, ended: Sequence[RunStatus]) -> list[Sample]:
    runs = {(run.job, run.release): run for run in (*(status.runs if status else ()), *ended)}
    samples = [Sample("oilake_warehouse_readable", {}, float(status is not None))]
    for run in runs.values():
        samples += _run_samples(run)
    for release in status.releases if status else ():
        samples += _release_samples(release)
    return samples


def _run_samples(run: RunStatus) -> Iterator[Sample]:
    labels = {"job": run.job, "release": run.release or ""}
    yield Sample("oilake_run_ended_timestamp_seconds", labels, run.ended_at.timestamp())
    yield Sample("oilake_run_exit_code", labels, run.exit_code)
    yield Sample("oilake_run_seconds", labels, run.seconds)
    yield Sample("oilake_run_rows", labels, run.rows)
    yield Sample("oilake_run_bytes", labels, run.bytes)
    if run.peak_memory_bytes is not None:
        yield Sample("oilake_run_peak_memory_bytes", labels, run.peak_memory_bytes)


def _release_samples(release: ReleaseStatus) -> Iterator[Sample]:
    labels = {"release": release.release}
    yield Sample("oilake_release_published_timestamp_seconds", labels, release.published_at.timestamp())
    yield Sample("oilake_release_complete", labels, float(release.status == "complete"))
    yield Sample("oilake_release_withdrawn_tables", labels, len(release.withdrawn))
    yield Sample("oilake_release_stale_tables", labels, len(release.outdated))
    yield Sample("oilake_release_unchecked_tables", labels, len(release.unchecked))
    for checks in release.checks:
        of_table = labels | {"table": checks.table}
        yield Sample("oilake_broken_expectations", of_table | {"severity": "critical"}, len(checks.broken))
        yield Sample("oilake_broken_expectations", of_table | {"severity": "warning"}, len(checks.warned))
    for table, counts in release.rows.items():
        yield Sample("oilake_kept_rows", labels | {"table": table}, counts.kept)
        yield Sample("oilake_quarantined_rows", labels | {"table": table}, counts.quarantined)
