"""An archive of Java's classes (class-data sharing), which halves the start of Spark on one machine.

Java maps the classes of Spark and Delta from it instead of reading, checking and linking each of 20,000 anew. It fits one
Java, one list of jars and their times of change; Java refuses any other by itself and starts as slowly as without.
It holds jars of the class path alone, not those of `spark.jars`, and a folder on the class path must be empty.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from oilake.jobs.runtime import java_home
from oilake.jobs.runtime.jars import spark_jars

QUIET = "-Xlog:disable"  # Java tells on stdout what it does not share
JAVA_OPTIONS = "spark.driver.extraJavaOptions"
CLASS_PATH = "spark.driver.extraClassPath"
TRAINING = "OILAKE_CLASS_ARCHIVE"  # where a session in training writes its archive
LONGEST_SECONDS = 300


def session_options(jars: list[str], spark_options: dict[str, str]) -> dict[str, str]:
    """The options of a local session that starts from the archive beside `jars`, or trains one; empty where there is none.

    They take the place of `spark.jars`. SPARK_CONF_DIR is set to an empty folder beside the jars; where it holds a file, or
    Spark or its class path is the user's own, there are none.
    """
    if not jars or CLASS_PATH in spark_options or "SPARK_HOME" in os.environ or _is_configured():
        return {}
    archive = archive_path(jars)
    if training := os.environ.get(TRAINING):
        flag = f"-XX:ArchiveClassesAtExit={training}"
    elif archive.is_file():
        flag = f"-XX:SharedArchiveFile={archive} -Xshare:auto"
    else:
        return {}
    empty = archive.parent / "no-spark-conf"
    empty.mkdir(exist_ok=True)
    os.environ["SPARK_CONF_DIR"] = str(empty)
    return {
        CLASS_PATH: ":".join(sorted(map(os.path.abspath, jars))),
        JAVA_OPTIONS: f"{spark_options.get(JAVA_OPTIONS, '')} {flag} {QUIET}".strip(),
    }


def archive_path(jars: list[str]) -> Path:
    """Where the archive of this Java, this Spark and `jars` lies: beside the jars, named by their digest."""
    parts = [java_home.find() or "", *(_jar_identity(jar) for jar in [*map(Path, sorted(jars)), *sorted(spark_jars())])]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return Path(os.path.abspath(jars[0])).parent / f"classes-{digest}.jsa"


def make_archive(jars: list[str], training: str) -> Path | None:
    """Runs the module `training`, which starts a session, and keeps the classes that it loaded; None where Java made none.

    An archive of other jars or another Java beside it is removed. Without an archive all works, only slower.
    """
    archive = archive_path(jars)
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".training-") as work:
        made = Path(work) / archive.name
        environment = os.environ | {TRAINING: str(made), "OILAKE_JARS": str(archive.parent)}
        try:
            subprocess.run(
                [sys.executable, "-m", training, work], env=environment, capture_output=True, timeout=LONGEST_SECONDS
            )
        except subprocess.TimeoutExpired:
            return None
        if not made.is_file():
            return None
        for stale in archive.parent.glob("classes-*.jsa"):
            stale.unlink(missing_ok=True)
        return made.replace(archive)


def _is_configured() -> bool:
    """Whether SPARK_CONF_DIR holds a file; the empty folder of a session before this one does not."""
    folder = os.environ.get("SPARK_CONF_DIR")
    return folder is not None and Path(folder).is_dir() and any(Path(folder).iterdir())


def _jar_identity(path: Path) -> str:
    status = path.stat()
    return f"{os.path.abspath(path)} {status.st_size} {status.st_mtime_ns}"
