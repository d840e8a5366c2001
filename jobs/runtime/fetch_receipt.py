"""The receipt that lies beside a fetched file: `.fetched/<name>.json` in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Receipt:
    """What was fetched: size in bytes, checksums in hex, the server's validators, UTC time, and the file's own mtime."""

    url: str
    bytes: int
    sha256: str
    md5: str
    etag: str | None
    last_modified: str | None
    fetched_at: str
    mtime_ns: int


def load_receipt(target: Path) -> Receipt | None:
    """The receipt of `target`; None where there is none that can be read."""
    try:
        return parse_receipt(receipt_path(target).read_bytes())
    except OSError:
        return None


def parse_receipt(data: bytes) -> Receipt | None:
    """The receipt that a file of one holds; None where it holds none."""
    try:
        return Receipt(**json.loads(data))
    except (ValueError, TypeError, RecursionError):
        return None


def receipt_path(target: Path) -> Path:
    """Where the receipt of `target` lies."""
    return target.parent / ".fetched" / f"{target.name}.json"
