"""V4 to V7 of the sample: counts, forms of the files and what holds within a release, read as a stranger would."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from oilake.jobs.synthetic import plan
from oilake.jobs.synthetic.classes import make_classes
from oilake.jobs.synthetic.evolved_context import make_evolved_context
from oilake.jobs.synthetic.plan import FLOOR
from oilake.jobs.synthetic.release_rules import load_rules
from oilake.schemas.release_registry import load_releases
from tests.support import plain_sample as reading
from tests.support import sample_reading
from tests.support.samples import write_sample

pytestmark = pytest.mark.lengthy

SCALE = 0.0005
LATER = ("v4", "v5", "v6", "v7")
FIXED = re.compile(r"0\.[0-9]{6}|1\.0{6}")
# The published counts of train, validation and test; V5's of train and its machine labels are told nowhere.
IMAGES = (9_011_219, 41_620, 125_436)
COUNTS = {
    "v4": {
        "machine_labels": (78_977_695, 512_093, 1_545_835),
        "human_labels_positive": (13_444_569, 365_772, 1_105_052),
        "human_labels_negative": (14_449_720, 185_618, 562_347),
        "boxes": (14_610_229, 204_621, 625_282),
    },
    "v5": {"boxes": (14_610_229, 303_980, 937_327)},
    "v6": {
        "machine_labels": (164_819_642, 681_179, 2_061_177),
        "human_labels_positive": (19_856_086, 367_263, 1_110_124),
        "human_labels_negative": (37_668_266, 228_076, 689_759),
        "boxes": (14_610_229, 303_980, 937_327),
    },
    "v7": {
        "human_labels_positive": (21_144_175, 390_797, 1_319_751),
        "human_labels_negative": (37_638_859, 227_387, 683_997),
        "boxes": (14_610_229, 303_980, 937_327),
    },
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "all", "--scale", str(SCALE))


@pytest.mark.parametrize("release", LATER)
def test_the_counts_are_the_published_ones_at_the_scale(sample: Path, release: str) -> None:
    counts = reading.recount(sample, release)
    for figure, published in {"images": IMAGES, **COUNTS[release]}.items():
        expected = {
            subset: round(count * max(SCALE, FLOOR[subset]))
            for subset, count in zip(reading.SUBSETS, published, strict=True)
        }
        assert counts[figure] == expected, figure


def test_at_scale_1_counts_and_classes_are_the_published_ones() -> None:
    published = {name: release.published for name, release in load_releases().items()}
    decided = plan.make_plan(published, 1.0)
    classes = make_classes(0, decided.classes)
    world = make_evolved_context(0, decided, classes, load_rules(), published)
    for release, figures in COUNTS.items():
        for figure, counts in figures.items():
            parts = [
                sum(world.scaled_count(release, figure, subset, n) for n in range(decided.slices))
                for subset in reading.SUBSETS
            ]
            assert tuple(parts) == counts, (release, figure)
    assert sum(world.counts["v7", "machine_labels", subset] for subset in reading.SUBSETS) == 167_551_146
    listed = {release: int(mask.sum()) for release, mask in world.classes.listed.items()}
    assert listed == {"v4": 19_995, "v5": 19_995, "v6": 19_994, "v7": 20_931}
    added = [world.classes.mids[code] for code in world.classes.added["v7"].tolist()]
    assert (len(added), sum(mid.startswith("/g/") for mid in added)) == (947, 47)


@pytest.mark.parametrize("release", LATER)
def test_the_registry_publishes_what_a_recount_finds(sample: Path, release: str) -> None:
    published = vars(load_releases(str(sample / "registry"))[release].published)
    counts = reading.recount(sample, release)
    assert {name: published[name] for name in counts if published[name]} == {
        name: count for name, count in counts.items() if published[name]
    }
    human = {row["LabelName"] for subset in reading.SUBSETS for row in human_rows(sample, release, subset)}
    assert published["human_classes"] in (None, len(human))


def human_rows(sample: Path, release: str, subset: str) -> list[reading.Row]:
    return reading.rows(sample, reading.file_of(reading.HUMAN, release, subset))


def test_the_registry_of_the_sample_states_no_size_and_no_checksum(sample: Path) -> None:
    releases = load_releases(str(sample / "registry"))
    files = [file for release in LATER for file in releases[release].files]
    assert files
    assert {(file.size, file.approximate_size, file.checksums) for file in files} == {(None, None, ())}


@pytest.mark.parametrize("release", LATER)
@pytest.mark.parametrize("subset", reading.SUBSETS)
def test_rows_are_of_images_of_their_subset_and_classes_of_their_release(
    sample: Path, release: str, subset: str
) -> None:
    images = {row["ImageID"] for row in reading.rows(sample, reading.IMAGES) if row["Subset"] == subset}
    listed = reading.class_names(sample, release).keys()
    for names in (reading.HUMAN, reading.MACHINE, reading.BOXES):
        rows = reading.rows(sample, reading.file_of(names, release, subset))
        owners = [row["ImageID"] for row in rows]
        assert owners == sorted(owners)
        assert set(owners) <= images
        assert {row["LabelName"] for row in rows} <= listed


@pytest.mark.parametrize("release", LATER)
@pytest.mark.parametrize("subset", reading.SUBSETS)
def test_every_boxed_pair_is_positive_and_in_evaluation_every_boxable_positive_is_boxed(
    sample: Path, release: str, subset: str
) -> None:
    answers, boxed = reading.verdicts(sample, release, subset), reading.boxes(sample, release, subset).keys()
    assert {answers[pair] for pair in boxed} == {"yes"}
    boxable = {child for _, _, child in reading.edges(reading.tree(sample))}
    positives = {pair for pair, answer in answers.items() if answer == "yes" and pair[1] in boxable}
    assert subset == "train" or positives == boxed


def test_images_are_v3s_with_a_rotation(sample: Path) -> None:
    rows = reading.rows(sample, reading.IMAGES)
    assert [row["ImageID"] for row in rows] == sorted({row["ImageID"] for row in rows})
    first = [row for subset in reading.SUBSETS for row in sample_reading.rows(sample, "v3", "images", subset)]
    without = [{name: value for name, value in row.items() if name != "Rotation"} for row in rows]
    assert without == sorted(first, key=lambda row: row["ImageID"])
    assert set(Counter(row["Rotation"] for row in rows)) == {"0.0", "", "90.0", "180.0", "270.0"}


def test_lists_of_images_hold_whole_rows_and_the_boxable_one_is_not_sorted(sample: Path) -> None:
    rows = {row["ImageID"]: row for row in reading.rows(sample, reading.IMAGES)}
    boxable = reading.rows(sample, "2018_04/train/train-images-boxable-with-rotation.csv")
    ids = [row["ImageID"] for row in boxable]
    assert ids != sorted(ids)
    assert set(ids) == {image for image, _ in reading.boxes(sample, "v4", "train")}
    for name, release in (("2018_04/train/train", "v4"), ("v6/oidv6-train", "v6"), ("v6/oidv6-train", "v7")):
        labelled = reading.rows(sample, f"{name}-images-with-labels-with-rotation.csv")
        assert {row["ImageID"] for row in labelled} == {
            image for image, _ in reading.verdicts(sample, release, "train")
        }
        assert all(rows[row["ImageID"]] == row for row in [*labelled, *boxable])
    for subset in reading.SUBSETS[1:]:
        whole = reading.rows(sample, f"2018_04/{subset}/{subset}-images-with-rotation.csv")
        assert whole == [row for row in rows.values() if row["Subset"] == subset]


def test_verdicts_are_spelled_as_each_release_spells_them(sample: Path) -> None:
    for release in ("v4", "v5", "v6"):
        assert {row["Confidence"] for row in human_rows(sample, release, "train")} == {"0", "1"}
    spelled = {(row["Source"], row["Confidence"]) for row in human_rows(sample, "v7", "train")}
    assert spelled == {
        *(("verification", verdict) for verdict in ("0.0", "1.0")),
        *(("crowdsource-verification", verdict) for verdict in ("0", "1")),
    }


def test_labels_of_an_image_are_not_sorted_from_v5_on(sample: Path) -> None:
    keys = [(row["ImageID"], row["LabelName"]) for row in human_rows(sample, "v5", "validation")]
    assert keys != sorted(keys)


def test_train_boxes_have_attributes_and_v6_adds_the_clicks(sample: Path) -> None:
    before = reading.rows(sample, "2018_04/train/train-annotations-bbox.csv")
    after = reading.rows(sample, "v6/oidv6-train-annotations-bbox.csv")
    assert [{name: row[name] for name in before[0]} for row in after] == before
    assert {row["Source"] for row in after} == {"xclick", "activemil"}
    assert {row["IsOccluded"] for row in after} == {"0", "1", "-1"}
    assert list(after[0])[13:] == [f"XClick{n}{axis}" for axis in "XY" for n in (1, 2, 3, 4)]
    orders = set()
    for row in after:
        clicks = list(row.values())[13:]
        if row["Source"] == "activemil":
            assert clicks == ["-1"] * 8
            continue
        assert all(FIXED.fullmatch(value) for value in clicks)
        assert [min(clicks[:4]), max(clicks[:4]), min(clicks[4:]), max(clicks[4:])] == [row[s] for s in reading.SIDES]
        orders.add(clicks[:4].index(row["XMin"]))
    assert orders == {0, 1, 2, 3}


def test_coordinates_have_six_decimals_in_v4_and_are_shortest_floats_in_v5(sample: Path) -> None:
    for subset in reading.SUBSETS[1:]:
        fixed = reading.rows(sample, f"2018_04/{subset}/{subset}-annotations-bbox.csv")
        assert {row["Source"] for row in fixed} == {"freeform"}
        assert all(FIXED.fullmatch(row[side]) for row in fixed for side in reading.SIDES)
        shortest = reading.rows(sample, f"v5/{subset}-annotations-bbox.csv")
        assert {row["Source"] for row in shortest} == {"xclick"}
        values = [row[side] for row in shortest for side in reading.SIDES]
        assert all(re.fullmatch(r"0|1|0\.[0-9]{1,10}", value) for value in values)
        assert Counter(len(value) for value in values).most_common(1)[0][0] >= 9


def test_lists_of_classes_have_the_published_headers_and_line_ends(sample: Path) -> None:
    ends = {}
    for name in (*reading.DESCRIPTIONS.values(), *boxable_files()):
        data = (sample / name).read_bytes()
        assert data.startswith(b"LabelName,DisplayName") == (name[:2] == "v7" or name == reading.DESCRIPTIONS["v6"])
        ends[name] = (data.count(b"\r\n") > 0, len(re.findall(rb"[^\r]\n", data)))
    assert {name: (crlf, min(lone, 2)) for name, (crlf, lone) in ends.items()} == {
        "2018_04/class-descriptions.csv": (True, 2),
        "v5/class-descriptions.csv": (True, 2),
        "v6/oidv6-class-descriptions.csv": (False, 2),
        "v7/oidv7-class-descriptions.csv": (True, 0),
        "2018_04/class-descriptions-boxable.csv": (False, 2),
        "v5/class-descriptions-boxable.csv": (True, 1),
        "v7/oidv7-class-descriptions-boxable.csv": (True, 0),
    }


def boxable_files() -> list[str]:
    return [
        "2018_04/class-descriptions-boxable.csv",
        "v5/class-descriptions-boxable.csv",
        "v7/oidv7-class-descriptions-boxable.csv",
    ]


def test_blanks_stand_around_four_names_of_v4(sample: Path) -> None:
    with open(sample / reading.DESCRIPTIONS["v4"], newline="") as file:
        names = [name for _, name in csv.reader(file)]
    assert sum(name != name.strip() for name in names) == 4


def test_names_are_sorted_and_told_apart_in_v7(sample: Path) -> None:
    names = {release: list(reading.class_names(sample, release).values()) for release in LATER}
    assert names["v7"] == sorted(set(names["v7"]))
    assert len(names["v4"]) - len(set(names["v4"])) > len(names["v6"]) - len(set(names["v6"])) > 0
    assert list(reading.class_names(sample, "v6")) == sorted(reading.class_names(sample, "v6"))


@pytest.mark.parametrize("release", LATER)
def test_boxable_classes_are_v3s_and_called_as_the_release_calls_them(sample: Path, release: str) -> None:
    name = {"v4": 0, "v5": 1, "v6": 1, "v7": 2}[release]
    with open(sample / boxable_files()[name], newline="") as file:
        boxable = {mid: text for mid, text in csv.reader(file) if mid != "LabelName"}
    assert boxable.keys() == set(sample_reading.member(sample, "v3", "classes", "classes-bbox.txt").decode().split())
    if release != "v6":
        names = reading.class_names(sample, release)
        assert boxable == {mid: names[mid] for mid in boxable}


def test_trainable_in_v7_are_classes_with_enough_positives_of_train(sample: Path) -> None:
    positives = Counter(mid for (_, mid), answer in reading.verdicts(sample, "v7", "train").items() if answer == "yes")
    trainable = (sample / "v7/oidv7-classes-trainable.txt").read_text().split()
    assert set(trainable) == {mid for mid, count in positives.items() if count >= max(1, round(100 * SCALE))}
    listed = (sample / "v7/oidv7-classes.txt").read_text().split()
    assert set(trainable) < set(listed) == reading.class_names(sample, "v7").keys()


def test_the_hierarchy_names_every_boxable_class_below_a_root_without_a_name(sample: Path) -> None:
    tree = reading.tree(sample)
    edges = Counter(reading.edges(tree))
    boxable = set(sample_reading.member(sample, "v3", "classes", "classes-bbox.txt").decode().split())
    assert {child for _, _, child in edges} == boxable
    assert tree["LabelName"] not in reading.class_names(sample, "v4")
    assert max(edges.values()) > 1
    assert {kind for kind, _, _ in edges} == {"Subcategory", "Part"}
    parents = Counter(child for _, _, child in edges)
    assert max(parents.values()) > 1
    assert len({edge[1:] for edge in edges}) == len(edges)
