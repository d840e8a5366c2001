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

from oilake.conf.settings import FetchSettings
from oilake.jobs.transport import http_headers as fields
from oilake.jobs.transport.address_guard import ForbiddenError, Resolver, without_secrets
from oilake.jobs.transport.connection_pools import ConnectionPools, open_pools, pool_for
from oilake.jobs.transport.source import (
    AgainError,
    Answer,
    FailureCause,
    RefusedError,
    Source,
    UnsatisfiableError,
    Version,
    is_same_version,
)

Response = urllib3.BaseHTTPResponse

MOST_REDIRECTS = 5
READ_BYTES = 1 << 20
TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
NO_HEAD_STATUSES = frozenset({405, 501})


def http_source(fetch: FetchSettings, is_guarded: bool = False, named: Collection[tuple[str, int]] = ()) -> Source:
    """Files behind http and https URLs; a proxy is taken from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).

    `is_guarded`: only public addresses are connected to, and those of `named`: (host, port) that the user named himself. A
    proxy is trusted, and not asked for a name that is known here to lead elsewhere.
    """
    pools = open_pools(fetch, Resolver(named) if is_guarded else None)
    return Source(partial(_head_version, pools, fetch), partial(_read_answer, pools, fetch))


def _head_version(pools: ConnectionPools, fetch: FetchSettings, url: str, known_version: Version | None) -> Version:
    headers = fields.unless_unchanged(known_version)
    response = _request_redirected(pools, fetch, "HEAD", url, headers)
    if response.status in NO_HEAD_STATUSES:
        response.close()
        response = _request_redirected(pools, fetch, "GET", url, headers)
    try:
        if response.status == 304 and known_version:
            return known_version
        _check_answer(response, url)
        return fields.answer_version(response.headers, fields.content_length(response.headers))
    finally:
        response.close()


@contextmanager
def _read_answer(
    pools: ConnectionPools, fetch: FetchSettings, url: str, start: int, version: Version | None
) -> Iterator[Answer]:
    response = _request_redirected(pools, fetch, "GET", url, fields.resume_headers(start, version))
    try:
        if start and response.status == 416:
            raise UnsatisfiableError
        _check_answer(response, url)
        yield (
            _continued_answer(response, start, version, fetch)
            if response.status == 206
            else _whole_answer(response, fetch)
        )
    finally:
        # An unread body would have to be read to its end before the connection could serve again.
        response.close()


def _request_redirected(
    pools: ConnectionPools, fetch: FetchSettings, method: str, url: str, headers: Mapping[str, str]
) -> Response:
    """The answer at the end of the redirects, unread."""
    for _ in range(MOST_REDIRECTS + 1):
        response = _send_request(pools, fetch, method, url, headers)
        place = response.get_redirect_location()
        if not place:
            response.url = url  # behind redirects; the library's own is the path alone
            return response
        cause = FailureCause("forbidden", response.status, url)
        response.close()
        url = _redirect_url(url, place, cause)
        if urlsplit(url).scheme not in ("http", "https"):
            shown_url = without_secrets(url)
            raise RefusedError(f"it is redirected to {shown_url}, and only http and https are followed", cause=cause)
    raise RefusedError(f"it is redirected more than {MOST_REDIRECTS} times", cause=cause)


def _redirect_url(url: str, place: str, cause: FailureCause) -> str:
    try:
        return urljoin(url, place)
    except ValueError:
        raise RefusedError("it is redirected to what is no address", cause=cause) from None


def _send_request(
    pools: ConnectionPools, fetch: FetchSettings, method: str, url: str, headers: Mapping[str, str]
) -> Response:
    timeout = urllib3.Timeout(connect=fetch.timeout_seconds, read=fetch.timeout_seconds)
    try:
        return pool_for(pools, url).request(
            method, url, headers=headers, timeout=timeout, preload_content=False, redirect=False, retries=False
        )
    except ForbiddenError as error:
        raise RefusedError(str(error), cause=FailureCause("forbidden", url=url)) from None
    except (LocationValueError, ValueError) as error:
        raise RefusedError(
            f"{without_secrets(url)} is no address ({error}); correct it", cause=FailureCause(url=url)
        ) from None
    except HTTPError as error:
        raise _retry_error(error, fetch, FailureCause(url=url)) from None


def _check_answer(response: Response, url: str) -> None:
    """AgainError or RefusedError unless the answer carries the file, or a part of it."""
    cause = _answer_cause(response)
    status = f"the server answers {response.status} {response.reason or responses.get(response.status, '')}".rstrip()
    if response.status in TRANSIENT_STATUSES:
        raise AgainError(status, fields.retry_after_seconds(response.headers), cause=cause)
    if response.status not in (200, 206):
        raise RefusedError(status, cause=cause)
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise RefusedError(
            "the server sends a web page (text/html) in place of the file; open the address in a browser", cause=cause
        )
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity" and not urlsplit(url).path.endswith("gz"):
        raise RefusedError(f"the server sends it packed ({encoding}), though it was asked not to", cause=cause)


def _whole_answer(response: Response, fetch: FetchSettings) -> Answer:
    length = fields.content_length(response.headers)
    if length is None and "chunked" not in response.headers.get("Transfer-Encoding", ""):
        raise RefusedError(
            "the server does not say where the file ends, so a part could pass for the whole",
            cause=_answer_cause(response),
        )
    chunks = _body_blocks(response, fetch)
    return Answer(0, fields.answer_version(response.headers, length), chunks, response.url, response.status)


def _continued_answer(response: Response, start: int, version: Version | None, fetch: FetchSettings) -> Answer:
    content_range = re.fullmatch(r"bytes ([0-9]{1,19})-[0-9]+/([0-9]{1,19})", response.headers.get("Content-Range", ""))
    if version is None or content_range is None or int(content_range[1]) != start:
        raise AgainError("the server sends other bytes than it was asked for", after=0, restart=True)
    answer_version = fields.answer_version(response.headers, int(content_range[2]), partial=True)
    unlabelled = not (answer_version.etag or answer_version.last_modified or answer_version.md5) and version.bytes in (
        None,
        answer_version.bytes,
    )
    if not unlabelled and not is_same_version(version, answer_version):
        raise AgainError("the file changed on the server", after=0, restart=True)
    return Answer(start, answer_version, _body_blocks(response, fetch), response.url, response.status)


def _body_blocks(response: Response, fetch: FetchSettings) -> Iterator[bytes]:
    try:
        while block := response.read1(READ_BYTES, decode_content=False):
            yield block
    except HTTPError as error:
        raise _retry_error(error, fetch, _answer_cause(response)) from None


def _answer_cause(response: Response) -> FailureCause:
    return FailureCause("answer", response.status, response.url)


def _retry_error(error: HTTPError, fetch: FetchSettings, cause: FailureCause) -> AgainError:
    # NewConnectionError is a kind of ConnectTimeoutError, and so comes first.
    if isinstance(error, NewConnectionError):
        return AgainError("no connection to the server", cause=cause)
    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError)):
        return AgainError(f"nothing came for {fetch.timeout_seconds:g} s", cause=replace(cause, failure="slow"))
    if isinstance(error, SSLError):
        return AgainError(f"TLS failed ({error})", cause=cause)
    return AgainError("the connection broke", cause=replace(cause, failure="cut"))
