"""Asks the queries of suites: rows that should not be there, counted and shown, all of them in one Spark job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import SparkSession

from jobs.place import collect
from jobs.tables.read import of_target
from jobs.tables.targets import Target
from quality.loader import Expectation
from quality.tally import EXAMPLES, Count

BATCH = "oilake_batch"
FOUND = "question int, rows bigint, examples array<string>"


@dataclass(frozen=True)
class Question:
    """A query about `batch`; `others`: the slices that it names, by the names it gives them."""

    expectation: Expectation
    batch: Target
    others: Mapping[str, Target]


def ask(spark: SparkSession, questions: Sequence[Question]) -> list[Count]:
    """The rows that each query finds: how many, and the first of them in the order of their JSON."""
    if not questions:
        return []
    every = [target for question in questions for target in (question.batch, *question.others.values())]
    views = {(target.folder, target.name): (f"oilake_{n}", target) for n, target in enumerate(every)}
    for name, target in views.values():
        of_target(spark, target).createOrReplaceTempView(name)
    try:
        names = {place: name for place, (name, _) in views.items()}
        found = spark.sql(" UNION ALL ".join(_sql(n, one, names) for n, one in enumerate(questions)))
        counted = found.mapInArrow(_count, FOUND)
        parts = collect(spark, counted, len(questions), "asking across tables")
    finally:
        for name, _ in views.values():
            spark.catalog.dropTempView(name)
    return [_together([part for part in parts if part["question"] == n]) for n in range(len(questions))]


def _sql(number: int, question: Question, names: Mapping[tuple[str, str], str]) -> str:
    slices = {BATCH: question.batch, **question.others}
    given = ", ".join(f"{name} AS (SELECT * FROM {names[t.folder, t.name]})" for name, t in slices.items())
    query = question.expectation.kwargs["unexpected_rows_query"].format(batch=BATCH)
    rows = "to_json(struct(*), map('ignoreNullFields', 'false'))"
    return f"SELECT {number} AS question, {rows} AS row FROM (WITH {given} {query})"


def _together(parts: Sequence[Mapping[str, object]]) -> Count:
    rows = sum(int(str(part["rows"])) for part in parts)
    examples = sorted(example for part in parts for example in part["examples"])  # type: ignore[attr-defined]
    return Count(rows, 0, rows, [json.loads(example) for example in examples[:EXAMPLES]])


def _count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    found: dict[int, tuple[int, list[str]]] = {}
    for batch in batches:
        for question, row in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            rows, examples = found.get(question, (0, []))
            found[question] = rows + 1, [*examples, row] if len(examples) < EXAMPLES else examples
    for question, (rows, examples) in found.items():
        shown = pa.array([examples], pa.list_(pa.string()))
        yield pa.RecordBatch.from_pydict(
            {"question": pa.array([question], pa.int32()), "rows": [rows], "examples": shown}
        )
