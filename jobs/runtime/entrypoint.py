"""How every job is called: arguments in, one clear sentence and an exit code out, never a stack trace."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from oilake.conf.errors import OilakeError, os_cause
from oilake.conf.showing import escape_unprintable, shorten_middle
from oilake.jobs.runtime import command_end, invocation, logs, run_events, run_ids

# What DuckDB makes of an interrupt that comes while it answers.
INTERRUPTED_QUERY = "Query interrupted"

RunFunction = Callable[[argparse.Namespace], int]


class JobParser(argparse.ArgumentParser):
    """Tells what is wrong with flags in one sentence, as every other error is told."""

    def error(self, message: str) -> NoReturn:
        """Ends the process, which was called wrongly."""
        logs.set_up(run_ids.begin_run())
        raise SystemExit(_report_failure(f"{message}; see `{self.prog} --help`", 2))


def new_parser(name: str, description: str) -> JobParser:
    """A parser whose help has colours on a terminal."""
    return JobParser(prog=name, description=description, formatter_class=_coloured_formatter)


def _coloured_formatter(prog: str) -> argparse.HelpFormatter:
    from rich_argparse import RichHelpFormatter  # with Rich, which a job does without

    return RichHelpFormatter(prog)


def run_guarded(run: RunFunction, arguments: argparse.Namespace) -> int:
    """`run`, with every error told in one sentence on stderr; OILAKE_DEBUG=1 adds the stack trace."""
    logs.set_up(run_ids.begin_run())
    try:
        return run(arguments)
    except OilakeError as error:
        return _report_failure(invocation.spell_commands(str(error), arguments), error.exit_code)
    except KeyboardInterrupt:
        return _report_interrupt()
    except BrokenPipeError:
        command_end.drop_output()
        return 0
    except Exception as error:
        if isinstance(error, RuntimeError) and str(error) == INTERRUPTED_QUERY:
            return _report_interrupt()
        if sentence := _library_sentence(error):
            return _report_failure(sentence, 2)
        raise


def _report_interrupt() -> int:
    return _report_failure(
        "interrupted; no half publication is seen, the same command goes on", command_end.INTERRUPTED
    )


def _library_sentence(error: Exception) -> str | None:
    """What a library's error means for a person; None for one that is a fault of ours."""
    from oilake.jobs.runtime.error_text import DAMAGE, error_line
    from oilake.jobs.runtime.spark_errors import spark_errors

    if isinstance(error, spark_errors()):
        return f"Spark failed ({error_line(error)}); OILAKE_DEBUG=1 tells more"
    if isinstance(error, DAMAGE):
        remedy = "`oilake status` tells which, `oilake ingest --release R --force` makes it again"
        return f"a table is damaged ({error_line(error)}); {remedy}"
    if isinstance(error, OSError):
        return f"{os_cause(error)}; check the place, its rights, the disk and the network, then run again"
    return None


def _report_failure(sentence: str, code: int) -> int:
    if os.environ.get("OILAKE_DEBUG") == "1":
        print("\n".join(map(escape_unprintable, traceback.format_exc().split("\n"))), file=sys.stderr)
    line = shorten_middle(escape_unprintable(sentence))
    run_events.tell(run_events.JobFailed(line))
    logs.LOGGER.error("%s", line if logs.is_json() else f"oilake: {line}", extra={"fields": {"exit_code": code}})
    return code
