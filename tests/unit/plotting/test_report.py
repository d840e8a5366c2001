"""The report as a site: its numbers are those of the tables, and nothing that the tables hold is more than text in it."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from oilake.jobs import cli
from oilake.jobs.reporting import html as templates
from oilake.jobs.reporting import site_writer
from oilake.jobs.surveying.label_checks import wilson_interval
from tests.support import table_readers, view_lake
from tests.support.releases import CAT, DOG, TREE
from tests.support.view_lake import NAMES

pytestmark = pytest.mark.lengthy

ELEMENTS = {
    "svg",
    "g",
    "path",
    "rect",
    "line",
    "text",
    "tspan",
    "defs",
    "lineargradient",
    "stop",
    "clippath",
    "circle",
    "title",
}


def numbers(site: Path, key: str) -> list[dict[str, str]]:
    with (site / "numbers" / f"{key}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def pages(site: Path) -> list[Path]:
    return sorted(site.glob("*.html"))


class Markup(HTMLParser):
    """The tags of a page, those within pictures apart, its handlers, addresses, identifiers and references."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.drawn: set[str] = set()
        self.handlers: set[str] = set()
        self.addresses: set[str] = set()
        self.names: list[str] = []
        self.depth = 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.depth += tag == "svg"
        (self.drawn.add(tag) if self.depth else self.tags.update([tag]))
        for name, value in attributes:
            self.handlers |= {name} if name.startswith("on") else set()
            self.addresses |= {value} if name in ("href", "src", "xlink:href") else set()
            self.names += [value] if name == "id" else []

    def handle_endtag(self, tag):
        self.depth -= tag == "svg"


@pytest.mark.parametrize("subset", ["train", "validation"])
def test_the_label_distribution_is_what_the_table_holds(site: Path, report_lake: str, subset: str):
    counts: Counter[tuple[str, float]] = Counter()
    for row in table_readers.rows(report_lake, "labels", "v4"):
        if row["subset"] == subset and row["origin"] != "machine":
            counts[row["mid"], row["confidence"]] += 1
    mids = sorted({mid for mid, _ in counts}, key=lambda mid: (-counts[mid, 1.0], -counts[mid, 0.0], mid))
    expected = [
        {"rank": str(rank), "mid": mid, "name": NAMES[mid], "positives": str(counts[mid, 1.0]),
         "negatives": str(counts[mid, 0.0])}
        for rank, mid in enumerate(mids, 1)
    ]  # fmt: skip
    assert numbers(site, f"v4-labels-{subset}") == expected


def test_box_frequencies_are_what_the_table_holds(site: Path, report_lake: str):
    counts = Counter(row["mid"] for row in table_readers.rows(report_lake, "boxes", "v4"))
    shown = {row["mid"]: int(row["boxes"]) for row in numbers(site, "v4-boxes-train")}
    assert shown == dict(counts)
    assert [*shown] == [DOG, TREE]


def test_figures_stand_beside_the_published_ones(site: Path):
    page = (site / "release-v4.html").read_text()
    rows = re.findall(r"<tr role='row'><th[^>]*>(.*?)</th>(.*?)</tr>", page)
    shown = {name: re.findall(r"<td[^>]*>(.*?)</td>", cells) for name, cells in rows}
    assert shown["images"] == ["train", "60", "60", "0"]
    assert shown["boxes"] == ["train", "61", "59", "<span class='differs'>+2</span>"]
    assert shown["classes"] == ["release", "4", "–", "–"]


def test_each_release_has_a_page_and_the_first_one_has_its_rows(site: Path, report_lake: str):
    index = html.unescape((site / "index.html").read_text())
    for release in ("v2", "v3", "v4", "v5"):
        assert f"<a href='release-{release}.html'>{release}</a>" in index
        row = index.partition(f"'release-{release}.html'>")[2].partition("</tr>")[0]
        counts = Counter(image["subset"] for image in table_readers.rows(report_lake, "images", release))
        for subset, cell in zip(
            ("train", "validation", "test"), re.findall(r"class='number'[^>]*>([^<]*)<", row), strict=False
        ):
            assert cell == (f"{counts[subset]:,}" if counts[subset] else "–")
    assert ">partial<" in index


