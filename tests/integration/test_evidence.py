"""Boxes, masks, relationships and points beside the labels of V7, held against SQL over the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy, registry
from oilake.conf.chosen_files import FileChoice
from oilake.conf.settings import Settings
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from tests.support import plain_sample
from tests.support.plain_sample import BOXES, SUBSETS
from tests.support.samples import write_sample

pytestmark = pytest.mark.slow

COUNTS = ("box_count", "mask_count", "relationship_count", "point_count")
VOTES = ("point_yes_votes", "point_no_votes", "point_unsure_votes")
POINTS = {"train": "train", "validation": "val", "test": "test"}
DRAWN = """
WITH boxes AS (
  SELECT ImageID AS image_id, LabelName AS mid, count(*) AS n FROM read_csv('{boxes}', all_varchar = true) GROUP BY ALL),
masks AS (
  SELECT ImageID AS image_id, LabelName AS mid, count(*) AS n FROM read_csv('{masks}', all_varchar = true) GROUP BY ALL),
vrd AS (SELECT row_number() OVER () AS id, * FROM read_csv('{relationships}', all_varchar = true)),
relationships AS (
  SELECT ImageID AS image_id, mid, count(*) AS n
  FROM (SELECT id, ImageID, LabelName1 AS mid FROM vrd
        UNION SELECT id, ImageID, LabelName2 FROM vrd WHERE RelationshipLabel <> 'is') GROUP BY ALL),
points AS (
  SELECT ImageId AS image_id, Label AS mid, count(*) AS n,
    sum(CAST(YesVotes AS BIGINT)) AS yes, sum(CAST(NoVotes AS BIGINT)) AS no, sum(CAST(UnsureVotes AS BIGINT)) AS unsure
  FROM read_csv('{points}', all_varchar = true) GROUP BY ALL)
SELECT image_id, mid, coalesce(boxes.n, 0), coalesce(masks.n, 0), coalesce(relationships.n, 0), coalesce(points.n, 0),
  coalesce(points.yes, 0), coalesce(points.no, 0), coalesce(points.unsure, 0)
FROM tables LEFT JOIN boxes USING (image_id, mid) LEFT JOIN masks USING (image_id, mid)
LEFT JOIN relationships USING (image_id, mid) LEFT JOIN points USING (image_id, mid)
ORDER BY image_id, mid
"""


@pytest.fixture(scope="module")
def places(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A sample of V7 and a warehouse with its labels and all that is drawn or asked."""
    folder = tmp_path_factory.mktemp("evidence")
    tables = "labels,boxes,classes,masks,relationships,points"
    sample = write_sample(folder / "sample", "--scale", "0.0002", "--releases", "v7", "--tables", tables)
    mine = replace(settings, warehouse=str(folder / "lake"), landing=str(sample))
    choice = FileChoice(tables=("labels", "boxes", "masks", "relationships", "points"))
    ingest(mine, registry.find_release("v7", str(sample / "registry")), partial=True, choice=choice)
    return mine


def test_evidence_is_counted_as_sql_counts_the_files(places: Settings):
    sample = Path(places.landing)
    reconcile(places, registry.find_release("v7", str(sample / "registry")), reconcile_policy.load_policy())
    for subset in SUBSETS:
        columns = ["image_id", "mid", *COUNTS, *VOTES]
        tables = DeltaTable(f"{places.warehouse}/image_labels").to_pyarrow_table(
            filters=[("subset", "=", subset)], columns=columns
        )
        files = {
            "boxes": plain_sample.file_of(BOXES, "v7", subset),
            "masks": f"v5/{subset}-annotations-object-segmentation.csv",
            "relationships": f"v6/oidv6-{subset}-annotations-vrd.csv",
            "points": f"v7/oidv7-{POINTS[subset]}-annotations-point-labels.csv",
        }
        with duckdb.connect() as connection:
            connection.register("tables", tables)
            query = DRAWN.format(**{name: sample / file for name, file in files.items()})
            expected = connection.execute(query).fetchall()
        told = sorted(tuple(row.values()) for row in tables.to_pylist())
        assert told == expected
        assert all(any(row[2 + n] for row in told) for n in range(len(COUNTS)))


def test_evidence_that_was_not_taken_is_not_counted(places: Settings, tmp_path: Path):
    release = registry.find_release("v7", f"{places.landing}/registry")
    mine = replace(places, warehouse=str(tmp_path / "lake"))
    ingest(mine, release, partial=True, choice=FileChoice(("labels", "masks"), ("validation",)))
    reconcile(mine, release, reconcile_policy.load_policy())
    rows = DeltaTable(f"{mine.warehouse}/image_labels").to_pyarrow_table().to_pylist()
    assert {row["subset"] for row in rows} == {"validation"}
    assert {row[name] for row in rows for name in (*COUNTS, *VOTES) if name != "mask_count"} == {None}
    assert {row["mask_count"] is None for row in rows} == {False}
