"""axe-core, which finds what keeps people from a page: brought once by npm, held against its checksum, never shipped."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.chromium import Page
from tests.support.s3_server import JARS

PACKAGE = "axe-core@4.14.0"
SHA256 = "2277b0a3ef47af9b52497faa3e71598e86e0a0e5e6eb295207a5657ede4709af"
ARCHIVE = JARS / "axe-core-4.14.0.tgz"
GRAVE = ("serious", "critical")


def require_axe() -> str:
    """The script; the test is skipped where it cannot be had."""
    if not ARCHIVE.is_file():
        _bring_archive()
    if not ARCHIVE.is_file():
        pytest.skip(f"no {PACKAGE} here, and npm is not there or does not bring it")
    assert hashlib.sha256(ARCHIVE.read_bytes()).hexdigest() == SHA256, f"{ARCHIVE} is not what it should be"
    with tarfile.open(ARCHIVE) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def grave_findings(page: Page, script: str) -> list[str]:
    """What is serious or critical in the page that is open: rule, and where. The policy of the page is passed by."""
    page.value(f"{script}; 0")
    answer: dict[str, Any] = json.loads(page.value("axe.run().then(found => JSON.stringify(found))"))
    assert len(answer["passes"]) > 5, "it looked at the page"
    return [
        f"{finding['id']}: {node['target']} {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
        for finding in answer["violations"]
        if finding["impact"] in GRAVE
        for node in finding["nodes"]
    ]


def _bring_archive() -> None:
    if (npm := shutil.which("npm")) is None:
        return
    JARS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=JARS) as work:
        subprocess.run([npm, "pack", PACKAGE, "--pack-destination", work], capture_output=True, timeout=300, cwd=work)
        if (brought := Path(work, ARCHIVE.name)).is_file():
            brought.replace(ARCHIVE)
