"""Asks the queries of suites: rows that should not be there, counted and shown.

Our own are asked in this process where the slices are small, the others of Spark, all in one job. Any other came with a
table, and whoever wrote it may want to harm who checks: it is asked of a sandbox.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa

from oilake.jobs.runtime.error_text import error_line
from oilake.jobs.runtime.spark_errors import spark_errors
from oilake.jobs.runtime.spark_session import StartSession
from oilake.jobs.runtime.spark_tasks import collect_rows
from oilake.jobs.tables.spark_reader import read_target
from oilake.jobs.tables.targets import CheckTarget
from oilake.jobs.validation import local_queries
from oilake.jobs.validation.sandboxed_query import Sandbox
from oilake.quality import own_queries
from oilake.quality.metrics import EXAMPLES, ExpectationCount
from oilake.quality.suites import Expectation

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BATCH = "oilake_batch"
# What Spark adds to its sentences: the error's class before, its state and its places in the text behind.
SPARK_CLASS = re.compile(r"^\[[A-Z0-9_.]+\] ")
SPARK_TRAIL = re.compile(r"\s*SQLSTATE: \w+;?|\s*[;(]?\s*line \d+, ?pos(?:ition)? \d+\)?;?|\s*;? ?line \d+ pos \d+;?")
COUNTED_SCHEMA = "question int, rows bigint, examples array<string>"


@dataclass(frozen=True)
class Question:
    """A query about `batch`; `others`: the slices that it names, by the names it gives them."""

    expectation: Expectation
    batch: CheckTarget
    others: Mapping[str, CheckTarget]

    @property
    def slices(self) -> dict[str, CheckTarget]:
        """All that it reads, by the names that its query has for them."""
        return {BATCH: self.batch, **self.others}


def ask_queries(session: StartSession, questions: Sequence[Question]) -> list[ExpectationCount | str]:
    """The rows that each query finds: how many, and the first of them in the order of their JSON; or why it is not asked."""
    answers: dict[int, ExpectationCount | str | None] = {}
    sandbox = Sandbox()
    with local_queries.open_engine() as engine:
        for question in questions:
            if not own_queries.is_own(question.expectation, question.batch.table):
                answers[id(question)] = sandbox.ask(_query_text(question), question.slices)
            elif local_queries.are_small(question.slices.values()):
                answers[id(question)] = local_queries.count_rows(engine, _query_text(question), question.slices)
    left = [question for question in questions if answers.get(id(question)) is None]
    answers |= dict(zip(map(id, left), _ask_spark(session(), left) if left else [], strict=True))
    return [answer for question in questions if (answer := answers[id(question)]) is not None]


def _ask_spark(spark: SparkSession, questions: Sequence[Question]) -> list[ExpectationCount | str]:
    every = [target for question in questions for target in (question.batch, *question.others.values())]
    views = {(target.folder, target.name): (f"oilake_{n}", target) for n, target in enumerate(every)}
    for name, target in views.values():
        read_target(spark, target).createOrReplaceTempView(name)
    try:
        names = {place: name for place, (name, _) in views.items()}
        frames = [_query_frame(spark, n, question, names) for n, question in enumerate(questions)]
        if not (fitting := [frame for frame in frames if not isinstance(frame, str)]):
            return [str(frame) for frame in frames]
        counted = reduce(lambda frame, other: frame.unionAll(other), fitting).mapInArrow(_count_rows, COUNTED_SCHEMA)
        parts = collect_rows(spark, counted, len(questions), "asking across tables")
    finally:
        for name, _ in views.values():
            spark.catalog.dropTempView(name)
    return [
        frame if isinstance(frame, str) else _sum_parts([part for part in parts if part["question"] == n])
        for n, frame in enumerate(frames)
    ]


def _query_frame(
    spark: SparkSession, number: int, question: Question, names: Mapping[tuple[str, str], str]
) -> DataFrame | str:
    """What one query finds, not yet computed; why it cannot be, where the table lacks what the query names."""
    try:
        return spark.sql(_query_sql(number, question, names))
    except spark_errors() as error:
        return f"its query does not fit the table ({_spark_sentence(error)})"


def _spark_sentence(error: BaseException) -> str:
    return SPARK_TRAIL.sub("", SPARK_CLASS.sub("", error_line(error))).strip(" .;:") or type(error).__name__


def _query_text(question: Question) -> str:
    return str(question.expectation.kwargs["unexpected_rows_query"].format(batch=BATCH))


def _query_sql(number: int, question: Question, names: Mapping[tuple[str, str], str]) -> str:
    slices = question.slices.items()
    named_slices = ", ".join(f"{name} AS (SELECT * FROM {names[t.folder, t.name]})" for name, t in slices)
    rows = "to_json(struct(*), map('ignoreNullFields', 'false'))"
    return f"SELECT {number} AS question, {rows} AS row FROM (WITH {named_slices} {_query_text(question)})"


def _sum_parts(parts: Sequence[Mapping[str, object]]) -> ExpectationCount:
    rows = sum(int(str(part["rows"])) for part in parts)
    examples = sorted(example for part in parts for example in part["examples"])  # type: ignore[attr-defined]
    return ExpectationCount(rows, 0, rows, [json.loads(example) for example in examples[:EXAMPLES]])


def _count_rows(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    counts_by_question: dict[int, tuple[int, list[str]]] = {}
    for batch in batches:
        for question, row in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            rows, examples = counts_by_question.get(question, (0, []))
            counts_by_question[question] = rows + 1, [*examples, row] if len(examples) < EXAMPLES else examples
    for question, (rows, examples) in counts_by_question.items():
        shown = pa.array([examples], pa.list_(pa.string()))
        yield pa.RecordBatch.from_pydict(
            {"question": pa.array([question], pa.int32()), "rows": [rows], "examples": shown}
        )
