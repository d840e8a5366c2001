"""The sample from archive to table: its planted defects are found exactly, and its own figures come out."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf import registry
from oilake.conf.settings import Settings
from oilake.jobs import cli
from oilake.jobs.figures import figure_lines, figures
from oilake.jobs.ingest import ingest
from oilake.jobs.ingesting.summary import Summary
from oilake.jobs.surveying.published_figures import differs_from_published

pytestmark = pytest.mark.slow

PLANTED = 3


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    assert cli.main(["sample", "--out", str(folder), "--releases", "v1,v2,v3", "--plant", f"all={PLANTED}"]) == 0
    return folder


@pytest.fixture(scope="module")
def lake(sample: Path, spark: SparkSession, settings: Settings) -> tuple[Path, dict[str, Summary]]:
    """(the warehouse, the summary of each release)."""
    limits = replace(settings.limits, max_share=0.1)
    mine = replace(settings, warehouse=str(sample / "lake"), landing=str(sample), limits=limits)
    releases = registry.load_releases(str(sample / "registry"))
    return sample / "lake", {name: ingest(mine, release) for name, release in releases.items()}


def rows(lake: Path, table: str, release: str) -> list[dict[str, Any]]:
    opened = DeltaTable(str(lake / table)).to_pyarrow_table(filters=[("release", "=", release)])
    found: list[dict[str, Any]] = opened.to_pylist()
    return found


def truth(sample: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 24)
    with (sample / "truth" / "defects.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_planted_defect_is_quarantined_and_nothing_else(sample: Path, lake: tuple[Path, dict[str, Summary]]):
    planted = {(r["file"], r["member"], int(r["line"])): r for r in truth(sample) if r["reason"]}
    found = {(r["file"], r["member"], r["line"]): r for r in rows(lake[0], "quarantine", "v3")}
    assert found.keys() == planted.keys()
    for key, row in found.items():
        assert row["reasons"] == [planted[key]["reason"]]
        if planted[key]["record_hex"]:
            assert row["raw"].hex() == planted[key]["record_hex"]
    assert set(Counter(r["kind"] for r in planted.values()).values()) == {PLANTED}


def test_every_planted_spelling_is_repaired_and_nothing_else(sample: Path, lake: tuple[Path, dict[str, Summary]]):
    kinds = Counter(row["kind"] for row in truth(sample))
    totals = lake[1]["v3"].totals
    assert totals["image_ids_repaired"] == kinds["repaired_image_id"] == PLANTED
    assert totals["mids_repaired"] == kinds["repaired_mid"] == PLANTED


@pytest.mark.parametrize("release", ["v1", "v2", "v3"])
def test_the_figures_of_the_sample_come_out(sample: Path, lake: tuple[Path, dict[str, Summary]], release: str):
    published = registry.find_release(release, str(sample / "registry")).published
    labels = rows(lake[0], "labels", release)
    images = Counter(r["subset"] for r in rows(lake[0], "images", release))
    assert images == published.images
    assert len({r["mid"] for r in labels if r["origin"] == "machine"}) == published.machine_classes
    if release == "v1":
        return  # its page tells no other figure
    machine = Counter(r["subset"] for r in labels if r["origin"] == "machine")
    positive = Counter(r["subset"] for r in labels if r["origin"] != "machine" and r["confidence"] == 1)
    negative = Counter(r["subset"] for r in labels if r["origin"] != "machine" and r["confidence"] == 0)
    boxes = rows(lake[0], "boxes", release)
    assert machine == published.machine_labels
    assert positive == published.human_labels_positive
    assert negative == published.human_labels_negative
    assert Counter(r["subset"] for r in boxes) == published.boxes
    assert Counter(s for s, _ in {(r["subset"], r["image_id"]) for r in boxes}) == published.images_with_boxes


def test_the_validation_set_of_v1_is_v2s_validation_and_test(lake: tuple[Path, dict[str, Summary]]):
    ids = {
        (release, subset): {r["image_id"] for r in rows(lake[0], "images", release) if r["subset"] == subset}
        for release in ("v1", "v2")
        for subset in ("train", "validation", "test")
    }
    assert ids["v1", "train"] == ids["v2", "train"]
    later = ids["v2", "validation"] | ids["v2", "test"]
    assert later < ids["v1", "validation"]
    assert len(ids["v1", "validation"] - later) == 1


def test_a_clean_sample_has_no_bad_row(tmp_path: Path, spark: SparkSession, settings: Settings, capsys: Any):
    assert cli.main(["sample", "--out", str(tmp_path), "--releases", "v2", "--seed", "7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seed"] == 7
    mine = replace(settings, warehouse=str(tmp_path / "lake"), landing=str(tmp_path))
    summary = ingest(mine, registry.find_release("v2", str(tmp_path / "registry")))
    assert summary.totals["rows_quarantined"] == summary.totals["image_ids_repaired"] == 0


@pytest.mark.parametrize("release", ["v1", "v2", "v3"])
def test_the_published_tables_are_recomputed(
    sample: Path, lake: tuple[Path, dict[str, Summary]], settings: Settings, release: str
):
    mine = replace(settings, warehouse=str(lake[0]))
    known = registry.find_release(release, str(sample / "registry"))
    found = {(f.figure, f.subset): (f.value, f.published) for f in figures(mine, known)}
    stated = {k: v for k, v in found.items() if v[1] is not None}
    assert all(value == published for value, published in stated.values())
    flat = [
        value.values() if isinstance(value, dict) else [value] for value in asdict(known.published).values() if value
    ]
    assert sorted(published for _, published in stated.values()) == sorted(number for some in flat for number in some)
    one_more = known.published.images["train"] + 1
    wrong = replace(known, published=replace(known.published, images={"train": one_more}, classes=None))
    again = {(f.figure, f.subset): f for f in figures(mine, wrong)}
    assert again["images", "train"].published == one_more
    assert differs_from_published(again["images", "train"])
    assert again["classes", None].published is None
    assert f"({one_more:,})" in "\n".join(figure_lines(list(again.values())))
