"""Shows the tables and their images in a browser: a local viewer that only reads."""

from __future__ import annotations

import argparse

from oilake.conf.settings import Settings
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.tables.warehouse import Warehouse

PORT = 8321


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_places(parser, "warehouse", "landing", "registry")
    parser.add_argument(
        "--blobs",
        action="append",
        default=[],
        metavar="PLACE",
        help="a folder, a tar archive or s3://bucket/prefix with pictures (repeatable)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: 127.0.0.1, this machine alone)")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"0: any that is free (default: {PORT})")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="another name for browsers to call it by (repeatable)",
    )


def run(arguments: argparse.Namespace) -> int:
    return view(options.load_settings(arguments), arguments.blobs, arguments.host, arguments.port, arguments.name)


def view(settings: Settings, places: list[str], host: str, port: int, names: list[str]) -> int:
    """Serves the viewer until it is interrupted; ConfigError where there is no such folder of tables, it cannot listen, or a
    place has no blobs. A folder without tables is shown as one: a release may come while it is looked at."""
    options.require_warehouse(settings)
    from oilake.jobs.viewing import view_server  # Starlette and uvicorn are for this job alone

    server = view_server.open_server(Warehouse.of(settings), settings, places, host, port, names)
    print_text(f"Viewer: {server.url}\nCtrl-C ends it.")
    server.serve()
    return 0


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("view", __doc__, add_arguments, run))
