"""The figures are those of the reference code, which runs in an environment of its own, on random predictions."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from oilake.jobs import cli
from tests.support.consumers import consumer_python
from tests.support.predicted_world import RELEASE, SUBSET, write_relationships, write_world

pytestmark = pytest.mark.slow
PEER = Path(__file__).parents[3] / "bench" / "reference_peer.py"
# All that it requires are 2 GB, of which it needs these.
REQUIREMENTS = (
    "--no-deps", "tensorflow-object-detection-api==0.1.1", "numpy==2.4.6", "pandas==3.1.1", "python-dateutil==2.9.0.post0",
    "six==1.17.0",
)  # fmt: skip
VRD = ("VRDMetric_Relationships_mAP@0.5IOU", "VRDMetric_Relationships_Recall@50@0.5IOU", "VRDMetric_Phrases_mAP@0.5IOU")


def reference(kind: str, folder: Path, weight: float = 1.0) -> dict[str, Any]:
    python = consumer_python("reference", *REQUIREMENTS)
    call = [python, PEER, kind, str(folder), str(weight)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def ours(place: str, folder: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    words = ["evaluate", "--predictions", str(folder / "predictions.csv"), "--release", RELEASE, "--subset", SUBSET]
    assert cli.main([*words, "--warehouse", place, "--json", *flags]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


@pytest.mark.parametrize(("seed", "weight"), [(1, 1.0), (2, 0.0), (3, 0.5)])
def test_boxes(tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int, weight: float) -> None:
    """Of a tree of three levels, with groups, denied classes, classes that nobody verified, images that are not there."""
    place = write_world(tmp_path, images=300, classes=20, seed=seed)
    report, expected = (
        ours(place, tmp_path, capsys, "--group-weight", str(weight)),
        reference("boxes", tmp_path, weight),
    )
    averages = {row["key"]: row["average"] for row in report["classes"] if row["average"] is not None}
    assert len(averages) == 20
    assert 0.05 < min(averages.values()) < max(averages.values()) < 0.9
    assert averages == pytest.approx(expected["averages"], abs=1e-9)
    assert report["figures"] == pytest.approx(expected["figures"], abs=1e-9)
    assert {name for name, count in report["fates"].items() if count} >= {"counted", "in_group", "unverified"}


@pytest.mark.parametrize("seed", [1, 2])
def test_relationships(tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int) -> None:
    place = write_relationships(tmp_path, images=150, classes=6, seed=seed)
    figures, expected = ours(place, tmp_path, capsys)["figures"], reference("relationships", tmp_path)["figures"]
    assert list(figures.values()) == pytest.approx([expected[name] for name in VRD], abs=1e-9)
    assert all(0.05 < figure < 1 for figure in figures.values())
    assert expected[VRD[1]] < expected[VRD[1].replace("50@", "100@")]
