"""When two boxes are taken for the same one: a rule that does not fit is refused with its file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from oilake.conf.box_matching import BoxMatching, load_box_matching, read_box_matching
from oilake.conf.errors import ConfigError


def test_boxes_that_share_half_of_their_union_can_be_the_same():
    assert load_box_matching() == BoxMatching(0.5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("least_iou: 0", "least_iou must lie above 0 and up to 1, not 0"),
        ("least_iou: 1.1", "least_iou must lie above 0 and up to 1, not 1.1"),
        ("least_iou: .nan", "least_iou must lie above 0 and up to 1, not nan"),
        ("least_iou: half", "least_iou must be a number, not 'half'"),
        ("least: 0.5", "unknown key least"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(tmp_path: Path, text: str, sentence: str):
    path = tmp_path / "matching.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_box_matching(path)
    assert str(path) in str(error.value)
    assert sentence in str(error.value)
