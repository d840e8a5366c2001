"""Faults on a cluster, each in each job: the old tables or the new are seen, the same command makes those of a quiet run.

`make faults` runs the matrix of tests/support/fault_matrix.yaml, `make faults-few` one case of each kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cluster_faults, fault_lab, lake_views
from tests.support.cluster_driver import JobEnd
from tests.support.driver_process import FAULT_OF_OURS
from tests.support.fault_lab import Lab, QuietState
from tests.support.fault_matrix import CASES, JOBS, MatrixJob
from tests.support.lake_views import View

pytestmark = pytest.mark.faults

GATE_RECORDS = "quality_results"
MAINTAINED_ON_S3 = "driver"  # which leaves most; behind others the folder is maintained that the server keeps
FEW = {
    ("executor", "ingest"),
    ("worker", "reconcile"),
    ("java", "index"),
    ("full disk", "contradictions"),
    ("straggler", "figures"),
    ("driver", "changes"),
    ("driver between commits", "ingest"),
    ("store stopped", "download"),
    ("slow down", "verify"),
}
EVERY = [pytest.param(*case, id="-".join(case), marks=[pytest.mark.faults_few] * (case in FEW)) for case in CASES]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with fault_lab.running(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.mark.parametrize(("fault", "name"), EVERY)
def test_a_fault_costs_time_and_no_row(lab: Lab, fault: str, name: str):
    if fault == "full disk" and not lab.cluster.work(0).is_mount():
        pytest.skip("a small disk cannot be mounted here, which takes root")
    job, case = JOBS[name], f"{name}-{fault}".replace(" ", "-")
    before, after = lab.state(fault_lab.state_before(name)), lab.state(name)
    lab.lay(case, before.folder)
    with lake_views.watching(lab.reader(case)) as views:
        with cluster_faults.striking(lab, fault, job, case) as on_halt:
            first = lab.driver.call(lab.words(job.words, case), on_halt)
        assert_ended_in_words(first, job)
        if first.code not in job.exit_codes:
            again = lab.driver.call(lab.words(job.words, case))
            assert again.code in job.exit_codes, again.text[-3000:]
    assert_made_good(lab, case, views, before, after, fault == MAINTAINED_ON_S3)


@pytest.mark.parametrize("name", JOBS)
def test_a_driver_killed_between_any_two_commits_is_made_good(lab: Lab, name: str):
    """It halted behind each commit, and what lay in the store then was kept: just what kill -9 would leave there."""
    job, before, after = JOBS[name], lab.state(fault_lab.state_before(name)), lab.state(name)
    assert len(after.gaps) >= job.killed_behind
    for gap in after.gaps:
        lab.lay(gap.name, gap)
        with lake_views.watching(lab.reader(gap.name)) as views:
            again = lab.driver.call(lab.words(job.words, gap.name))
            assert again.code in job.exit_codes, f"{gap.name}: {again.text[-3000:]}"
        assert_made_good(lab, gap.name, views, before, after)


def assert_ended_in_words(done: JobEnd, job: MatrixJob) -> None:
    """It ended well, by a kill, or in one sentence as its last words; PySpark may have shown a stack trace before."""
    assert done.code != FAULT_OF_OURS, done.text[-3000:]
    if done.code > 0 and done.code not in job.exit_codes:
        sentences = [line for line in done.text.splitlines() if line.startswith("oilake: ")]
        assert sentences == [done.last_words], done.text[-3000:]


def assert_made_good(
    lab: Lab, case: str, views: list[View], before: QuietState, after: QuietState, is_maintained_on_s3: bool = False
) -> None:
    """Readers saw the old tables or the new; in the end they see those of a quiet run, maintained or not."""
    for view in views:
        differing = {key for key in view.keys() | after.published.keys() if view.get(key) != after.published.get(key)}
        assert view in (before.published, after.published), f"half of it was seen: {sorted(differing)} are not new"
    assert views[-1] == after.published
    records, expected = lab.reader(case).records(), dict(after.records)
    gate, quiet_gate = records.pop(GATE_RECORDS), expected.pop(GATE_RECORDS)
    assert records == expected
    assert gate == quiet_gate or gate.rows < quiet_gate.rows
    assert_nothing_left(lab, case, after, is_maintained_on_s3)
    lab.forget(case)


def assert_nothing_left(lab: Lab, case: str, after: QuietState, is_on_s3: bool) -> None:
    """Two days later maintenance leaves the files that snapshots name, and the rows as they are."""
    done = lab.maintain_later(case, is_on_s3)
    assert done.code == 0, done.text[-3000:]
    assert lab.reader(case).published() == after.published
    assert lake_views.unnamed_files(lab.place(case) / "warehouse") == []
    assert photos(lab.place(case)) == photos(after.folder)


def photos(place: Path) -> set[str]:
    """The blobs below a place; attributions are named by the run."""
    return {path.name for path in (place / "photos").rglob("*") if path.is_file() and path.suffix != ".csv"}
