"""What makes the pages: markup stands in templates that escape every value, and travels with the code."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from oilake.conf.contradiction_rules import load_rules
from oilake.jobs import changes, cli
from oilake.jobs.downloading.outcome import DOWNLOADED
from oilake.jobs.downloading.summary import DownloadSummary
from oilake.jobs.ingesting import summary as summaries
from oilake.jobs.ingesting.summary import Summary
from oilake.jobs.masking.outcome import MaskVerification, SubsetChecks
from oilake.jobs.reconcile import COUNTS
from oilake.jobs.reporting import html, palette, wording
from oilake.jobs.reporting.report_data import ReleaseChanges, ReleaseReport, RunReport
from oilake.jobs.reporting.report_page import report_page
from oilake.jobs.surveying.published_figures import Figure, figure_tables
from oilake.jobs.verifying.summary import Verification
from oilake.quality.results import Result
from tests.support.validation_history import HOSTILE
from tests.unit.test_contracts import imports

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "jobs" / "reporting" / "templates"
TAGS = r"a|body|code|div|figure|h\d|head|html|img|li|link|meta|p|rect|script|span|style|svg|t[dhr]|table|text|ul"
MARKUP = re.compile(rf"</\w|<!doctype|(?<!\?P)<({TAGS})\b[ />]", re.IGNORECASE)
READS_MARKUP = "oilake/jobs/reporting/offline_assets.py"  # finds what Great Expectations' templates would load


def files_of_packages() -> set[str]:
    """Every file below `oilake`, whose folders are links to the four at the root."""
    walked = os.walk(ROOT / "oilake", followlinks=True)
    found = (Path(folder, name).relative_to(ROOT) for folder, _, names in walked for name in names)
    return {path.as_posix() for path in found if path.suffix != ".pyc"}


def spoken(tree: ast.Module) -> set[str]:
    """Every text of a module but its docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {value for value in constants if isinstance(value, str)} - docstrings


