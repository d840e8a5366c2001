"""What benchmarks have in common: our command, and the flags of those over a sample."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

OILAKE = str(Path(sys.executable).with_name("oilake"))


def scaled_parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """A parser of --scale, --rounds and --out."""
    parser = argparse.ArgumentParser(prog=name, description=doc)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("data/bench"))
    return parser
