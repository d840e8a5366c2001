"""What the hierarchy implies: positives go up, negatives go down, and what is stated stands beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy, registry
from oilake.conf.errors import ConfigError, InputError
from oilake.conf.settings import Settings
from oilake.jobs.expand import expand, implied_classes, implied_labels
from oilake.jobs.index import index_classes
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from oilake.jobs.tables import memory_sort
from oilake.jobs.tables.published_slices import published_slices
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.class_ancestors import ancestor_pairs
from oilake.schemas import loader as schemas
from tests.support import table_readers
from tests.support.releases import DOG, LABEL_HEADER, TAG, TREE, image_id, land, lines

LABELS = "subset string, image_id string, mid string, verdict string"


def node(path: str, mid: str | None, relation: str = "subcategory") -> dict[str, str | None]:
    parent = path.rpartition("/")[0] or None
    return {"path": path, "parent_path": parent, "mid": mid, "relation": relation if parent else None}


def test_every_ancestor_with_a_mid_is_implied_also_over_a_node_without_one():
    nodes = [node("1", None), node("1/1", "animal"), node("1/1/1", None), node("1/1/1/1", "dog"), node("1/2", "dog")]
    assert ancestor_pairs(nodes) == {("dog", "animal")}


def test_a_part_implies_nothing_of_the_whole():
    assert ancestor_pairs([node("1", "car"), node("1/1", "wheel", "part"), node("1/1/1", "tyre")]) == {
        ("tyre", "wheel")
    }


def test_nothing_is_implied_of_a_root_that_no_class_describes():
    """From V4 on the root has a MID, and stands for everything."""
    nodes = [node("1", "entity"), node("1/1", "animal"), node("1/1/1", "dog")]
    assert implied_classes([{**row, "name": None if row["mid"] == "entity" else "x"} for row in nodes]) == [
        ("dog", "animal")
    ]
    assert implied_classes([{**row, "name": "x"} for row in nodes]) == [
        ("animal", "entity"), ("dog", "animal"), ("dog", "entity"),
    ]  # fmt: skip


def test_positives_go_up_and_negatives_go_down(spark: SparkSession):
    rows = [
        ("train", "1", "poodle", "positive"),
        ("train", "1", "dog", "negative"),
        ("train", "2", "animal", "negative"),
        ("train", "3", "poodle", "unverified"),
        ("test", "4", "dog", "positive"),
        ("test", "4", "animal", "positive"),
    ]
    pairs = [("poodle", "dog"), ("poodle", "animal"), ("dog", "animal")]
    found = {
        (
            r["image_id"],
            r["mid"],
            r["is_implied_positive"],
            r["is_implied_negative"],
            *r["implied_by"],
            r["stated_verdict"],
        )
        for r in implied_labels(spark, spark.createDataFrame(rows, LABELS), pairs).collect()
    }
    assert found == {
        ("1", "dog", True, False, "poodle", "negative"),
        ("1", "animal", True, False, "poodle", None),
        ("1", "poodle", False, True, "dog", "positive"),
        ("2", "dog", False, True, "animal", None),
        ("2", "poodle", False, True, "animal", None),
        ("4", "animal", True, False, "dog", "positive"),
    }


def test_a_reconciled_release_is_expanded(tmp_path: Path, warehouse: str, spark: SparkSession, settings: Settings):
    labels = lines(LABEL_HEADER, f"{image_id(0)},verification,{DOG},1", f"{image_id(1)},verification,{TREE},0")
    landing = land(tmp_path, {f"{TAG}/train/annotations-human.csv": labels})
    tree = {"name": "Entity", "children": [{"name": "Tree", "children": [{"name": "Dog", "size": 1}]}]}
    (landing / TAG / "bbox_hierarchy.json").write_text(json.dumps(tree))
    mine = replace(settings, landing=str(landing), warehouse=warehouse)
    release = registry.find_release("v3")
    ingest(mine, release)
    reconcile(mine, release, reconcile_policy.load_policy())
    assert expand(mine, "v3").rows == {"test": 1, "train": 2, "validation": 1}
    train = [r for r in table_readers.rows(warehouse, "image_labels_expanded") if r["subset"] == "train"]
    assert [(r["image_id"], r["mid"], r["implied_by"], r["stated_verdict"]) for r in train] == [
        (image_id(0), TREE, [DOG], None),
        (image_id(1), DOG, [TREE], None),
    ]
    assert not expand(mine, "v3").changed
    assert_indexed(mine, warehouse)


def assert_indexed(mine: Settings, warehouse: str) -> None:
    """`class_images` holds the labels once more, in each file by class and then image; a reconcile drops it."""
    assert index_classes(mine, "v3").rows == {"test": 2, "train": 3, "validation": 2}
    shared = [column.name for column in schemas.table_schema("class_images").columns]
    stated = [tuple(row[name] for name in shared) for row in table_readers.rows(warehouse, "image_labels")]
    indexed = table_readers.rows(warehouse, "class_images")
    assert sorted(stated, key=str) == sorted((tuple(row[name] for name in shared) for row in indexed), key=str)
    for subset in ("train", "validation", "test"):
        keys = [(row["mid"], row["image_id"]) for row in indexed if row["subset"] == subset]
        assert keys == sorted(keys)
    assert not index_classes(mine, "v3").changed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory_sort, "MEMORY_ROWS", 0)
        assert index_classes(mine, "v3", force=True).changed
    assert sorted(table_readers.rows(warehouse, "class_images"), key=str) == sorted(indexed, key=str), "by a shuffle"
    reconcile(mine, registry.find_release("v3"), reconcile_policy.load_policy(), force=True)
    with pytest.raises(ConfigError, match="oilake index --release v3"):
        published_slices(Warehouse.at(warehouse), "class_images", "v3")


def test_a_release_without_a_hierarchy_says_so(tmp_path: Path, warehouse: str, spark: SparkSession, settings: Settings):
    landing = land(tmp_path)
    (landing / TAG / "bbox_hierarchy.json").write_text(json.dumps({"name": "Entity"}))
    mine = replace(settings, landing=str(landing), warehouse=warehouse)
    ingest(mine, registry.find_release("v3"))
    reconcile(mine, registry.find_release("v3"), reconcile_policy.load_policy())
    with pytest.raises(InputError, match="no hierarchy"):
        expand(mine, "v3")
