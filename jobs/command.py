"""How every job is called: arguments in, one clear sentence and an exit code out, never a stack trace."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from conf.errors import OilakeError, os_cause
from conf.showing import shortened, visible
from jobs.tables.trouble import DAMAGE, SPARK_ERRORS, told

INTERRUPTED = 130

Arguments = Callable[[argparse.ArgumentParser], None]
Run = Callable[[argparse.Namespace], int]


def main(name: str, doc: str, add_arguments: Arguments, run: Run, argv: Sequence[str] | None = None) -> int:
    """One job called by itself (`spark-submit jobs/<name>.py …`); the exit code."""
    parser = argparse.ArgumentParser(prog=name, description=doc)
    add_arguments(parser)
    return guard(run, parser.parse_args(argv))


def guard(run: Run, arguments: argparse.Namespace) -> int:
    """`run`, with every error told in one sentence on stderr; OILAKE_DEBUG=1 adds the stack trace."""
    if os.environ.get("OILAKE_DEBUG") != "1":
        logging.disable(logging.CRITICAL)  # py4j logs a stack trace for each call that an interrupt breaks off
    try:
        return run(arguments)
    except OilakeError as error:
        return _tell(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _tell("interrupted; no half publication is seen, the same command goes on", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SPARK_ERRORS as error:
        return _tell(f"Spark failed ({told(error)}); OILAKE_DEBUG=1 tells more", 2)
    except DAMAGE as error:
        return _tell(f"a table is damaged ({told(error)}); publish the release again with --force", 2)
    except OSError as error:
        return _tell(f"{os_cause(error)}; check the place, its rights, the disk and the network, then run again", 2)


def _tell(sentence: str, code: int) -> int:
    if os.environ.get("OILAKE_DEBUG") == "1":
        print("\n".join(map(visible, traceback.format_exc().split("\n"))), file=sys.stderr)
    print(f"oilake: {shortened(visible(sentence))}", file=sys.stderr)
    return code
