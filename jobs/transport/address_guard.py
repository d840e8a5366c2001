"""Which machines may be asked: names are resolved once, their addresses are judged, and one of those is connected to."""

from __future__ import annotations

import socket
from collections.abc import Collection, Sequence
from functools import partial
from threading import Lock
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util import parse_url

from oilake.jobs.transport.address_blocks import is_public

HIDDEN_VALUE = "-"


class ForbiddenError(Exception):
    """A name that leads to an address which must not be asked."""


class Resolver:
    """Finds the addresses of hosts, and refuses those that are not public.

    `named`: (host, port) of what the user named himself, which may be private. Where such a host is public when it is asked
    first, it must stay so: else its owner could lead to a private address later.
    """

    def __init__(self, named: Collection[tuple[str, int]] = ()) -> None:
        self._named, self._lock = frozenset(named), Lock()
        self._is_private: dict[tuple[str, int], bool] = {}

    def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host; ForbiddenError when one of them must not be asked, OSError when it has none."""
        host = _normalize_host(host)
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
        refused = next((address for address in addresses if not is_public(address)), None)
        if refused is not None and not self._may_be_private((host, port), True):
            remedy = "see --allow-private" if not self._named else "give --from the place itself"
            raise ForbiddenError(f"{host} leads to {refused}, which is not a public address ({remedy})")
        if refused is None:
            self._may_be_private((host, port), False)
        return addresses

    def _may_be_private(self, place: tuple[str, int], is_private: bool) -> bool:
        """Whether the place is one that the user named, and was private from the first time on that it was asked."""
        with self._lock:
            return place in self._named and self._is_private.setdefault(place, is_private)


def guarded_pool_manager(resolver: Resolver, **options: Any) -> urllib3.PoolManager:
    """A pool manager that connects to addresses that `resolver` allows: to those that were judged, not to a name again."""
    pool = urllib3.PoolManager(**options)
    classes = {"http": partial(_GuardedHttpPool, resolver), "https": partial(_GuardedHttpsPool, resolver)}
    pool.pool_classes_by_scheme = cast("Any", classes)
    return pool


def _connect_guarded(connection: _GuardedHttpConnection | _GuardedHttpsConnection, connect: Any) -> socket.socket:
    """A socket to the first address of the connection's host that answers; the name stays for TLS and the Host field."""
    name, port = connection._dns_host, connection.port or connection.default_port
    try:
        addresses: Sequence[str] = connection.resolver.resolve(name, port)
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


class _GuardedHttpConnection(HTTPConnection):
    def __init__(self, *arguments: Any, resolver: Resolver, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.resolver = resolver

    def _new_conn(self) -> socket.socket:
        return _connect_guarded(self, super()._new_conn)


class _GuardedHttpsConnection(HTTPSConnection):
    def __init__(self, *arguments: Any, resolver: Resolver, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.resolver = resolver

    def _new_conn(self) -> socket.socket:
        return _connect_guarded(self, super()._new_conn)


class _GuardedHttpPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHttpConnection

    def __init__(self, resolver: Resolver, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.conn_kw["resolver"] = resolver


class _GuardedHttpsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHttpsConnection

    def __init__(self, resolver: Resolver, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.conn_kw["resolver"] = resolver


def host_and_port(url: str) -> tuple[str, int]:
    """(host, port) of an http or https URL, as `Resolver` knows them; ValueError where it names none."""
    place = parse_url(url)
    return _normalize_host(place.host or ""), place.port or (443 if place.scheme == "https" else 80)


def _normalize_host(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def without_secrets(url: str) -> str:
    """The URL as it may be told: no user and password, no values in its query, no fragment."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is none"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    query = urlencode([(name, HIDDEN_VALUE) for name, _ in parse_qsl(parts.query, keep_blank_values=True)])
    return urlunsplit((parts.scheme, host + port, parts.path, query, ""))
