"""What contradicts what, by independent SQL over views of raw rows: nothing of the job's but the names that it tells.

Views of one subset: verdicts (image_id, mid, human, crowd), boxes (image_id, mid, edges), masks (and box_id), relationships
(image_id, mid_1, mid_2, relationship, edges with _1 and _2), points (image_id, mid, yes_votes, no_votes), images (image_id,
of all subsets), classes (mid, is_boxable), edges (child, parent: subcategories alone).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import duckdb

EDGES = ("x_min", "x_max", "y_min", "y_max")
COMPARED = (
    "image_id", "mid", "source_1", "value_1", "source_2", "value_2", "other_mid", *EDGES,
    "box_id", "iou", "yes_votes", "no_votes",
)  # fmt: skip
PREPARED = """
CREATE OR REPLACE TEMP TABLE people AS
  SELECT image_id, mid, coalesce(human, crowd) AS says, CASE WHEN human IS NULL THEN 'crowdsource' ELSE 'human' END AS who
  FROM verdicts WHERE human IS NOT NULL OR crowd IS NOT NULL;
CREATE OR REPLACE TEMP TABLE above AS
  WITH RECURSIVE up(child, ancestor) AS (
    SELECT child, parent FROM edges UNION SELECT up.child, edges.parent FROM up JOIN edges ON edges.child = up.ancestor)
  SELECT * FROM up WHERE child <> ancestor;
CREATE OR REPLACE TEMP TABLE mask_ious AS
  SELECT *, CASE WHEN same THEN 1 WHEN areas - shared > 0 THEN shared / (areas - shared) ELSE 0 END AS iou FROM (
    SELECT m.n, m.x_min = b.x_min AND m.x_max = b.x_max AND m.y_min = b.y_min AND m.y_max = b.y_max AS same,
      greatest(least(m.x_max, b.x_max) - greatest(m.x_min, b.x_min), 0)
        * greatest(least(m.y_max, b.y_max) - greatest(m.y_min, b.y_min), 0) AS shared,
      (m.x_max - m.x_min) * (m.y_max - m.y_min) + (b.x_max - b.x_min) * (b.y_max - b.y_min) AS areas
    FROM (SELECT *, row_number() OVER () AS n FROM masks) m JOIN boxes b USING (image_id, mid));
CREATE OR REPLACE TEMP TABLE naming AS
  SELECT 1 AS place, 'labels' AS name, image_id, mid FROM verdicts
  UNION ALL SELECT 2, 'boxes', image_id, mid FROM boxes UNION ALL SELECT 3, 'masks', image_id, mid FROM masks
  UNION ALL SELECT 4, 'relationships', image_id, mid_1 FROM relationships
  UNION ALL SELECT 4, 'relationships', image_id, mid_2 FROM relationships WHERE relationship <> 'is'
  UNION ALL SELECT 5, 'points', image_id, mid FROM points;
