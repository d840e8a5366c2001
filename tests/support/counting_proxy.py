"""A TCP proxy on 127.0.0.1 in front of a real server: counts what it sends, breaks chosen requests, hides chosen words."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

BLOCK = 1 << 16


@dataclass
class Proxy:
    """`sent`: bytes from the server. `requests`: first lines that came; one with a part of `broken` gets no answer.

    `hidden`: words of requests that the server does not see, since others of the same length stand in their place.
    """

    endpoint: str
    sent: int = 0
    requests: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    hidden: set[bytes] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        with self.lock:
            self.sent = 0
            self.requests.clear()

    def methods(self) -> dict[str, int]:
        """How many requests of each method came."""
        found = [line.split(" ", 1)[0] for line in self.requests]
        return {method: found.count(method) for method in set(found)}


@contextmanager
def running(endpoint: str) -> Iterator[Proxy]:
    """A proxy before the HTTP server at `endpoint`."""
    host, port = endpoint.removeprefix("http://").split(":")
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(f"http://127.0.0.1:{listener.getsockname()[1]}")
    thread = threading.Thread(target=_accept, args=(listener, (host, int(port)), proxy), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _accept(listener: socket.socket, server: tuple[str, int], proxy: Proxy) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        ours = socket.create_connection(server)
        threading.Thread(target=_up, args=(client, ours, proxy), daemon=True).start()
        threading.Thread(target=_down, args=(ours, client, proxy), daemon=True).start()


def _up(client: socket.socket, server: socket.socket, proxy: Proxy) -> None:
    try:
        while data := client.recv(BLOCK):
            line = data.split(b"\r\n", 1)[0].decode(errors="replace")
            if line.endswith("HTTP/1.1"):
                with proxy.lock:
                    proxy.requests.append(line)
                if any(part in line for part in proxy.broken):
                    break
            for word in proxy.hidden:
                data = data.replace(word, b"x" * len(word))
            server.sendall(data)
    except OSError:
        pass
    _close(client, server)


def _down(server: socket.socket, client: socket.socket, proxy: Proxy) -> None:
    try:
        while data := server.recv(BLOCK):
            with proxy.lock:
                proxy.sent += len(data)
            client.sendall(data)
    except OSError:
        pass
    _close(client, server)


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
