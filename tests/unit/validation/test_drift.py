"""What a release has otherwise than the one before it warns from the configured threshold on, with counts and rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import DeltaTable

from oilake.conf import drift_thresholds
from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.jobs.check import CheckOutcome, check
from oilake.jobs.tables import suite_properties
from oilake.jobs.validation import explanations
from oilake.quality import scopes, suites
from oilake.quality.suites import Expectation, ExpectationMeta
from oilake.schemas import loader as schemas

pytestmark = pytest.mark.slow

PACKAGED = yaml.safe_load((Path(drift_thresholds.__file__).parent / "drift.yaml").read_text())
DRIFTS = {
    "drift_of_positive_share", "drift_of_labels_an_image", "drift_of_boxes_an_image", "drift_of_null_share",
    "drift_of_new_classes", "drift_of_vanished_classes", "drift_of_evaluation_images", "publication_is_old",
    "drift_of_rows_an_image", "drift_of_value_share", "drift_of_listed_entries",
}  # fmt: skip
SHARES = {"positive_share", "null_share", "value_share"}


def written(path: Path, **changed: object) -> str:
    path.write_text(yaml.safe_dump({**PACKAGED, **changed}))
    return str(path)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"null_share": 1.5}, "null_share must be a number from 0 to 1, not 1.5"),
        ({"labels_an_image": 0.5}, "labels_an_image must be a number, 1 or more, not 0.5"),
        ({"publication_days": -1}, "publication_days must be a whole number, 0 or more, not -1"),
        ({"new_classes": float("nan")}, "new_classes must be a number, 0 or more, not nan"),
        ({"positive_share_labels": "many"}, "positive_share_labels must be a whole number, 0 or more, not 'many'"),
        ({"mood": 1}, "unknown key mood"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused_with_file_and_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], told: str
):
    monkeypatch.setenv(drift_thresholds.VARIABLE, written(tmp_path / "mine.yaml", **changed))
    with pytest.raises(ConfigError, match=r"mine\.yaml: ") as error:
        suites.load_suite("images")
    assert told in str(error.value)


def test_every_threshold_stands_in_a_query_and_in_what_it_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Numbers that stand nowhere else are found again, each where its threshold belongs."""
    odd = {name: 0.123456 + n / 1e7 if name in SHARES else 7001 + n for n, name in enumerate(PACKAGED)}
    monkeypatch.setenv(drift_thresholds.VARIABLE, written(tmp_path / "odd.yaml", **odd))
    queries = [
        one for t in schemas.table_names() for one in suites.load_suite(t).expectations if one.type == scopes.QUERY
    ]
    for value in map(str, odd.values()):
        told = [one for one in queries if value in one.kwargs["unexpected_rows_query"]]
        assert told
        assert all(one.name in DRIFTS and value in one.description for one in told)


def test_a_query_of_an_unknown_threshold_is_refused(monkeypatch: pytest.MonkeyPatch):
    query = {"unexpected_rows_query": "SELECT * FROM {batch} WHERE x > $mood"}
    strange = Expectation(scopes.QUERY, query, "warning", "d", ExpectationMeta("release", name="strange"))
    with pytest.raises(ConfigError, match=r"strange: conf/drift.yaml has no threshold for \$ \('mood'\)"):
        suites._fill_thresholds(strange, drift_thresholds.load_thresholds().named(), "here")


