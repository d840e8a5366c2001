"""Finds Java and brings the jars that Spark needs, once, into the user's cache folder or another."""

from __future__ import annotations

import argparse
from pathlib import Path

from oilake.conf.errors import ConfigError
from oilake.jobs.runtime import entrypoint, jars, java_home
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
    return 0


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("setup", __doc__, add_arguments, run))
