"""All seven releases in one warehouse: what holds of each, and what changed from each to the next, told by strangers."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from oilake.conf.errors import InputError
from oilake.conf.settings import Settings
from oilake.jobs import cli
from oilake.jobs.changes import changes
from oilake.jobs.check import CheckOutcome, check
from oilake.jobs.expand import expand
from oilake.jobs.validation import local_queries
from tests.conftest import Oilake
from tests.support import contradiction_sql, contradiction_views, plain_sample, seven_releases, table_readers
from tests.support.plain_sample import Box, Pair
from tests.support.samples import write_sample
from tests.support.seven_releases import RELEASES, BoxChange

pytestmark = pytest.mark.slow

PLAIN = RELEASES[3:]
STEPS = tuple(pairwise(RELEASES))
PLAIN_STEPS = STEPS[2:]
FAR = ("v3", "v7")
PLANTED = 2
IDS = "-".join
# What people say of a pair, staff before the crowd; the confidence of the machine; by the raw rows of one subset.
VERDICTS = """
SELECT *, CASE WHEN people IS NULL THEN 'unverified' WHEN people THEN 'positive' ELSE 'negative' END AS verdict,
  CASE WHEN human_verdict IS NOT NULL THEN 'human' WHEN people IS NOT NULL THEN 'crowdsource' ELSE 'machine' END
    AS decided_by
FROM (
  SELECT *, coalesce(human_verdict, crowd_verdict) AS people FROM (
    SELECT image_id, mid, max(confidence) FILTER (source = 'machine') AS machine_confidence,
      bool_or(confidence = 1) FILTER (source = 'verification') AS human_verdict,
      bool_or(confidence = 1) FILTER (source = 'crowdsource-verification') AS crowd_verdict,
      CAST(count(*) AS INT) AS observations
    FROM (SELECT ImageID AS image_id, LabelName AS mid, Source AS source, CAST(Confidence AS DOUBLE) AS confidence
          FROM read_csv(?, header = true, all_varchar = true))
    GROUP BY image_id, mid))
"""
COMPARED = ("machine_confidence", "human_verdict", "crowd_verdict", "observations", "verdict", "decided_by")
DIFFERENCE = f"""
WITH raw AS (SELECT image_id, mid, {", ".join(COMPARED)} FROM ({VERDICTS})),
  published AS (SELECT image_id, mid, {", ".join(COMPARED)} FROM tables)
(FROM raw EXCEPT ALL FROM published) UNION ALL (FROM published EXCEPT ALL FROM raw)
"""


def published(folder: Path, settings: Settings, *arguments: str) -> Settings:
    """Where a sample of all releases lies, and all that `run` makes of it."""
    write_sample(folder, "--scale", "0.0002", *arguments)
    mine = replace(settings, warehouse=str(folder / "lake"), landing=str(folder), registry=str(folder / "registry"))
    places = ("--landing", mine.landing, "--warehouse", mine.warehouse, "--registry", mine.registry)
    assert cli.main(["run", *places, "--report", str(folder / "report.html")]) == 0
    return mine


@pytest.fixture(scope="module")
def seven(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A clean sample of seven releases with all that follows from it; nothing but checks is added by tests."""
    mine = published(tmp_path_factory.mktemp("seven") / "clean", settings)
    changes(mine, *FAR)
    for release in RELEASES[1:]:
        expand(mine, release)
    return mine


