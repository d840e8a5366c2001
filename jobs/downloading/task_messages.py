"""What finished tasks tell the driver while others still run: Spark's accumulators, emptied as they are read."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from pyspark import Accumulator
from pyspark.accumulators import AccumulatorParam
from pyspark.sql import SparkSession

from oilake.jobs.runtime.arrow_ipc import packed, unpacked


@dataclass(frozen=True)
class Letter:
    """Part of a task's work: rows as an Arrow stream, images that were there already, and those of another making."""

    rows: bytes
    present: int
    other: int


class _Letters(AccumulatorParam[list[Letter]]):
    """Lists that grow in place: one reader may take from the front while the next task's letters are added behind."""

    def zero(self, value: list[Letter]) -> list[Letter]:
        return []

    def addInPlace(self, value1: list[Letter], value2: list[Letter]) -> list[Letter]:  # noqa: N802
        value1.extend(value2)
        return value1


Mailbox = Accumulator[list[Letter]]


def open_mailbox(spark: SparkSession) -> Mailbox:
    """An empty mailbox; a task's letters come when it has ended well, each once."""
    return spark.sparkContext.accumulator([], _Letters())


def send(mailbox: Mailbox, rows: pa.Table, present: int = 0, other: int = 0) -> None:
    """Called in a task."""
    mailbox.add([Letter(packed(rows), present, other)])


def take(mailbox: Mailbox) -> list[Letter]:
    """Called in the driver: what has come since the last call."""
    letters = mailbox.value
    found = letters[:]
    del letters[: len(found)]
    return found


def rows(letter: Letter) -> pa.Table:
    """The rows of a letter."""
    return unpacked(letter.rows)
