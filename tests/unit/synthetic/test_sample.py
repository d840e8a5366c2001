"""The job `sample`: what it writes is counted, compared and judged by readers that know nothing of how it was made."""

from __future__ import annotations

import csv
import json
import re
import tarfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from oilake.conf.errors import ConfigError, StoreError
from oilake.conf.registry import expected_members, landing_path, load_releases
from oilake.jobs import sample
from oilake.jobs.operations import watched_job
from oilake.jobs.synthetic import plan
from oilake.jobs.synthetic.defects import KINDS
from oilake.jobs.synthetic.plan import SubsetCounts
from tests.support import sample_reading as reading
from tests.support.samples import write_sample

pytestmark = pytest.mark.lengthy

SMALL = 0.0002
EACH = 4


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "clean", "--scale", str(SMALL))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "planted", "--scale", str(SMALL), "--plant", f"all={EACH}")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def truth(folder: Path, name: str) -> list[dict[str, str]]:
    with open(folder / "truth" / name, newline="") as file:
        return list(csv.DictReader(file))


def test_a_rerun_gives_the_same_bytes_and_leaves_foreign_files(planted: Path, tmp_path: Path) -> None:
    again = write_sample(tmp_path / "again", "--scale", str(SMALL), "--plant", f"all={EACH}")
    (again / "2017_11" / "notes.txt").write_text("mine")
    assert contents(write_sample(again, "--scale", str(SMALL), "--plant", f"all={EACH}")) == {
        **contents(planted),
        "2017_11/notes.txt": b"mine",
    }


def test_another_seed_gives_other_images(clean: Path, tmp_path: Path) -> None:
    other = write_sample(tmp_path / "other", "--scale", str(SMALL), "--seed", "1", "--releases", "v3")
    ids = [{row["ImageID"] for row in reading.rows(folder, "v3", "images", "train")} for folder in (clean, other)]
    assert len(ids[0]) == len(ids[1])
    assert not ids[0] & ids[1]


def test_every_file_of_the_registry_is_there_with_all_its_members(clean: Path) -> None:
    for release in load_releases(str(clean / "registry")).values():
        for file in release.files:
            path = clean / landing_path(release, file.name)
            if file.kind == "tar.gz":
                with tarfile.open(path) as archive:
                    assert archive.getnames() == [each.path for each in expected_members(release, file)]
            else:
                assert path.stat().st_size > 0


@pytest.mark.parametrize("release", ["v1", "v2", "v3"])
def test_the_registry_publishes_what_a_recount_finds(clean: Path, release: str) -> None:
    found = published(clean, release)
    packaged = vars(load_releases()[release].published)
    assert found.keys() == {name for name, figure in packaged.items() if figure}
    assert reading.recount(clean, release).items() >= found.items()


def test_defects_do_not_change_the_published_figures(clean: Path, planted: Path) -> None:
    for release in ("v1", "v2", "v3"):
        name = f"registry/{release}.yaml"
        assert (clean / name).read_bytes() == (planted / name).read_bytes()


def test_v1s_validation_set_became_v2s_validation_and_test_one_image_short(clean: Path) -> None:
    sets = {
        (release, subset): {row["ImageID"] for row in reading.rows(clean, release, "images", subset)}
        for release, subsets in reading.SUBSETS.items()
        for subset in subsets
    }
    assert sets["v1", "train"] == sets["v2", "train"] == sets["v3", "train"]
    later = sets["v2", "validation"] | sets["v2", "test"]
    assert later < sets["v1", "validation"]
    assert len(later) == len(sets["v2", "validation"]) + len(sets["v2", "test"]) == len(sets["v1", "validation"]) - 1
    told = {(row["image_id"], row["to_subset"]) for row in truth(clean, "image_changes_v1_v2.csv")}
    (vanished,) = sets["v1", "validation"] - later
    assert told == {(image, "test") for image in sets["v2", "test"]} | {(vanished, "")}


@pytest.mark.parametrize("subset", ["train", "validation", "test"])
def test_machine_labels_of_v2_and_v3_are_the_same_bytes(clean: Path, subset: str) -> None:
    assert reading.member(clean, "v2", "machine", subset) == reading.member(clean, "v3", "machine", subset)


