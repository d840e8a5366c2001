"""Runs a command, and sends itself a signal on the way: `python -m tests.support.signalled_command commit:1=KILL …`."""

from __future__ import annotations

import sys

from oilake.jobs import cli
from tests.support.publications import send_on


def main(event: str, *arguments: str) -> int:
    send_on(dict([event.split("=")]))
    return cli.main(arguments)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
