"""When a session starts from an archive of Java's classes, and when it does without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from oilake.jobs.runtime import class_archive, jars


@pytest.fixture
def jar_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    for variable in ("SPARK_HOME", "SPARK_CONF_DIR", class_archive.TRAINING):
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    for name in ("a.jar", "b.jar"):
        (tmp_path / name).write_bytes(name.encode())
    return [str(tmp_path / "a.jar"), str(tmp_path / "b.jar")]


def test_a_session_starts_from_the_archive_that_fits_its_jars(jar_paths: list[str]):
    assert class_archive.session_options(jar_paths, {}) == {}
    archive = class_archive.archive_path(jar_paths)
    archive.write_bytes(b"classes")
    options = class_archive.session_options(jar_paths, {class_archive.JAVA_OPTIONS: "-Xss4m"})
    assert options[class_archive.CLASS_PATH] == ":".join(jar_paths)
    assert options[class_archive.JAVA_OPTIONS].startswith(f"-Xss4m -XX:SharedArchiveFile={archive} ")
    assert not list(Path(os.environ["SPARK_CONF_DIR"]).iterdir())
    assert class_archive.session_options(jar_paths, {}) != {}, "a process that this one starts has that folder too"


def test_other_jars_have_another_archive(jar_paths: list[str]):
    before = class_archive.archive_path(jar_paths)
    Path(jar_paths[0]).write_bytes(b"another release")
    assert class_archive.archive_path(jar_paths) != before
    assert class_archive.archive_path(jar_paths[1:]) != before


def test_the_empty_folder_of_a_session_with_other_jars_is_no_configuration(
    jar_paths: list[str], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    class_archive.archive_path(jar_paths).write_bytes(b"classes")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path_factory.mktemp("no-spark-conf")))
    assert class_archive.session_options(jar_paths, {}) != {}


@pytest.mark.parametrize("variable", ["SPARK_HOME", "SPARK_CONF_DIR"])
def test_a_spark_of_the_users_own_is_left_alone(
    jar_paths: list[str], variable: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    class_archive.archive_path(jar_paths).write_bytes(b"classes")
    own = tmp_path_factory.mktemp("spark")
    (own / "spark-defaults.conf").write_text("spark.ui.enabled true\n")
    monkeypatch.setenv(variable, str(own))
    assert class_archive.session_options(jar_paths, {}) == {}


def test_a_class_path_of_the_users_own_is_left_alone(jar_paths: list[str]):
    class_archive.archive_path(jar_paths).write_bytes(b"classes")
    assert class_archive.session_options(jar_paths, {class_archive.CLASS_PATH: "/mine.jar"}) == {}


def test_a_training_that_makes_no_archive_leaves_none_and_no_leftovers(jar_paths: list[str]):
    assert class_archive.make_archive(jar_paths, "platform") is None
    assert sorted(path.name for path in Path(jar_paths[0]).parent.iterdir()) == ["a.jar", "b.jar"]


@pytest.mark.slow
@pytest.mark.parametrize("is_broken", [False, True])
def test_java_maps_the_archive_and_starts_without_one_that_is_broken(is_broken: bool, tmp_path: Path):
    for jar in jars.find_jars(None):
        (tmp_path / Path(jar).name).symlink_to(jar)
    jar_paths = jars.find_jars(str(tmp_path))
    assert jar_paths
    if is_broken:
        class_archive.archive_path(jar_paths).write_bytes(b"no archive")
    else:
        assert class_archive.make_archive(jar_paths, "oilake.jobs.pipeline.class_training")
    script = (
        "import os; from dataclasses import replace; from oilake.conf.settings import environment_settings\n"
        "from oilake.jobs.runtime.spark_session import start_session\n"
        f"spark = start_session(replace(environment_settings('local'), jars={str(tmp_path)!r}))\n"
        "maps = open(f'/proc/{spark.sparkContext._gateway.proc.pid}/maps').read()\n"
        "print(spark.range(3).count(), '.jsa' in maps.replace('classes.jsa', '').replace('classes_nocoops.jsa', ''))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    assert result.stdout.split() == ["3", str(not is_broken)]