def test_the_truth_tells_every_change_of_human_labels(clean: Path) -> None:
    found = set()
    for subset in reading.SUBSETS["v3"]:
        before, after = (reading.verdicts(clean, release, subset) for release in ("v2", "v3"))
        for pair in before.keys() | after.keys():
            change = label_change(before.get(pair, []), after.get(pair, []))
            if change:
                found.add((subset, *pair, change))
    told = [tuple(row.values()) for row in truth(clean, "label_changes_v2_v3.csv")]
    assert Counter(told) == Counter(found)
    assert {change for *_, change in told} == {"added", "removed", "flipped", "conflict", "repeated"}


def label_change(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> str | None:
    if len(after) == 2:
        return "repeated" if after[0] == after[1] else "conflict"
    if not before or not after:
        return "removed" if before else "added"
    return "flipped" if before[0][1] != after[0][1] else None


@pytest.mark.parametrize("release", ["v2", "v3"])
@pytest.mark.parametrize("subset", ["train", "validation", "test"])
def test_every_boxed_pair_has_a_positive_human_label(clean: Path, release: str, subset: str) -> None:
    verdicts = reading.verdicts(clean, release, subset)
    boxed = {(row["ImageID"], row["LabelName"]) for row in reading.rows(clean, release, "boxes", subset)}
    assert boxed
    assert [pair for pair in boxed if "1" not in {verdict for _, verdict in verdicts[pair]}] == []


@pytest.mark.parametrize("release", ["v1", "v2", "v3"])
def test_labels_and_boxes_are_of_images_of_their_subset_and_files_are_sorted(clean: Path, release: str) -> None:
    for subset in reading.SUBSETS[release]:
        images = [row["ImageID"] for row in reading.rows(clean, release, "images", subset)]
        assert images == sorted(set(images))
        for table in {"machine", "human", "boxes"} & set(reading.ARCHIVES[release]):
            if (release, table, subset) != ("v1", "human", "train"):
                owners = [row["ImageID"] for row in reading.rows(clean, release, table, subset)]
                assert owners == sorted(owners)
                assert set(owners) <= set(images)
                assert subset == "train" or table != "human" or release == "v1" or set(owners) == set(images)


@pytest.mark.parametrize("release", ["v1", "v2", "v3"])
def test_no_machine_label_stands_twice_and_one_label_is_a_tenth_of_all(clean: Path, release: str) -> None:
    for subset in reading.SUBSETS[release]:
        found = reading.rows(clean, release, "machine", subset)
        assert len({(row["ImageID"], row["LabelName"]) for row in found}) == len(found)
    top = Counter(row["LabelName"] for row in reading.rows(clean, release, "machine", "train"))
    assert top.most_common(1)[0][1] > sum(top.values()) / 10


def test_label_frequencies_are_skewed(clean: Path) -> None:
    counts = Counter(row["LabelName"] for row in reading.rows(clean, "v3", "machine", "train")).most_common()
    assert counts[1][1] > 5 * counts[len(counts) // 2][1]


def test_many_slices_make_one_sorted_sample_with_the_same_figures(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "SLICE_IMAGES", 700)
    sliced = write_sample(tmp_path / "sliced", "--scale", str(SMALL), "--releases", "v1,v2,v3")
    for release in ("v1", "v2", "v3"):
        assert reading.recount(sliced, release).items() >= published(clean, release).items()
        for subset in reading.SUBSETS[release]:
            ids = [row["ImageID"] for row in reading.rows(sliced, release, "images", subset)]
            assert ids == sorted(set(ids))


def published(folder: Path, release: str) -> dict[str, object]:
    found = vars(load_releases(str(folder / "registry"))[release].published)
    return {name: figure for name, figure in found.items() if figure}


def test_v2s_train_boxes_are_in_v3_with_more_decimals(clean: Path) -> None:
    drawn = [row for row in reading.rows(clean, "v3", "boxes", "train") if row["Source"] == "xclick"]
    for old, new in zip(reading.rows(clean, "v2", "boxes", "train"), drawn, strict=True):
        assert (old["ImageID"], old["LabelName"], old["Source"]) == (new["ImageID"], new["LabelName"], "human")
        assert re.fullmatch(r"[01]\.[0-9]{3}", old["XMin"])
        assert re.fullmatch(r"[01]\.[0-9]{6}", new["XMin"])
        assert abs(float(old["XMin"]) - float(new["XMin"])) <= 0.000501


def test_authors_and_titles_hold_what_the_real_ones_hold(tmp_path: Path) -> None:
    folder = write_sample(tmp_path / "s", "--scale", "0.001", "--releases", "v3", "--tables", "images")
    found = reading.rows(folder, "v3", "images", "train")
    texts = [row["Author"] + row["Title"] for row in found]
    entities = sum(bool(re.search("&[#a-z0-9]+;", text)) for text in texts) / len(texts)
    assert 0.04 < entities < 0.12
    for needed in ('"', ",", "\n", "港", "😀"):
        assert any(needed in text for text in texts), needed
    assert any(unicodedata.normalize("NFC", text) != text for text in texts)
    assert sum(not row["Thumbnail300KURL"] for row in found) == round(len(found) * 204_380 / 9_011_219)
    assert 0 < sum(not row["OriginalMD5"] for row in found) < len(found) / 100
    assert re.search(rb',"[^"]+","[^"]*",[0-9]*,', reading.member(folder, "v3", "images", "train"))


def test_class_files_have_the_published_forms(clean: Path) -> None:
    lists = {
        name: reading.member(clean, "v3", "classes", f"classes{name}.txt").decode().split()
        for name in ("", "-trainable", "-bbox", "-bbox-trainable")
    }
    descriptions = reading.member(clean, "v3", "classes", "class-descriptions.csv")
    names = reading.records(descriptions, header=False)
    assert descriptions.count(b"\r\n") == descriptions.count(b"\n") == len(names)
    assert [mid for mid, _ in names] == lists[""]
    assert all(reading.MID.fullmatch(mid) for mid in lists[""])
    assert set(lists["-bbox-trainable"]) == set(lists["-bbox"]) & set(lists["-trainable"])
    boxed = {row["LabelName"] for subset in ("train", "test") for row in reading.rows(clean, "v3", "boxes", subset)}
    assert set(lists["-bbox"]) == boxed
    assert sum(count > 1 for count in Counter(name for _, name in names).values()) >= 4
    dictionary = (clean / "2016_08" / "dict.csv").read_bytes()
    assert all(re.fullmatch(b'"/[mg]/[^"]+",".*"', line) for line in dictionary.splitlines())


def test_some_names_change_between_releases_as_the_truth_tells(clean: Path) -> None:
    before, after = (
        dict(reading.records(reading.member(clean, release, "classes", "class-descriptions.csv"), header=False))
        for release in ("v2", "v3")
    )
    renamed = {mid: (before[mid], after[mid]) for mid in before if before[mid] != after[mid]}
    told = [row for row in truth(clean, "classes.csv") if row["renamed_in"] == "v3"]
    assert renamed == {row["mid"]: (row["renamed_from"], row["renamed_to"]) for row in told} != {}


def test_the_hierarchy_has_several_parents_groups_and_repeated_edges(clean: Path) -> None:
    descriptions = reading.member(clean, "v3", "classes", "class-descriptions.csv")
    boxable = set(reading.member(clean, "v3", "classes", "classes-bbox.txt").decode().split())
    known = Counter(name for mid, name in reading.records(descriptions, header=False) if mid in boxable)
    edges = Counter(edges_of(json.loads((clean / "2017_11" / "bbox_hierarchy.json").read_text())))
    parents = Counter(child for _, child in edges)
    assert max(parents.values()) > 1
    assert max(edges.values()) > 1
    assert {known[child] for child in parents} == {0, 1, 2}


def edges_of(node: dict[str, object]) -> Iterator[tuple[str, str]]:
    assert ("children" in node) != ("size" in node)
    for child in node.get("children", []):  # type: ignore[attr-defined]
        yield node["name"], child["name"]  # type: ignore[misc]
        yield from edges_of(child)


def places(folder: Path) -> Iterator[tuple[str, str, str, list[dict[str, str]]]]:
    """(table, subset, header, its defects in order) of every member that may hold some."""
    found = truth(folder, "defects.csv")
    for table, (_, path) in reading.ARCHIVES["v3"].items():
        for subset in reading.SUBSETS["v3"] if table != "classes" else ():
            yield table, subset, path.format(subset), [row for row in found if row["member"] == path.format(subset)]


def test_exactly_the_asked_defects_are_told(planted: Path) -> None:
    found = truth(planted, "defects.csv")
    assert Counter(row["kind"] for row in found) == dict.fromkeys(sample.ALL_KINDS, EACH)
    found = [row for row in found if row["release"] == "v3"]
    assert {row["reason"] for row in found} == {kind for kind in KINDS if not kind.startswith("repaired")} | {""}
    assert {row["member"].split("/")[1] for row in found} == {"train", "validation", "test"}


def test_few_defects_stay_below_one_row_in_a_hundred_of_every_member(tmp_path: Path) -> None:
    folder = write_sample(tmp_path / "s", "--plant", "all=2")
    assert len(truth(folder, "defects.csv")) == 2 * len(sample.ALL_KINDS)
    for table, subset, path, found in places(folder):
        assert len(found) <= reading.member(folder, "v3", table, subset).count(b"\n") / 100, path


def test_each_defect_stands_at_its_line_and_breaks_one_thing(planted: Path) -> None:
    for table, subset, path, found in places(planted):
        data = reading.member(planted, "v3", table, subset)
        lines = data.split(b"\n")
        columns = lines[0].decode().split(",")
        for defect in found:
            n = int(defect["line"]) - 1
            assert lines[n] == bytes.fromhex(defect["record_hex"]) or defect["kind"] == "field_too_long"
            before = {line[:16].decode(errors="replace") for line in lines[:n]}
            expected = {defect["reason"]} - {""}
            assert reading.faults(lines[n], table, subset, columns, before) == expected, (path, defect)


def test_without_the_defects_the_files_are_the_clean_ones(clean: Path, planted: Path) -> None:
    for table, subset, _, found in places(planted):
        lines = reading.member(planted, "v3", table, subset).split(b"\n")
        sound = reading.member(clean, "v3", table, subset).split(b"\n")
        added = {int(row["line"]) - 1 for row in found if row["reason"]}
        spelled = {n - sum(a < n for a in added) for n in (int(r["line"]) - 1 for r in found if not r["reason"])}
        kept = [line for n, line in enumerate(lines) if n not in added]
        assert {n for n, (new, old) in enumerate(zip(kept, sound, strict=True)) if new != old} == spelled
        for n in spelled:
            assert repaired(kept[n]) == sound[n]


def repaired(line: bytes) -> bytes:
    image, _, rest = line.decode().partition(",")
    rest = re.sub(
        "(?<=,)(?:kg:/|/|http://rdf.freebase.com/ns/)?([MGmg])[./](1?[0-9A-Za-z_]+)(?=,)",
        lambda found: f"/{found[1]}/{found[2]}".lower(),
        rest,
    )
    return f"{int(image, 16):016x},{rest}".encode()


@pytest.mark.parametrize("scale", [1.0, 0.37, 0.05])
def test_the_parts_of_all_slices_add_up_to_the_published_figures(scale: float) -> None:
    figures = {name: release.published for name, release in load_releases().items()}
    made = plan.make_plan(figures, scale)
    assert made.slices > 1
    for subset in plan.SUBSETS:
        parts = [made.part(subset, n) for n in range(made.slices)]
        total = SubsetCounts(**{f.name: sum(getattr(part, f.name) for part in parts) for f in fields(SubsetCounts)})
        for release in ("v2", "v3"):
            for name, count in planned(total, release).items():
                assert count == round(getattr(figures[release], name)[subset] * scale), (release, name, subset)
        assert min(min(getattr(part, f.name) for f in fields(SubsetCounts)) for part in parts) >= 0
        assert max(part.images for part in parts) <= plan.SLICE_IMAGES + 1


def planned(c: SubsetCounts, release: str) -> dict[str, int]:
    common = {"images": c.images, "machine_labels": c.machine}
    if release == "v2":
        positive = c.kept_positive + c.flipped_to_negative + c.withdrawn_positive
        negative = c.kept_negative + c.flipped_to_positive + c.withdrawn_negative
        boxes = {"boxes": c.boxes_before, "images_with_boxes": c.boxed_before}
    else:
        positive = c.kept_positive + c.flipped_to_positive + c.added_positive
        positive += c.conflict_positive + c.repeated_positive
        negative = c.kept_negative + c.flipped_to_negative + c.added_negative
        negative += c.conflict_negative + c.repeated_negative
        boxes = {"boxes": c.boxes_after, "images_with_boxes": c.boxed_after}
    return {**common, **boxes, "human_labels_positive": positive, "human_labels_negative": negative}


def test_at_scale_1_the_classes_are_the_published_ones() -> None:
    published = {name: release.published for name, release in load_releases().items()}
    c = plan.make_plan(published, 1.0, contradictions=True).classes
    machine = c.both + c.machine_only + c.lost
    assert machine == published["v2"].machine_classes == published["v3"].machine_classes
    assert machine - c.later_than_first == published["v1"].machine_classes
    assert machine - c.later_than_first - c.missing_in_first + c.unused_in_first == published["v1"].classes
    assert (machine + c.human_only, machine + c.human_only + c.new) == (
        published["v2"].classes,
        published["v3"].classes,
    )
    assert c.both + c.human_only + c.lost == published["v2"].human_classes
    assert c.both + c.human_only + c.new == published["v3"].human_classes
    assert c.trainable_both == published["v3"].machine_classes_trainable
    assert c.trainable_both + c.trainable_human_only == published["v3"].classes_trainable
    assert (c.box_trainable, c.box_trainable + c.box_other) == (
        published["v3"].box_classes_trainable,
        published["v3"].box_classes,
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--scale", "0"], "--scale 0: give a number above 0"),
        (["--scale", "1.5"], "--scale 1.5: give a number above 0"),
        (["--scale", "nan"], "--scale nan: give a number above 0"),
        (["--seed", "-1"], "--seed -1: give a whole number from 0"),
        (["--plant", "typo=3"], "--plant typo=3: no such kind; known: all, invalid_image_id"),
        (["--plant", "nul_byte"], "--plant nul_byte: give a whole number"),
        (["--plant", "nul_byte=-1"], "--plant nul_byte=-1: give a whole number"),
        (["--scale", "0.0001", "--plant", "invalid_size=5000"], "has too few rows; plant fewer or raise --scale"),
    ],
)
def test_a_wrong_call_is_told_in_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        write_sample(tmp_path / "s", *arguments)
    assert not list((tmp_path / "s").glob("*/*.tar.gz"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"file.*give --out a folder"):
        write_sample(tmp_path / "file")


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "FULL_SCALE_BYTES", 1 << 60)
    with pytest.raises(StoreError, match=r"GiB are free, --scale 0\.0005 needs about .*; give a smaller --scale"):
        write_sample(tmp_path / "s")
    assert contents(tmp_path) == {}


def test_the_summary_is_json_or_ends_with_what_to_run_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--out", str(tmp_path), "--scale", str(SMALL), "--plant", "nul_byte=2", "--releases", "v3"]
    assert watched_job.main("sample", "", sample.add_arguments, sample.run, [*arguments, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["planted"] == {"nul_byte": 2}
    assert summary["releases"]["v3"]["images"]["train"] == round(9_011_219 * SMALL)
    assert watched_job.main("sample", "", sample.add_arguments, sample.run, arguments) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"next: oilake ingest --release v3 --landing {tmp_path} --registry {tmp_path}/registry"


def test_nothing_unfinished_stays_behind(clean: Path) -> None:
    assert sorted(path.name for path in clean.iterdir()) == [
        *("2016_08", "2017_07", "2017_11", "2018_04", "2019_01", "annotations"),
        *("photos", "photos.txt", "registry", "truth", "v5", "v6", "v7"),
    ]
