"""From reconciled releases to what changed between them: what the sample changed is found exactly, as a person calls it."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf import reconcile_policy, registry
from oilake.conf.errors import ConfigError, InputError
from oilake.conf.settings import Settings
from oilake.jobs import api, cli
from oilake.jobs.changes import changes
from oilake.jobs.ingest import ingest
from oilake.jobs.reconcile import reconcile
from oilake.jobs.scanning import key_ranges
from tests.conftest import Oilake
from tests.support.sample_reading import SUBSETS, rows, verdicts

Pair = tuple[str, str]
PAIRS = (("v1", "v2"), ("v2", "v3"))
TABLES = ("label_changes", "image_changes", "class_history")
OTHER = "trust: [crowdsource, human, machine]\ncontradiction: positive\nmachine: highest\nmachine_threshold: null\n"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("changes")
    assert cli.main(["sample", "--out", str(folder), "--scale", "0.0002", "--releases", "v1,v2,v3"]) == 0
    return folder


@pytest.fixture(scope="module")
def compared(sample: Path, spark: SparkSession, settings: Settings) -> tuple[str, dict[Pair, Any]]:
    """(a warehouse with three releases reconciled and compared, the outcome of each comparison); never written to."""
    lake = str(sample / "lake")
    mine = replace(settings, warehouse=lake, landing=str(sample))
    for release in registry.load_releases(str(sample / "registry")).values():
        ingest(mine, release)
        reconcile(mine, release, reconcile_policy.load_policy())
    return lake, {pair: changes(mine, *pair) for pair in PAIRS}


@pytest.fixture
def lake(compared: tuple[str, dict[Pair, Any]], tmp_path: Path) -> str:
    """A copy of that warehouse, of the test's own."""
    return str(shutil.copytree(compared[0], tmp_path / "lake"))


def table(lake: str, name: str, pair: Pair) -> list[dict[str, Any]]:
    frame = api.read(name, release=pair[1], warehouse=lake).where(f"from_release = '{pair[0]}'")
    return [row.asDict() for row in frame.orderBy("mid" if name == "class_history" else "image_id").collect()]


