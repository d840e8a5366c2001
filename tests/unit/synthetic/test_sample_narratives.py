"""Narratives of the sample, read by Python's json: whose they are, what they tell; and read by us, in ranges: the same."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from oilake.conf.registry import expected_members
from oilake.jobs.quarantining.records import MemberReader
from oilake.jobs.quarantining.rejudge_kernel import judge_records
from oilake.jobs.sources.byte_ranges import plan_ranges
from oilake.jobs.sources.json_lines import keyed_header
from oilake.jobs.sources.record_formats import record_format
from oilake.jobs.sources.splits import Split, read_chunks
from oilake.jobs.synthetic.plan import FLOOR
from oilake.jobs.transforms import narratives
from oilake.schemas.release_registry import load_releases
from tests.support import plain_sample as reading
from tests.support.samples import write_sample

pytestmark = pytest.mark.lengthy

SCALE = 0.0003
SHARDS = [f"annotations/open_images_train_v6_localized_narratives-{n:05d}-of-00010.jsonl" for n in range(10)]
FILES = {
    "train": SHARDS,
    "validation": ["annotations/open_images_validation_localized_narratives.jsonl"],
    "test": ["annotations/open_images_test_localized_narratives.jsonl"],
}
PUBLISHED = {"train": (507_444, 504_413), "validation": (41_691, 41_620), "test": (126_020, 125_436)}
KEYS = ["dataset_id", "image_id", "annotator_id", "caption", "timed_caption", "traces", "voice_recording"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = ("--releases", "v6", "--tables", "images,labels,narratives", "--scale", str(SCALE))
    return write_sample(tmp_path_factory.mktemp("sample") / "narratives", *chosen)


def file_lines(sample: Path, name: str) -> list[dict[str, Any]]:
    with (sample / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("subset", FILES)
def test_there_are_as_many_as_published_on_as_many_images(sample: Path, subset: str):
    lines = [line for name in FILES[subset] for line in file_lines(sample, name)]
    told, images = (round(count * max(SCALE, FLOOR[subset])) for count in PUBLISHED[subset])
    assert len(lines) == told
    assert len({line["image_id"] for line in lines}) == images
    assert {line["image_id"] for line in lines} <= {
        row["ImageID"] for row in reading.rows(sample, reading.IMAGES) if row["Subset"] == subset
    }
    assert Counter((line["image_id"], line["annotator_id"]) for line in lines).most_common(1)[0][1] == 1
    published = load_releases(str(sample / "registry"))["v6"].published
    assert (published.narratives[subset], published.images_with_narratives[subset]) == (told, images)


def test_a_narrative_tells_classes_in_time_and_leaves_the_image_now_and_then(sample: Path):
    names = {*reading.class_names(sample, "v6").values()} if (sample / reading.DESCRIPTIONS["v6"]).exists() else None
    places: list[float] = []
    for line in (line for name in SHARDS for line in file_lines(sample, name)):
        assert list(line) == KEYS
        parts = line["timed_caption"]
        assert " ".join(part["utterance"] for part in parts) == line["caption"]
        assert names is None or {part["utterance"] for part in parts[1:]} <= names | {"something"}
        ends = [0.0, *(part["end_time"] for part in parts)]
        assert [part["start_time"] for part in parts] == ends[:-1]
        assert ends == sorted(ends)
        points = [point for stretch in line["traces"] for point in stretch]
        assert [point["t"] for point in points] == [round(n * 0.016, 3) for n in range(len(points))]
        places += [point[side] for point in points for side in "xy"]
    assert -0.05 <= min(places) < 0
    assert 1 < max(places) <= 1.05


def test_shards_share_the_images_and_weigh_what_published_ones_do(sample: Path):
    lines = [file_lines(sample, name) for name in SHARDS]
    assert all(lines)
    assert len({line["image_id"] for shard in lines for line in shard}) == sum(
        len({line["image_id"] for line in shard}) for shard in lines
    )
    size = sum((sample / name).stat().st_size for name in SHARDS)
    assert 20_000 < size / sum(map(len, lines)) < 45_000


@pytest.mark.parametrize("subset", FILES)
@pytest.mark.parametrize("count", [1, 3])
def test_what_we_read_in_ranges_is_what_python_reads(sample: Path, subset: str, count: int):
    release = load_releases(str(sample / "registry"))["v6"]
    for file in (file for file in release.files if file.name in FILES[subset]):
        (expected,) = expected_members(release, file)
        uri = str(sample / file.name)
        ranges = plan_ranges(uri, Path(uri).stat().st_size, count, has_quotes=False)
        rows, read_format = [], record_format(expected.member.format)
        for n, part in enumerate(ranges):
            split = Split(file.name, uri, "plain", 1 << 20, n, count, part.start, part.stop, part.line)
            for chunk in read_chunks(split, {file.name: expected}, release.columns, 1 << 16):
                for block in chunk.blocks:
                    parsed = read_format.parse_block(block, chunk.header, narratives.TYPES, 1 << 20)
                    assert not parsed.bad
                    normalized = narratives.normalize(parsed.columns, expected, release)
                    assert normalized.faults == []
                    rows += pa.table(normalized.columns).select(KEYS).to_pylist()
        assert rows == file_lines(sample, file.name)


def test_planted_lines_are_refused_for_the_reason_that_the_truth_tells(tmp_path: Path):
    folder = write_sample(tmp_path / "planted", "--releases", "v6", "--tables", "narratives", "--plant", "all=3")
    release = load_releases(str(folder / "registry"))["v6"]
    members = {file.name: expected_members(release, file)[0] for file in release.files}
    with open(folder / "truth" / "defects.csv", newline="") as file:
        defects = list(csv.DictReader(file))
    assert len(defects) == 3 * len({defect["kind"] for defect in defects}) == 18
    for defect in defects:
        raw = (folder / defect["file"]).read_bytes().split(b"\n")[int(defect["line"]) - 1]
        reader = MemberReader(members[defect["file"]], keyed_header(release.columns["narratives"], "narratives"), 0)
        assert judge_records([raw], reader, release, 1 << 20).reasons == {0: (defect["reason"],)}, defect["kind"]
