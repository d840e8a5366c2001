"""Each kind of contradiction is told to every reader: a line in an image's history, a bar and a number in the report."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from oilake.conf import settings
from oilake.conf.contradiction_rules import load_rules
from oilake.jobs import cli
from oilake.jobs.report import report
from oilake.jobs.tables.snapshots import INGEST
from tests.support import view_lake
from tests.support.releases import DOG, image_id

pytestmark = pytest.mark.lengthy

KINDS = tuple(load_rules().kinds)


def contradiction(kind: str, n: int) -> view_lake.Row:
    """The n-th contradiction of a kind, of an image of its own; an image in no list has no class."""
    is_classless = kind == "unlisted_image"
    return {
        "release": "v7", "subset": "validation", "image_id": contradicted(kind, n), "kind": kind,
        "mid": None if is_classless else DOG, "display_name": None if is_classless else "Dog",
        "source_1": "boxes", "value_1": f"side {n}", "source_2": "human", "value_2": "negative", "remedy": "look",
    }  # fmt: skip


def contradicted(kind: str, n: int) -> str:
    return image_id(100 * (KINDS.index(kind) + 1) + n, "validation")


def count_of(kind: str) -> int:
    """How many of a kind there are: as many of no two kinds."""
    return KINDS.index(kind) + 1


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse whose V7 has contradictions of every kind."""
    place = view_lake.make_tables(str(tmp_path_factory.mktemp("kinds") / "lake"))
    images = [view_lake.image("v7", n, "validation") for n in range(3)]
    view_lake.publish_rows(place, "v7", INGEST, {"images": images, **view_lake.class_rows("v7")})
    rows = [contradiction(kind, n) for kind in KINDS for n in range(count_of(kind))]
    view_lake.publish_rows(place, "v7", "contradictions", {"contradictions": rows})
    return place


@pytest.fixture(scope="module")
def site(lake: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = settings.environment_settings("local", {"warehouse": lake})
    return report(chosen, tmp_path_factory.mktemp("kinds-site") / "report").index.parent


@pytest.mark.parametrize("kind", KINDS)
def test_the_report_counts_and_draws_it(site: Path, kind: str):
    with (site / "numbers" / "v7-contradictions.csv").open(newline="") as stream:
        counts = [int(row["count"]) for row in csv.DictReader(stream) if row["kind"] == kind]
    assert counts == [count_of(kind)]
    figures = (site / "release-v7.html").read_text().split("<figure>")
    (drawn,) = [figure for figure in figures if "What contradicts what" in figure]
    assert f">{kind.replace('_', ' ')}<" in drawn


@pytest.mark.parametrize("kind", KINDS)
def test_history_tells_it_of_its_image_alone(lake: str, kind: str, capsys: pytest.CaptureFixture[str]):
    last = count_of(kind) - 1
    assert cli.main(["history", "--image", contradicted(kind, last), "--warehouse", lake]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "contradiction:" in line]
    which = "" if kind == "unlisted_image" else f" {DOG} Dog"
    assert lines == [f"contradiction: {kind}{which}, boxes: side {last} -- human: negative"]
