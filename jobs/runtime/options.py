"""Flags that several jobs share."""

from __future__ import annotations

import argparse

from oilake.conf import settings
from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.jobs.runtime.filesystem import is_local_file


def add_places(parser: argparse.ArgumentParser, *names: str) -> None:
    """The flags that say where things are; of `warehouse`, `landing` and `registry` those named."""
    meanings = {
        "warehouse": "folder or s3:// URI of the tables",
        "landing": "folder or s3:// URI of the release files, laid out as <landing>/<tag>/<file>",
        "registry": "folder of release YAML files (default: the packaged ones)",
    }
    for name in names:
        parser.add_argument(f"--{name}", metavar="PATH", help=meanings[name])
    parser.add_argument("--env", metavar="NAME", help="environment: local, cluster or a YAML file (default: local)")


def load_settings(arguments: argparse.Namespace) -> Settings:
    """The settings of the chosen environment with the flags of `arguments` on top; ConfigError where a file stands for a
    folder that the job needs."""
    names = ("warehouse", "landing", "registry")
    chosen = settings.environment_settings(arguments.env, {name: getattr(arguments, name, None) for name in names})
    for name in names:
        path = getattr(chosen, name)
        if hasattr(arguments, name) and path and is_local_file(path):
            raise ConfigError(f"{path}: is a file; --{name} must name a folder")
    return chosen
