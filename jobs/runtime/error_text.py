"""What the libraries below say when something goes wrong, as one line for a person."""

from __future__ import annotations

import re

import pyarrow as pa
from deltalake.exceptions import DeltaError

DAMAGE = (pa.ArrowException, DeltaError)
TERMINAL_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
JAVA_CAUSE = re.compile(r"^(?:Caused by|: )\s*:?\s*[\w.$]*(?:Exception|Error): (.+)$", re.MULTILINE)
LONGEST_LINE = 300
BACKTRACE = re.compile(r"\s+0: <unknown>.*", re.DOTALL)


def error_line(error: BaseException) -> str:
    """The error in one line of at most 300 characters; of Java's the innermost cause."""
    text = BACKTRACE.sub("", TERMINAL_COLOUR.sub("", str(error))).strip() or type(error).__name__
    causes = JAVA_CAUSE.findall(text) if _is_raised_by(error, "py4j") else []
    line = causes[-1] if causes else (text.splitlines()[0] if _is_raised_by(error, "py4j", "pyspark") else text)
    return " ".join(line.split())[:LONGEST_LINE]


def _is_raised_by(error: BaseException, *packages: str) -> bool:
    """Whether the error is of a class of these packages, which are not imported to ask that."""
    return any(base.__module__.partition(".")[0] in packages for base in type(error).__mro__)
