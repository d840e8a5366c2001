"""Where the viewer listens, and what a person opens."""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from oilake.conf.errors import ConfigError, os_cause
from oilake.jobs.viewing.request_guard import LOOPBACK

ANY = ("0.0.0.0", "::")
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
PORTS = 1 << 16


@dataclass(frozen=True)
class ViewAddress:
    """`hosts`: all names under which a browser may call; `token`: what it must bring, None on the loopback interface."""

    host: str
    port: int
    hosts: frozenset[str]
    token: str | None

    def url(self, port: int) -> str:
        """What a person opens, once the port is known."""
        named = sorted(self.hosts - set(LOOPBACK)) if self.host in ANY else [self.host]
        host = named[0] if named else "127.0.0.1"
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}/" + (f"?token={self.token}" if self.token else "")


def view_address(host: str, port: int, names: Sequence[str]) -> ViewAddress:
    """The address of the flags, with a token where other machines can call; ConfigError where the flags do not fit."""
    if not 0 <= port < PORTS:
        raise ConfigError(f"--port must be from 0 to {PORTS - 1}, not {port}")
    if host in ANY and not names:
        raise ConfigError(
            f"--host {host}: give --name too, the name or address by which browsers will call this machine"
        )
    lowered = [name.lower().rstrip(".") for name in names]
    for name in lowered:
        if not (NAME.fullmatch(name) or _is_address(name)):
            raise ConfigError(f"--name {name!r}: is no name of a host; give it without http:// and port")
    token = None if _is_loopback(host) else secrets.token_urlsafe(24)
    own = [] if host in ANY else [host.lower()]
    return ViewAddress(host, port, frozenset({*LOOPBACK, *own, *lowered}), token)


def open_socket(address: ViewAddress) -> socket.socket:
    """A socket that listens; ConfigError where it cannot."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(128)
    except OSError as error:
        raise ConfigError(
            f"{address.host}:{address.port}: cannot be listened on ({os_cause(error)}); give another --host or --port"
        ) from None
    return listening


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
