"""The house itself: every table has its two files, imports point one way, and the documents are true."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from oilake import conf, jobs, quality, schemas
from oilake.jobs.ingesting import published_tables
from oilake.quality import data_dictionary
from oilake.quality import suites as suites
from oilake.quality.reasons import quarantine_reasons, quarantine_remedies
from oilake.schemas import loader

ROOT = Path(__file__).parents[2]
DOORS = {
    "deltalake": ("jobs/tables",),
    "tarfile": ("jobs/sources",),
    "isal": ("jobs/sources",),
    "pyarrow.csv": ("jobs/sources", "jobs/blobs/attribution.py"),
    "urllib3": ("jobs/transport",),
    "jinja2": ("jobs/reporting",),
    "altair": ("jobs/plotting",),
    "vl_convert": ("jobs/plotting",),
}
OWN_ROOM = ("jobs/synthetic",)


def modules() -> list[str]:
    found = []
    for package in (conf, schemas, quality, jobs):
        found += [package.__name__]
        found += [info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return found


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def sources() -> list[Path]:
    return sorted(p for package in ("conf", "schemas", "quality", "jobs") for p in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("name", modules())
def test_every_module_imports(name: str):
    assert importlib.import_module(name).__doc__, f"{name} does not say what it is for"


@pytest.mark.parametrize("table", loader.table_names())
def test_every_table_has_a_schema_and_a_suite_that_fit(table: str):
    schema, suite = loader.table_schema(table), suites.load_suite(table)
    assert schema.table == suite.name == table
    never_null = {e.kwargs["column"] for e in suite.expectations if e.type == "expect_column_values_to_not_be_null"}
    assert {c.name for c in schema.columns if not c.nullable} == never_null


@pytest.mark.parametrize("table", loader.row_tables())
def test_every_published_table_is_made_of_what_its_files_give(table: str):
    schema, made_by = loader.table_schema(table), published_tables.row_transform(table)
    assert made_by.TYPES.keys() == schema.file_columns().keys()
    assert schema.written_by == "ingest"
    assert schema.sort_by[:1] == (("image_id",) if "image_id" in made_by.TYPES else ())


def test_every_published_table_of_rows_has_a_transform():
    assert set(published_tables.TRANSFORMS) == set(loader.row_tables())


def test_jobs_load_releases_that_were_held_against_the_tables():
    for path in (ROOT / "jobs").rglob("*.py"):
        called = re.findall(
            r"(?<!release_)registry(?:\.| import .*)(?:find_release|load_releases?)\b", path.read_text()
        )
        assert not [text for text in called if "release_registry" not in text], path


def test_every_suite_belongs_to_a_table():
    found = {path.stem for path in (ROOT / "quality").glob("*.yaml")} - {"reasons", "remedies", "explanations", "kinds"}
    assert found == set(loader.table_names())


def test_every_reason_has_a_remedy():
    assert quarantine_remedies().keys() == quarantine_reasons().keys()


@pytest.mark.lengthy
@pytest.mark.parametrize("library", DOORS)
def test_each_format_and_store_has_one_door(library: str):
    for path in sources():
        inside = path.relative_to(ROOT).as_posix()
        if library in imports(path):
            assert inside.startswith((*DOORS[library], *OWN_ROOM)), f"{inside} imports {library}"


def test_transforms_do_no_input_or_output():
    for path in (ROOT / "jobs" / "transforms").glob("*.py"):
        assert not imports(path) & {
            "os",
            "pathlib",
            "logging",
            "pyspark",
            "oilake.jobs.runtime.filesystem",
            "io",
            "time",
        }, path


def test_no_job_shadows_the_standard_library():
    import sys

    names = {path.stem for path in (ROOT / "jobs").glob("*.py")} | {
        p.name for p in (ROOT / "jobs").iterdir() if p.is_dir()
    }
    assert not names & set(sys.stdlib_module_names)


def test_the_data_dictionary_is_true():
    assert (ROOT / "docs" / "data-dictionary.md").read_text() == data_dictionary.dictionary_markdown()
