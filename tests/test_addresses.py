"""Which addresses may be asked, and what of a URL may be told."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from conf.settings import Fetch
from jobs.fetching import addresses, http
from jobs.fetching.addresses import ForbiddenError, is_public, resolve, without_secrets
from jobs.fetching.answers import RefusedError
from tests import http_server, photos


@pytest.mark.parametrize("address", ["8.8.8.8", "151.101.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
        ),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1"),
        *("2002:7f00:1::", "64:ff9b::7f00:1", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
    ],
)
def test_loopback_link_local_private_and_addresses_that_lead_there(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "[::1]"])
def test_other_spellings_of_loopback_are_found_out(host: str):
    with pytest.raises(ForbiddenError):
        resolve(host, 80)


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
        addresses.guarded().request("GET", "http://rebind.test:1/", retries=False)
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
        addresses.guarded().request("GET", "http://example.test/x", retries=False)
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
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    with http_server.running() as server:
        inside = server.url.replace("127.0.0.1", "127.0.0.2")
        server.tricks["/x.jpg"].append(photos.redirects_to(f"{inside}/secret"))
        source = http.source(Fetch(tries=1), is_guarded=True)
        with (
            pytest.raises(RefusedError, match=r"127\.0\.0\.2, which is not a public address"),
            source.read(f"{server.url}/x.jpg", 0, None),
        ):
            pass
        assert [seen.path for seen in server.seen] == ["/x.jpg"]
