"""Writes pages that open offline: what tables promise, what became of it, and Great Expectations' Data Docs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oilake.conf.file_names import file_name
from oilake.conf.settings import Settings
from oilake.jobs.reporting import gx_data_docs, site_writer, table_reader
from oilake.jobs.reporting.index_page import index_page
from oilake.jobs.reporting.table_history import TableHistory
from oilake.jobs.reporting.table_page import table_page
from oilake.jobs.reporting.wording import counted
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables.warehouse import Warehouse
from oilake.schemas import loader as schemas

FLAG = "--to"


@dataclass(frozen=True)
class DocsOutcome:
    """What was written: the first page, absolute; promises by state a table; pages of Great Expectations."""

    index: Path
    tables: Sequence[TableHistory]
    great_pages: int

    def as_json(self) -> dict[str, object]:
        """The outcome as plain data."""
        return {
            "index": str(self.index),
            "tables": {table.name: dict(table.states) for table in self.tables},
            "great_expectations_pages": self.great_pages,
        }

    def as_text(self) -> str:
        """The outcome in two lines."""
        kept, broken, warned = (
            sum(table.states[state] for table in self.tables) for state in ("kept", "broken", "warned")
        )
        sentence = f"{counted(len(self.tables), 'table')}: {counted(kept, 'promise')} kept, "
        sentence += f"{broken:,} critical ones broken, {counted(warned, 'warning')}"
        if not self.great_pages:
            sentence += "; no check is on record, so there are no pages of Great Expectations: run `oilake check` first"
        return f"{sentence}\nPages: {self.index}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", nargs="?", metavar="TABLE|PATH", help="a table, or the folder of a copy (default: every table)"
    )
    parser.add_argument(FLAG, default="data/docs", metavar="DIR", help="where the pages go (default: data/docs)")
    options.add_places(parser, "warehouse")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(arguments: argparse.Namespace) -> int:
    outcome = docs(options.load_settings(arguments), Path(arguments.to), arguments.what)
    print_text(json.dumps(outcome.as_json()) if arguments.json else outcome.as_text())
    return 0


def docs(settings: Settings, folder: Path, what: str | None = None, flag: str = FLAG) -> DocsOutcome:
    """Writes about all tables, one of them, or the one in a folder, without Spark; replaces the pages of before.

    ConfigError when there is no such table or `folder`, which `flag` names, holds anything else; StoreError when it cannot
    be written.
    """
    site_writer.refuse_strangers(folder, site_writer.DOCS_MARK, flag)
    is_copy = what is not None and what not in schemas.table_names()
    warehouse = Warehouse.of(settings)
    tables = (
        [table_reader.read_copy(settings.storage_uri(what))]
        if what and is_copy
        else table_reader.read_warehouse_tables(warehouse, what)
    )
    gx_pages, links = gx_data_docs.gx_site(tables)
    addresses = {table.name: f"table-{file_name(table.name)}.html" for table in tables}
    gx_index = f"{gx_data_docs.FOLDER}/index.html" if gx_pages else None
    warehouse_or_path = what if what and is_copy else settings.warehouse
    pages = {addresses[t.name]: table_page(t, links.get(t.name, [])).encode() for t in tables}
    pages["index.html"] = index_page(warehouse_or_path, tables, addresses, gx_index).encode()
    index = site_writer.write_site(folder, {**pages, **gx_pages}, site_writer.DOCS_MARK, flag)
    return DocsOutcome(index, tables, sum(path.endswith(".html") for path in gx_pages))


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("docs", __doc__, add_arguments, run))
