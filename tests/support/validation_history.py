"""A table that was looked at several times, with hostile values in all that a page shows; made by the project's own code."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from oilake.jobs.tables.targets import CheckTarget, copied_targets
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.validation import publish_gate, results_store
from oilake.jobs.validation.checker import TargetFindings
from oilake.jobs.validation.publish_gate import TableResults
from oilake.quality import results
from oilake.quality.metrics import ExpectationCount

HOSTILE = "<img src=https://evil.example/x onerror=alert(1)>\"'${run}{{7*7}}`</script><script>alert(2)</script>&amp;"
ROWS = 1000


def look(target: CheckTarget, run_id: str, version: int, bad: dict[str, list[dict[str, Any]]]) -> TargetFindings:
    """A check of one version that found `bad` rows, by expectation, and every other promise kept."""
    seen = replace(target, version=version, release="v3")
    asked = [e for e in seen.suite.expectations if e.meta.scope in ("row", "release") and "query" not in str(e.kwargs)]
    counts = {e.name: ExpectationCount(ROWS, 0, len(bad.get(e.name, ())), bad.get(e.name, [])) for e in asked}
    judged = [results.result_of_count(e, counts[e.name]) for e in asked]
    return TargetFindings(seen, judged, counts, {"label_of_unknown_image": f"{HOSTILE} is partial"})


def looked_at(warehouse: str) -> None:
    """`labels` after an ingest that kept rows out and two checks, the second of which found bad rows."""
    target = copied_targets(f"{warehouse}/labels", None)[0]
    first = look(target, "run1", 1, {})
    bad = {
        "mid_match_regex": [{"mid": HOSTILE, "image_id": "00000000000000aa"}, {"mid": None, "image_id": HOSTILE}],
        "confidence_where_be_in_set": [{"confidence": 0.5, "image_id": "00000000000000ab", "mid": HOSTILE}],
    }
    kept_out = [
        replace(r, quarantined_count=7 if r.expectation == "mid_match_regex" else 0) if r.scope == "row" else r
        for r in first.results
    ]
    unread = results.unreadable_results(target.suite, {HOSTILE: 2}, {HOSTILE: f"nobody reads {HOSTILE}"})
    publish_gate.write_results(
        Warehouse.at(warehouse),
        "run0",
        "ingest",
        [("labels", "v3", None, 1, TableResults("labels", [*kept_out, *unread]))],
    )
    results_store.record_findings(Warehouse.at(warehouse), "run1", [first])
    time.sleep(1.1)  # the order of looks is that of their seconds
    results_store.record_findings(Warehouse.at(warehouse), "run2", [look(target, "run2", 2, bad)])