"""
NO_BOX = "NULL, NULL, NULL, NULL"
QUERIES = {
    "human_against_crowd": f"""
      SELECT image_id, mid, 'human', CASE WHEN human THEN 'yes' ELSE 'no' END, 'crowdsource',
        CASE WHEN crowd THEN 'yes' ELSE 'no' END, NULL, {NO_BOX}, NULL, NULL, NULL, NULL
      FROM verdicts WHERE human <> crowd""",
    "box_of_denied_class": """
      SELECT image_id, mid, 'boxes', 'box', who, 'negative', NULL, x_min, x_max, y_min, y_max, NULL, NULL, NULL, NULL
      FROM boxes JOIN people USING (image_id, mid) WHERE NOT says""",
    "mask_of_denied_class": """
      SELECT image_id, mid, 'masks', 'mask', who, 'negative', NULL, x_min, x_max, y_min, y_max, box_id, NULL, NULL, NULL
      FROM masks JOIN people USING (image_id, mid) WHERE NOT says""",
    "relationship_of_denied_class": """
      SELECT r.image_id, mid_1, 'relationships', relationship, who, 'negative', mid_2,
        x_min_1, x_max_1, y_min_1, y_max_1, NULL, NULL, NULL, NULL
      FROM relationships r JOIN people p ON p.image_id = r.image_id AND p.mid = mid_1 WHERE NOT says
      UNION ALL
      SELECT r.image_id, mid_2, 'relationships', relationship, who, 'negative', mid_1,
        x_min_2, x_max_2, y_min_2, y_max_2, NULL, NULL, NULL, NULL
      FROM relationships r JOIN people p ON p.image_id = r.image_id AND p.mid = mid_2
      WHERE NOT says AND relationship <> 'is'""",
    "denied_ancestor": f"""
      SELECT below.image_id, below.mid, below.who, 'positive', higher.who, 'negative', higher.mid, {NO_BOX},
        NULL, NULL, NULL, NULL
      FROM people below JOIN above ON child = below.mid
      JOIN people higher ON higher.image_id = below.image_id AND higher.mid = ancestor
      WHERE below.says AND NOT higher.says""",
    "positive_without_box": f"""
      SELECT image_id, mid, who, 'positive', 'boxes', 'no box', NULL, {NO_BOX}, NULL, NULL, NULL, NULL
      FROM people JOIN classes USING (mid)
      WHERE says AND is_boxable AND (image_id, mid) NOT IN (SELECT (image_id, mid) FROM boxes)""",
    "mask_without_box": """
      SELECT image_id, mid, 'masks', 'mask', 'boxes', CASE WHEN best IS NULL THEN 'no box' ELSE 'other boxes' END, NULL,
        x_min, x_max, y_min, y_max, box_id, best, NULL, NULL
      FROM (SELECT *, row_number() OVER () AS n FROM masks)
      LEFT JOIN (SELECT n, max(iou) AS best FROM mask_ious GROUP BY n) USING (n)
      WHERE best IS NULL OR best < 0.9 - 1e-12""",
    "outvoted_verdict": f"""
      SELECT image_id, mid, 'points', CASE WHEN says THEN 'no' ELSE 'yes' END, who,
        CASE WHEN says THEN 'positive' ELSE 'negative' END, NULL, {NO_BOX}, NULL, NULL, yes, no
      FROM people JOIN (
        SELECT image_id, mid, CAST(coalesce(sum(yes_votes), 0) AS BIGINT) AS yes,
          CAST(coalesce(sum(no_votes), 0) AS BIGINT) AS no
        FROM points GROUP BY ALL) USING (image_id, mid)
      WHERE CASE WHEN says THEN no > yes ELSE yes > no END""",
    "unlisted_class": f"""
      SELECT image_id, mid, string_agg(name, ', ' ORDER BY place), 'named', 'classes', 'not listed', NULL, {NO_BOX},
        NULL, NULL, NULL, NULL
      FROM (SELECT DISTINCT * FROM naming WHERE mid NOT IN (SELECT mid FROM classes)) GROUP BY image_id, mid""",
    "unlisted_image": f"""
      SELECT image_id, NULL, string_agg(name, ', ' ORDER BY place), 'named', 'images', 'not listed', NULL, {NO_BOX},
        NULL, NULL, NULL, NULL
      FROM (SELECT DISTINCT place, name, image_id FROM naming WHERE image_id NOT IN (SELECT image_id FROM images))
      GROUP BY image_id""",
}  # fmt: skip

Contradiction = tuple[Any, ...]


def expected(connection: duckdb.DuckDBPyConnection, kinds: Collection[str]) -> Counter[Contradiction]:
    """(kind, *COMPARED) of every contradiction of these kinds in the views, as often as it is there."""
    connection.execute(PREPARED)
    return Counter(_rounded((kind, *row)) for kind in kinds for row in connection.execute(QUERIES[kind]).fetchall())


def published(rows: Collection[Mapping[str, Any]]) -> Counter[Contradiction]:
    """The same of rows of `contradictions`."""
    return Counter(_rounded((row["kind"], *(row[name] for name in COMPARED))) for row in rows)


def _rounded(values: Contradiction) -> Contradiction:
    return tuple(round(value, 9) if isinstance(value, float) else value for value in values)
