"""Runs jobs one after another in one process, whose Spark goes on between them, as one driver after another would.

usage: python -m tests.support.driver_process    a line of JSON on stdin is a call, one on stdout its exit code

A call is {"words": of a job, "halts": whether the process stops itself behind each commit until it is told to go on}.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

from oilake.jobs import cli
from tests.support.publications import send_on

FAULT_OF_OURS = 70


def main() -> None:
    events: dict[str, str] = {}
    send_on(events)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        call = json.loads(line)
        events.clear()
        events.update({"commit": "STOP"} if call["halts"] else {})
        print(json.dumps(_call(call["words"])), file=answers)


def _call(words: list[str]) -> int:
    try:
        return cli.main(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        return FAULT_OF_OURS


if __name__ == "__main__":
    main()
