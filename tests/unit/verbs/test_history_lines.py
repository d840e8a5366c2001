"""A contradiction is one line of an image's story: the class, both sides, and the number that tells how far apart."""

from __future__ import annotations

import pytest

from oilake.jobs import history
from tests.support.releases import CAT, DOG

NOTHING = dict.fromkeys(("display_name", "other_mid", "iou", "yes_votes", "no_votes"))


@pytest.mark.parametrize(
    ("kind", "sides", "more", "line"),
    [
        (
            "relationship_of_denied_class", ("relationships", "under", "human", "negative"), {"other_mid": CAT},
            f"relationship_of_denied_class {DOG} Dog, relationships: under ({CAT}) -- human: negative",
        ),
        (
            "denied_ancestor", ("human", "positive", "crowdsource", "negative"), {"other_mid": CAT},
            f"denied_ancestor {DOG} Dog, human: positive -- crowdsource: negative ({CAT})",
        ),
        (
            "mask_without_box", ("masks", "mask", "boxes", "other boxes"), {"iou": 0.5},
            f"mask_without_box {DOG} Dog, masks: mask -- boxes: other boxes, IoU 0.50",
        ),
        (
            "outvoted_verdict", ("points", "yes", "human", "negative"), {"yes_votes": 1_200, "no_votes": 3},
            f"outvoted_verdict {DOG} Dog, points: yes -- human: negative, votes 1,200 to 3",
        ),
        (
            "unlisted_image", ("boxes, masks", "named", "images", "not listed"), {"mid": None, "display_name": None},
            "unlisted_image, boxes, masks: named -- images: not listed",
        ),
    ],
)  # fmt: skip
def test_a_contradiction_is_one_line(kind: str, sides: tuple[str, ...], more: dict[str, object], line: str):
    said = dict(zip(("source_1", "value_1", "source_2", "value_2"), sides, strict=True))
    row = {**NOTHING, "kind": kind, "mid": DOG, "display_name": "Dog", **said, **more}
    assert history._contradiction_line(row) == line
