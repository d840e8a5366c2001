"""Which addresses may be asked, and what of a URL may be told."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.fetching import locations
from oilake.jobs.transport import address_guard, http
from oilake.jobs.transport.address_blocks import is_public
from oilake.jobs.transport.address_guard import ForbiddenError, Resolver, host_and_port, without_secrets
from oilake.jobs.transport.source import RefusedError
from tests.support import http_server, photos
from tests.support.registry_files import fetch_item

PUBLIC = """
8.8.8.8 151.101.1.1 192.0.1.1 198.17.255.255 198.20.0.0 100.63.255.255 100.128.0.0 223.255.255.255
2606:4700::1111 2001:200::1 2001:4860:4860::8888 2a00:1450:4001:81b::200e 2620:4f:8001::1
::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1 2001:470::5efe:808:808
"""
NOT_PUBLIC = """
127.0.0.1 127.8.9.1 0.0.0.0 0.1.2.3 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 100.127.255.255
192.0.0.1 192.0.0.9 192.0.0.170 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1
198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
::1 :: fe80::1%eth0 fec0::1 fc00::1 fd00:ec2::254 ff02::1 100::1 5f00::1 4000::1 1000::1 e000::1
2001::1 2001:1::1 2001:2::1 2001:3::1 2001:10::1 2001:20::1 2001:30::1 2001:db8::1 2620:4f:8000::1 3fff::1 3fff:fff::1
2001:0:4136:e378:8000:63bf:80ff:fffe 2001:0:808:808::f7f7:f7f7
::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:192.0.0.192 ::ffff:0:7f00:1 ::ffff:0:808:808
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::a9fe:a9fe 64:ff9b:1::808:808 64:ff9b:2::1
2002:7f00:1:: 2002:a9fe:a9fe::1 2002:c000:c0::1 2002:808:808::5efe:7f00:1
2001:470::5efe:7f00:1 2001:470::200:5efe:a9fe:a9fe fe80::5efe:808:808
"""


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public_addresses(address: str):
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_loopback_link_local_private_and_addresses_that_lead_there(address: str):
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "0xa9fea9fe",
        "[::1]",
        "[::ffff:7f00:1]",
    ],
)
def test_other_spellings_of_loopback_are_found_out(host: str):
    with pytest.raises(ForbiddenError):
        Resolver().resolve(host, 80)


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch):
    """A name that leads to a public address when it is asked first, and to this machine from then on."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: Any, *rest: Any, **named: Any) -> Any:
        if host == "rebind.test":
            asked.append(host)
            address = "192.0.2.1" if len(asked) > 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        return real(host, port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with pytest.raises(ForbiddenError, match=r"rebind.test leads to 127.0.0.1"):
        address_guard.guarded_pool_manager(Resolver()).request("GET", "http://rebind.test:1/", retries=False)
    assert asked == ["rebind.test"]


def test_a_connection_goes_to_the_number_and_not_to_the_name_again(monkeypatch: pytest.MonkeyPatch):
    connected: list[tuple[str, int]] = []

    def create(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        connected.append(address)
        raise OSError("no network in tests")

    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [entry])
    monkeypatch.setattr("urllib3.util.connection.create_connection", create)
    with pytest.raises(Exception, match="no network in tests"):
        address_guard.guarded_pool_manager(Resolver()).request("GET", "http://example.test/x", retries=False)
    assert connected == [("93.184.215.14", 80)]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "https://user:pass@h.org:8443/a.jpg?X-Amz-Signature=abc&v=1#f",
            "https://h.org:8443/a.jpg?X-Amz-Signature=-&v=-",
        ),
        ("https://h.org/a.jpg", "https://h.org/a.jpg"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("http://[bad/", "an address that is none"),
    ],
)
def test_secrets_are_cut_from_urls(url: str, told: str):
    assert without_secrets(url) == told


def test_a_redirect_to_a_private_address_is_refused_and_not_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(address_guard, "is_public", lambda address: address == "127.0.0.1")
    with http_server.running() as server:
        inside = server.url.replace("127.0.0.1", "127.0.0.2")
        server.tricks["/x.jpg"].append(photos.redirects_to(f"{inside}/secret"))
        source = http.http_source(FetchSettings(tries=1), is_guarded=True)
        with (
            pytest.raises(RefusedError, match=r"127\.0\.0\.2, which is not a public address"),
            source.read(f"{server.url}/x.jpg", 0, None),
        ):
            pass
        assert [seen.path for seen in server.seen] == ["/x.jpg"]


def test_fetch_follows_no_redirect_to_a_private_address_that_was_not_named(tmp_path: Path):
    """The place that the user names may be private itself, and may redirect to itself."""
    with http_server.running() as server, http_server.running() as other:
        server.files["/x"] = server.files["/y"] = other.files["/secret"] = http_server.Stored(b"bytes")
        item = fetch_item("x", f"{server.url}/x", tmp_path)
        source = locations.sources_by_address([item], FetchSettings(tries=1), Storage())[item.url]
        server.tricks["/x"].append(http_server.says(302, Location="/y"))
        with source.read(item.url, 0, None) as answer:
            assert b"".join(answer.chunks) == b"bytes"
        server.head_tricks["/x"].append(http_server.says(302, Location=f"{other.url}/secret"))
        with pytest.raises(
            RefusedError, match=r"127\.0\.0\.1, which is not a public address \(give --from the place itself"
        ):
            source.head(item.url, None)
        for place in ("http://169.254.169.254/latest", "http://2130706433:1/", "http://[::ffff:7f00:1]:1/"):
            server.tricks["/x"].append(http_server.says(302, Location=place))
            with pytest.raises(RefusedError, match="not a public address"), source.read(item.url, 0, None):
                pass
        assert not other.seen


def test_a_named_host_that_was_public_does_not_become_private(monkeypatch: pytest.MonkeyPatch):
    leads_to = iter(["93.184.215.14", "127.0.0.1", "93.184.215.14"])
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(leads_to), 80))]
    )
    resolver = Resolver([host_and_port("http://Files.Example.org/x")])
    assert resolver.resolve("files.example.org", 80) == ["93.184.215.14"]
    with pytest.raises(ForbiddenError, match=r"files\.example\.org leads to 127\.0\.0\.1"):
        resolver.resolve("files.example.org", 80)
    assert resolver.resolve("files.example.org", 80) == ["93.184.215.14"]


def test_a_named_host_that_is_private_may_be_asked_at_its_port_only():
    resolver = Resolver([host_and_port("http://127.0.0.1:9000/x")])
    assert resolver.resolve("127.0.0.1", 9000) == ["127.0.0.1"]
    with pytest.raises(ForbiddenError):
        resolver.resolve("127.0.0.1", 22)
