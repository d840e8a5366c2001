"""Figures beside what every page of the publisher states, and the classes that a release's own rule makes trainable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from oilake.conf.published_pages import PublishedPage, StatedFigure, TrainableCondition
from oilake.conf.registry import PublishedFigures
from oilake.conf.settings import Settings
from oilake.jobs.check import check
from oilake.jobs.figures import figure_lines, figures
from oilake.jobs.ingest import ingest
from oilake.jobs.validation import local_queries
from oilake.schemas.release_registry import find_release
from tests.support.releases import SUBSETS, land

FACTS, DOWNLOAD = "https://example.org/facts.html", "https://example.org/download.html"
WARNINGS = ("contradicting_pages", "trainable_by_rule")


def test_pages_that_contradict_each_other_and_the_rule_that_the_list_does_not_follow_are_warnings(
    tmp_path: Path, warehouse: str, spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    mine = replace(settings, landing=str(land(tmp_path)), warehouse=warehouse)
    release = find_release("v3")
    ingest(mine, release)
    pages = (
        PublishedPage(FACTS, states=("images", "human_classes")),
        PublishedPage(
            DOWNLOAD,
            states=("images",),
            also=(
                StatedFigure("human_classes", 3),
                StatedFigure("images_with_human_labels", 2, "train"),
                StatedFigure("images_with_machine_labels", 5, "test"),
                StatedFigure("machine_labels", 6),
            ),
        ),
    )
    rule = (
        TrainableCondition(("train",), "positive", 1),
        TrainableCondition(("validation", "test"), "any", 2, counts="distinct_images"),
    )
    published = PublishedFigures(images=dict.fromkeys(SUBSETS, 4), human_classes=2, box_classes_trainable=1)
    judged = replace(release, published=published, pages=pages, trainable_rule=rule)
    counted = figures(mine, judged)
    with monkeypatch.context() as large:
        large.setattr(local_queries, "SMALL_BYTES", -1)
        assert figures(mine, judged, force=True) == counted  # by Spark, which counts what is large
    by_name = {(figure.figure, figure.subset): figure for figure in counted}
    assert by_name["images", "train"].stated_by == {FACTS: 4, DOWNLOAD: 4}
    assert by_name["human_classes", None].stated_by == {FACTS: 2, DOWNLOAD: 3}
    assert by_name["images_with_human_labels", "train"].value == 2
    assert by_name["machine_labels", None].value == 6
    rules = ("trainable_by_rule", "trainable_by_rule_only", "trainable_by_list_only")
    assert [by_name[name, None].value for name in rules] == [1, 0, 1]  # Dog; Cat is only in the list
    lines = figure_lines(counted)
    assert f"{DOWNLOAD} states 3 for human_classes" in lines
    assert f"{DOWNLOAD} states 5 for images_with_machine_labels of test" in lines
    assert len([line for line in lines if " states " in line]) == 2
    (checked,) = check(mine, "release_figures", "v3").checked
    broken = {r.expectation: r.unexpected_count for r in checked.results if r.expectation in WARNINGS}
    assert broken == {"contradicting_pages": 2, "trainable_by_rule": 1}


def test_a_figure_that_needs_a_list_is_left_out_where_there_is_none(
    tmp_path: Path, warehouse: str, spark: SparkSession, settings: Settings
):
    """V4's list of trainable classes may not exist; its page tells how many there are all the same."""
    release = find_release("v3")
    lists = tuple(file for file in release.files if not file.name.startswith("classes"))
    mine = replace(settings, landing=str(land(tmp_path)), warehouse=warehouse)
    without = replace(release, files=lists, published=PublishedFigures(human_classes_trainable=7186))
    ingest(mine, without)
    rule = (TrainableCondition(("train",), "human", 1),)
    names = {figure.figure for figure in figures(mine, replace(without, trainable_rule=rule))}
    assert "trainable_by_rule" in names
    assert not names & {"human_classes_trainable", "trainable_by_list_only", "classes_trainable"}
