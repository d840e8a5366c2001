"""What the libraries below say when something goes wrong, as one line for a person."""

from __future__ import annotations

import re

import pyarrow as pa
from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from oilake.conf.errors import StoreError

SPARK_ERRORS = (PySparkException, Py4JError)
DAMAGE = (pa.ArrowException, DeltaError)
TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
JAVA_CAUSE = re.compile(r"^(?:Caused by|: )\s*:?\s*[\w.$]*(?:Exception|Error): (.+)$", re.MULTILINE)
LONGEST_LINE = 300
BACKTRACE = re.compile(r"\s+0: <unknown>.*", re.DOTALL)


def error_line(error: BaseException) -> str:
    """The error in one line of at most 300 characters; of Java's the innermost cause."""
    text = BACKTRACE.sub("", TERMINAL_COLOUR.sub("", str(error))).strip() or type(error).__name__
    causes = JAVA_CAUSE.findall(text) if isinstance(error, Py4JError) else []
    line = causes[-1] if causes else (text if not isinstance(error, SPARK_ERRORS) else text.splitlines()[0])
    return " ".join(line.split())[:LONGEST_LINE]


def unreadable_error(uri: str, error: BaseException) -> StoreError:
    """A published file that cannot be read, by its place, with the remedy."""
    return StoreError(f"{uri}: cannot be read ({error_line(error)}); publish its release again with --force")