def test_every_plot_has_a_title_words_and_its_numbers(site: Path):
    for page in pages(site):
        for figure in re.findall(r"<figure>.*?</figure>", page.read_text(), re.DOTALL):
            assert re.search(r"<figcaption>[^<]{10,}</figcaption>", figure)
            assert re.search(r"role=\"img\"[^>]* aria-label=\"[^\"]{20,}\"", figure)
            (path,) = re.findall(r"href='(numbers/[^']*)'", figure)
            assert (site / path).read_text().count("\n") >= 2


def test_the_pages_are_text_and_ask_nobody(site: Path):
    for page in pages(site):
        text = page.read_text()
        shown = Markup(text)
        assert shown.drawn <= ELEMENTS, page
        assert not shown.handlers
        assert not shown.tags["img"] + shown.tags["b"] + shown.tags["iframe"] + shown.tags["link"]
        assert len(shown.names) == len(set(shown.names)), "a name stands once in a page"
        assert set(re.findall(r"https?://[^\s\"'<>)]+", text)) <= {"http://www.w3.org/2000/svg"}
        assert all((site / address).exists() for address in shown.addresses if not address.startswith("#")), page
        assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(shown.names)


def test_a_class_whose_name_is_markup_is_told_as_text(site: Path):
    assert numbers(site, "v4-boxes-train")[1]["name"] == NAMES[TREE]


def test_the_hierarchy_is_a_tree_with_the_counts_of_each_class(site: Path, report_lake: str):
    page = (site / "hierarchy-v4.html").read_text()
    assert page.count("role='treeitem'") == len(table_readers.rows(report_lake, "hierarchy", "v4"))
    rows = [row for row in table_readers.rows(report_lake, "labels", "v4") if row["origin"] != "machine"]
    labels = Counter((row["mid"], row["confidence"]) for row in rows)
    boxes = Counter(row["mid"] for row in table_readers.rows(report_lake, "boxes", "v4"))
    dog = page.partition(f"<code>{DOG}</code>")[2].partition("</li>")[0]
    assert f"{labels[DOG, 1.0]} positive, {labels[DOG, 0.0]} negative, {boxes[DOG]} boxes" in dog
    assert "<span class='kind'>part</span> <span class='name'>Tree &amp; &lt;b&gt;bush&lt;/b&gt;</span>" in page
    assert "also below Dog" in page.partition(f"<code>{CAT}</code>")[2].partition("</li>")[0]
    (told,) = numbers(site, "v4-hierarchy")[-1:]
    assert (told["mid"], told["relation"], told["depth"]) == (TREE, "part", "3")


def test_confirmed_shares_are_those_of_the_labels(site: Path, report_lake: str):
    judged = [row for row in table_readers.rows(report_lake, "image_labels", "v4") if row["machine_agrees"] is not None]
    by_confidence = Counter(round(row["machine_confidence"], 1) for row in judged)
    right = Counter(round(row["machine_confidence"], 1) for row in judged if row["machine_agrees"])
    shown = numbers(site, "v4-correct-confidence")
    assert {float(row["confidence"]): int(row["judged"]) for row in shown} == dict(by_confidence)
    assert {float(row["confidence"]): int(row["correct"]) for row in shown} == dict(right)
    (row,) = numbers(site, "v4-correct-frequency")
    assert (row["classes"], row["judged"], row["correct"]) == ("1", str(len(judged)), str(right.total()))
    assert float(row["least"]) <= len(judged) < float(row["most"])
    assert float(row["low"]) < int(row["correct"]) / len(judged) < float(row["high"])


def test_an_interval_is_wilsons():
    """The textbook's example of 81 in 263, and the ends, where the plain interval has no width."""
    assert wilson_interval(81, 263) == pytest.approx((81 / 263, 0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0, 0, 0.1611), abs=1e-4)
    assert wilson_interval(20, 20) == pytest.approx((1, 0.8389, 1), abs=1e-4)


def test_agreement_is_that_of_the_labels(site: Path, report_lake: str):
    words = {True: "yes", False: "no"}
    rows = [row for row in table_readers.rows(report_lake, "image_labels", "v4") if row["crowd_verdict"] is not None]
    pairs = Counter((row["subset"], words[row["human_verdict"]], words[row["crowd_verdict"]]) for row in rows)
    shown = numbers(site, "v4-agreement")
    assert {(row["subset"], row["house"], row["crowd"]): int(row["pairs"]) for row in shown} == dict(pairs)


