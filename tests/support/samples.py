"""Writes samples as the command does."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from oilake.jobs import sample


def write_sample(out: Path, *arguments: str) -> Path:
    """The folder, with a sample written into it."""
    parser = ArgumentParser()
    sample.add_arguments(parser)
    assert sample.run(parser.parse_args(["--out", str(out), *arguments])) == 0
    return out
