"""The rule for trainable classes: every condition holds, over its subsets, of the labels that it counts."""

from __future__ import annotations

from oilake.conf.published_pages import TrainableCondition
from oilake.jobs.transforms.trainable_classes import LabelCount, trainable_by_rule

COUNTS = [
    LabelCount("train", "human", "dog", True, 70),
    LabelCount("train", "crowdsource", "dog", True, 30),
    LabelCount("train", "human", "cat", True, 99),
    LabelCount("train", "human", "cat", False, 500),
    LabelCount("train", "machine", "cat", True, 500),
    LabelCount("validation", "human", "cat", False, 3),
    LabelCount("test", "human", "cat", True, 2),
    LabelCount("test", "human", "dog", True, 4),
    LabelCount("test", "machine", "tree", True, 1000),
]


def test_positive_labels_are_those_of_people_and_of_the_crowd():
    rule = (TrainableCondition(("train",), "positive", 100),)
    assert trainable_by_rule(rule, COUNTS, {}) == {"dog"}


def test_subsets_are_taken_together_and_all_conditions_hold():
    rule = (TrainableCondition(("train",), "human", 30), TrainableCondition(("validation", "test"), "human", 5))
    assert trainable_by_rule(rule, COUNTS, {}) == {"cat"}


def test_a_condition_may_count_images_in_place_of_labels():
    images = TrainableCondition(("train",), "any", 50, counts="distinct_images")
    rule = (images, TrainableCondition(("test",), "any", 1))
    assert trainable_by_rule(rule, COUNTS, {images: {"dog": 49, "cat": 50, "tree": 60}}) == {"cat", "tree"}
    assert trainable_by_rule(rule, COUNTS, {images: {}}) == set()
