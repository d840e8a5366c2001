"""Files over HTTP and HTTPS: ranges, validators, redirects, and what each status means."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.client import responses
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from oilake.conf.settings import Fetch
from oilake.jobs.transport import http_headers as fields
from oilake.jobs.transport.address_guard import ForbiddenError, Resolver, without_secrets
from oilake.jobs.transport.connection_pools import Pools, open_pools, pool_for
from oilake.jobs.transport.source import (
    AgainError,
    Answer,
    Cause,
    RefusedError,
    Source,
    UnsatisfiableError,
    Version,
    same,
)

Response = urllib3.BaseHTTPResponse

REDIRECTS = 5
BLOCK = 1 << 20
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
NO_HEAD = frozenset({405, 501})


def source(fetch: Fetch, is_guarded: bool = False, named: Collection[tuple[str, int]] = ()) -> Source:
    """Files behind http and https URLs; a proxy is taken from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).

    `is_guarded`: only public addresses are connected to, and those of `named`: (host, port) that the user named himself. A
    proxy is trusted, and not asked for a name that is known here to lead elsewhere.
    """
    pools = open_pools(fetch, Resolver(named) if is_guarded else None)
    return Source(partial(_head, pools, fetch), partial(_read, pools, fetch))


def _head(pools: Pools, fetch: Fetch, url: str, known: Version | None) -> Version:
    headers = fields.unless(known)
    response = _request(pools, fetch, "HEAD", url, headers)
    if response.status in NO_HEAD:
        response.close()
        response = _request(pools, fetch, "GET", url, headers)
    try:
        if response.status == 304 and known:
            return known
        _accept(response, url)
        return fields.version(response.headers, fields.length(response.headers))
    finally:
        response.close()


@contextmanager
def _read(pools: Pools, fetch: Fetch, url: str, start: int, version: Version | None) -> Iterator[Answer]:
    response = _request(pools, fetch, "GET", url, fields.since(start, version))
    try:
        if start and response.status == 416:
            raise UnsatisfiableError
        _accept(response, url)
        yield _continued(response, start, version, fetch) if response.status == 206 else _whole(response, fetch)
    finally:
        # An unread body would have to be read to its end before the connection could serve again.
        response.close()


def _request(pools: Pools, fetch: Fetch, method: str, url: str, headers: Mapping[str, str]) -> Response:
    """The answer at the end of the redirects, unread."""
    for _ in range(REDIRECTS + 1):
        response = _ask(pools, fetch, method, url, headers)
        place = response.get_redirect_location()
        if not place:
            response.url = url  # behind redirects; the library's own is the path alone
            return response
        cause = Cause("forbidden", response.status, url)
        response.close()
        url = _joined(url, place, cause)
        if urlsplit(url).scheme not in ("http", "https"):
            told = without_secrets(url)
            raise RefusedError(f"it is redirected to {told}, and only http and https are followed", cause=cause)
    raise RefusedError(f"it is redirected more than {REDIRECTS} times", cause=cause)


def _joined(url: str, place: str, cause: Cause) -> str:
    try:
        return urljoin(url, place)
    except ValueError:
        raise RefusedError("it is redirected to what is no address", cause=cause) from None


def _ask(pools: Pools, fetch: Fetch, method: str, url: str, headers: Mapping[str, str]) -> Response:
    timeout = urllib3.Timeout(connect=fetch.timeout_seconds, read=fetch.timeout_seconds)
    try:
        return pool_for(pools, url).request(
            method, url, headers=headers, timeout=timeout, preload_content=False, redirect=False, retries=False
        )
    except ForbiddenError as error:
        raise RefusedError(str(error), cause=Cause("forbidden", url=url)) from None
    except (LocationValueError, ValueError) as error:
        raise RefusedError(
            f"{without_secrets(url)} is no address ({error}); correct it", cause=Cause(url=url)
        ) from None
    except HTTPError as error:
        raise _again(error, fetch, Cause(url=url)) from None


def _accept(response: Response, url: str) -> None:
    """AgainError or RefusedError unless the answer carries the file, or a part of it."""
    cause = _cause(response)
    status = f"the server answers {response.status} {response.reason or responses.get(response.status, '')}".rstrip()
    if response.status in TRANSIENT:
        raise AgainError(status, fields.wait(response.headers), cause=cause)
    if response.status not in (200, 206):
        raise RefusedError(status, cause=cause)
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise RefusedError(
            "the server sends a web page (text/html) in place of the file; open the address in a browser", cause=cause
        )
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity" and not urlsplit(url).path.endswith("gz"):
        raise RefusedError(f"the server sends it packed ({encoding}), though it was asked not to", cause=cause)


def _whole(response: Response, fetch: Fetch) -> Answer:
    length = fields.length(response.headers)
    if length is None and "chunked" not in response.headers.get("Transfer-Encoding", ""):
        raise RefusedError(
            "the server does not say where the file ends, so a part could pass for the whole", cause=_cause(response)
        )
    chunks = _chunks(response, fetch)
    return Answer(0, fields.version(response.headers, length), chunks, response.url, response.status)


def _continued(response: Response, start: int, version: Version | None, fetch: Fetch) -> Answer:
    told = re.fullmatch(r"bytes ([0-9]{1,19})-[0-9]+/([0-9]{1,19})", response.headers.get("Content-Range", ""))
    if version is None or told is None or int(told[1]) != start:
        raise AgainError("the server sends other bytes than it was asked for", after=0, restart=True)
    found = fields.version(response.headers, int(told[2]), partial=True)
    unlabelled = not (found.etag or found.last_modified or found.md5) and version.bytes in (None, found.bytes)
    if not unlabelled and not same(version, found):
        raise AgainError("the file changed on the server", after=0, restart=True)
    return Answer(start, found, _chunks(response, fetch), response.url, response.status)


def _chunks(response: Response, fetch: Fetch) -> Iterator[bytes]:
    try:
        while block := response.read1(BLOCK, decode_content=False):
            yield block
    except HTTPError as error:
        raise _again(error, fetch, _cause(response)) from None


def _cause(response: Response) -> Cause:
    return Cause("answer", response.status, response.url)


def _again(error: HTTPError, fetch: Fetch, cause: Cause) -> AgainError:
    # NewConnectionError is a kind of ConnectTimeoutError, and so comes first.
    if isinstance(error, NewConnectionError):
        return AgainError("no connection to the server", cause=cause)
    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError)):
        return AgainError(f"nothing came for {fetch.timeout_seconds:g} s", cause=replace(cause, failure="slow"))
    if isinstance(error, SSLError):
        return AgainError(f"TLS failed ({error})", cause=cause)
    return AgainError("the connection broke", cause=replace(cause, failure="cut"))
