"""Writes what each table is and promises as a data contract (Open Data Contract Standard), for other checkers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import yaml

from oilake.conf.errors import StoreError, os_cause
from oilake.conf.places import refuse_odd_folder
from oilake.jobs.exporting.companion_files import licence_notice
from oilake.jobs.runtime.folder_swap import replace_text
from oilake.jobs.runtime.printing import print_text
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
    refuse_odd_folder("out", arguments.out)
    files = write_contracts(arguments.table or schemas.table_names(), Path(arguments.out))
    if arguments.json:
        print_text(json.dumps([str(file) for file in files]))
    else:
        print_text(f"{arguments.out}: {len(files)} contracts")
    return 0


def write_contracts(tables: Sequence[str], folder: Path) -> list[Path]:
    """Writes a file a table, in place of earlier ones; the files. ConfigError where a table is unknown, before any is
    written; StoreError where the folder cannot be written."""
    notice = licence_notice()
    texts = {
        table: yaml.safe_dump(table_contract(table, notice), sort_keys=False, allow_unicode=True, width=LINE)
        for table in tables
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table, text in texts.items():
            replace_text(folder / f"{table}{ENDING}", text)
    except OSError as error:
        raise StoreError(f"{folder}: contracts cannot be written ({os_cause(error)}); name another --out") from None
    return [folder / f"{table}{ENDING}" for table in texts]


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("contract", __doc__, add_arguments, run))
