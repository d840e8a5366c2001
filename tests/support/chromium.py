"""A headless Chromium that is told what to do over a pipe, and tells what its page asked for and complained of."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)  # fmt: skip
# Of a tree one item alone is reached by Tab, and the others from it by arrows.
USABLE = (
    "[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]')]"
    ".filter(each => each.checkVisibility({visibilityProperty: true}))"
)
COMPLAINTS = ("Runtime.exceptionThrown", "Log.entryAdded")


class Page:
    """One page. `requests`: addresses that it asked for; `complaints`: errors of its scripts, its policy, its requests."""

    def __init__(self, reading: Any, writing: Any) -> None:
        self._reading, self._writing, self._numbers = reading, writing, count(1)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._loaded = 0
        target = self._send("Target.createTarget", {"url": "about:blank"}, None)["targetId"]
        self._session = self._send("Target.attachToTarget", {"targetId": target, "flatten": True}, None)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What a command of the page's answers."""
        return self._send(method, parameters, self._session)

    def open(self, address: str) -> None:
        """Opens an address, until all of it is loaded."""
        before = self._loaded
        self.send("Page.navigate", url=address)
        while self._loaded == before:
            self._receive()

    def value(self, script: str) -> Any:
        """What an expression is worth in the page; a promise is awaited."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self) -> bytes:
        """What is seen of the page, as a PNG."""
        return b64decode(self.send("Page.captureScreenshot", format="png")["data"])

    def press(self, key: str, code: int, text: str = "") -> None:
        """Presses a key and lets it go."""
        keys: dict[str, Any] = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **keys)
        self.send("Input.dispatchKeyEvent", type="keyUp", **keys)

    def resize(self, width: int, height: int) -> None:
        """Makes the page as wide as a screen."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)

    def _send(self, method: str, parameters: dict[str, Any], session: str | None) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self._writing.write(json.dumps(message).encode() + b"\0")
        self._writing.flush()
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer)
                result: dict[str, Any] = answer["result"]
                return result

    def _receive(self) -> dict[str, Any]:
        held = bytearray()
        while (piece := self._reading.read(1)) not in (b"\0", b""):
            held += piece
        assert held, "the browser ended"
        message: dict[str, Any] = json.loads(held)
        method, told = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method in COMPLAINTS or (method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning")):
            self.complaints.append(json.dumps(told)[:500])
        elif method == "Page.loadEventFired":
            self._loaded += 1
        return message


def unreached(page: Page) -> list[str]:
    """What could be used in the page that is open and the key Tab does not lead to, as markup; details are opened first."""
    page.value("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.value(f"window.reached = new Set(); window.usable = {USABLE}; 0")
    for _ in range(page.value("usable.length") + 5):
        page.press("Tab", 9)
        page.value("reached.add(document.activeElement); 0")
    left: list[str] = page.value("usable.filter(each => !reached.has(each)).map(each => each.outerHTML.slice(0, 90))")
    return left


def require_chromium() -> str:
    """The command of Chromium; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: `make browser` installs it when root on Debian, else install it by hand")
    return CHROMIUM


@contextmanager
def open_browser(folder: Path) -> Iterator[Page]:
    """A browser with one page, ended with the block; its profile goes to `folder`."""
    (child_reads, we_write), (we_read, child_writes) = os.pipe(), os.pipe()
    command = " ".join(
        (require_chromium(), *(f"'{flag}'" for flag in FLAGS), f"'--user-data-dir={folder / 'profile'}'")
    )
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command} 3<&{child_reads} 4>&{child_writes}"],
        pass_fds=(child_reads, child_writes),
        stderr=subprocess.DEVNULL,
    )
    os.close(child_reads)
    os.close(child_writes)
    try:
        with open(we_read, "rb") as reading, open(we_write, "wb") as writing:
            yield Page(reading, writing)
    finally:
        process.terminate()
        process.wait(30)
