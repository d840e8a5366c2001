"""Which machines may be asked: names are resolved once, their addresses are judged, and one of those is connected to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

NOTHING = "-"


class ForbiddenError(Exception):
    """A name that leads to an address which must not be asked."""


def is_public(address: str) -> bool:
    """Whether anyone on the internet may be asked there: no loopback, link-local, private, reserved or multicast address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = _inner(found)
    return found.is_global and not found.is_multicast and (inner is None or is_public(str(inner)))


def _inner(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to: mapped, 6to4, Teredo or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def resolve(host: str, port: int) -> list[str]:
    """The public addresses of a host; ForbiddenError when one of its addresses is not public, OSError when it has none."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not is_public(address):
            raise ForbiddenError(f"{host} leads to {address}, which is not a public address (see --allow-private)")
    return addresses


def guarded(**options: Any) -> urllib3.PoolManager:
    """A pool manager that connects to public addresses only: to those that were judged, not to a name resolved again."""
    pool = urllib3.PoolManager(**options)
    pool.pool_classes_by_scheme = cast("Any", {"http": _HttpPool, "https": _HttpsPool})
    return pool


def _connect(connection: HTTPConnection, connect: Any) -> socket.socket:
    """A socket to the first address of the connection's host that answers; the name stays for TLS and the Host field."""
    name, port = connection._dns_host, connection.port or connection.default_port
    try:
        addresses: Sequence[str] = resolve(name, port)
    except OSError as error:
        raise NewConnectionError(connection, f"{name} has no address ({error})") from None
    try:
        for address in addresses[:-1]:
            connection._dns_host = address
            try:
                return cast("socket.socket", connect())
            except NewConnectionError:
                continue
        connection._dns_host = addresses[-1]
        return cast("socket.socket", connect())
    finally:
        connection._dns_host = name


class _Http(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self, super()._new_conn)


class _Https(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self, super()._new_conn)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


def without_secrets(url: str) -> str:
    """The URL as it may be told: no user and password, no values in its query, no fragment."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is none"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    query = urlencode([(name, NOTHING) for name, _ in parse_qsl(parts.query, keep_blank_values=True)])
    return urlunsplit((parts.scheme, host + port, parts.path, query, ""))
