"""Contradictions of published releases: exactly those of independent SQL over the raw rows, and what each reader is told."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy
from oilake.conf.contradiction_rules import load_rules
from oilake.conf.settings import Settings
from oilake.jobs.contradictions import ContradictionsOutcome, contradictions
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from oilake.jobs.synthetic.contradiction_planting import TRUTH_FILE
from oilake.schemas import release_registry
from tests.conftest import Oilake
from tests.support import contradiction_sql, contradiction_views, sample_reading, table_readers
from tests.support.contradiction_sql import EDGES, Contradiction
from tests.support.samples import write_sample

V3_KINDS = (
    "human_against_crowd", "box_of_denied_class", "denied_ancestor", "positive_without_box",
    "unlisted_class", "unlisted_image",
)  # fmt: skip
V3_VERDICTS = """
  SELECT image_id, mid, bool_or(says) FILTER (source = 'verification') AS human,
    bool_or(says) FILTER (source = 'crowdsource-verification') AS crowd
  FROM labels GROUP BY ALL"""


def published(warehouse: str, release: str) -> Counter[tuple[str, Contradiction]]:
    rows = table_readers.rows(warehouse, "contradictions", release)
    told: Counter[tuple[str, Contradiction]] = Counter()
    for subset in {row["subset"] for row in rows}:
        for contradiction, count in contradiction_sql.published([r for r in rows if r["subset"] == subset]).items():
            told[subset, contradiction] = count
    return told


def v3_contradictions(sample: Path, warehouse: str, subset: str) -> Counter[Contradiction]:
    """What contradicts what in the archives of V3; ancestors by the published hierarchy."""
    raw = {name: sample_reading.rows(sample, "v3", name, subset) for name in ("human", "machine", "boxes")}
    labels = [
        {
            "image_id": row["ImageID"],
            "mid": row["LabelName"],
            "source": row["Source"],
            "says": float(row["Confidence"]) == 1,
        }
        for row in raw["human"] + raw["machine"]
    ]
    boxes = [
        {"image_id": row["ImageID"], "mid": row["LabelName"]}
        | {name: float(row[column]) for name, column in zip(EDGES, ("XMin", "XMax", "YMin", "YMax"), strict=True)}
        for row in raw["boxes"]
    ]
    images = [
        row["ImageID"]
        for part in sample_reading.SUBSETS["v3"]
        for row in sample_reading.rows(sample, "v3", "images", part)
    ]
    lists = {
        name: set(sample_reading.member(sample, "v3", "classes", f"{name}.txt").decode().split())
        for name in ("classes", "classes-trainable", "classes-bbox")
    }
    names = sample_reading.records(
        sample_reading.member(sample, "v3", "classes", "class-descriptions.csv"), header=False
    )
    mids = {record[0] for record in names}.union(*lists.values())
    nodes = {node["path"]: node["mid"] or node["path"] for node in table_readers.rows(warehouse, "hierarchy")}
    edges = [
        {"child": nodes[node["path"]], "parent": nodes[node["parent_path"]]}
        for node in table_readers.rows(warehouse, "hierarchy")
        if node["relation"] == "subcategory"
    ]
    with duckdb.connect() as connection:
        for name, rows in (("labels", labels), ("boxes", boxes), ("edges", edges)):
            connection.register(name, pa.Table.from_pylist(rows))
        connection.register("images", pa.table({"image_id": images}))
        listed = [{"mid": mid, "is_boxable": mid in lists["classes-bbox"]} for mid in sorted(mids)]
        connection.register("classes", pa.Table.from_pylist(listed))
        for name in ("masks", "relationships", "points"):
            connection.execute(f"CREATE TEMP TABLE {name} AS {contradiction_views.without_rows(name)}")
        connection.execute(f"CREATE TEMP TABLE verdicts AS {V3_VERDICTS}")
        kinds = [kind for kind in V3_KINDS if kind != "positive_without_box" or subset != "train"]
        return contradiction_sql.expected(connection, kinds)


def test_contradictions_of_archives_are_those_of_independent_sql(clean: Settings):
    expected = {
        (subset, contradiction): count
        for subset in sample_reading.SUBSETS["v3"]
        for contradiction, count in v3_contradictions(Path(clean.landing), clean.warehouse, subset).items()
    }
    kinds = {contradiction[0] for _, contradiction in expected}
    assert {"human_against_crowd", "denied_ancestor"} <= kinds
    assert published(clean.warehouse, "v3") == expected


def test_what_cannot_be_judged_is_told_and_is_not_0(clean: Settings):
    outcome = contradictions(clean, "v3")
    assert not outcome.changed
    rows = table_readers.rows(clean.warehouse, "contradictions")
    counted = Counter((row["kind"], row["subset"]) for row in rows)
    assert {
        (kind, subset): n for kind, by_subset in outcome.counts.items() for subset, n in by_subset.items() if n
    } == counted
    assert [kind for kind, by_subset in outcome.counts.items() if by_subset] == list(V3_KINDS)
    assert set(outcome.counts["positive_without_box"]) == {"validation", "test"}
    sentence = "v3 has no points (train, validation, test): not judged there by outvoted_verdict"
    assert sentence in outcome.not_judged()
    assert f"– {sentence}" in outcome.as_text()


def test_history_tells_the_contradictions_of_an_image(oilake: Oilake, clean: Settings):
    row = next(
        row for row in table_readers.rows(clean.warehouse, "contradictions") if row["kind"] == "human_against_crowd"
    )
    code, out, _ = oilake("history", "--image", row["image_id"], "--warehouse", clean.warehouse)
    name = f" {row['display_name']}" if row["display_name"] else ""
    said = f"human: {row['value_1']} -- crowdsource: {row['value_2']}"
    assert code == 0
    assert f"    contradiction: human_against_crowd {row['mid']}{name}, {said}" in out.splitlines()


def test_a_release_that_is_not_reconciled_is_refused(oilake: Oilake, warehouse: str):
    code, out, err = oilake("contradictions", "--release", "v3", "--warehouse", warehouse)
    assert (code, out, "Traceback" in err) == (2, "", False)
    assert "release 'v3' is not published here" in err


@pytest.fixture(scope="module")
def planted(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """V5 and V7 with planted contradictions, reconciled and looked through."""
    folder = tmp_path_factory.mktemp("planted")
    sample = write_sample(folder / "sample", "--releases", "v5,v7", "--scale", "0.0001", "--contradictions")
    places = replace(settings, warehouse=str(folder / "lake"), landing=str(sample), registry=str(sample / "registry"))
    for name in ("v5", "v7"):
        release = release_registry.find_release(name, places.registry)
        ingest(places, release)
        reconcile(places, release, reconcile_policy.load_policy())
        assert contradictions(places, name).changed
    return places


@pytest.mark.slow
@pytest.mark.parametrize("release", ["v5", "v7"])
def test_contradictions_of_plain_files_are_those_of_independent_sql(planted: Settings, release: str):
    by_subset = contradiction_views.plain_contradictions(Path(planted.landing), release)
    told = published(planted.warehouse, release)
    assert told == {(subset, c): count for subset, rows in by_subset.items() for c, count in rows.items()}


@pytest.mark.slow
def test_every_planted_contradiction_is_told_as_often_as_it_was_planted(planted: Settings):
    with (Path(planted.landing) / "truth" / TRUTH_FILE).open(newline="") as file:
        truth = Counter((r["kind"], r["image_id"], r["mid"]) for r in csv.DictReader(file) if r["release"] == "v7")
    rows = table_readers.rows(planted.warehouse, "contradictions", "v7")
    told = Counter((row["kind"], row["image_id"], row["mid"] or "") for row in rows)
    assert {kind for kind, *_ in truth} == set(load_rules().kinds)
    assert {key: count for key, count in told.items() if key[1:] in {key[1:] for key in truth}} == truth


@pytest.mark.slow
def test_a_second_run_changes_nothing_and_a_new_reconcile_withdraws_it(oilake: Oilake, planted: Settings):
    place = ("--release", "v7", "--warehouse", planted.warehouse)
    code, out, _ = oilake("contradictions", *place, "--json")
    outcome = ContradictionsOutcome(**json.loads(out))
    assert (code, outcome.changed, outcome.missing) == (0, False, {})
    before = published(planted.warehouse, "v7")
    assert contradictions(planted, "v7", force=True).changed
    assert published(planted.warehouse, "v7") == before
    assert oilake("reconcile", *place, "--registry", planted.registry, "--force")[0] == 0
    code, _, err = oilake("show", "contradictions", *place)
    assert (code, "run `oilake contradictions --release v7" in err) == (2, True)
    assert oilake("contradictions", *place)[0] == 0
    assert published(planted.warehouse, "v7") == before
