"""The receipt of a fetched file: `.fetched/<name>.json` in its folder says what came from where, and when."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oilake.jobs.runtime.filesystem import file_checksums
from oilake.jobs.transport.source import Version


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
        return Receipt(**json.loads(_receipt_path(target).read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def save_receipt(target: Path, receipt: Receipt) -> None:
    """Writes the receipt of `target`, whole or not at all."""
    _receipt_path(target).parent.mkdir(parents=True, exist_ok=True)
    write_json(_receipt_path(target), dataclasses.asdict(receipt))


def matches_receipt(target: Path, receipt: Receipt) -> bool:
    """Whether `target` is what was fetched; it is read only where its time changed and its size did not."""
    stat = target.stat()
    if stat.st_size != receipt.bytes:
        return False
    if stat.st_mtime_ns != receipt.mtime_ns:
        if file_checksums(str(target)).sha256 != receipt.sha256:
            return False
        save_receipt(target, dataclasses.replace(receipt, mtime_ns=stat.st_mtime_ns))
    return True


def fetched_version(target: Path, url: str) -> Version | None:
    """The version that was fetched, as `url` would name it: validators of another address mean nothing there."""
    receipt = load_receipt(target)
    if receipt is None:
        return None
    if receipt.url != url:
        return Version(receipt.bytes, md5=receipt.md5)
    return Version(receipt.bytes, receipt.etag, receipt.last_modified, receipt.md5)


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Writes `document` to `path`, whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w") as handle:
        json.dump(document, handle)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(path)


def _receipt_path(target: Path) -> Path:
    return target.parent / ".fetched" / f"{target.name}.json"
