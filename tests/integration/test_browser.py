"""The pages of `oilake docs` in a real browser, without a network: nothing is asked of any host, and they work.

`make browser` installs Chromium where it may, and runs this.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.chromium import require_chromium
from tests.support.validation_history import looked_at

pytestmark = pytest.mark.slow

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--virtual-time-budget=4000",
    "--dump-dom",
)
OWN = "not an origin"  # who asks where Chromium itself does, for its updates and accounts


@pytest.fixture(scope="module")
def pages(empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_chromium()
    from oilake.conf import settings
    from oilake.jobs.docs import docs

    warehouse = tmp_path_factory.mktemp("browser") / "warehouse"
    shutil.copytree(empty_warehouse, warehouse)
    looked_at(str(warehouse))
    docs(settings.environment_settings("local", {"warehouse": str(warehouse)}), warehouse.parent / "pages")
    return warehouse.parent / "pages"


def opened(page: Path, folder: Path) -> tuple[str, str, list[str]]:
    """(the document as it stands after its scripts ran, the browser's log, what the page asked for by the network log)."""
    log = folder / "net.json"
    command = [
        require_chromium(),
        *FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        f"--log-net-log={log}",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr, asked(json.loads(log.read_text()))


def asked(log: dict[str, Any]) -> list[str]:
    """Addresses that a page began to load, and hosts that were looked up on its behalf, be it only to connect early."""
    found = set()
    for event in log["events"]:
        told = event.get("params") or {}
        address = str(told.get("url") or told.get("host") or "")
        of_page = (
            str(told.get("network_anonymization_key", "")).startswith("file:") or told.get("initiator", OWN) != OWN
        )
        if of_page and address and not address.startswith(("file:", "data:")):
            found.add(address)
    return sorted(found)


def test_the_network_log_shows_a_request(pages: Path, tmp_path: Path):
    """So that its silence below means something."""
    page = tmp_path / "asks.html"
    page.write_text("<img src='http://127.0.0.1:9/x.png'><link rel='preconnect' href='https://evil.example'>")
    seen = opened(page, tmp_path)[2]
    assert "http://127.0.0.1:9/x.png" in seen
    assert "https://~notfound" in seen, "where the rule sends the look-up of evil.example"


def test_no_page_asks_anything_of_any_host(pages: Path, tmp_path: Path):
    gx = pages / "gx"
    chosen = [pages / "index.html", pages / "table-labels.html", gx / "index.html", gx / "expectations" / "labels.html"]
    for at, page in enumerate([*chosen, *sorted((gx / "validations").rglob("*.html"))]):
        folder = tmp_path / str(at)
        folder.mkdir()
        dom, log, seen = opened(page, folder)
        assert seen == [], page
        assert "CONSOLE" not in log, (page, [line for line in log.splitlines() if "CONSOLE" in line])
        assert "</html>" in dom


def test_great_expectations_pages_work_with_what_stands_in(pages: Path, tmp_path: Path):
    """Its index lists the checks with links, and one of a check has a button that hides what succeeded."""
    dom, _, _ = opened(pages / "gx" / "index.html", tmp_path)
    rows = re.findall(r'<tr class="clickable-row"', dom)
    assert len(rows) == 3, "two checks and one suite"
    (checked,) = [p for p in (pages / "gx" / "validations").rglob("*.html") if "run2" in str(p)]
    probe = checked.with_name("probe.html")
    script = (
        "<script>document.fonts.load('900 16px \"Font Awesome 6 Free\"').then(function (found) {"
        "$.fx.off = true; hideSucceededValidations();"
        "var kept = $('.hide-succeeded-validation-target-child'); document.title = found.length + ' fonts, ' +"
        "kept.filter(':visible').length + ' of ' + kept.length + ' shown, ' + typeof $.fn.collapse; });</script>"
    )
    probe.write_text(checked.read_text().replace("</body>", f"{script}</body>"))
    shutil.rmtree(tmp_path / "profile")
    dom, _, _ = opened(probe, tmp_path)
    told = re.search(r"<title>(\d+) fonts, (\d+) of (\d+) shown, (\w+)</title>", dom)
    assert told, re.findall(r"<title>[^<]*</title>", dom)
    fonts, shown, every, collapse = told.groups()
    assert int(fonts) >= 1
    assert int(shown) == 0
    assert int(every) > 10
    assert collapse == "function"
