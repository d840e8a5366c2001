"""Schedules the jobs: what has landed starts the tables, and tables that were made and checked start the pages.

A release is a partition of every asset. The code knows command lines and nothing else. Where data is and how Spark runs is
said by the environment of Airflow's workers: OILAKE_ENV, OILAKE_JOBS, SPARK_HOME and the connection spark_default.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, Param, PartitionedAssetTimetable
from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

LANDING = Asset("open_images_landing")
TABLES = Asset("open_images_tables")
CHECKED = Asset("open_images_checked")
RELEASE = "{{ dag_run.partition_key }}"
BROKEN_PROMISE = re.compile(r"\bcode (is: )?1\.")


class RetryUnlessBroken(RetryPolicy):
    """Retries what a second try may mend; exit code 1 says that the data breaks a promise, which none does."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any | None = None
    ) -> RetryDecision:
        if BROKEN_PROMISE.search(str(exception)):
            return RetryDecision.fail("the data breaks a promise")
        return RetryDecision.default()


# One run of each at a time: the releases of a backfill go one after another, and each job may take all of the cluster.
COMMON: dict[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "tags": ["open-images"],
    "default_args": {
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2.0,
        "retry_policy": RetryUnlessBroken(),
    },
}


def name_release(context: Any, result: Any = None) -> None:
    """Names the release of which the landing area now has the files."""
    context["outlet_events"][LANDING].add_partitions(context["params"]["release"])


def submit_job(job: str, *words: str, outlets: list[Asset] | None = None) -> SparkSubmitOperator:
    """Makes the task of a job that spark-submit starts."""
    return SparkSubmitOperator(
        task_id=job,
        application=os.path.join(os.environ.get("OILAKE_JOBS", "/opt/oilake/jobs"), f"{job}.py"),
        application_args=list(words),
        name=f"oilake-{job}",
        outlets=outlets or [],
    )


with DAG(
    "open_images_fetch",
    description="Brings the files of a release; those that are there are not asked for again",
    schedule="@weekly",
    params={
        "release": Param("v7", type="string", pattern="^[A-Za-z0-9_.-]+$", description="release to fetch"),
        "source": Param(
            "", type="string", description="folder, http(s) URL or s3:// prefix in place of the publisher's"
        ),
    },
    **COMMON,
):
    BashOperator(
        task_id="fetch",
        bash_command='exec oilake fetch --release "$RELEASE" ${SOURCE:+--from "$SOURCE"}',
        env={"RELEASE": "{{ params.release }}", "SOURCE": "{{ params.source }}"},
        append_env=True,
        pool="open_images_downloads",
        outlets=[LANDING],
        post_execute=name_release,
    )

with DAG(
    "open_images_tables",
    description="Makes and checks the tables of a release whose files have landed",
    schedule=PartitionedAssetTimetable(assets=LANDING),
    **COMMON,
):
    (
        submit_job("ingest", "--release", RELEASE)
        >> submit_job("reconcile", "--release", RELEASE)
        >> submit_job("changes", "--all", outlets=[TABLES])
        >> submit_job("check", "--release", RELEASE, outlets=[CHECKED])
    )

with DAG(
    "open_images_pages",
    description="Writes the pages of what the tables promise, once they were made and found sound",
    schedule=PartitionedAssetTimetable(assets=TABLES & CHECKED),
    **COMMON,
):
    BashOperator(
        task_id="docs",
        bash_command='exec oilake docs --to "${OILAKE_PAGES:-/opt/oilake/pages}"',
    )
