"""The examples of docs/reading.md that ask Spark."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.support import view_lake
from tests.support.doc_examples import VERDICTS_OF_DOGS, reading_examples, run_example


@pytest.mark.slow
def test_the_examples_for_spark_give_what_the_tables_hold(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = view_lake.fill(view_lake.make_tables(str(tmp_path / "lake")))
    monkeypatch.setenv("OILAKE_WAREHOUSE", place)
    examples = [text for text in reading_examples() if "oilake.read(" in text]
    assert [run_example(text) for text in examples] == [VERDICTS_OF_DOGS] * 2
