"""What benchmarks have in common: our command, and flags."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

OILAKE = str(Path(sys.executable).with_name("oilake"))


def rounds_parser(name: str, doc: str | None, rounds: int = 3, out: str = "data/bench") -> argparse.ArgumentParser:
    """A parser of --rounds and --out, with their defaults."""
    parser = argparse.ArgumentParser(prog=name, description=doc)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--out", type=Path, default=Path(out))
    return parser


def scaled_parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """A parser of --scale, --rounds and --out."""
    parser = rounds_parser(name, doc)
    parser.add_argument("--scale", type=float, default=0.1)
    return parser
