"""The same schedule for Dagster: three assets, of which a release is a partition, and a check that stops what comes after.

`dagster asset materialize --select '*' --partition v3 -f open_images.py`, or `dagster dev -f open_images.py`. Where data
is, is said by OILAKE_ENV; `oilake` is on the path.
"""

import os
import subprocess
from collections.abc import Iterator

from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    Backoff,
    Definitions,
    Failure,
    MaterializeResult,
    RetryPolicy,
    StaticPartitionsDefinition,
    asset,
)

RELEASES = StaticPartitionsDefinition(["v1", "v2", "v3", "v4", "v5", "v6", "v7"])
AGAIN = RetryPolicy(max_retries=3, delay=60, backoff=Backoff.EXPONENTIAL)


def call_job(*words: str) -> None:
    """Runs `oilake …`; a broken promise (exit code 1) fails at once, anything else is tried again."""
    code = subprocess.run(["oilake", *words], check=False).returncode
    if code:
        raise Failure(f"oilake {' '.join(words)} ended with exit code {code}", allow_retries=code != 1)


@asset(partitions_def=RELEASES, retry_policy=AGAIN)
def landing(context: AssetExecutionContext) -> None:
    """The files of a release, as published."""
    source = os.environ.get("OILAKE_SOURCE")
    call_job("fetch", "--release", context.partition_key, *(["--from", source] if source else []))


@asset(
    partitions_def=RELEASES,
    deps=[landing],
    retry_policy=AGAIN,
    check_specs=[AssetCheckSpec("promises", asset="tables", blocking=True)],
)
def tables(context: AssetExecutionContext) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
    """The tables of a release, and whether they keep what they promise."""
    release = context.partition_key
    call_job("ingest", "--release", release)
    call_job("reconcile", "--release", release)
    call_job("changes", "--all")
    yield MaterializeResult(asset_key="tables")
    code = subprocess.run(["oilake", "check", "--release", release], check=False).returncode
    yield AssetCheckResult(passed=code == 0, asset_key="tables", check_name="promises", metadata={"exit_code": code})


@asset(partitions_def=RELEASES, deps=[tables], retry_policy=AGAIN)
def pages() -> None:
    """Pages of what the tables promise and whether they keep it."""
    call_job("docs", "--to", os.environ.get("OILAKE_PAGES", "data/docs"))


definitions = Definitions(assets=[landing, tables, pages])
