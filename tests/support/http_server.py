"""A real HTTP server on 127.0.0.1 that serves files correctly, and misbehaves once for each item of its script."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from oilake.jobs.synthetic.serve import served_in_thread


@dataclass
class Stored:
    """A file on the server; `modified` is its age's zero in Unix seconds, and an empty `etag` is not sent."""

    data: bytes
    etag: str = '"v1"'
    modified: float | None = 1_500_000_000.0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]


Trick = Callable[["Handler", Stored], None]


class Server(ThreadingHTTPServer):
    """The files, the tricks to play on the next GETs (or HEADs) of each path, and the requests that came."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, Stored] = {}
        self.tricks: dict[str, deque[Trick]] = defaultdict(deque)
        self.head_tricks: dict[str, deque[Trick]] = defaultdict(deque)
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        self.busy = self.busiest = 0
        self.counting = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def requests(self, method: str, path: str = "") -> list[Seen]:
        return [seen for seen in self.seen if seen.method == method and seen.path.endswith(path)]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what these tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_HEAD(self) -> None:
        self._answer(self.server.head_tricks)

    def do_GET(self) -> None:
        with self.server.counting:
            self.server.busy += 1
            self.server.busiest = max(self.server.busiest, self.server.busy)
        try:
            self._answer(self.server.tricks)
        finally:
            with self.server.counting:
                self.server.busy -= 1

    def _answer(self, tricks: dict[str, deque[Trick]]) -> None:
        self.server.seen.append(Seen(self.command, self.path, dict(self.headers.items())))
        stored = self.server.files.get(self.path)
        trick = tricks[self.path].popleft() if tricks[self.path] else honest
        if stored is None and trick is honest:
            self.begin(404, {"Content-Length": "0"})
        else:
            trick(self, stored or Stored(b""))

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def body(self, data: bytes) -> None:
        if self.command == "GET":
            self.wfile.write(data)

    def drop(self) -> None:
        """Ends the connection without another word."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """The test reads `seen` instead."""


def labels(stored: Stored) -> dict[str, str]:
    """The header fields that tell one version of a file from the next."""
    found = {"ETag": stored.etag} if stored.etag else {}
    if stored.modified is not None:
        found["Last-Modified"] = formatdate(stored.modified, usegmt=True)
    return {**found, "Content-Type": "application/octet-stream", **stored.headers}


def honest(handler: Handler, stored: Stored) -> None:
    """What RFC 9110 asks for: conditions, If-Range, ranges."""
    found, size = labels(stored), len(stored.data)
    if handler.headers.get("If-None-Match") == stored.etag:
        return handler.begin(304, found)
    if handler.headers.get("If-Match") not in (None, stored.etag):
        return handler.begin(412, {"Content-Length": "0"})
    start, still = _start(handler), handler.headers.get("If-Range") or handler.headers.get("If-Match")
    if start is None or still not in (stored.etag, found.get("Last-Modified")):
        handler.begin(200, {**found, "Content-Length": str(size)})
        return handler.body(stored.data)
    if start >= size:
        return handler.begin(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
    span = {"Content-Range": f"bytes {start}-{size - 1}/{size}", "Content-Length": str(size - start)}
    handler.begin(206, {**found, **span})
    return handler.body(stored.data[start:])


def _start(handler: Handler) -> int | None:
    told = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    return int(told[1]) if told else None


def breaks_after(count: int) -> Trick:
    """Says the right length, sends `count` bytes, and breaks the connection."""

    def trick(handler: Handler, stored: Stored) -> None:
        handler.begin(200, {**labels(stored), "Content-Length": str(len(stored.data))})
        handler.body(stored.data[:count])
        handler.drop()

    return trick


def chunked(handler: Handler, stored: Stored) -> None:
    """Sends chunks, without a length."""
    handler.begin(200, {**labels(stored), "Transfer-Encoding": "chunked"})
    handler.body(b"%x\r\n%s\r\n0\r\n\r\n" % (len(stored.data), stored.data))


def chunked_and_broken(handler: Handler, stored: Stored) -> None:
    """Sends one chunk, and not the last."""
    handler.begin(200, {**labels(stored), "Transfer-Encoding": "chunked"})
    handler.body(b"%x\r\n%s\r\n" % (len(stored.data) // 2, stored.data[: len(stored.data) // 2]))
    handler.drop()


def endless(handler: Handler, stored: Stored) -> None:
    """Sends neither a length nor chunks: the end of the connection is the end of the file."""
    handler.begin(200, {**labels(stored), "Connection": "close"})
    handler.body(stored.data)
    handler.drop()


def ignores_range(handler: Handler, stored: Stored) -> None:
    """Sends all of the file, whatever was asked for."""
    handler.begin(200, {**labels(stored), "Content-Length": str(len(stored.data))})
    handler.body(stored.data)


def ignores_if_range(handler: Handler, stored: Stored) -> None:
    """Sends the range of the newest version, whichever version the client holds a part of."""
    size, start = len(stored.data), _start(handler) or 0
    span = {"Content-Range": f"bytes {start}-{size - 1}/{size}", "Content-Length": str(size - start)}
    handler.begin(206, {**labels(stored), **span})
    handler.body(stored.data[start:])


def shifted(by: int) -> Trick:
    """Sends a range that starts elsewhere than was asked."""

    def trick(handler: Handler, stored: Stored) -> None:
        size, start = len(stored.data), (_start(handler) or 0) + by
        span = {"Content-Range": f"bytes {start}-{size - 1}/{size}", "Content-Length": str(size - start)}
        handler.begin(206, {**labels(stored), **span})
        handler.body(stored.data[start:])

    return trick


def at_most(count: int) -> Trick:
    """Sends the range that was asked for, cut to `count` bytes, as some servers do."""

    def trick(handler: Handler, stored: Stored) -> None:
        size, start = len(stored.data), _start(handler) or 0
        span = {"Content-Range": f"bytes {start}-{start + count - 1}/{size}", "Content-Length": str(count)}
        handler.begin(206, {**labels(stored), **span})
        handler.body(stored.data[start : start + count])

    return trick


def says(status: int, **headers: str) -> Trick:
    """Answers with a status and no body."""

    def trick(handler: Handler, stored: Stored) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.begin(status, {"Content-Length": "0", **named})

    return trick


def page(handler: Handler, stored: Stored) -> None:
    """Sends a web page with status 200."""
    data = b"<html>Please log in</html>"
    handler.begin(200, {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(data))})
    handler.body(data)


def falls_silent_after(count: int) -> Trick:
    """Sends `count` bytes, and then nothing for as long as the server lives."""

    def trick(handler: Handler, stored: Stored) -> None:
        handler.begin(200, {**labels(stored), "Content-Length": str(len(stored.data))})
        handler.body(stored.data[:count])
        handler.wfile.flush()
        handler.server.closing.wait(30)
        handler.close_connection = True

    return trick


def drips(handler: Handler, stored: Stored) -> None:
    """Sends a byte every 50 ms for five seconds, and then the rest."""
    handler.begin(200, {**labels(stored), "Content-Length": str(len(stored.data))})
    for n in range(100):
        if handler.server.closing.wait(0.05):
            return
        handler.body(stored.data[n : n + 1])
    handler.body(stored.data[100:])


def slowly(seconds: float) -> Trick:
    """Answers honestly, later."""

    def trick(handler: Handler, stored: Stored) -> None:
        time.sleep(seconds)
        honest(handler, stored)

    return trick


def changes_to(stored: Stored, then: Trick) -> Trick:
    """Replaces the file by another version, and plays `then` with that."""

    def trick(handler: Handler, old: Stored) -> None:
        handler.server.files[handler.path] = stored
        then(handler, stored)

    return trick


@contextmanager
def running() -> Iterator[Server]:
    """The server, until the end of the block."""
    with served_in_thread(Server(), poll_seconds=0.02) as server:
        try:
            yield server
        finally:
            server.closing.set()
