"""usage: python -m bench.great_check TABLE WAREHOUSE OUT: Great Expectations' own run of the same suite on Spark.

The suite is the one that the table carries, loaded as any user would; of its queries those that need no earlier release.
Prints the seconds of the validation as JSON, Spark's start and the import apart.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import great_expectations as gx

from bench.check_table import queries_of, target_of, tell, views
from bench.tables import peer_settings
from oilake.jobs.runtime import spark_session
from oilake.quality import scopes
from oilake.quality.metrics import EXAMPLES


def main(table: str, warehouse: Path, out: Path) -> None:
    target = target_of(warehouse, table)
    spark = spark_session.start_session(peer_settings(warehouse))
    names = {one.name for one in queries_of(warehouse, target)}
    chosen = [one for one in target.suite.expectations if one.type != scopes.QUERY or one.name in names]
    declared = json.loads(target.suite.text())
    kept = {one.description for one in chosen}
    declared["expectations"] = [one for one in declared["expectations"] if one["description"] in kept]
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    started = time.monotonic()
    frame = views(spark, warehouse, target)
    asset = context.data_sources.add_spark("spark").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    wanted = {"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLES}
    found = batch.validate(gx.ExpectationSuite(**declared), result_format=wanted)
    seconds = time.monotonic() - started
    named = {one.description: one.name for one in chosen}
    counts, rows = {}, 0
    for result in found.results:
        if result.exception_info.get("raised_exception"):
            raise SystemExit(str(result.exception_info))
        name = named[result.expectation_config.description]
        found_rows = result.result.get("observed_value", 0) if name in names else 0
        counts[name] = result.result.get("unexpected_count", found_rows)
        rows = max(rows, result.result.get("element_count", 0))
    tell(out, counts, rows)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