@pytest.fixture(scope="module")
def planted(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same sample with two defects of each kind."""
    return published(tmp_path_factory.mktemp("seven") / "planted", settings, "--plant", f"all={PLANTED}")


@pytest.fixture(scope="module")
def sample(seven: Settings) -> Path:
    return Path(seven.landing)


def rows(mine: Settings, table: str, release: str) -> list[dict[str, Any]]:
    return table_readers.rows(mine.warehouse, table, release)


def changed(mine: Settings, table: str, pair: Pair) -> list[dict[str, Any]]:
    pin = table_readers.newest(mine.warehouse, pair[1])
    assert pin is not None
    opened = DeltaTable(f"{mine.warehouse}/{table}", pin["table_versions"][f"{table} since {pair[0]}"])
    where = [("from_release", "=", pair[0]), ("to_release", "=", pair[1])]
    told: list[dict[str, Any]] = opened.to_pyarrow_table(filters=where).to_pylist()
    return told


def truth(sample: Path, name: str) -> list[dict[str, str]]:
    with (sample / "truth" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def box(row: dict[str, Any], role: str) -> Box | None:
    sides = tuple(row[f"{role}_{name}"] for name in ("x_min", "x_max", "y_min", "y_max"))
    return None if None in sides else sides  # type: ignore[return-value]


def box_rows(mine: Settings, pair: Pair) -> Counter[BoxChange]:
    return Counter(
        BoxChange(
            row["image_id"], row["mid"], row["change"], box(row, "from"), box(row, "to"),
            None if row["iou"] is None else round(row["iou"], 9),
        )
        for row in changed(mine, "box_changes", pair)
    )  # fmt: skip


def warnings(mine: Settings) -> dict[tuple[str, str], int]:
    """(table and release, expectation) -> unexpected rows, of all that is broken."""
    return {
        (table.target.name, result.expectation): result.unexpected_count
        for table in check(mine).checked
        for result in table.results
        if not result.success
    }


@pytest.mark.parametrize("release", PLAIN)
def test_every_row_of_a_file_is_kept(seven: Settings, sample: Path, release: str):
    told = {row["file"]: row for row in rows(seven, "release_files", release)}
    read = [name for name, row in told.items() if row["table_name"] in ("images", "labels", "boxes")]
    assert len(read) == 14
    for name in read:
        counts = [told[name][column] for column in ("rows_read", "rows_kept", "rows_quarantined")]
        assert counts == [len(plain_sample.rows(sample, name)), counts[0], 0]


@pytest.mark.parametrize("release", RELEASES)
def test_what_is_kept_and_quarantined_is_what_was_read(seven: Settings, planted: Settings, release: str):
    """Beside the rows of the clean sample each file holds those that were planted in it, and these are in quarantine;
    among the narratives stand spare ones."""
    sound = {(row["file"], row["member"]): row for row in rows(seven, "release_files", release)}
    bad = Counter((row["file"], row["member"]) for row in planted_rows(planted) if row["reason"])
    files = rows(planted, "release_files", release)
    assert {(row["file"], row["member"]) for row in files} == set(sound)
    for row in files:
        place = row["file"], row["member"]
        assert row["rows_read"] == row["rows_kept"] + row["rows_quarantined"]
        if row["table_name"] not in ("classes", "hierarchy"):
            kept = sound[place]["rows_kept"] + plain_sample.spare_lines(Path(planted.landing), row["file"])
            assert (row["rows_kept"], row["rows_quarantined"]) == (kept, bad[place]), place
    quarantined = Counter((row["file"], row["member"]) for row in rows(planted, "quarantine", release))
    assert quarantined == {place: count for place, count in bad.items() if place in sound}


def planted_rows(planted: Settings) -> list[dict[str, str]]:
    defects = truth(Path(planted.landing), "defects.csv")
    return [{**row, "member": row["member"] or row["file"]} for row in defects]


@pytest.mark.parametrize("release", PLAIN)
@pytest.mark.parametrize("subset", plain_sample.SUBSETS)
def test_verdicts_are_those_of_independent_sql(seven: Settings, sample: Path, release: str, subset: str):
    tables = DeltaTable(f"{seven.warehouse}/image_labels").to_pyarrow_table(
        filters=[("release", "=", release), ("subset", "=", subset)]
    )
    files = [str(sample / name.format(subset)) for name in seven_releases.label_files(release, subset)]
    with duckdb.connect() as connection:
        connection.register("tables", tables)
        differing = connection.execute(DIFFERENCE, [files]).fetchall()
        assert differing == []
        (expected,) = connection.execute(f"SELECT count(*) FROM ({VERDICTS})", [files]).fetchone() or (0,)
    assert len(tables) == expected > 0


@pytest.mark.parametrize("release", PLAIN)
def test_a_label_knows_its_boxes(seven: Settings, sample: Path, release: str):
    boxed = {pair: len(sides) for pair, sides in seven_releases.boxes(sample, release).items()}
    told = {(row["image_id"], row["mid"]): row["box_count"] for row in rows(seven, "image_labels", release)}
    assert {pair: count for pair, count in told.items() if count} == {
        pair: count for pair, count in boxed.items() if pair in told
    }


@pytest.mark.parametrize("pair", [*PLAIN_STEPS, FAR], ids=IDS)
def test_every_changed_label_is_told_and_no_other(seven: Settings, sample: Path, pair: Pair):
    told = changed(seven, "label_changes", pair)
    expected = seven_releases.label_changes(sample, *pair)
    assert {(row["image_id"], row["mid"]): row["change"] for row in told} == expected
    assert len(told) == len(expected) > 0


@pytest.mark.parametrize("pair", PLAIN_STEPS, ids=IDS)
def test_changed_labels_are_the_truth_of_the_sample(seven: Settings, sample: Path, pair: Pair):
    """Its truth speaks of people's verdicts alone."""
    told = Counter(
        (row["image_id"], row["mid"], change, "yes" if row["change"] == "made_leaf_most" else "")
        for row in changed(seven, "label_changes", pair)
        if (change := people_change(row))
    )
    written = truth(sample, f"label_changes_{'_'.join(pair)}.csv")
    assert told == Counter((row["image_id"], row["mid"], row["change"], row["leaf_most"]) for row in written)


def people_change(row: dict[str, Any]) -> str | None:
    before, after = (
        None if row[f"{role}_decided_by"] == "machine" else row[f"{role}_verdict"] for role in ("from", "to")
    )
    if before == after:
        return None
    return "added" if before is None else "removed" if after is None else "flipped"


def test_evaluation_labels_of_v5_were_made_leaf_most_and_some_withdrawn(seven: Settings):
    kinds = Counter(
        row["change"] for row in changed(seven, "label_changes", ("v4", "v5")) if row["from_subset"] != "train"
    )
    assert kinds["made_leaf_most"] > 0
    assert kinds["removed"] + kinds["no_longer_verified"] > 0


@pytest.mark.parametrize("pair", [*STEPS, FAR], ids=IDS)
def test_every_changed_image_names_what_differs(seven: Settings, sample: Path, pair: Pair):
    told = changed(seven, "image_changes", pair)
    expected = seven_releases.image_changes(sample, *pair)
    assert {row["image_id"]: (row["change"], *sorted(row["columns_changed"])) for row in told} == {
        image: (change, *sorted(columns)) for image, (change, columns) in expected.items()
    }
    assert len(told) == len(expected)


@pytest.mark.parametrize("pair", [*PLAIN_STEPS, FAR], ids=IDS)
def test_every_class_is_told(seven: Settings, sample: Path, pair: Pair):
    told = changed(seven, "class_history", pair)
    expected = seven_releases.class_changes(sample, *pair)
    assert {row["mid"]: (row["change"], bare(row["from_name"]), bare(row["to_name"])) for row in told} == expected
    assert len(told) == len(expected)
    if pair != FAR:
        written = {row["mid"]: row for row in truth(sample, "class_changes.csv") if row["to_release"] == pair[1]}
        retired = {"retired": "removed"}
        assert {mid: expected[mid][0] for mid in expected if expected[mid][0] != "kept"} == {
            mid: retired.get(row["change"], row["change"]) for mid, row in written.items()
        }


@pytest.mark.parametrize("pair", [*STEPS[1:], FAR], ids=IDS)
def test_every_box_is_told_as_all_matches_tried_out_tell_it(seven: Settings, sample: Path, pair: Pair):
    assert box_rows(seven, pair) == Counter(seven_releases.box_changes(sample, *pair))


@pytest.mark.parametrize("pair", PLAIN_STEPS[:3], ids=IDS)
def test_changed_boxes_are_the_truth_of_the_sample(seven: Settings, sample: Path, pair: Pair):
    written = truth(sample, f"box_changes_{'_'.join(pair)}.csv")
    subsets = {row["subset"] for row in written}
    told = Counter(
        (row["image_id"], row["mid"], row["change"], box(row, "from"), box(row, "to"))
        for row in changed(seven, "box_changes", pair)
        if {row["from_subset"], row["to_subset"]} & subsets
    )
    assert told == Counter(
        (row["image_id"], row["mid"], row["change"], sides(row["from_sides"]), sides(row["to_sides"]))
        for row in written
    )


def bare(name: str | None) -> str | None:
    return name and name.strip()


def sides(text: str) -> Box | None:
    return tuple(map(float, text.split())) or None  # type: ignore[return-value]


def test_only_evaluation_boxes_were_redrawn_in_v5(seven: Settings):
    told = changed(seven, "box_changes", ("v4", "v5"))
    kinds = Counter((row["from_subset"] or row["to_subset"], row["change"]) for row in told)
    assert {change for subset, change in kinds if subset == "train"} == {"unchanged"}
    assert {change for subset, change in kinds if subset != "train"} == {"redrawn", "added", "removed"}
    assert {row["change"] for row in changed(seven, "box_changes", ("v6", "v7"))} == {"unchanged"}


@pytest.mark.parametrize("release", PLAIN)
def test_figures_are_those_of_a_count_row_by_row(seven: Settings, sample: Path, release: str):
    told = {(row["figure"], row["subset"]): row for row in rows(seven, "release_figures", release)}
    counted = plain_sample.recount(sample, release)
    for figure, by_subset in counted.items():
        assert {subset: told[figure, subset]["value"] for subset in by_subset} == by_subset
    assert told["classes", None]["value"] == len(plain_sample.class_names(sample, release))
    assert {key: row["value"] for key, row in told.items() if row["published"] is not None} == {
        key: row["published"] for key, row in told.items() if row["published"] is not None
    }


@pytest.mark.parametrize("release", PLAIN)
def test_contradictions_are_those_of_independent_sql(seven: Settings, sample: Path, release: str):
    by_subset = contradiction_views.plain_contradictions(sample, release)
    told = rows(seven, "contradictions", release)
    for subset, expected in by_subset.items():
        assert contradiction_sql.published([row for row in told if row["subset"] == subset]) == expected
    assert len(told) == sum(expected.total() for expected in by_subset.values()) > 0


@pytest.mark.parametrize("release", RELEASES)
def test_images_that_share_an_md5_are_told(seven: Settings, sample: Path, release: str):
    copies = defaultdict(set)
    for image, row in seven_releases.images(sample, release).items():
        if row.get("original_md5"):
            copies[row["original_md5"]].add((image, row["subset"]))
    repeated = {(md5, *place) for md5, places in copies.items() if len(places) > 1 for place in places}
    told = rows(seven, "duplicate_images", release)
    assert {(row["original_md5"], row["image_id"], row["subset"]) for row in told} == repeated
    assert len(told) == len(repeated)


@pytest.mark.parametrize("release", PLAIN)
def test_the_hierarchy_holds_every_edge_as_often_as_the_file(seven: Settings, sample: Path, release: str):
    nodes = {row["path"]: row for row in rows(seven, "hierarchy", release)}
    told = Counter(
        (node["relation"], nodes[node["parent_path"]]["mid"], node["mid"])
        for node in nodes.values()
        if node["parent_path"]
    )
    assert told == Counter(
        (kind.lower(), above, below) for kind, above, below in plain_sample.edges(plain_sample.tree(sample))
    )


@pytest.mark.parametrize("release", PLAIN)
def test_what_the_hierarchy_implies_is_its_closure(seven: Settings, sample: Path, release: str):
    root = plain_sample.tree(sample)["LabelName"]
    below = {above: mids for above, mids in plain_sample.descendants(sample).items() if above != root}
    above = defaultdict(set)
    for parent, mids in below.items():
        for mid in mids:
            above[mid].add(parent)
    implied: dict[tuple[str, str], dict[bool, set[str]]] = defaultdict(lambda: {True: set(), False: set()})
    for (image, mid), verdict in seven_releases.people(sample, release).items():
        for other in (above if verdict else below).get(mid, ()):
            implied[image, other][verdict].add(mid)
    assert implied
    told = rows(seven, "image_labels_expanded", release)
    assert {
        (row["image_id"], row["mid"]): (row["is_implied_positive"], row["is_implied_negative"], row["implied_by"])
        for row in told
    } == {pair: (bool(by[True]), bool(by[False]), sorted(by[True] | by[False])) for pair, by in implied.items()}


def test_the_first_release_has_no_hierarchy_to_expand_by(seven: Settings):
    with pytest.raises(InputError, match="v1 has no hierarchy"):
        expand(seven, "v1")


def test_a_clean_sample_keeps_every_promise(seven: Settings):
    assert warnings(seven) == {}


def test_of_planted_defects_only_what_they_break_is_a_warning(planted: Settings):
    """A no to a class that V7 has retired names one class more than the release lists."""
    assert set(warnings(planted)) == {
        ("contradictions v7", "unlisted_classes"),
        ("labels v7", "label_of_unknown_class"),
        ("release_figures v7", "published_human_classes"),
    }


def test_spark_counts_what_is_counted_without_it(planted: Settings, monkeypatch: pytest.MonkeyPatch):
    """Of V7, which has every table."""
    release = RELEASES[-1]
    without = check(planted, release=release)
    assert without.start_seconds == 0
    monkeypatch.setattr(local_queries, "SMALL_BYTES", -1)
    assert expectation_counts(check(planted, release=release)) == expectation_counts(without)


def expectation_counts(outcome: CheckOutcome) -> dict[tuple[str, str], list[int]]:
    """(table and release, expectation) -> all that is counted of it; examples are left out, which are any of many."""
    return {
        (findings.target.name, name): [count.rows, count.missing, count.unexpected]
        for findings in outcome.checked
        for name, count in findings.counts.items()
    }


def test_the_story_of_an_image_and_of_a_class_is_told_over_all_seven(oilake: Oilake, seven: Settings, sample: Path):
    validation = {
        release: {
            image for image, row in seven_releases.images(sample, release).items() if row["subset"] == "validation"
        }
        for release in RELEASES
    }
    image = min(set.intersection(*validation.values()))
    code, out, _ = oilake("history", "--image", image, "--warehouse", seven.warehouse, "--json")
    story = json.loads(out)
    assert (code, [entry["release"] for entry in story["releases"]], story["notes"]) == (0, list(RELEASES), [])
    assert all(entry["image"]["subset"] == "validation" and entry["labels"] for entry in story["releases"])
    for entry in story["releases"][3:]:
        verdicts = {
            pair[1]: said for pair, said in seven_releases.people(sample, entry["release"]).items() if pair[0] == image
        }
        words = {True: "positive", False: "negative"}
        told = {row["mid"]: row["verdict"] for row in entry["labels"] if row["decided_by"] != "machine"}
        assert told == {mid: words[said] for mid, said in verdicts.items()}
    steps = {(row["from_release"], row["to_release"]) for row in story["changes"]["box_changes"]}
    assert ("v4", "v5") in steps

    renamed = next(
        row["mid"]
        for row in truth(sample, "class_changes.csv")
        if (row["to_release"], row["change"]) == ("v4", "renamed")
    )
    code, out, _ = oilake("history", "--mid", renamed, "--warehouse", seven.warehouse, "--json")
    story = json.loads(out)
    assert (code, [entry["release"] for entry in story["releases"]], story["notes"]) == (0, list(RELEASES), [])
    for entry in story["releases"][2:]:
        release = entry["release"]
        assert entry["class"]["display_name"] == seven_releases.class_names(sample, release)[renamed]
        said = Counter(
            verdict for (_, mid), verdict in seven_releases.people(sample, release).items() if mid == renamed
        )
        if release != "v3":
            assert (entry["positive"], entry["negative"]) == (said[True], said[False])
        assert entry["machine"] == sum(mid == renamed for _, mid in seven_releases.machine(sample, release))
        boxed = seven_releases.boxes(sample, release)
        assert entry["boxes"] == sum(len(edges) for (_, mid), edges in boxed.items() if mid == renamed)
    pairs = [(row["from_release"], row["to_release"]) for row in story["changes"]["class_history"]]
    assert set(pairs) == {*STEPS, FAR}
