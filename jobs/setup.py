"""Finds Java and brings the jars that Spark needs, once, into the user's cache folder or another; keeps Java's classes."""

from __future__ import annotations

import argparse
from pathlib import Path

from oilake.conf.errors import ConfigError
from oilake.jobs.runtime import class_archive, jars, java_home
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        metavar="DIR",
        help="folder of the jars (default: the user's cache; another one is named by OILAKE_JARS)",
    )


def run(arguments: argparse.Namespace) -> int:
    home = java_home.find()
    if not home:
        raise ConfigError(java_home.REMEDY)
    folder = Path(arguments.to) if arguments.to else jars.cache_folder()
    log_line(f"Java: {home}; jars: {folder}")
    brought = jars.bring_jars(folder)
    size = sum(path.stat().st_size for path in brought)
    print_text(
        f"{folder}: {len(brought)} jars ({size / 1e6:.1f} MB) brought" if brought else f"{folder}: has every jar"
    )
    _keep_classes(folder)
    return 0


def _keep_classes(folder: Path) -> None:
    paths = jars.find_jars(str(folder))
    if class_archive.archive_path(paths).is_file():
        return
    log_line("an archive of Java's classes is made, which halves Spark's start (half a minute)")
    archive = class_archive.make_archive(paths, "oilake.jobs.pipeline.class_training")
    log_line(
        f"{archive.name}: {archive.stat().st_size / 1e6:.0f} MB" if archive else "Java made none: all works, slower"
    )


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("setup", __doc__, add_arguments, run))