def altered(table: str, part: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Rewrites the files of a part of a table in place: the log names them still, by their new sizes."""
    files = sorted(Path(table, *part.split("/")).rglob("*.parquet"))
    assert files
    for file in files:
        pq.write_table(change(pq.read_table(file, partitioning=None)), file)
    log = Path(table, "_delta_log")
    for checkpoint in (*log.glob("*.parquet"), *log.glob("_last_checkpoint")):
        checkpoint.unlink()
    for commit in log.glob("*.json"):
        commit.write_text(
            "".join(f"{_resized(Path(table), line)}\n" for line in commit.read_text().split("\n") if line)
        )


def _resized(table: Path, action: str) -> str:
    parsed = json.loads(action)
    if "add" in parsed and (table / parsed["add"]["path"]).is_file():
        parsed["add"]["size"] = (table / parsed["add"]["path"]).stat().st_size
    return json.dumps(parsed)


def without_authors(rows: pa.Table) -> pa.Table:
    place = rows.column_names.index("author")
    return rows.set_column(place, "author", pa.nulls(len(rows), pa.string()))


def turned(rows: pa.Table, mid: str) -> pa.Table:
    """All that people said of a class is refused."""
    is_people = pc.and_(
        pc.equal(rows["mid"].cast("string"), mid), pc.not_equal(rows["verdict"].cast("string"), "unverified")
    )
    verdicts = pc.if_else(is_people, "negative", rows["verdict"].cast("string"))
    return rows.set_column(rows.column_names.index("verdict"), "verdict", verdicts)


@pytest.fixture(scope="module")
def drifted(clean: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, CheckOutcome, str]:
    """(a copy of the clean sample whose V3 was altered in five ways, its check by tighter thresholds, the class turned)."""
    folder = tmp_path_factory.mktemp("drifted")
    mine = replace(clean, warehouse=str(folder / "lake"))
    shutil.copytree(clean.warehouse, mine.warehouse)
    before = DeltaTable(f"{mine.warehouse}/image_labels").to_pyarrow_table(columns=["release", "mid", "verdict"])
    is_told = pc.and_(pc.equal(before["release"], "v2"), pc.equal(before["verdict"], "positive"))
    counts = pc.value_counts(before.filter(is_told)["mid"]).to_pylist()
    mid = max(counts, key=lambda one: (one["counts"], one["values"]))["values"]
    altered(f"{mine.warehouse}/images", "release=v3/subset=test", without_authors)
    altered(f"{mine.warehouse}/boxes", "release=v3/subset=test", lambda rows: pa.concat_tables([rows] * 3))
    altered(f"{mine.warehouse}/image_labels", "release=v3", lambda rows: turned(rows, mid))
    validation = "release=v3/subset=validation"
    altered(f"{mine.warehouse}/image_labels", validation, lambda rows: rows.take(list(range(0, len(rows), 3))))
    altered(f"{mine.warehouse}/classes", "release=v3", lambda rows: rows.slice(10))
    with pytest.MonkeyPatch.context() as patch:
        tighter = {"positive_share_labels": 50, "new_classes": 0.001, "publication_days": 0}
        patch.setenv(drift_thresholds.VARIABLE, written(folder / "tighter.yaml", **tighter))
        return mine, check(mine), mid


def test_drift_that_was_planted_warns_and_no_other(drifted: tuple[Settings, CheckOutcome, str]):
    _, outcome, mid = drifted
    found = {
        (one.target.name, r.expectation): r for one in outcome.checked for r in one.results
        if not r.success and r.expectation in DRIFTS
    }  # fmt: skip
    assert {place: r.unexpected_count for place, r in found.items()} == {
        ("images v3", "drift_of_null_share"): 1,
        ("boxes v3", "drift_of_boxes_an_image"): 1,
        ("image_labels v3", "drift_of_labels_an_image"): 1,
        ("image_labels v3", "drift_of_positive_share"): 1,
        ("classes v3", "drift_of_vanished_classes"): 10,
        ("classes v2", "drift_of_new_classes"): 267,
        ("classes v3", "drift_of_new_classes"): 3,
        ("snapshots", "publication_is_old"): 3,
    }
    assert {r.severity for r in found.values()} == {"warning"}
    shown = {place: json.loads(r.examples[0]) for place, r in found.items()}
    lost = shown["images v3", "drift_of_null_share"]
    assert (lost["subset"], lost["column_name"], lost["share"]) == ("test", "author", 1.0)
    assert shown["image_labels v3", "drift_of_positive_share"]["mid"] == mid
    assert shown["image_labels v3", "drift_of_labels_an_image"]["subset"] == "validation"
    more = shown["boxes v3", "drift_of_boxes_an_image"]
    assert more["an_image"] > 2 * more["an_image_before"]
    assert shown["classes v3", "drift_of_vanished_classes"]["listed_before"] == 444


def test_the_table_carries_the_thresholds_that_held(drifted: tuple[Settings, CheckOutcome, str]):
    mine, _, _ = drifted
    suite = suite_properties.carried_suite(DeltaTable(f"{mine.warehouse}/classes"))
    queries = {
        entry.name: entry.kwargs["unexpected_rows_query"] for entry in suite.expectations if entry.type == scopes.QUERY
    }
    assert "new > 0.001 * listed_before" in queries["drift_of_new_classes"]
    assert "vanished > 0.01 * listed_before" in queries["drift_of_vanished_classes"]
    assert suites.load_suite("classes") != suite_properties.carried_suite(DeltaTable(f"{mine.warehouse}/classes"))


def test_what_drifted_is_explained_with_its_rows(drifted: tuple[Settings, CheckOutcome, str]):
    _, outcome, mid = drifted
    told = explanations.explanation_lines(outcome.checked, is_copy=False)
    text = " ".join(" ".join(told).split())
    assert "image_labels v3: drift_of_positive_share (warning)" in text
    assert f'rows mid="{mid}", share=0.0' in text
    assert "267 rows, the first 5 below" in text
    (classes,) = [t for t in outcome.as_json(True)["tables"] if (t["table"], t["release"]) == ("classes", "v3")]  # type: ignore[attr-defined]
    (gone,) = [r for r in classes["results"] if r["expectation"] == "drift_of_vanished_classes"]
    assert "Classes of the release before are gone" in gone["meaning"]
    assert "class_history" in gone["remedy"]
    assert not any("meaning" in r for r in classes["results"] if r["success"])