def test_boxes_are_counted_by_attribute_size_and_place(site: Path, report_lake: str):
    boxes = table_readers.rows(report_lake, "boxes", "v4")
    answers = Counter({True: "yes", False: "no", None: "unknown"}[box["is_occluded"]] for box in boxes)
    shown = {
        row["answer"]: int(row["boxes"]) for row in numbers(site, "v4-box-attributes") if row["attribute"] == "occluded"
    }
    assert shown == dict(answers)
    centres = Counter(
        tuple(min(int((box[f"{axis}_min"] + box[f"{axis}_max"]) / 2 * 20), 19) / 20 for axis in "xy") for box in boxes
    )
    cells = numbers(site, "v4-box-centres")
    assert {(float(row["across"]), float(row["down"])): int(row["boxes"]) for row in cells} == dict(centres)
    for key in ("v4-box-sizes", "v4-box-sides"):
        assert sum(int(row["boxes"]) for row in numbers(site, key)) == len(boxes)
    assert any(float(row["least"]) == 0.95 for row in numbers(site, "v4-box-sizes")), "one is as large as its image"


def test_contradictions_quarantine_and_blobs_are_those_of_the_tables(site: Path, report_lake: str):
    kinds = Counter((row["kind"], row["subset"]) for row in table_readers.rows(report_lake, "contradictions", "v3"))
    shown = numbers(site, "v3-contradictions")
    assert {(row["kind"], row["subset"]): int(row["count"]) for row in shown} == dict(kinds)
    reasons = Counter(
        reason for row in table_readers.rows(report_lake, "quarantine", "v4") for reason in row["reasons"]
    )
    assert {row["reason"]: int(row["count"]) for row in numbers(site, "v4-quarantine")} == dict(reasons)
    states = Counter(row["status"] for row in table_readers.now(report_lake, "blob_checks"))
    assert {row["status"]: int(row["count"]) for row in numbers(site, "v3-blobs")} == dict(states)


def test_promises_are_shown_as_they_were_last_judged(site: Path, report_lake: str):
    """Not one that was mended since, nor a publication that was refused, nor a promise of a table that is not published."""
    connection = duckdb.connect()
    connection.register("results", pa.Table.from_pylist(table_readers.now(report_lake, "quality_results")))
    newest = connection.sql(
        "SELECT table_name, expectation, success, unexpected_count FROM results r WHERE release = 'v4' AND table_name IN "
        "('labels', 'boxes') AND type <> 'reader' AND table_version IS NOT NULL AND expectation NOT LIKE 'no_such%' AND "
        "checked_at = (SELECT max(checked_at) FROM results s WHERE s.table_version IS NOT NULL AND "
        "(s.table_name, s.release, s.expectation) = (r.table_name, r.release, r.expectation))"
    ).fetchall()
    shown = numbers(site, "v4-broken")
    assert {(row["table"], row["expectation"]): int(row["rows"]) for row in shown} == {
        (table, name): rows for table, name, success, rows in newest if not success
    }
    counts = {(row["table"], row["state"]): int(row["promises"]) for row in numbers(site, "v4-promises")}
    assert Counter(table for table, *_ in newest) == {
        table: sum(n for (of, _), n in counts.items() if of == table) for table in ("labels", "boxes")
    }
    assert counts["labels", "broken"] == counts["labels", "warning"] == counts["boxes", "to note"] == 1


def test_drift_is_told_with_an_example(site: Path):
    drift = {row["expectation"]: row for row in numbers(site, "v4-drift")}
    assert (drift["drift_of_null_share"]["rows"], drift["drift_of_null_share"]["state"]) == ("4", "warning")
    assert drift["drift_of_null_share"]["example"] == '{"a": 1}'
    assert (drift["drift_of_boxes_an_image"]["rows"], drift["drift_of_boxes_an_image"]["state"]) == ("0", "kept")
    page = (site / "release-v4.html").read_text()
    assert "2 comparisons with the release before, 1 of which finds more than may be." in page
    assert "oilake check --release v2 does it" in (site / "release-v2.html").read_text()


def test_the_flow_is_what_releases_and_comparisons_hold(site: Path, report_lake: str):
    rows = numbers(site, "flow-images")
    images = Counter(
        (release, row["subset"]) for release in ("v2", "v3", "v4", "v5")
        for row in table_readers.rows(report_lake, "images", release)
    )  # fmt: skip
    assert {(row["release"], row["part"]): int(row["rows"]) for row in rows} == dict(images)
    (added,) = numbers(site, "changes-images")
    assert (added["pair"], added["change"], added["rows"]) == ("v2 to v3", "added", "70")


