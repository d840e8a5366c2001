"""What is planted in a sample contradicts as its truth tells, and in no other way: by independent SQL over its files."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from oilake.jobs.synthetic.contradiction_planting import OF_EACH_KIND, TRUTH_FILE
from oilake.schemas.release_registry import find_release
from tests.support import contradiction_views, plain_sample
from tests.support.contradiction_sql import QUERIES, Contradiction
from tests.support.samples import write_sample

pytestmark = pytest.mark.lengthy

RELEASES = ("v5", "v6", "v7")
ARGUMENTS = ("--releases", ",".join(RELEASES), "--scale", "0.0001", "--contradictions")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("planted"), *ARGUMENTS)


def truth(sample: Path, release: str) -> Counter[tuple[str, ...]]:
    with (sample / "truth" / TRUTH_FILE).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["release"] == release]
    return Counter((row["subset"], row["kind"], row["image_id"], row["mid"], row["other_mid"]) for row in rows)


def short(contradictions: dict[str, Counter[Contradiction]]) -> Counter[tuple[str, ...]]:
    """Subset, kind, image, class and denied ancestor of each."""
    told: Counter[tuple[str, ...]] = Counter()
    for subset, rows in contradictions.items():
        for (kind, image_id, mid, *rest), count in rows.items():
            told[subset, kind, image_id, mid or "", rest[4] if kind == "denied_ancestor" else ""] += count
    return told


@pytest.mark.parametrize("release", RELEASES)
def test_what_is_planted_contradicts_as_the_truth_tells_and_in_no_other_way(planted: Path, release: str):
    told, written = short(contradiction_views.plain_contradictions(planted, release)), truth(planted, release)
    pairs = {(image_id, mid) for _, _, image_id, mid, _ in written}
    assert Counter({key: count for key, count in told.items() if (key[2], key[3]) in pairs}) == written


def test_every_kind_is_planted(planted: Path):
    kinds = Counter(kind for _, kind, *_ in truth(planted, "v7").elements())
    assert set(kinds) == set(QUERIES)
    assert min(kinds.values()) == OF_EACH_KIND


@pytest.mark.parametrize("release", RELEASES)
def test_figures_count_what_is_planted(planted: Path, release: str):
    stated = find_release(release, str(planted / "registry")).published
    for table, figure in (("boxes", "images_with_boxes"), ("masks", "images_with_masks"), ("relationships", None)):
        names = contradiction_views.ROW_FILES[table]
        rows = plain_sample.rows(planted, contradiction_views.files_of(names, release, "validation")[0])
        assert getattr(stated, table).get("validation", len(rows)) == len(rows)
        if figure:
            assert getattr(stated, figure)["validation"] == len({row["ImageID"] for row in rows})
    labels = plain_sample.rows(planted, plain_sample.file_of(plain_sample.HUMAN, release, "validation"))
    answers = Counter(float(row["Confidence"]) for row in labels)
    for verdict, figure in ((1.0, "human_labels_positive"), (0.0, "human_labels_negative")):
        assert getattr(stated, figure).get("validation", answers[verdict]) == answers[verdict]


def test_a_sample_with_nothing_planted_tells_of_nothing(planted: Path, tmp_path: Path):
    """Also where an earlier one was written to the same folder."""
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / TRUTH_FILE).write_bytes((planted / "truth" / TRUTH_FILE).read_bytes())
    write_sample(tmp_path, "--releases", "v6", "--tables", "masks", "--scale", "0.0001")
    assert not (tmp_path / "truth" / TRUTH_FILE).exists()
