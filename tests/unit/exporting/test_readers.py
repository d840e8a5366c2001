"""The programs that people read the formats by, in an environment of their own, find the boxes of the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.export_lake import KEPT_BOXES, images
from tests.support.export_readers import SCRIPTS, compare_boxes, kept_boxes, read_boxes
from tests.unit.exporting.conftest import Export

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_box_is_found(lake: str, export: Export, out: Path, blobs: Path, name: str) -> None:
    flags = ("--blobs", str(blobs)) if name in ("huggingface", "webdataset") else ()
    export(name, *flags)
    expected = kept_boxes(lake)
    assert (len(expected), sum(map(len, expected.values()))) == (len(images()), len(KEPT_BOXES))
    compare_boxes(name, read_boxes(name, out, blobs), expected)