class Shown(HTMLParser):
    """The tags, handlers and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)

    def handle_data(self, data):
        self.text += data


def hostile_run() -> RunReport:
    """A run whose every text would run a script where it is not escaped."""
    counts = dict.fromkeys(("rows_read", "rows_kept", "rows_quarantined", "image_ids_repaired", "mids_repaired"), 1)
    summary = Summary(
        HOSTILE, HOSTILE, HOSTILE, HOSTILE, True, {HOSTILE: {"images": 3, "quarantined": 2}}, counts, {HOSTILE: 1}
    )
    summary.warnings.append(HOSTILE)
    tables = figure_tables([Figure("images", "train", 1, 2), Figure("boxes", None, 3, None)])
    told = {"denied_ancestor": {HOSTILE: 3, "test": 0}, "mask_without_box": {"train": 1_234}}
    release = ReleaseReport(summary, {HOSTILE: dict.fromkeys(COUNTS, 2)}, told, [HOSTILE], HOSTILE, tables)
    changed = ReleaseChanges(HOSTILE, HOSTILE, {"labels": {HOSTILE: 3, "none": 0}})
    brought = DownloadSummary(HOSTILE, HOSTILE, images=2, present=1, statuses={HOSTILE: 1, DOWNLOADED: 1})
    bad = Verification(HOSTILE, HOSTILE, HOSTILE, 3, HOSTILE, statuses={"missing": 2}, shown={"missing": [HOSTILE]})
    seen = {HOSTILE: SubsetChecks("", 1, 2, 3, {"verified": 4, "missing": 5, HOSTILE: 6}, {})}
    masks = MaskVerification(HOSTILE, HOSTILE, True, seen)
    return RunReport([release], [changed], brought, [bad], [masks])


def test_hostile_values_are_text_in_the_report():
    page = report_page(hostile_run())
    shown = Shown(page)
    assert shown.text.count(HOSTILE) >= 19
    assert not shown.tags & {"img", "script"}
    assert not [name for name in shown.attributes if name.startswith("on")]
    assert re.findall(r"<td class='bad'>([^<]*)</td>", page) == ["2", "1 (2)", "1", "2", "5"]


def test_every_kind_of_contradiction_has_a_plot_with_its_numbers_as_text():
    page = report_page(hostile_run())
    for kind, rule in load_rules().kinds.items():
        _, _, section = page.partition(f"<h3>{kind}</h3>")
        section = Shown(section.partition("<h3>")[0]).text
        assert rule.words in section
        assert rule.remedy in section
        judged = {"denied_ancestor": ["3", "0"], "mask_without_box": ["1,234"]}.get(kind)
        if judged is None:
            assert "no release is judged by it" in section
        else:
            lines = [line.strip() for line in section.splitlines() if line.strip()]
            assert [line for line in lines if line in judged] == judged


@pytest.mark.parametrize(
    ("observed", "words"), [("17", "17 rows"), ("²", "²"), ("9" * 5000, "9" * 5000), ("0.5", "0.5")]
)
def test_what_was_found_is_shown_whatever_a_copy_holds(observed: str, words: str):
    assert wording.share(Result("e", "t", (), "table", "warning", "d", False, observed=observed)) == words


def test_a_report_of_nothing_is_a_page():
    shown = Shown(report_page(RunReport([], [], None, [])))
    assert "Rows by release and subset" in shown.text
    assert "Are the images what the release says" not in shown.text


@pytest.mark.lengthy
def test_no_markup_stands_in_code():
    offending = {}
    for path in sorted(files_of_packages() - {READS_MARKUP}):
        if path.endswith(".py"):
            texts = [text for text in spoken(ast.parse((ROOT / path).read_text())) if MARKUP.search(text)]
            offending |= {path: texts} if texts else {}
    assert offending == {}


@pytest.mark.parametrize("path", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_every_template_is_sound_and_escapes(path: Path):
    html.ENVIRONMENT.get_template(path.name)
    assert not re.search(r"\|\s*safe|autoescape|Markup|<script>|\bon\w+=|https?:", path.read_text())


def test_a_value_that_nobody_gave_is_an_error():
    with pytest.raises(UndefinedError, match="place"):
        html.render("index_page.html", tables=[], addresses={}, columns=(), gx_address=None, verdict=None)


def test_every_kind_and_state_has_one_colour_and_it_stands_once():
    assert len(set(palette.KINDS)) == len(palette.KINDS) >= len(summaries.row_kinds())
    assert palette.CHANGED_KINDS.keys() == changes.KINDS.keys()
    assert palette.STATES.keys() == palette.STATE_TEXTS.keys() == wording.STATES.keys()
    ours = set(re.findall(r"#[0-9a-f]{6}", (ROOT / "jobs/reporting/palette.py").read_text()))
    for path in (ROOT / "jobs").rglob("*"):
        if path.name != "palette.py" and path.suffix in (".py", ".html", ".css"):
            assert not ours & set(re.findall(r"#[0-9a-f]{6}", path.read_text())), path


@pytest.mark.lengthy
def test_the_zip_has_every_file_and_pages_are_made_from_it(tmp_path: Path):
    zipped = tmp_path / "oilake.zip"
    subprocess.run([sys.executable, "scripts/zip.py", zipped, "oilake"], cwd=ROOT, check=True)
    assert set(zipfile.ZipFile(zipped).namelist()) == files_of_packages()
    page = "from oilake.jobs.reporting import html; print(html.__file__, html.render('generator.html'))"
    environment = {**os.environ, "PYTHONPATH": str(zipped)}
    done = subprocess.run(
        [sys.executable, "-c", page], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[0].startswith(str(zipped))
    assert "content='oilake docs'" in done.stdout


def test_the_wheel_has_every_file():
    """What setuptools would take by the globs of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text()
    data = text.partition("[tool.setuptools.package-data]\n")[2].partition("\n\n")[0]
    taken = {name for name in files_of_packages() if name.endswith(".py")}
    for line in data.splitlines():
        package, _, globs = line.partition(" = ")
        folder = ROOT / package.strip('"').replace(".", "/")
        for glob in re.findall(r'"([^"]*)"', globs):
            taken |= {path.relative_to(ROOT).as_posix() for path in folder.glob(glob) if path.is_file()}
    assert files_of_packages() - taken == set()


def test_what_makes_pages_calls_no_job():
    verbs = {f"jobs.{job}" for job in cli.JOBS}
    for path in (ROOT / "jobs" / "reporting").glob("*.py"):
        assert not imports(path) & verbs, path
