"""usage: python -m bench.duckdb_tables WORK WAREHOUSE OUT: what a DuckDB user would write over the same Parquet files.

Everything but extra_observations, which would cost a list for each of a hundred million groups. Nothing is sorted.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb

from bench.table_files import RELEASES, rows_source

PEOPLE = {"human": "human_verdict", "crowdsource": "crowd_verdict"}


def main(name: str, warehouse: Path, out: Path) -> None:
    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET preserve_insertion_order = false")
    connection.execute(f"SET temp_directory = '{out}/spill'")
    started = time.monotonic()
    query = reconcile(warehouse, RELEASES[-1]) if name == "reconcile" else changes(warehouse, *RELEASES)
    table = "image_labels" if name == "reconcile" else "label_changes"
    (out / table).mkdir()
    target = f"{out}/{table}/rows.parquet"
    connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
    print(json.dumps({"seconds": time.monotonic() - started}))


def reconcile(warehouse: Path, release: str) -> str:
    """Labels, boxes and classes of a release to one row a (subset, image, MID)."""
    said = ", ".join(
        f"bool_or(confidence > 0) FILTER (origin = '{origin}') AS {column}, "
        f"bool_and(confidence > 0) FILTER (origin = '{origin}') AS {column}_always"
        for origin, column in PEOPLE.items()
    )
    return f"""
        WITH pairs AS (
            SELECT subset, image_id, mid, max(confidence) FILTER (origin = 'machine') AS machine_confidence, {said},
                   count(*)::INTEGER AS observations
            FROM {rows_source(warehouse, "labels", release)} GROUP BY subset, image_id, mid),
        boxed AS (
            SELECT subset, image_id, mid, count(*)::INTEGER AS box_count
            FROM {rows_source(warehouse, "boxes", release)} GROUP BY subset, image_id, mid),
        judged AS (SELECT *, coalesce(human_verdict, crowd_verdict) AS people FROM pairs)
        SELECT subset, image_id, mid, display_name, machine_confidence, human_verdict, crowd_verdict,
               CASE people WHEN true THEN 'positive' WHEN false THEN 'negative' ELSE 'unverified' END AS verdict,
               CASE WHEN human_verdict IS NOT NULL THEN 'human' WHEN crowd_verdict IS NOT NULL THEN 'crowdsource'
                    ELSE 'machine' END AS decided_by,
               coalesce(human_verdict <> crowd_verdict, false) OR coalesce(human_verdict <> human_verdict_always, false)
                    OR coalesce(crowd_verdict <> crowd_verdict_always, false) AS is_conflict,
               CASE WHEN machine_confidence IS NOT NULL THEN people END AS machine_agrees,
               observations, coalesce(box_count, 0) AS box_count, is_trainable, is_boxable
        FROM judged LEFT JOIN boxed USING (subset, image_id, mid)
             LEFT JOIN (SELECT mid, display_name, is_trainable, is_boxable FROM {rows_source(warehouse, "classes", release)})
             USING (mid)"""


def changes(warehouse: Path, before: str, after: str) -> str:
    """The pairs whose label is another in the later release, from image_labels of both."""
    sides = [
        f"SELECT image_id, mid, subset, verdict, decided_by, machine_confidence AS confidence, "
        f"CASE WHEN decided_by <> 'machine' THEN verdict END AS people FROM "
        f"{rows_source(warehouse, 'image_labels', release)}"
        for release in (before, after)
    ]
    nodes = rows_source(warehouse, "hierarchy", after)
    return f"""
        WITH RECURSIVE nodes AS (SELECT path, parent_path, mid, relation FROM {nodes}),
        edges AS (SELECT DISTINCT coalesce(n.mid, n.path) AS below, coalesce(p.mid, p.path) AS above
                  FROM nodes n JOIN nodes p ON n.parent_path = p.path WHERE n.relation = 'subcategory'),
        closure AS (SELECT below, above FROM edges
                    UNION SELECT c.below, e.above FROM closure c JOIN edges e ON c.above = e.below),
        covered AS (SELECT DISTINCT l.image_id, c.above AS mid FROM ({sides[1]}) l JOIN closure c ON l.mid = c.below
                    WHERE l.people = 'positive' AND c.above <> c.below)
        SELECT * EXCLUDE (from_people, to_people) FROM (
            SELECT image_id, mid,
                   CASE WHEN a.people = 'positive' AND b.people IS NULL AND covered.mid IS NOT NULL THEN 'made_leaf_most'
                        WHEN a.subset IS NULL THEN 'added' WHEN b.subset IS NULL THEN 'removed'
                        WHEN a.people <> b.people THEN 'flipped'
                        WHEN a.people IS NULL AND b.people IS NOT NULL THEN 'newly_verified'
                        WHEN a.people IS NOT NULL AND b.people IS NULL THEN 'no_longer_verified'
                        WHEN a.confidence IS DISTINCT FROM b.confidence THEN 'confidence_changed' END AS change,
                   a.subset AS from_subset, b.subset AS to_subset, a.verdict AS from_verdict, b.verdict AS to_verdict,
                   a.decided_by AS from_decided_by, b.decided_by AS to_decided_by,
                   a.confidence AS from_machine_confidence, b.confidence AS to_machine_confidence,
                   a.people AS from_people, b.people AS to_people
            FROM ({sides[0]}) a FULL OUTER JOIN ({sides[1]}) b USING (image_id, mid)
                 LEFT JOIN covered USING (image_id, mid))
        WHERE change IS NOT NULL"""


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
