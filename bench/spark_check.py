"""usage: python -m bench.spark_check TABLE WAREHOUSE OUT: what an engineer would write by hand for the same metrics.

One aggregate over the slice: rows, rows without a value and rows that break each expectation, by the SQL of its constraint.
Where the table has a key, a second look at its columns in the order of the files shows that none repeats, as in our check;
Spark has no `lag` without a sort, so an Arrow function compares neighbours. Prints the seconds of both as JSON; the
suite's queries are asked after that, and timed apart.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from bench.check_table import queries_of, target_of, tell, views
from bench.tables import peer_settings
from oilake.jobs.runtime import spark_session
from oilake.jobs.tables.targets import CheckTarget
from oilake.quality import row_expectations, scopes

ENDS = "first array<string>, last array<string>"


def main(table: str, warehouse: Path, out: Path) -> None:
    target = target_of(warehouse, table)
    spark = spark_session.start_session(peer_settings(warehouse))
    spark.range(2).mapInArrow(_same, "id bigint").count()
    started = time.monotonic()
    frame = views(spark, warehouse, target)
    counts, rows = aggregate(frame, target)
    if key := target.suite.key():
        counts["key_is_unique"] = 0 if is_unique(frame, key) else -1
    seconds = time.monotonic() - started
    for query in queries_of(warehouse, target):
        text = query.kwargs["unexpected_rows_query"].format(batch="batch")
        counts[query.name] = spark.sql(text).count()
    tell(out, counts, rows, query_seconds=time.monotonic() - started - seconds)
    print(json.dumps({"seconds": seconds}))


def aggregate(frame: DataFrame, target: CheckTarget) -> tuple[dict[str, int], int]:
    """(rows that break each row-level expectation, all rows)."""
    judged = [one for one in target.suite.expectations if one.type not in scopes.ARGUMENTS]
    wanted = [sf.count("*")]
    for one in judged:
        wanted.append(sf.expr(f"sum(CASE WHEN {row_expectations.constraint_sql(one.rule)} THEN 0 ELSE 1 END)"))
    for column in sorted({name for one in judged for name in one.columns}):
        wanted.append(sf.expr(f"sum(CASE WHEN {column} IS NULL THEN 1 ELSE 0 END)"))
    found = frame.agg(*wanted).collect()[0]
    return {one.name: int(count) for one, count in zip(judged, found[1:], strict=False)}, int(found[0])


def is_unique(frame: DataFrame, key: list[str]) -> bool:
    """Whether the runs of rising keys in the files overlap nowhere; a task reads one file, so that runs have no gap."""
    whole = frame.sparkSession.conf.get("spark.sql.files.maxPartitionBytes")
    frame.sparkSession.conf.set("spark.sql.files.openCostInBytes", str(whole))
    ends = frame.select(*key).mapInArrow(_runs, ENDS).collect()
    ordered = sorted(ends, key=lambda row: row["first"])
    return all(before["last"] < after["first"] for before, after in pairwise(ordered))


def _runs(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    first: list[list[str]] = []
    last: list[list[str]] = []
    for batch in batches:
        if not len(batch):
            continue
        keys = [[column[n].as_py() for column in batch.columns] for n in (0, len(batch) - 1)]
        falls = [0, *(n + 1 for n in _falls(batch)), len(batch)]
        for start, stop in pairwise(falls):
            ends = [[column[n].as_py() for column in batch.columns] for n in (start, stop - 1)]
            if start == 0 and last and last[-1] < keys[0]:
                last[-1] = ends[1]
            else:
                first.append(ends[0])
                last.append(ends[1])
    yield pa.RecordBatch.from_pydict(
        {"first": pa.array(first, pa.list_(pa.string())), "last": pa.array(last, pa.list_(pa.string()))}
    )


def _falls(batch: pa.RecordBatch) -> list[int]:
    """The rows after which the key does not rise."""
    rises = pa.array([False] * (len(batch) - 1), pa.bool_())
    same = pa.array([True] * (len(batch) - 1), pa.bool_())
    for column in batch.columns:
        before, after = column.slice(0, len(column) - 1), column.slice(1)
        rises = pc.or_(rises, pc.and_(same, pc.less(before, after)))
        same = pc.and_(same, pc.equal(before, after))
    return pc.indices_nonzero(pc.invert(rises)).to_pylist()


def _same(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
