"""Workers on this machine are forked from a process that has the kernels; those of a cluster start as Spark has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from oilake.conf import settings
from oilake.jobs.pipeline import worker_daemon
from oilake.jobs.runtime import spark_session


@pytest.mark.parametrize(
    ("master", "is_ours"), [("local[*]", True), ("local[8]", True), ("spark://127.0.0.1:1", False)]
)
def test_only_workers_of_this_machine_are_forked_from_ours(master: str, is_ours: bool):
    chosen = settings.environment_settings("local", {"master": master})
    options = spark_session._place_options(chosen, ("delta",), {})
    assert (spark_session.WORKER_DAEMON.items() <= options.items()) == is_ours


def test_executors_elsewhere_are_sent_the_jars_that_the_archive_holds(monkeypatch: pytest.MonkeyPatch):
    """They lacked Delta's, where the driver's machine had an archive of classes."""
    monkeypatch.setattr(spark_session.class_archive, "session_options", lambda *_: {"spark.driver.extraClassPath": "x"})
    monkeypatch.setattr(spark_session, "find_jars", lambda _, groups: [f"{group}.jar" for group in groups])
    elsewhere, here = (
        spark_session._place_options(settings.environment_settings("local", {"master": master}), ("delta", "s3"), {})
        for master in ("spark://127.0.0.1:1", "local[2]")
    )
    assert (elsewhere["spark.jars"], here["spark.jars"]) == ("delta.jar,s3.jar", "s3.jar")
    assert "spark.driver.extraClassPath" not in elsewhere


@pytest.mark.lengthy
def test_what_is_loaded_before_the_fork_starts_no_thread_of_pythons():
    """And what judges rows is among it."""
    code = (
        "import sys, threading\n"
        "from oilake.jobs.pipeline import worker_daemon\n"
        "worker_daemon.load_kernels()\n"
        "print(threading.active_count(), 'pyarrow.parquet' in sys.modules, 'oilake.quality.suites' in sys.modules)\n"
        "print('pandas' in sys.modules)\n"
        "import pandas, pyarrow as pa\n"
        "print(pa.Array.from_pandas(pandas.Series([1.0, float('nan')])).null_count)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "True", "True", "False", "1"]


@pytest.mark.parametrize("is_package", [True, False])
def test_sparks_archives_of_itself_are_left_out_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_package: bool
):
    """Each process compiled their modules anew, and each task read their lists of files, which Python finders do."""
    names = ("python/lib/pyspark.zip", "python/lib/py4j-0.10.9.9-src.zip", "jars/spark-core_2.13-4.1.4.jar")
    archives = [str(tmp_path / name) for name in names]
    if is_package:
        (tmp_path / "__init__.py").touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "path", ["", *archives, *sys.path])
    finders = [*archives, f"{archives[2]}/org"]
    for place in finders:
        monkeypatch.setitem(sys.path_importer_cache, place, None)
    before = list(sys.path)
    worker_daemon.prefer_installed_pyspark()
    assert sys.path == [path for path in before if not (is_package and path in archives)]
    assert [place in sys.path_importer_cache for place in finders] == [not is_package] * 4