def truth(sample: Path, name: str) -> list[dict[str, str]]:
    with (sample / "truth" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def machine(sample: Path, release: str) -> dict[Pair, float]:
    """The highest machine confidence of each pair that has one."""
    found: dict[Pair, float] = {}
    for subset in SUBSETS[release]:
        for row in rows(sample, release, "machine", subset):
            pair = row["ImageID"], row["LabelName"]
            found[pair] = max(found.get(pair, 0.0), float(row["Confidence"]))
    return found


def people(sample: Path, release: str) -> dict[Pair, bool]:
    """What people decide of each pair: staff before the crowd, yes before no."""
    found = {}
    for subset in SUBSETS[release] if release != "v1" else ("validation",):
        for pair, said in verdicts(sample, release, subset).items():
            of = defaultdict(set)
            for source, value in said:
                of[source == "crowdsource-verification"].add(float(value) == 1)
            found[pair] = True in of[min(of)]
    return found


def expected(sample: Path, pair: Pair) -> dict[Pair, str]:
    """The change of each (image, MID), from the archives alone."""
    said = [people(sample, release) for release in pair]
    seen = [machine(sample, release) for release in pair]
    found = {}
    for key in set().union(*said, *seen):
        before, after = (one.get(key) for one in said)
        if key not in said[0] and key not in seen[0]:
            found[key] = "added"
        elif key not in said[1] and key not in seen[1]:
            found[key] = "removed"
        elif before != after:
            found[key] = "newly_verified" if before is None else "no_longer_verified" if after is None else "flipped"
        elif seen[0].get(key) != seen[1].get(key):
            found[key] = "confidence_changed"
    return found


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_every_changed_label_is_found_and_no_other(sample: Path, compared: tuple[str, dict[Pair, Any]], pair: Pair):
    found = table(compared[0], "label_changes", pair)
    wanted = expected(sample, pair)
    assert {(row["image_id"], row["mid"]): row["change"] for row in found} == wanted
    assert len(found) == len(wanted)
    counts = {change: n for change, n in compared[1][pair].changes["labels"].items() if n}
    assert counts == Counter(wanted.values())


def test_the_truth_of_the_sample_is_found_in_its_own_terms(sample: Path, compared: tuple[str, dict[Pair, Any]]):
    """Its truth speaks of human labels alone; a pair that the machine saw is there before people say anything."""
    told = {(row["image_id"], row["mid"]): row["change"] for row in truth(sample, "label_changes_v2_v3.csv")}
    assert set(told.values()) == {"added", "removed", "flipped", "conflict", "repeated"}
    seen = machine(sample, "v2")
    assert seen == machine(sample, "v3")
    by_machine = {"added": "newly_verified", "removed": "no_longer_verified"}
    wanted = {
        pair: by_machine.get(change, change) if pair in seen else change
        for pair, change in told.items()
        if change not in ("conflict", "repeated")  # the staff's verdict stands, and a row twice says no more than once
    }
    found = table(compared[0], "label_changes", ("v2", "v3"))
    assert {(row["image_id"], row["mid"]): row["change"] for row in found} == wanted


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_both_sides_stand_beside_each_other(sample: Path, compared: tuple[str, dict[Pair, Any]], pair: Pair):
    subsets = [
        {row["image_id"]: row["subset"] for row in DeltaTable(f"{compared[0]}/images").to_pyarrow_table(
            columns=["image_id", "subset"], filters=[("release", "=", release)]
        ).to_pylist()}
        for release in pair
    ]  # fmt: skip
    seen, said = [machine(sample, r) for r in pair], [people(sample, r) for r in pair]
    for row in table(compared[0], "label_changes", pair):
        key = row["image_id"], row["mid"]
        there = [key in seen[n] or key in said[n] for n in (0, 1)]
        for n, role in enumerate(("from", "to")):
            assert row[f"{role}_subset"] == (subsets[n][key[0]] if there[n] else None)
            assert row[f"{role}_machine_confidence"] == seen[n].get(key)
            verdict = {None: "unverified", True: "positive", False: "negative"}[said[n].get(key)]
            assert row[f"{role}_verdict"] == (verdict if there[n] else None)
            assert (row[f"{role}_decided_by"] == "machine") == (there[n] and key not in said[n])
        assert row["is_subset_moved"] == (all(there) and subsets[0][key[0]] != subsets[1][key[0]])
        assert row["is_confidence_changed"] == (all(there) and seen[0].get(key) != seen[1].get(key))


def test_the_validation_set_of_v1_splits_into_validation_and_test(sample: Path, compared: tuple[str, dict[Pair, Any]]):
    told = truth(sample, "image_changes_v1_v2.csv")
    wanted = {(row["image_id"], row["from_subset"], row["to_subset"] or None) for row in told}
    found = [row for row in table(compared[0], "image_changes", ("v1", "v2")) if row["change"] != "metadata_changed"]
    assert {(row["image_id"], row["from_subset"], row["to_subset"]) for row in found} == wanted
    assert len(found) == len(wanted)
    assert Counter(row["change"] for row in found) == {"moved_subset": len(wanted) - 1, "removed": 1}


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_images_described_otherwise_name_their_columns(sample: Path, compared: tuple[str, dict[Pair, Any]], pair: Pair):
    columns = [
        c for c in api.read("images", release="v2", warehouse=compared[0]).columns if c not in ("release", "subset")
    ]
    before, after = (
        {row["image_id"]: row for row in DeltaTable(f"{compared[0]}/images").to_pyarrow_table(
            columns=columns, filters=[("release", "=", release)]
        ).to_pylist()}
        for release in pair
    )  # fmt: skip
    wanted = {
        image: differ
        for image in before.keys() & after.keys()
        if (differ := [name for name in columns if before[image][name] != after[image][name]])
    }
    found = table(compared[0], "image_changes", pair)
    assert {row["image_id"]: row["columns_changed"] for row in found if row["columns_changed"]} == wanted


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_story_of_each_class_is_told(sample: Path, compared: tuple[str, dict[Pair, Any]], pair: Pair):
    found = {row["mid"]: row for row in table(compared[0], "class_history", pair)}
    wanted = {}
    for row in truth(sample, "classes.csv"):
        there = [release in row["releases"].split() for release in pair]
        if any(there):
            change = "kept" if row["renamed_in"] != pair[1] else "renamed"
            wanted[row["mid"]] = change if all(there) else "added" if there[1] else "removed"
            if change == "renamed":
                names = found[row["mid"]]["from_name"], found[row["mid"]]["to_name"]
                assert names == (row["renamed_from"], row["renamed_to"])
    assert {mid: row["change"] for mid, row in found.items()} == wanted
    names = Counter(row["to_name"] for row in found.values() if row["change"] != "removed")
    for row in found.values():
        if row["change"] != "removed":
            assert row["sharing"] == names[row["to_name"]]


def test_more_tasks_and_files_change_nothing(settings: Settings, lake: str, monkeypatch: pytest.MonkeyPatch):
    first = {name: table(lake, name, ("v1", "v2")) for name in TABLES}
    monkeypatch.setattr(key_ranges, "SHARED", 1)
    monkeypatch.setattr("oilake.jobs.reconciling.compare_tables.LARGEST", 20_000)
    outcome = changes(replace(settings, warehouse=lake), "v1", "v2", force=True)
    assert outcome.changed
    assert len(list(Path(lake, "label_changes", "from_release=v1").rglob("*.parquet"))) > 4
    for name in TABLES:
        key = "mid" if name == "class_history" else "image_id"
        found = table(lake, name, ("v1", "v2"))
        assert sorted(map(repr, found)) == sorted(map(repr, first[name]))
        assert [row[key] for row in found] == sorted(row[key] for row in found)


def test_a_comparison_is_made_once(oilake: Oilake, lake: str):
    call = ("changes", "--from", "v2", "--to", "v3", "--warehouse", lake)
    before = DeltaTable(f"{lake}/label_changes").version()
    code, out, _ = oilake(*call)
    assert (code, DeltaTable(f"{lake}/label_changes").version()) == (0, before)
    assert out.endswith(f"v2 to v3: nothing changed since they were compared in {lake}; --force redoes it\n")
    assert "newly_verified                  –" in out
    code, out, _ = oilake(*call, "--force", "--json")
    assert code == 0
    assert json.loads(out)["changed"] is True
    entry = next(e for e in DeltaTable(f"{lake}/label_changes").history() if "oilake.job" in e)
    assert (entry["oilake.job"], entry["oilake.release"]) == ("changes", "v3")
    assert set(entry["oilake.inputs"]) == {
        f"{t} of {r}" for t in ("images", "classes", "hierarchy", "boxes", "image_labels") for r in ("v2", "v3")
    }


@pytest.mark.parametrize("release", ["v2", "v3"])
@pytest.mark.parametrize("anew", ["ingest", "reconcile"])
def test_a_comparison_is_not_read_once_either_release_is_published_anew(
    settings: Settings, oilake: Oilake, sample: Path, lake: str, tmp_path: Path, release: str, anew: str
):
    mine = replace(settings, warehouse=lake, landing=str(sample))
    described = registry.find_release(release, str(sample / "registry"))
    (tmp_path / "policy.yaml").write_text(OTHER)
    policy = reconcile_policy.load_policy(str(tmp_path / "policy.yaml"))
    if anew == "ingest":
        ingest(mine, described, force=True)
    else:
        reconcile(mine, described, policy)
    with pytest.raises(ConfigError, match=r"anew|is not published") as refused:
        api.read("label_changes", release="v3", warehouse=lake)
    assert "run `oilake changes --from " in str(refused.value)
    code, _, err = oilake("changes", "--from", "v2", "--to", "v3", "--warehouse", lake)
    assert code == 2
    if anew == "ingest":
        assert (
            f"image_labels of {release} is not published; run `oilake reconcile --release {release} --warehouse" in err
        )
        reconcile(mine, described, reconcile_policy.load_policy())
    else:
        assert "v2 and v3 were reconciled by different policies" in err
        other = registry.find_release("v2" if release == "v3" else "v3", str(sample / "registry"))
        reconcile(mine, other, policy)
    assert changes(mine, "v2", "v3").changed
    assert table(lake, "label_changes", ("v2", "v3"))


def test_what_cannot_be_compared_gets_one_sentence(oilake: Oilake, lake: str, warehouse: str):
    code, out, err = oilake("changes", "--from", "v3", "--to", "v3", "--warehouse", lake)
    assert (code, out, err) == (2, "", "oilake: --from and --to are both v3; name two releases\n")
    code, out, err = oilake("changes", "--from", "v2", "--to", "v9", "--warehouse", lake)
    assert (code, out) == (2, "")
    assert "release 'v9' is not published here (published: v1, v2, v3)" in err
    assert oilake("changes", "--from", "v2", "--to", "v3", "--warehouse", warehouse)[0] == 2


def test_a_failed_run_leaves_the_comparison_as_it_was(settings: Settings, lake: str, monkeypatch: pytest.MonkeyPatch):
    before = table(lake, "label_changes", ("v2", "v3"))
    files = sorted(Path(lake).rglob("*.parquet"))

    def fails(*_: Any) -> None:
        raise InputError("no more")

    monkeypatch.setattr("oilake.jobs.changes.class_history.compare_classes", fails)
    with pytest.raises(InputError, match="no more"):
        changes(replace(settings, warehouse=lake), "v2", "v3", force=True)
    assert sorted(Path(lake).rglob("*.parquet")) == files
    assert table(lake, "label_changes", ("v2", "v3")) == before
