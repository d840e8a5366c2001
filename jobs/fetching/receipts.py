"""The receipt of a fetched file: `.fetched/<name>.json` in its folder says what came from where, and when."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from oilake.jobs.runtime.fetch_receipt import Receipt, load_receipt, receipt_path
from oilake.jobs.runtime.filesystem import file_checksums
from oilake.jobs.transport.source import Version


def save_receipt(target: Path, receipt: Receipt) -> None:
    """Writes the receipt of `target`, whole or not at all."""
    receipt_path(target).parent.mkdir(parents=True, exist_ok=True)
    write_json(receipt_path(target), dataclasses.asdict(receipt))


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
