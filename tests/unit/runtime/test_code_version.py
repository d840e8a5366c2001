"""Editing what makes a job's rows makes the job run again; editing a page, a report or the sample does not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oilake.conf.errors import ConfigError
from oilake.jobs.pipeline.derived_job import DerivedTask
from oilake.jobs.runtime import code_version
from oilake.jobs.tables.snapshots import INGEST, RELEASE
from oilake.schemas import loader as schemas
from tests.conftest import Oilake
from tests.support.releases import land

ROOT = Path(__file__).parents[3]
DERIVED = ("reconcile", "contradictions", "changes", "figures", "duplicates", "expand", "index")
JOBS = {job: (f"jobs.{job}", job) for job in (INGEST, *DERIVED)}
JOBS["verify --masks"] = ("jobs.masking.mask_job", "verify --masks")
JOBS[RELEASE] = ("jobs.quarantining.reprocess", RELEASE, INGEST)
PAGES = (
    "reporting",
    "operations",
    "synthetic",
    "fetching",
    "downloading",
    "verifying",
    "report",
    "docs",
    "view",
    "viewing",
    "run",
    "cli",
    "show",
    "api",
)
EDITS = {
    "jobs/ingesting/chunk_kernel.py": {INGEST, RELEASE},
    "jobs/ingesting/duplicate_keys.py": {INGEST, RELEASE},
    "jobs/ingesting/chunk_reports.py": {INGEST},
    "jobs/sources/csv_parser.py": {INGEST, RELEASE},
    "jobs/transforms/labels.py": {INGEST, RELEASE},
    "jobs/validation/row_filter.py": {*JOBS},
    "quality/row_expectations.py": {*JOBS},
    "schemas/loader.py": {*JOBS},
    "jobs/tables/staging.py": {*JOBS},
    "jobs/reconciling/reconcile_kernel.py": {"reconcile"},
    "jobs/scanning/key_ranges.py": {"reconcile", "contradictions", "changes", RELEASE},
    "jobs/transforms/verdicts.py": {"reconcile", "changes"},
    "jobs/reconciling/compare_kernel.py": {"changes"},
    "jobs/transforms/class_history.py": {"changes"},
    "jobs/quarantining/merge_kernel.py": {RELEASE},
    "jobs/figures.py": {"figures"},
    "jobs/duplicates.py": {"duplicates"},
    "jobs/tables/spark_writer.py": {
        INGEST,
        RELEASE,
        "expand",
        "index",
        "reconcile",
        "contradictions",
        "changes",
    },
    "jobs/transforms/class_ancestors.py": {"contradictions", "expand", "changes"},
    "jobs/transforms/box_matching.py": {"contradictions", "changes", "reconcile"},
    "jobs/transforms/contradictions.py": {"contradictions"},
    "jobs/reconciling/contradiction_kernel.py": {"contradictions"},
    "conf/contradictions.yaml": {"contradictions"},
    "quality/contradictions.yaml": {"contradictions"},
    "conf/box_matching.yaml": {"changes"},
    "conf/mask_rules.yaml": {"verify --masks"},
    "jobs/blobs/mask_pictures.py": {"verify --masks"},
    "quality/labels.yaml": {INGEST, RELEASE},
    "quality/image_labels.yaml": {"reconcile"},
    "schemas/release_figures.yaml": {"figures"},
    "schemas/images.yaml": {INGEST, RELEASE, "contradictions", "changes", "figures", "duplicates", "reconcile"},
    "conf/hierarchy_names.yaml": {INGEST, RELEASE},
    "conf/local.yaml": set(),
    "conf/cluster.yaml": set(),
    "conf/releases/v3.yaml": set(),
    "conf/reconcile.yaml": set(),
    "quality/downloads.yaml": set(),
    "quality/explanations.yaml": set(),
    "jobs/reporting/report_page.py": set(),
    "jobs/reporting/templates/report_page.html": set(),
    "jobs/reporting/table_page.py": set(),
    "jobs/reporting/table_history.py": set(),
    "jobs/synthetic/boxes.py": set(),
    "jobs/transport/http.py": set(),
    "jobs/downloading/image_downloader.py": set(),
    "jobs/blobs/resize.py": set(),
    "jobs/show.py": set(),
}

LOADING = """
import importlib, json, os, sys
import deltalake, duckdb, numpy, pyarrow.compute, pyarrow.parquet, pydantic, pyspark.sql.functions, yaml
for job, module in json.loads(sys.argv[1]).items():
    if not (child := os.fork()):
        importlib.import_module(module)
        print(json.dumps({job: [*sys.modules]}), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""

Tree = Callable[..., Path]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    _forget()


def _forget() -> None:
    for cached in (code_version.code_digest, code_version._module_path, code_version._package_folder):
        cached.cache_clear()


def _use(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setattr(code_version, "files", lambda package: root / package.removeprefix("oilake."))
    _forget()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's packages."""
    folder = tmp_path_factory.mktemp("checkout")
    for package in code_version.PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "oilake", folder / "oilake", symlinks=True)
    return folder


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Makes a project of a few modules and has it followed."""

    def make(**modules: str) -> Path:
        for package in code_version.PACKAGES:
            (tmp_path / package / "room").mkdir(parents=True)
            (tmp_path / package / "__init__.py").touch()
            (tmp_path / package / "room" / "__init__.py").touch()
        for name, text in modules.items():
            (tmp_path / "jobs" / f"{name.replace('__', '/')}.py").write_text(text)
        _use(monkeypatch, tmp_path)
        return tmp_path

    return make


def reached(job: str = "start") -> set[str]:
    return {path for path in code_version.reachable_files(f"jobs.{job}") if "__init__" not in path}


def test_the_packages_are_those_of_the_project():
    assert {path.name for path in (ROOT / "oilake").iterdir() if path.is_symlink()} == set(code_version.PACKAGES)


@pytest.fixture(scope="module")
def loaded_modules() -> dict[str, list[str]]:
    """The modules that Python loads with each job's: each in a fork of a process that has imported libraries alone."""
    starts = {job: f"oilake.{module}" for job, (module, *_) in JOBS.items()}
    done = subprocess.run(
        [sys.executable, "-c", LOADING, json.dumps(starts)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {job: names for line in done.stdout.splitlines() for job, names in json.loads(line).items()}


@pytest.mark.lengthy
@pytest.mark.parametrize("job", JOBS)
def test_all_that_a_job_loads_is_reached(job: str, loaded_modules: dict[str, list[str]]):
    """Told by Python itself: the modules of ours that are loaded with the job's."""
    names = {name.removeprefix("oilake.") for name in loaded_modules[job] if name.startswith("oilake.")}
    ours = {name for name in names if name.partition(".")[0] in code_version.PACKAGES}
    assert JOBS[job][0] in ours
    assert {code_version._module_path(name) for name in ours} <= code_version.reachable_files(*JOBS[job]).keys()


@pytest.mark.lengthy
@pytest.mark.parametrize("job", JOBS)
def test_no_page_report_sample_or_download_is_reached(job: str):
    rooms = {
        path.split("/")[1].removesuffix(".py")
        for path in code_version.reachable_files(*JOBS[job])
        if path[:5] == "jobs/"
    }
    assert not rooms & {*PAGES}


def test_the_schemas_name_jobs_whose_modules_are_followed():
    written = {schemas.table_schema(name).written_by for name in schemas.table_names()}
    assert {*JOBS} == written - {"check", "each job", "download", "publish", "verify", "reconcile --corrections FILE"}


@pytest.mark.lengthy
@pytest.mark.parametrize("job", JOBS)
def test_each_reached_file_counts(job: str, checkout: Path, monkeypatch: pytest.MonkeyPatch):
    _use(monkeypatch, checkout)
    before = code_version.reachable_files(*JOBS[job])
    assert code_version.code_digest(*JOBS[job]) == code_version.digest_files(before)
    for path, content in before.items():
        (checkout / path).write_bytes(content + b"\n# edited\n")
    _forget()
    after = code_version.reachable_files(*JOBS[job])
    for path, content in before.items():
        (checkout / path).write_bytes(content)
    assert after.keys() == before.keys()
    for path in before:
        one_edited = before | {path: after[path]}
        assert code_version.digest_files(one_edited) != code_version.digest_files(before), path


@pytest.fixture(scope="module")
def digests(checkout: Path) -> dict[str, bytes]:
    """The fingerprint of each job's code in the copy."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _use(monkeypatch, checkout)
        return {job: code_version.code_digest(*JOBS[job]) for job in JOBS}


@pytest.mark.lengthy
@pytest.mark.parametrize("path", EDITS)
def test_an_edit_is_seen_by_the_jobs_whose_rows_depend_on_it(
    path: str, checkout: Path, digests: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
):
    _use(monkeypatch, checkout)
    file = checkout / path
    content = file.read_bytes()
    file.write_bytes(content + b"\n# edited\n")
    edited = {job for job in JOBS if code_version.code_digest(*JOBS[job]) != digests[job]}
    file.write_bytes(content)
    assert edited == EDITS[path]


def test_a_derived_job_takes_its_own_code(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(code_version, "code_digest", lambda *given: asked.append(given) or b"")
    for job in DERIVED:
        pin = type("Pin", (), {"release": "v3"})()
        DerivedTask(job, pin, {}, ()).fingerprint()  # type: ignore[arg-type]
    assert asked == [JOBS[job] for job in DERIVED]


def test_imports_inside_functions_and_relative_ones_are_followed(tree: Tree):
    tree(
        start="def run():\n    from jobs.room import inner\n    if run:\n        import jobs.other\n",
        room__inner="from . import beside\nfrom .deep import name\nfrom .. import above\n",
        room__beside="",
        room__deep="name = 1\n",
        above="",
        other="async def work():\n    import json\n",
    )
    assert reached() == {
        f"jobs/{name}.py" for name in ("start", "other", "above", "room/inner", "room/beside", "room/deep")
    }


def test_what_only_a_type_checker_reads_is_not_followed(tree: Tree):
    tree(
        start="from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from jobs import page\nelse:\n    from jobs import own\n",
        page="",
        own="",
    )
    assert reached() == {"jobs/start.py", "jobs/own.py"}


def test_modules_named_by_strings_are_followed(tree: Tree):
    tree(
        start="import importlib\nKINDS = {'a': 'jobs.first', 'b': 'jobs.second.work', 'c': 'jobs.third:work'}\n"
        "def load(kind):\n    return importlib.import_module(KINDS[kind])\n",
        first="",
        second="def work(): ...\n",
        third="class work: ...\n",
    )
    assert reached() == {f"jobs/{name}.py" for name in ("start", "first", "second", "third")}


def test_modules_named_in_yaml_are_followed(tree: Tree):
    root = tree(
        start='from importlib.resources import files\nKINDS = files("conf") / "kinds.yaml"\n',
        first="",
        second="from jobs import third\n",
        third="",
        fourth="def work(): ...\n",
        fifth="",
    )
    (root / "conf" / "kinds.yaml").write_text(
        "# jobs.fifth is told of, not named\na: {module: jobs.first, text: 'see jobs.fifth'}\nb:\n  - \"jobs.second\"\n"
        "c: [x, jobs.fourth:work]  # last\n"
    )
    named = ("start", "first", "second", "third", "fourth")
    assert reached() == {"conf/kinds.yaml", *(f"jobs/{name}.py" for name in named)}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import jobs.gone\n", "jobs.gone"),
        ("from jobs.room import gone\n", "jobs.room.gone"),
        ("def run():\n    from jobs import gone\n", "jobs.gone"),
        ("from jobs.other import gone\n", "jobs.other.gone"),
        ("KIND = 'jobs.gone'\n", "jobs.gone"),
        ("KIND = 'jobs.other:gone'\n", "jobs.other:gone"),
        ("import importlib\nimportlib.import_module(f'jobs.room.{kind}')\n", "unfinished name 'jobs.room.'"),
        ("import importlib\nimportlib.import_module('jobs.%s' % kind)\n", "unfinished name 'jobs.%s'"),
        ("import importlib\nimportlib.import_module('.gone', __package__)\n", "unfinished name '.gone'"),
        ("from importlib.resources import files\nKINDS = files('conf') / 'gone.yaml'\n", "conf/gone.yaml"),
        ("from importlib.resources import files\nKINDS = files('conf') / f'{kind}.yaml'\n", "a name that it computes"),
    ],
)
def test_what_cannot_be_found_is_an_error_that_names_it(text: str, cause: str, tree: Tree):
    tree(start="import jobs.middle\n", middle=text, other="here = 1\n")
    with pytest.raises(ConfigError, match=r"jobs/middle\.py: ") as raised:
        reached()
    assert cause in str(raised.value)


def test_a_file_that_a_flag_replaces_counts_by_its_value(tree: Tree):
    root = tree(
        start="from importlib.resources import files\nfrom pathlib import Path\n"
        'def load(given):\n    return Path(given) if given else files("conf") / "usual.yaml"\n'
        'def folder():\n    return files("conf") / "room"\n'
    )
    (root / "conf" / "usual.yaml").touch()
    assert reached() == {"jobs/start.py"}


@pytest.mark.lengthy
def test_a_zip_of_the_packages_has_the_same_fingerprints(tmp_path: Path):
    zipped = tmp_path / "oilake.zip"
    subprocess.run([sys.executable, "scripts/zip.py", zipped, "oilake"], cwd=ROOT, check=True)
    digests = f"[c.code_digest(*job).hex() for job in {[*JOBS.values()]}]"
    source = f"from oilake.jobs.runtime import code_version as c; print(c.__file__); print(*{digests})"
    environment = {**os.environ, "PYTHONPATH": str(zipped)}
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    place, digests = done.stdout.splitlines()
    assert place.startswith(str(zipped))
    assert digests.split() == [code_version.code_digest(*given).hex() for given in JOBS.values()]


@pytest.mark.slow
def test_an_edited_kernel_is_run_again_and_an_edited_page_is_not(
    oilake: Oilake, warehouse: str, checkout: Path, tmp_path: Path
):
    places = ("--landing", str(land(tmp_path / "landing")), "--warehouse", warehouse)
    assert oilake("ingest", "--release", "v3", *places)[0] == 0
    copy = tmp_path / "copy"
    shutil.copytree(checkout, copy)
    for page in (
        "jobs/reporting/table_page.py",
        "jobs/reporting/report_page.py",
        "jobs/synthetic/context.py",
        "conf/cluster.yaml",
    ):
        _edit(copy / page)
    assert "nothing changed" in _ingest_from(copy, places)
    _edit(copy / "jobs/ingesting/chunk_kernel.py")
    assert "published (complete)" in _ingest_from(copy, places)
    assert "nothing changed" in _ingest_from(copy, places)


def _edit(file: Path) -> None:
    file.write_text(file.read_text() + "\n# edited\n")


def _ingest_from(copy: Path, places: tuple[str, ...]) -> str:
    command = [sys.executable, "-m", "oilake.jobs.ingest", "--release", "v3", *places]
    environment = {**os.environ, "OILAKE_JARS": str(ROOT / ".jars"), "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout
