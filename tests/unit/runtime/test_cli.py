"""The command itself: how little it loads, what it tells of its jobs, and commands that can be pasted as they stand."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from oilake.conf.errors import ConfigError, StoreError
from oilake.jobs import cli
from oilake.jobs.runtime import class_archive, invocation, jars

HEAVY = {"pyarrow", "pyspark", "pydantic", "numpy", "deltalake", "boto3", "great_expectations"}
ROOT = Path(__file__).parents[3]


def loaded(*words: str) -> set[str]:
    """Top-level modules that the command has loaded when it ends."""
    program = (
        f"import sys, contextlib\nfrom oilake.jobs import cli\n"
        f"with contextlib.suppress(SystemExit): cli.main({list(words)!r})\n"
        "print('LOADED', *{name.split('.')[0] for name in sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(result.stdout.split("LOADED", 1)[1].split())


@pytest.mark.lengthy
@pytest.mark.parametrize("words", [("--version",), ("--help",), ("setup", "--help"), ("nosuchjob",)])
def test_version_and_help_load_no_engine(words: tuple[str, ...]) -> None:
    assert not loaded(*words) & HEAVY


@pytest.mark.lengthy
def test_a_command_that_only_reads_leaves_numpy_and_pandas_out(tmp_path: Path) -> None:
    """Arrow and DuckDB import them where they are installed, as here."""
    program = (
        "import sys\nfrom oilake.jobs import cli\nassert cli.main() == 2\n"
        "import duckdb, pyarrow as pa\nduckdb.connect().register('rows', pa.table({'a': pa.array([1])}))\n"
        "print(*sorted({'numpy', 'pandas'} & set(sys.modules)))"
    )
    for words, loaded_names in (
        ("show labels", ""),
        ("quarantine summary", ""),
        ("history --mid Dog", ""),
        ("check labels", "numpy"),
    ):
        call = [sys.executable, "-c", program, *words.split(), "--warehouse", str(tmp_path / "none")]
        assert subprocess.run(call, capture_output=True, text=True, cwd=ROOT).stdout == f"{loaded_names}\n"


@pytest.mark.parametrize("job", [*cli.JOBS])
def test_each_job_tells_its_flags(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([job, "--help"])
    assert (ended.value.code, "Usage:" in capsys.readouterr().out) == (0, True)


def test_every_job_file_is_a_command_and_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    files = {path.stem for path in (ROOT / "jobs").glob("*.py") if "\ndef add_arguments(" in path.read_text()}
    assert files == set(cli.JOBS)
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for job in cli.JOBS:
        assert job in text
    assert "Recomputes the figures of the published tables" in text


def test_a_shell_completes_jobs_and_their_flags(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--print-completion", "bash"])
    script = capsys.readouterr().out
    assert "quarantine" in script
    assert "--warehouse" in script


@pytest.mark.lengthy
def test_errors_are_json_lines_on_request(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "oilake.jobs.cli", "releases", "--registry", str(tmp_path / "none")]
    result = subprocess.run(call, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"OILAKE_LOG": "json"})
    line = json.loads(result.stderr)
    assert (result.returncode, line["level"], line["exit_code"]) == (2, "error", 2)
    assert "none" in line["message"]


@pytest.mark.lengthy
def test_others_handlers_are_left_on() -> None:
    program = (
        "import io, logging\nheard = io.StringIO()\nlogging.basicConfig(stream=heard)\nfrom oilake.jobs import cli\n"
        "cli.main(['releases', '--registry', '/nowhere'])\nlogging.getLogger('theirs').error('still here')\n"
        "print(heard.getvalue())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "ERROR:theirs:still here" in result.stdout
    assert "ERROR:oilake:" in result.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["expand", "--release", "v3", "--policy", "x"],
            "unrecognized arguments: --policy x; see `oilake expand --help`",
        ),
        (["export", "list"], "the following arguments are required: --release, --out; see `oilake export --help`"),
        (
            ["quarantine", "list", "--limit", "x"],
            "argument --limit: invalid int value: 'x'; see `oilake quarantine list --help`",
        ),
        (["ingets"], "argument JOB: invalid choice: 'ingets' (choose from 'run', "),
    ],
)
def test_flags_that_do_not_fit_are_one_sentence(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert line.startswith(f"oilake: {sentence}")


def test_a_release_is_named_in_any_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["show", "labels", "--release", "V9"],
        ["index", "--release", "V9"],
        ["changes", "--from", "V9", "--to", "v10"],
    ):
        assert cli.main([*words, "--warehouse", str(tmp_path)]) == 2
        assert "run `oilake ingest --release v9 --warehouse" in capsys.readouterr().err
    assert cli.main(["releases", "V3", "--warehouse", str(tmp_path), "--landing", str(tmp_path)]) == 0


def test_a_remedy_is_the_command_as_it_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    given = argparse.Namespace(warehouse="my lake", landing=None, env="cluster")
    monkeypatch.setattr(sys, "argv", ["/opt/somewhere/bin/oilake", "show"])
    told = invocation.spell_commands("nothing is here; run `oilake reconcile --release v3` first", given)
    assert told == (
        "nothing is here; run `/opt/somewhere/bin/oilake reconcile --release v3 --env cluster --warehouse 'my lake'` first"
    )
    monkeypatch.setattr(sys, "argv", ["/opt/jobs/show.py", "labels"])
    assert invocation.job_program("check") == "spark-submit /opt/jobs/check.py"
    assert "--warehouse" not in invocation.spell_commands("run `oilake setup`", given)


def test_jars_are_brought_once_and_found_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jars, "__file__", str(tmp_path / "site-packages" / "jobs" / "runtime" / "jars.py"))
    assert jars.find_jars(None) == []
    (jars.cache_folder() / "s3").mkdir(parents=True)
    for group in jars.GROUPS:
        for jar in jars.jar_checksums(group):
            jars.jar_path(jars.cache_folder(), group, jar).touch()
    delta, every = jars.find_jars(None), jars.find_jars(None, jars.GROUPS)
    assert (len(delta), len(every)) == (
        len(jars.jar_checksums("delta")),
        sum(len(jars.jar_checksums(g)) for g in jars.GROUPS),
    )
    assert sorted(jars.find_jars(str(jars.cache_folder()), jars.GROUPS)) == sorted(every)
    class_archive.archive_path(delta).touch()
    assert cli.main(["setup"]) == 0


def test_a_jar_that_is_not_the_known_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bring_others(names: list[str], work: Path) -> None:
        for jar in names:
            jars.jar_path(work, "delta", jar).write_bytes(b"another")

    monkeypatch.setattr(jars, "_resolve_jars", bring_others)
    with pytest.raises(StoreError, match="its SHA-256 is"):
        jars.bring_jars(tmp_path)
    assert not list(tmp_path.glob("*.jar"))


def test_setup_without_java_or_without_room_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["setup", "--to", str(tmp_path / "file")]) == 2
    assert "name another folder with --to" in capsys.readouterr().err
    monkeypatch.setattr("oilake.jobs.runtime.java_home.find", lambda: None)
    assert cli.main(["setup", "--to", str(tmp_path / "jars")]) == 2
    assert "install one" in capsys.readouterr().err


def test_a_folder_without_jars_is_named(
    tmp_path: Path,
):
    with pytest.raises(ConfigError, match="holds no jar"):
        jars.find_jars(str(tmp_path / "nowhere"))
