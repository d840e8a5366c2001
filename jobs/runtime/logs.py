"""What a job says while it works: the logger `oilake`, as plain lines on stderr, or as JSON lines with OILAKE_LOG=json."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from datetime import datetime, timezone

from oilake.conf.showing import escape_unprintable

LOGGER = logging.getLogger("oilake")


class TerminalHandler(logging.Handler):
    """Lines on stderr, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        line = self.format(record)
        with suppress(OSError):  # who does not listen ends nothing
            tqdm.write(line if is_json() else escape_unprintable(line), file=sys.stderr)


class JsonLineFormatter(logging.Formatter):
    """One object a line: time (UTC), level, logger, the run's ID, message, and the fields that the record was given in
    `extra`."""

    def __init__(self, run_id: str | None) -> None:
        super().__init__()
        self.run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "run_id": self.run_id,
            "message": record.getMessage(),
        }
        return json.dumps(line | getattr(record, "fields", {}))


def set_up(run_id: str | None = None) -> None:
    """Sends the logger `oilake` to stderr, as the run of this ID; handlers that the process has of its own (a scheduler's)
    hear it too.

    Libraries' records go to those handlers alone: a root without any gets one that says nothing, since Python would else
    print them, and py4j's stack trace for each call that an interrupt breaks off, beside our sentence.
    """
    LOGGER.setLevel(logging.INFO)
    for handler in [handler for handler in LOGGER.handlers if isinstance(handler, TerminalHandler)]:
        LOGGER.removeHandler(handler)
    handler = TerminalHandler()
    handler.setFormatter(JsonLineFormatter(run_id) if is_json() else None)
    LOGGER.addHandler(handler)
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())


def is_json() -> bool:
    """Whether lines are JSON objects, for machines: bars are then left out."""
    return os.environ.get("OILAKE_LOG") == "json"
