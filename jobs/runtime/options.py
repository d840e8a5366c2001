"""Flags that several jobs share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oilake.conf import settings
from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.jobs.runtime import run_events
from oilake.jobs.runtime.filesystem import is_local_file, is_on_s3

if TYPE_CHECKING:
    from oilake.conf.chosen_files import FileChoice


def add_places(parser: argparse.ArgumentParser, *names: str) -> None:
    """The flags that say where things are; of `warehouse`, `landing` and `registry` those named."""
    meanings = {
        "warehouse": "folder or s3:// URI of the tables",
        "landing": "folder or s3:// URI of the release files, laid out as published",
        "registry": "folder of release YAML files (default: the packaged ones)",
    }
    for name in names:
        parser.add_argument(f"--{name}", metavar="PATH", help=meanings[name])
    parser.add_argument("--env", metavar="NAME", help="environment: local, cluster or a YAML file (default: local)")


def add_release(parser: argparse.ArgumentParser, help_text: str, flag: str = "--release", **details: Any) -> None:
    """A flag, or an argument, that names a release, in any case; `details`: as argparse takes them."""
    parser.add_argument(flag, type=str.lower, metavar="R", help=help_text, **details)


def add_release_job(
    parser: argparse.ArgumentParser, verb: str, *places: str, example: str = "v3", result: str = "counts"
) -> None:
    """The flags of a job that makes a table of one release from what is published; `verb`: what it does to the release."""
    add_release(parser, f"release to {verb}, such as {example}", required=True)
    add_places(parser, *places)
    parser.add_argument("--force", action="store_true", help=f"{verb.split()[0]} again even if nothing changed")
    parser.add_argument("--json", action="store_true", help=f"print the {result} as JSON")


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The flags that choose tables and subsets of a release."""
    every = "(default: all; a comma between several, or repeated)"
    parser.add_argument("--tables", action="append", default=[], metavar="T,…", help=f"only these tables {every}")
    parser.add_argument("--subset", action="append", default=[], metavar="S,…", help=f"only these subsets {every}")


def add_image_choice(parser: argparse.ArgumentParser, of_class: str, of_verdict: str) -> None:
    """The flags that choose images of a release; `of_class`: what --mid leaves of a class, `of_verdict`: whose verdict it
    is."""
    from oilake.conf.registry import SUBSETS  # whose jobs load the registry anyway

    parser.add_argument("--subset", action="append", default=[], choices=SUBSETS, help="only this (repeatable)")
    parser.add_argument(
        "--mid", action="append", default=[], metavar="CLASS", help=f"only {of_class} of this: a MID or a name"
    )
    parser.add_argument("--with-subclasses", action="store_true", help="the classes below --mid in the hierarchy too")
    parser.add_argument(
        "--verdict", default="positive", choices=("positive", "negative", "unverified"),
        help=f"what image_labels says of {of_verdict} (default: positive)",
    )  # fmt: skip
    parser.add_argument("--license", metavar="TEXT", help="only images whose licence's URL holds this, such as /by/2.0")
    parser.add_argument(
        "--where",
        metavar="SQL",
        help="only images whose row meets a condition in SQL, such as \"rotation = 90 AND license LIKE '%%/by/2.0%%'\"",
    )


def file_choice(arguments: argparse.Namespace) -> FileChoice:
    """What the flags of `add_choice` ask for; names are checked where the release is known."""
    from oilake.conf.chosen_files import FileChoice

    return FileChoice(_listed_names(arguments.tables), _listed_names(arguments.subset))


def _listed_names(values: list[str]) -> tuple[str, ...]:
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def add_accept_changed(parser: argparse.ArgumentParser) -> None:
    """The flag that takes files whose bytes are not the stated ones."""
    parser.add_argument(
        "--accept-changed", action="store_true", help="take files that differ from what is known of their bytes"
    )


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """The flag of every job whose runs are recorded in `job_runs`, unless it tells that it only reads."""
    parser.add_argument(
        "--metrics", metavar="FILE", help="write metrics of the warehouse there when the job has ended, for Prometheus"
    )


def load_settings(arguments: argparse.Namespace) -> Settings:
    """The settings of the chosen environment with the flags of `arguments` on top; ConfigError where a file stands for a
    folder that the job needs."""
    names = ("warehouse", "landing", "registry")
    chosen = settings.environment_settings(arguments.env, {name: getattr(arguments, name, None) for name in names})
    for name in names:
        path = getattr(chosen, name)
        if hasattr(arguments, name) and path and is_local_file(path):
            raise ConfigError(f"{path}: is a file; --{name} must name a folder")
    run_events.tell(run_events.SettingsLoaded(chosen))
    return chosen


def require_warehouse(chosen: Settings) -> None:
    """ConfigError where the warehouse's folder is not there. One without tables is: a release may come."""
    if not is_on_s3(chosen.warehouse) and not Path(chosen.warehouse).is_dir():
        raise ConfigError(f"{chosen.warehouse}: there is no such folder; --warehouse must name that of the tables")
