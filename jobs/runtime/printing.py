"""What a job prints on stdout: the one door for text of data, so that no terminal obeys what stands in a row."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from oilake.conf.errors import ConfigError
from oilake.conf.showing import escape_unprintable
from oilake.jobs.runtime import command_end


def print_text(text: str) -> None:
    """Prints text for a person, or JSON: what a terminal would obey stands as an escape; line ends stay."""
    _write_out("\n".join(map(escape_unprintable, text.split("\n"))) + "\n")


def print_document(text: str) -> None:
    """Prints a document for a program as it is; on a terminal as other text."""
    if sys.stdout.isatty():
        print_text(text.removesuffix("\n"))
    else:
        _write_out(text)


def _write_out(text: str) -> None:
    """ConfigError where stdout cannot be written; a reader who left early is BrokenPipeError."""
    try:
        print(text, end="")
    except BrokenPipeError:
        raise
    except OSError as error:
        command_end.drop_output()
        raise ConfigError(command_end.unwritable_sentence(error)) from None


def aligned_lines(cells: Iterable[Sequence[str]]) -> Iterator[str]:
    """The rows as lines of aligned columns; a line end inside of a cell stands as an escape."""
    rows = [[escape_unprintable(cell) for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
