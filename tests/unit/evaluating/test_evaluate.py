"""`oilake evaluate` over a published release: figures, what is dropped and why, the page, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from oilake.jobs import cli
from oilake.jobs.evaluating import image_buckets
from oilake.jobs.evaluating.published_truth import PublishedTruth
from oilake.jobs.transforms.dropped_boxes import DroppedBox
from tests.support.releases import CAT, DOG, TREE, image_id
from tests.support.view_lake import ANIMAL

HEADER = "ImageID,LabelName,Score,XMin,XMax,YMin,YMax"
ONE, TWO, THREE = (image_id(n, "validation") for n in (1, 2, 3))
ROWS = [
    f"{ONE},{CAT},0.9,0.1,0.5,0.1,0.5",
    f"{ONE},{ANIMAL},0.8,0.1,0.5,0.1,0.5",
    f"{ONE},{DOG},0.7,0.6,0.8,0.6,0.8",  # denied: wrong
    f"{TWO},{DOG},0.6,0.1,0.2,0.1,0.2",  # in the group
    f"{TWO},{DOG},0.5,0.3,0.4,0.1,0.2",  # and another
    f"{TWO},{CAT},0.4,0.3,0.4,0.1,0.2",  # nobody was asked for cats there
    f"{THREE},{DOG},0.4,0.3,0.4,0.1,0.2",  # nor for anything here
    f"{ONE},/m/0zzzz,0.3,0.3,0.4,0.1,0.2",  # a class that nobody has
    f"{ONE},{CAT},0.2,0.3,0.3,0.1,0.2",  # without area
]


def evaluate(lake: Path, predictions: Path, *flags: str) -> int:
    return cli.main(
        ["evaluate", "--predictions", str(predictions), "--release", "v7", "--warehouse", str(lake), *flags]
    )


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "predictions.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return dict(json.loads(capsys.readouterr().out))


def averages(report: dict[str, Any]) -> dict[str, float]:
    return {row["key"]: row["average"] for row in report["classes"] if row["average"] is not None}


@pytest.mark.lengthy
@pytest.mark.parametrize("rows_a_bucket", [1, image_buckets.ROWS_A_BUCKET])
def test_figures_of_all_classes_and_of_each(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rows_a_bucket: int
) -> None:
    """The cat and its animal are right; of dogs the denied one is wrong and comes before the group's best one: 1/2. The
    group is one of animals too: one of two animals is found."""
    monkeypatch.setattr(image_buckets, "ROWS_A_BUCKET", rows_a_bucket)
    assert evaluate(lake, written(tmp_path, *ROWS), "--json") == 0
    report = printed(capsys)
    assert averages(report) == {CAT: 1.0, DOG: 0.5, ANIMAL: 0.5}
    assert report["figures"] == {"mAP@0.5IOU": pytest.approx(2 / 3)}
    assert report["fates"] == {"counted": 4, "in_group": 1, "unverified": 2, "other_class": 1, "empty": 1}
    assert (report["release"], report["subset"], report["snapshot"]) == ("v7", "validation", 2)


@pytest.mark.lengthy
def test_groups_count_as_much_as_is_asked_for(lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(lake, written(tmp_path, *ROWS), "--json", "--group-weight", "0") == 0
    assert averages(printed(capsys)) == {CAT: 1.0, ANIMAL: 1.0}
    assert evaluate(lake, written(tmp_path, *ROWS), "--json", "--group-weight", "0.5") == 0
    assert averages(printed(capsys))[DOG] == pytest.approx(1 / 3)


def test_no_prediction_at_all_finds_nothing(lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(lake, written(tmp_path)) == 0
    out = capsys.readouterr().out
    assert "mAP@0.5IOU: 0.000000" in out
    assert f"{DOG}  Dog" in out
    assert TREE not in out


def test_rows_in_any_order_and_spelling_give_the_same(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Columns in another order, one that nobody knows, capitals, CRLF, and MIDs as Freebase writes them."""
    parts = [row.split(",") for row in reversed(ROWS)]
    path = tmp_path / "other.csv"
    lines = [
        ",".join([*p[3:], p[2], "note", "m." + p[1].rpartition("/")[2], p[0].upper() if n % 2 else p[0]])
        for n, p in enumerate(parts)
    ]
    path.write_text("\r\n".join(["XMin,XMax,YMin,YMax,Score,Note,LabelName,ImageID", *lines]))
    assert evaluate(lake, path, "--json") == 0
    assert averages(printed(capsys)) == {CAT: 1.0, DOG: 0.5, ANIMAL: 0.5}


