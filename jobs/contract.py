"""Writes what each table is and promises as a data contract (Open Data Contract Standard), for other checkers."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from oilake.conf.errors import ConfigError
from oilake.jobs.exporting.companion_files import licence_notice
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.whole_folder import local_place, whole_folder
from oilake.quality.data_contract import table_contract
from oilake.schemas import loader as schemas

ENDING = ".odcs.yaml"
LINE = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", nargs="*", metavar="TABLE", help="only these (default: every table)")
    parser.add_argument(
        "--out", default="data/contracts", metavar="FOLDER", help="where the files go (default: data/contracts)"
    )
    parser.add_argument("--json", action="store_true", help="print the files as JSON")


def run(arguments: argparse.Namespace) -> int:
    files = write_contracts(arguments.table or schemas.table_names(), contract_place(arguments.out))
    if arguments.json:
        print_text(json.dumps([str(file) for file in files]))
    else:
        print_text(f"{arguments.out}: {len(files)} contracts")
    return 0


def contract_place(text: str) -> Path:
    """The folder of --out; ConfigError where it cannot be one, or holds anything but contracts of tables."""
    place, own = local_place(text, "out"), {f"{table}{ENDING}" for table in schemas.table_names()}
    if place.is_dir() and (strange := sorted({path.name for path in place.iterdir()} - own)):
        raise ConfigError(
            f"{place}: holds {strange[0]}, which is no contract; move it away, or name a new folder by --out"
        )
    return place


def write_contracts(tables: Sequence[str], folder: Path) -> list[Path]:
    """Writes a file a table, all at once and in place of earlier ones; those of other tables stay. The files.

    ConfigError where a table is unknown, StoreError where the folder cannot be written.
    """
    notice = licence_notice()
    texts = {
        table: yaml.safe_dump(table_contract(table, notice), sort_keys=False, allow_unicode=True, width=LINE)
        for table in tables
    }
    with whole_folder(folder, "contracts", "--out") as fresh:
        if folder.is_dir():
            shutil.copytree(folder, fresh, dirs_exist_ok=True)
        for table, text in texts.items():
            (fresh / f"{table}{ENDING}").write_text(text, encoding="utf-8")
    return [folder / f"{table}{ENDING}" for table in texts]


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("contract", __doc__, add_arguments, run))
