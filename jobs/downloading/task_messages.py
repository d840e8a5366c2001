"""What finished tasks tell the driver while others still run: Spark's accumulators, emptied as they are read."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from pyspark import Accumulator
from pyspark.accumulators import AccumulatorParam
from pyspark.sql import SparkSession

from oilake.jobs.runtime.arrow_ipc import pack_table, unpack_table


@dataclass(frozen=True)
class TaskMessage:
    """Part of a task's work: rows as an Arrow stream, images that were there already, and those of another making."""

    rows: bytes
    present: int
    other: int


class _TaskMessages(AccumulatorParam[list[TaskMessage]]):
    """Lists that grow in place: one reader may take from the front while the next task's letters are added behind."""

    def zero(self, value: list[TaskMessage]) -> list[TaskMessage]:
        return []

    def addInPlace(self, value1: list[TaskMessage], value2: list[TaskMessage]) -> list[TaskMessage]:  # noqa: N802
        value1.extend(value2)
        return value1


Mailbox = Accumulator[list[TaskMessage]]


def open_mailbox(spark: SparkSession) -> Mailbox:
    """An empty mailbox; a task's letters come when it has ended well, each once."""
    return spark.sparkContext.accumulator([], _TaskMessages())


def send_rows(mailbox: Mailbox, rows: pa.Table, present: int = 0, other: int = 0) -> None:
    """Called in a task."""
    mailbox.add([TaskMessage(pack_table(rows), present, other)])


def take_messages(mailbox: Mailbox) -> list[TaskMessage]:
    """Called in the driver: what has come since the last call."""
    messages = mailbox.value
    taken = messages[:]
    del messages[: len(taken)]
    return taken


def unpack_rows(letter: TaskMessage) -> pa.Table:
    """The rows of a letter."""
    return unpack_table(letter.rows)
