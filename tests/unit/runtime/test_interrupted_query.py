"""An interrupt while DuckDB answers ends as any other: one sentence, and the exit code of interrupts."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

CODE = """
import argparse, sys
import duckdb
from oilake.jobs.runtime import entrypoint

def run(arguments):
    engine = duckdb.connect(config={"threads": 1})  # which looks for signals between its pieces of work, one after another
    engine.execute("CREATE TABLE numbers AS SELECT range AS n FROM range(20_000_000)")
    print("asking", flush=True)
    engine.sql("SELECT count(*) FROM numbers WHERE md5(repeat(n::VARCHAR, 200)) = 'x'").to_arrow_table()
    return 0

sys.exit(entrypoint.run_guarded(run, argparse.Namespace()))
"""


def test_an_interrupt_of_a_query_is_no_broken_promise_and_no_stack_trace() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "asking\n"
            time.sleep(1)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, told.count("\n")) == (130, 1)
    assert "interrupted; no half publication is seen" in told
