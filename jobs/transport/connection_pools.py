"""Connections that are used again: to servers themselves, and to the proxies that the environment names."""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from oilake.conf.errors import ConfigError
from oilake.conf.settings import FetchSettings
from oilake.jobs.transport import address_guard
from oilake.jobs.transport.address_guard import Resolver, without_secrets


@dataclass(frozen=True)
class ConnectionPools:
    """`direct`: connections to the servers themselves; `proxied`: those of each scheme that the environment gives a proxy.

    `resolver` judges hosts; None: all are allowed.
    """

    direct: urllib3.PoolManager
    proxied: Mapping[str, urllib3.PoolManager]
    resolver: Resolver | None


def open_pools(fetch: FetchSettings, resolver: Resolver | None) -> ConnectionPools:
    """The pools of a run; ConfigError where the environment names a proxy that is none."""
    count = fetch.connections
    direct = (
        address_guard.guarded_pool_manager(resolver, maxsize=count) if resolver else urllib3.PoolManager(maxsize=count)
    )
    proxied = {}
    for scheme, proxy in urllib.request.getproxies().items():
        if scheme in ("http", "https"):
            address = proxy if "://" in proxy else f"http://{proxy}"
            proxied[scheme] = _proxy_manager(scheme, address, count)
    return ConnectionPools(direct, proxied, resolver)


def _proxy_manager(scheme: str, address: str, count: int) -> urllib3.ProxyManager:
    try:
        return urllib3.ProxyManager(address, maxsize=count)
    except (ValueError, HTTPError):
        place = without_secrets(address)
        raise ConfigError(f"{scheme.upper()}_PROXY: {place} is no http or https proxy; correct or unset it") from None


def pool_for(pools: ConnectionPools, url: str) -> urllib3.PoolManager:
    """The pool for a URL. ForbiddenError for a proxied one whose host, as far as it is known here, is not allowed."""
    place = urlsplit(url)
    if place.scheme not in pools.proxied or urllib.request.proxy_bypass(place.hostname or ""):
        return pools.direct
    if pools.resolver:
        with contextlib.suppress(OSError):
            pools.resolver.resolve(*address_guard.host_and_port(url))
    return pools.proxied[place.scheme]