def test_the_page_shows_each_class_and_escapes_names(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "new" / "page.html"
    predictions = written(tmp_path, *ROWS)
    odd = predictions.rename(tmp_path / "<b>.csv")
    assert evaluate(lake, odd, "--page", str(page)) == 0
    html = page.read_text()
    assert html.count("<polyline") == 4
    assert "&lt;b&gt;.csv" in html
    assert "<b>" not in html
    assert "0.666667" in html
    assert "<script" not in html
    assert str(page) in capsys.readouterr().err


def test_boxes_that_a_correction_leaves_out_are_no_truth(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cat's box is left out: people still say that a cat, so an animal, is there, so its detections are wrong."""
    cat_box = DroppedBox(int(ONE, 16), CAT, 0.1, 0.5, 0.1, 0.5)
    monkeypatch.setattr(PublishedTruth, "_dropped_boxes", lambda _: frozenset({cat_box}))
    assert evaluate(lake, written(tmp_path, *ROWS), "--json") == 0
    assert averages(printed(capsys)) == {DOG: 0.5, ANIMAL: 0.0}


BAD_ROWS = {
    "a word as score": (f"{ONE},{CAT},high,0,1,0,1", "line 3: Score 'high' is no finite number"),
    "no score": (f"{ONE},{CAT},,0,1,0,1", "line 3: Score"),
    "a score without end": (f"{ONE},{CAT},inf,0,1,0,1", "line 3: Score"),
    "pixels": (f"{ONE},{CAT},0.5,10,200,10,200", "edges are fractions of the image"),
    "edges turned round": (f"{ONE},{CAT},0.5,0.5,0.1,0,1", "line 3: XMin '0.5' is greater than the edge opposite"),
    "a name as class": (f"{ONE},Cat,0.5,0,1,0,1", "LabelName 'Cat' is no MID"),
    "no image": (f",{CAT},0.5,0,1,0,1", "ImageID"),
    "an image's file": (f"{ONE}.jpg,{CAT},0.5,0,1,0,1", "is no image ID"),
    "too few columns": (f"{ONE},{CAT},0.5", "line 3: this is no row (wrong_field_count)"),
    "an open quote": (f'{ONE},"{CAT},0.5,0,1,0,1', "line 3: this is no row"),
    "no text": (f"{ONE},{CAT}\0,0.5,0,1,0,1", "line 3: this is no row (nul_byte)"),
}


@pytest.mark.lengthy
@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_told_with_its_line(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    row, sentence = BAD_ROWS[case]
    path = written(tmp_path, ROWS[0], row, ROWS[1])
    assert evaluate(lake, path, "--page", str(tmp_path / "page.html")) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert str(path) in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not (tmp_path / "page.html").exists()


REFUSED = {
    "another weight": (["--group-weight", "2"], "--group-weight must be from 0 to 1"),
    "no weight": (["--group-weight", "nan"], "--group-weight must be from 0 to 1"),
    "another set": (["--class-set", "challenge_2020"], "there is challenge_2018, challenge_2019"),
    "a sum of boxes": (["--sum-weights", "1", "1", "1"], "--sum-weights is of relationships"),
    "a subset without rows": (["--subset", "test"], "boxes of v7 has no row of test"),
    "a set that has not landed": (
        ["--class-set", "challenge_2018", "--landing", "/nowhere"],
        "bring it there from https:",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_evaluated_is_told(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    flags, sentence = REFUSED[case]
    assert evaluate(lake, written(tmp_path, *ROWS), *flags) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "there is no row below a header"),
        ("ImageID,LabelName,XMin,XMax,YMin,YMax\n", "required column Score is missing"),
        (f"{ROWS[0]}\n{ROWS[1]}\n", "a file of predictions begins with ImageID,LabelName,Score"),
    ],
)
def test_a_file_that_is_none(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, sentence: str
) -> None:
    path = tmp_path / "none.csv"
    path.write_text(content)
    assert evaluate(lake, path) == 2
    assert sentence in capsys.readouterr().err
    assert evaluate(lake, tmp_path / "absent.csv") == 2
    assert f"--predictions {tmp_path / 'absent.csv'}: no such file" in capsys.readouterr().err


def test_a_challenge_has_its_own_classes_and_tree(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its list leaves cats out, and its tree has no animals above dogs: of both nothing is said."""
    folder = tmp_path / "challenge_2018"
    folder.mkdir()
    (folder / "challenge-2018-class-descriptions-500.csv").write_text(f"{DOG},Dog\r\n{TREE},Tree\n")
    tree = {"LabelName": "/m/0bl9f", "Subcategory": [{"LabelName": DOG}, {"LabelName": TREE}]}
    (folder / "bbox_labels_500_hierarchy.json").write_text(json.dumps(tree))
    flags = ("--class-set", "challenge_2018", "--landing", str(tmp_path), "--json")
    assert evaluate(lake, written(tmp_path, *ROWS), *flags) == 0
    report = printed(capsys)
    assert averages(report) == {DOG: 0.5}
    assert report["fates"]["other_class"] == 5


RELATED_HEADER = "ImageID,LabelName1,LabelName2,RelationshipLabel,Score," + ",".join(
    f"{edge}{n}" for n in (1, 2) for edge in ("XMin", "XMax", "YMin", "YMax")
)
HELD = "0,1,0,1,0.2,0.4,0.2,0.4"
RELATED_ROWS = [
    f"{ONE},{CAT},{TREE},on,0.9,{HELD}",
    f"{ONE},{CAT},{TREE},on,0.8,{HELD}",  # a second one of the same: wrong
    f"{ONE},{CAT},{DOG},on,0.7,{HELD}",  # people deny the dog: wrong
    f"{TWO},{CAT},{TREE},on,0.6,{HELD}",  # nobody said anything about them there
    f"{ONE},{CAT},{TREE},holds,0.5,{HELD}",  # no relationship of this type is there: of no type's average
]


def test_relationships_have_three_figures_and_a_sum(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, *RELATED_ROWS, header=RELATED_HEADER)
    assert evaluate(lake, path, "--json", "--sum-weights", "0.4", "0.2", "0.4") == 0
    report = printed(capsys)
    assert list(report["figures"].values()) == [0.5, 0.5, 0.5, 0.5]
    assert list(report["figures"])[-1] == "sum by 0.4, 0.2, 0.4"
    assert [(row["key"], row["name"], row["average"]) for row in report["classes"]] == [
        ("on", "relationship", 1.0),
        ("is", "relationship", 0.0),
        ("holds", "relationship", None),
        ("on", "phrase", 1.0),
        ("is", "phrase", 0.0),
        ("holds", "phrase", None),
    ]
    assert report["fates"] == {"counted": 4, "unverified": 1}
    assert evaluate(lake, path) == 0
    assert "relationships recall@50: 0.500000" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "row", "sentence"),
    [
        (["--class-set", "challenge_2018"], RELATED_ROWS[0], "--class-set is of boxes"),
        (["--group-weight", "0"], RELATED_ROWS[0], "--group-weight is of boxes"),
        (["--sum-weights", "1", "nan", "1"], RELATED_ROWS[0], "--sum-weights must be three numbers"),
        ([], f"{ONE},{CAT},{TREE},,0.9,{HELD}", "line 2: RelationshipLabel"),
        ([], f"{ONE},{CAT},tree,on,0.9,{HELD}", "line 2: LabelName2 'tree' is no MID"),
        ([], f"{ONE},{CAT},{TREE},on,0.9,0,1,0,1,0.4,0.2,0,1", "line 2: XMin2 '0.4'"),
    ],
)
def test_relationships_that_are_none(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], row: str, sentence: str
) -> None:
    assert evaluate(lake, written(tmp_path, row, header=RELATED_HEADER), *flags) == 2
    assert sentence in capsys.readouterr().err


def test_what_is_published_stays_as_it_is(lake: Path, tmp_path: Path) -> None:
    before = DeltaTable(str(lake / "snapshots")).version()
    assert evaluate(lake, written(tmp_path, *ROWS)) == 0
    assert DeltaTable(str(lake / "snapshots")).version() == before
