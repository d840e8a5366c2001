"""Python workers are started once a session, a task a core: each later job of the process finds them there."""

from __future__ import annotations

import uuid
from functools import partial
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from oilake.jobs.runtime import spark_tasks


def leave_a_file(folder: str) -> None:
    (Path(folder) / uuid.uuid4().hex).touch()


def test_workers_of_a_session_are_started_once(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_tasks, "_with_workers", set())
    for _ in range(2):
        spark_tasks.start_workers(spark, partial(leave_a_file, str(tmp_path)))
    assert len(list(tmp_path.iterdir())) == spark.sparkContext.defaultParallelism
