"""`oilake docs`: pages that fetch nothing, say what was found, show hostile values as text, and replace only themselves."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from oilake.jobs.reporting import html as pages_html
from oilake.jobs.reporting import site_writer
from tests.conftest import Oilake
from tests.support.validation_history import HOSTILE, looked_at

FETCHING = {"src", "srcset", "poster", "data", "action", "formaction", "background", "cite", "manifest", "ping"}
KNOWN_SCRIPTS = {"jquery.min.js", "bootstrap.bundle.min.js", "tables.js"}


class Page(HTMLParser):
    """What a page would fetch, where its links lead, its text, and the tags that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.tags: list[str] = []
        self.styles = self.text = self.policy = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if ("http-equiv", "Content-Security-Policy") in attributes:
            self.policy = dict(attributes)["content"] or ""
        for name, value in attributes:
            if name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in FETCHING or name == "href":
                self.fetched.append(value or "")
            elif name.startswith("on"):
                self.handlers.append(value or "")
            elif name == "style":
                self.styles += value or ""

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "style":
            self.styles += data
        self.text += data


@pytest.fixture(scope="module")
def pages(empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(the warehouse, its pages)."""
    from oilake.conf import settings
    from oilake.jobs.docs import docs

    warehouse = tmp_path_factory.mktemp("docs") / "warehouse"
    shutil.copytree(empty_warehouse, warehouse)
    looked_at(str(warehouse))
    docs(settings.environment_settings("local", {"warehouse": str(warehouse)}), warehouse.parent / "pages")
    return warehouse, warehouse.parent / "pages"


def html(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.html"))


def is_elsewhere(address: str) -> bool:
    return bool(re.match(r"\s*(?:[a-z][a-z0-9+.-]*:|//)", address, re.IGNORECASE)) and not address.startswith("data:")


def test_nothing_is_fetched_from_anywhere(pages: tuple[Path, Path]):
    """Every reference but a link leads to a file of the folder; style sheets name only such, too."""
    found = html(pages[1])
    assert len(found) > 5
    for path in found:
        page = Page(path)
        assert page.policy.startswith("default-src 'none'; "), path
        for address in page.fetched:
            assert not is_elsewhere(address), (path, address)
            assert (path.parent / address).resolve().is_file(), (path, address)
        assert not re.search(r"url\(|@import", page.styles), path
        for address in page.links:
            if not is_elsewhere(address) and not address.startswith("#"):
                assert (path.parent / address).resolve().is_file(), (path, address)
    for path in pages[1].rglob("*.css"):
        for address in re.findall(r"url\(([^)]*)\)", path.read_text()):
            address = address.strip("\"'")
            assert not is_elsewhere(address), (path, address)
            assert address.startswith("data:") or (path.parent / address).is_file(), (path, address)
    for path in pages[1].rglob("*.js"):
        assert path.name in KNOWN_SCRIPTS
        assert b"sourceMappingURL" not in path.read_bytes()


def test_hostile_values_are_text_on_every_page(pages: tuple[Path, Path]):
    for path in html(pages[1]):
        page = Page(path)
        assert not [a for a in page.fetched if "evil" in a], path
        assert not [h for h in page.handlers if "alert" in h], path
        content = path.read_text()
        assert "<img src=https://evil" not in content, path
        assert "<script>alert" not in content, path
    shown = Page(pages[1] / "table-labels.html").text
    assert shown.count(HOSTILE) >= 4
    (checked,) = [p for p in html(pages[1] / "gx" / "validations") if "run2" in str(p)]
    assert HOSTILE in Page(checked).text


def test_the_pages_say_what_was_found(pages: tuple[Path, Path]):
    index = Page(pages[1] / "index.html").text
    assert "Broken: labels." in index
    labels = Page(pages[1] / "table-labels.html")
    for said in (
        "2 of 1,000 rows (0.2 %)",
        "seen in Delta version 2",
        "a MID is /m/0 and digits",
        "7 rows kept out",
        "What can be done: ",
        "is partial",
        "Every published image-level label",
    ):
        assert said in labels.text, said
    assert "script" not in labels.tags
    titles = re.findall(r"aria-label='([^']*)'", (pages[1] / "table-labels.html").read_text())
    assert "Rows that break mid_match_regex, the oldest first: 0, 0, 2" in titles
    assert "Rows, the oldest first: 1,000, 1,000, 1,000" in titles


def test_great_expectations_own_pages_are_there(pages: tuple[Path, Path]):
    index = (pages[1] / "gx" / "index.html").read_text()
    assert "bootstrapTable(" in index
    checked = [str(p.relative_to(pages[1] / "gx")) for p in html(pages[1] / "gx" / "validations")]
    assert len(checked) == 2
    assert all(path in index for path in checked)
    shown = Page(pages[1] / "gx" / checked[-1])
    assert "2 unexpected values found" in re.sub(r"\s+", " ", shown.text)
    assert "vegaEmbed" not in shown.text


def test_the_same_tables_give_the_same_pages(pages: tuple[Path, Path], oilake: Oilake, tmp_path: Path):
    code, out, _ = oilake("docs", "--warehouse", str(pages[0]), "--to", str(tmp_path / "again"), "--json")
    assert code == 0
    assert json.loads(out)["tables"]["labels"]["broken"] == 2
    files = {p.relative_to(pages[1]): p.read_bytes() for p in pages[1].rglob("*") if p.is_file()}
    again = {p.relative_to(tmp_path / "again"): p.read_bytes() for p in (tmp_path / "again").rglob("*") if p.is_file()}
    assert files.keys() == again.keys()
    assert [str(name) for name in files if files[name] != again[name]] == []


def test_a_copy_alone_is_told_from_what_it_carries(
    pages: tuple[Path, Path], oilake: Oilake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from oilake.schemas import loader

    copy = tmp_path / "elsewhere"
    shutil.copytree(pages[0] / "labels", copy)

    def gone(*arguments: object) -> None:
        raise AssertionError("the project's YAML was asked for")

    monkeypatch.setattr(loader, "table_schema", gone)
    code, out, err = oilake("docs", str(copy), "--to", str(tmp_path / "pages"), "--warehouse", str(tmp_path / "none"))
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("1 table: ")
    shown = Page(tmp_path / "pages" / "table-labels.html").text
    assert "Every published image-level label" in shown
    assert "2 of 1,000 rows (0.2 %)" in shown


def test_other_files_are_never_replaced_and_a_failure_leaves_the_pages_of_before(
    pages: tuple[Path, Path], oilake: Oilake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years")
    code, _, err = oilake("docs", "--warehouse", str(pages[0]), "--to", str(mine))
    assert code == 2
    assert "holds other files, which the pages would replace" in err
    assert (mine / "thesis.txt").read_text() == "years"
    target = tmp_path / "pages"
    mark = site_writer.DOCS_MARK
    site_writer.write_site(target, {"index.html": pages_html.render(mark).encode()}, mark, "--to")
    before = Path.rename

    def full(self: Path, to: Path) -> Path:
        if to == target and ".unfinished-" in self.name and not self.name.endswith(".earlier"):
            raise OSError(28, "No space left on device")
        return before(self, to)

    monkeypatch.setattr(Path, "rename", full)
    code, _, err = oilake("docs", "labels", "--warehouse", str(pages[0]), "--to", str(target))
    assert code == 2
    assert "No space left on device" in err
    assert [p.name for p in target.iterdir()] == ["index.html"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_what_cannot_be_told_is_one_sentence(pages: tuple[Path, Path], oilake: Oilake, tmp_path: Path):
    copy = tmp_path / "labels"
    shutil.copytree(pages[0] / "labels", copy)
    kept = next((copy / "_quality").glob("*run2.json"))
    wrong = tmp_path / "wrong"
    shutil.copytree(copy, wrong)
    (copy / "_quality" / "broken.json").write_text('{"run_id": "x"}')
    (wrong / "_quality" / kept.name).write_text(
        kept.read_text().replace('"element_count": 1000', '"element_count": "x"')
    )
    for what, told in (
        ([str(copy)], "broken.json: holds no results of a check"),
        ([str(wrong)], "element_count must be a whole number"),
        ([str(tmp_path)], "neither a table of the warehouse nor a folder"),
        (["images", "--warehouse", str(tmp_path / "none")], "there is no such table yet"),
        (["--warehouse", str(tmp_path / "none")], "nothing is published there"),
    ):
        code, _, err = oilake("docs", *what, "--to", str(tmp_path / "pages"))
        assert code == 2, what
        assert told in err
        assert len(err.splitlines()) == 1
    assert not (tmp_path / "pages").exists()
