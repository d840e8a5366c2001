"""Publishes what was staged before, without Spark, and sends itself a signal on the way: `python -m tests.pickled …`."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path

from oilake.jobs.tables import publish
from oilake.jobs.tables.warehouse import Warehouse
from tests.support.publications import send_on


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("warehouse")
    parser.add_argument("publication", type=Path, help="a pickled Publication whose files lie in the warehouse")
    parser.add_argument("--on", action="append", default=[], metavar="EVENT=SIGNAL")
    arguments = parser.parse_args()
    send_on(dict(event.split("=") for event in arguments.on))
    publish.publish(Warehouse.at(arguments.warehouse), pickle.loads(arguments.publication.read_bytes()))


if __name__ == "__main__":
    main()