def test_only_the_script_of_the_tree_may_run(site: Path):
    page = (site / "hierarchy-v4.html").read_text()
    (script,) = re.findall(r"<script id='tree-script'>(.*?)</script>", page, re.DOTALL)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert all("<script" not in other.read_text() for other in pages(site) if not other.name.startswith("hierarchy"))


def test_what_a_release_lacks_is_said(site: Path):
    page = (site / "release-v2.html").read_text()
    assert "No box is published." in page
    assert "No label of people is published." in page
    assert "oilake figures --release v2" in page


def test_an_empty_warehouse_has_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = view_lake.make_tables(str(tmp_path / "lake"))
    (tmp_path / "nothing").mkdir()
    for warehouse in (place, str(tmp_path / "nothing")):
        assert cli.main(["report", "--warehouse", warehouse, "--out", str(tmp_path / "site"), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["releases"], told["plots"]) == ([], 0)
        assert "Nothing is published here yet" in Path(told["index"]).read_text()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    for place in (tmp_path / "mine", tmp_path / "mine" / "thesis.txt"):
        assert cli.main(["report", "--warehouse", str(tmp_path / "lake"), "--out", str(place)]) == 2
        assert re.fullmatch(r"oilake: .*--out[^\n]*\n", capsys.readouterr().err)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"


def test_a_file_that_cannot_be_read_is_named_with_the_command_that_makes_it_again(
    report_lake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    place = shutil.copytree(report_lake, tmp_path / "lake")
    for file in (place / "labels").rglob("*.parquet"):
        whole = file.read_bytes()
        file.write_bytes(whole[:-4] + b"xxxx")
    assert cli.main(["report", "--warehouse", str(place), "--out", str(tmp_path / "site")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(
        r"labels/release=(v\d)/.*; check the disk, or run `oilake ingest --release \1 --force --warehouse", line
    )
    assert not (tmp_path / "site").exists()


def test_pages_of_another_kind_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = view_lake.make_tables(str(tmp_path / "lake"))
    pages, site = tmp_path / "docs", tmp_path / "site"
    site_writer.write_site(
        pages, {"index.html": templates.render("generator.html").encode()}, site_writer.DOCS_MARK, "--to"
    )
    assert cli.main(["report", "--warehouse", place, "--out", str(pages)]) == 2
    assert cli.main(["report", "--warehouse", place, "--out", str(site)]) == 0
    assert cli.main(["docs", "--warehouse", place, "--to", str(site)]) == 2
    refusals = [line for line in capsys.readouterr().err.splitlines() if "holds other files" in line]
    assert [re.search(r"with (--\w+)$", line)[1] for line in refusals] == ["--out", "--to"]  # type: ignore[index]


def test_no_site_takes_the_place_of_the_caller_s_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    place = view_lake.make_tables(str(tmp_path / "lake"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for words in (["report", "--out", "."], ["docs", "--to", "."]):
        assert cli.main([*words, "--warehouse", place]) == 2
        assert "is where this is called" in capsys.readouterr().err
    assert not [*Path().iterdir()]


def test_a_link_to_a_site_stays_one_and_no_site_lies_among_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = view_lake.make_tables(str(tmp_path / "lake"))
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    for _ in range(2):
        assert cli.main(["report", "--warehouse", place, "--out", str(tmp_path / "link")]) == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "index.html").is_file()
    capsys.readouterr()
    assert cli.main(["report", "--warehouse", place, "--out", f"{place}/site"]) == 2
    assert "which holds tables" in capsys.readouterr().err


def test_a_site_is_replaced_when_it_holds_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "lake").mkdir()
    words = ["report", "--out", str(tmp_path / "site"), "--warehouse"]
    assert cli.main([*words, str(tmp_path / "lake")]) == 0
    assert cli.main([*words, str(tmp_path / "lake")]) == 0
    assert cli.main([*words, str(tmp_path / "nowhere")]) == 2
    assert "nowhere: there is no such folder" in capsys.readouterr().err
    (tmp_path / "site" / "notes.txt").write_text("mine")
    assert cli.main([*words, str(tmp_path / "lake")]) == 2
    assert "holds other files" in capsys.readouterr().err
    assert (tmp_path / "site" / "notes.txt").read_text() == "mine"
