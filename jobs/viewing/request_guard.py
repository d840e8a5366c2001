"""What stands before every page: only reading, only under the viewer's own names, only with the token where one is set."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKEN = "token"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LONGEST_ADDRESS = 8_000
POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class RequestGuard:
    """The pages behind their checks. `hosts`: the names under which a browser may call, in lower case, without a port: a
    page elsewhere that points its own name here is refused. `token`: what the first call must bring, None asks nothing."""

    pages: Asgi
    hosts: frozenset[str]
    token: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.pages(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers.setdefault("Cache-Control", "no-store")
                for name, value in HEADERS.items():
                    headers[name] = value
                message["headers"] = headers.raw
            await send(message)

        answer = self._early_answer(scope)
        await (answer or self.pages)(scope, receive, send_guarded)

    def _early_answer(self, scope: Scope) -> Response | None:
        """The refusal of a request that may not pass, or its way to the same page without the token in its address."""
        headers = Headers(scope=scope)
        if host_name(headers.get("host", "")) not in self.hosts:
            return _refuse_request(HTTPStatus.MISDIRECTED_REQUEST, "this viewer is not called by that name; see --name")
        if scope["method"] not in ("GET", "HEAD"):
            return _refuse_request(HTTPStatus.METHOD_NOT_ALLOWED, "the viewer only reads", Allow="GET, HEAD")
        if len(scope["path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
            return _refuse_request(HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long")
        if self.token is None or self._is_token(cookie_parser(headers.get("cookie", "")).get(TOKEN, "")):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        if not any(name == TOKEN and self._is_token(value) for name, value in query):
            return _refuse_request(HTTPStatus.FORBIDDEN, "open the address that `oilake view` printed, with its token")
        rest = urlencode([pair for pair in query if pair[0] != TOKEN])
        path = "/" + scope["path"].lstrip("/\\")
        answer = RedirectResponse(f"{path}?{rest}" if rest else path, HTTPStatus.SEE_OTHER)
        answer.set_cookie(TOKEN, self.token, httponly=True, samesite="strict")
        return answer

    def _is_token(self, value: str) -> bool:
        return self.token is not None and hmac.compare_digest(value.encode(), self.token.encode())


def host_name(header: str) -> str:
    """The name in a Host header, in lower case, without its port and the brackets of an IPv6 address."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].rstrip(".").lower()


def _refuse_request(status: HTTPStatus, sentence: str, **headers: str) -> Response:
    return PlainTextResponse(f"{sentence}\n", int(status), headers)
