"""An HTTP proxy on 127.0.0.1 before a real S3 server: refuses every n-th request, loses answers, strikes at chosen ones."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from oilake.jobs.synthetic.serve import served_in_thread

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
INTERNAL = (
    b"<Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>"
)
OF_A_CONNECTION = ("connection", "expect", "keep-alive", "transfer-encoding")
PATIENCE = 120.0
KEPT_SECONDS = 5.0  # the server itself closes what is idle for half a minute


@dataclass
class Trap:
    """What happens once, while the first request waits whose `METHOD path` the pattern fits: `action(client's port)`."""

    pattern: re.Pattern[str]
    action: Callable[[int], None]
    lock: threading.Lock = field(default_factory=threading.Lock)
    has_struck: bool = False
    failure: Exception | None = None

    def meet(self, line: str, port: int) -> None:
        """Strikes where it is time."""
        if not self.has_struck and self.pattern.search(line):
            with self.lock:
                if not (self.has_struck or self.failure):
                    try:
                        self.action(port)
                        self.has_struck = True
                    except Exception as error:
                        self.failure = error


@dataclass
class Misbehaviour:
    """What goes wrong at present. `slow_every`: each so many-th request is answered 503. `lost`: of requests that fit it the
    first answer of each first group never comes; `doubted`: it is a 500 although all was done."""

    slow_every: int = 0
    lost: re.Pattern[str] | None = None
    doubted: re.Pattern[str] | None = None
    trap: Trap | None = None
    is_away: bool = False  # no request is answered, as where no server listens


class Gateway(ThreadingHTTPServer):
    """The proxy; `requests`: `METHOD path` of all that came, `refused`: how many had another answer than the server's."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        host, port = endpoint.removeprefix("http://").split(":")
        self.server_place = host, int(port)
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        self.now = Misbehaviour()
        self.requests: list[str] = []
        self.refused = 0
        self.counting = threading.Lock()
        self._cut_places: set[str] = set()

    def behave(self) -> None:
        """Hands everything on from now on."""
        self.now, self._cut_places = Misbehaviour(), set()

    def note(self, line: str) -> bool:
        """Counts a request; whether it is one to be refused."""
        with self.counting:
            self.requests.append(line)
            is_slow = bool(self.now.slow_every) and len(self.requests) % self.now.slow_every == 0
            self.refused += is_slow
            return is_slow

    def is_first(self, pattern: re.Pattern[str] | None, line: str) -> bool:
        """Whether a line fits the pattern, and none with the same first group did before."""
        match = pattern.search(line) if pattern else None
        if match is None:
            return False
        with self.counting:
            is_new = match[1] not in self._cut_places
            self._cut_places.add(match[1])
            self.refused += is_new
            return is_new

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Gateway

    def setup(self) -> None:
        """Opens the client's connection; that to the server lasts as long, if it is used."""
        super().setup()
        self.kept = http.client.HTTPConnection(*self.server.server_place, timeout=PATIENCE)
        self.asked_at = time.monotonic()

    def finish(self) -> None:
        """Closes both."""
        self.kept.close()
        super().finish()

    def do_GET(self) -> None:
        """Any method: refused, or handed on and answered."""
        line, behaviour = f"{self.command} {self.path}", self.server.now
        body = self._read_body()
        if behaviour.trap:
            behaviour.trap.meet(line, self.client_address[1])
        if behaviour.is_away:
            self.close_connection = True
            return None
        if self.server.note(line):
            return self._answer(503, [], SLOW_DOWN)
        try:
            status, headers, data = self._ask_server(body)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # as where no server listens, or it went away
            return None
        if self.server.is_first(behaviour.lost, line):
            self.close_connection = True
            return None
        if self.server.is_first(behaviour.doubted, line):
            return self._answer(500, [], INTERNAL)
        return self._answer(status, headers, data)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers of HTTP, which S3's clients do not use
        return bytes(body)

    def _ask_server(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = self.kept
        if time.monotonic() - self.asked_at > KEPT_SECONDS:
            connection.close()
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in OF_A_CONNECTION:
                    connection.putheader(name, value)
            if "Content-Length" not in self.headers and body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            self.asked_at = time.monotonic()

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
        self.send_response_only(status)
        length = str(len(data))
        for name, value in headers:
            if name.lower() == "content-length":
                length = value
            elif name.lower() not in OF_A_CONNECTION:
                self.send_header(name, value)
        if status >= 200 and status != 204:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """`requests` tells what came."""


@contextmanager
def running(endpoint: str) -> Iterator[Gateway]:
    """A gateway before the server at `endpoint`, until the end of the block."""
    with served_in_thread(Gateway(endpoint)) as gateway:
        yield gateway
