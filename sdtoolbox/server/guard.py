"""The outermost layer of the web server: who may ask, how much they may send, what browsers may do with answers.

It stands before every route, Gradio's and extensions' too, so that none of them can forget it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdtoolbox.errors import UserError
from sdtoolbox.server.answers import error_response

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
# Gradio's page starts from scripts inside the document, and its HTML component compiles templates: hence "unsafe".
# Nothing may come from elsewhere, which also keeps a script that slipped in from sending anything out.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors {ancestors}"
)


class Guard:
    """An ASGI application around another one.

    `hosts` are the names by which the server may be reached besides this machine's own; a page of another name
    whose address was bent to this server (DNS rebinding) is refused, and so is whatever another site's page sends.
    `body_limit` is in bytes.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str] = (), body_limit: int) -> None:
        self.app = app
        self.hosts = {name for host in hosts if (name := _host_name(host))}
        if space := os.environ.get("SPACE_HOST"):
            self.hosts |= {_host_name(name) for name in space.split(",")}
        self.body_limit = body_limit
        ancestors = "'self' https://huggingface.co https://*.hf.space" if os.environ.get("SPACE_ID") else "'self'"
        self._headers = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"content-security-policy", POLICY.format(ancestors=ancestors).encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
            refusal = self._refusal(scope, headers)
            answer = error_response(refusal, 403) if refusal else partial(self._limited, headers)
            await answer(scope, receive, self._with_headers(send))

    def _refusal(self, scope: Scope, headers: dict[bytes, str]) -> UserError | None:
        host = headers.get(b"host", "")
        server = scope.get("server") or ("", None)
        if _host_name(host) not in self.hosts | LOCAL | {
            _host_name(f"[{server[0]}]" if ":" in server[0] else server[0])
        }:
            return UserError(
                "FORBIDDEN",
                "this server is not known by the name it was asked for.",
                "The operator can allow names in the setting allowed_hosts (SDTOOLBOX_ALLOWED_HOSTS).",
            )
        if scope["method"] not in SAFE_METHODS and not self._same_site(headers, host):
            return UserError(
                "FORBIDDEN", "another site's page may not use this server.", "Open the server's own page and try there."
            )
        return None

    def _same_site(self, headers: dict[bytes, str], host: str) -> bool:
        # Programs send none of these headers, and browsers cannot leave all of them out.
        for name in (b"origin", b"referer"):
            if name in headers:
                return self._is_own(headers[name], host)
        return headers.get(b"sec-fetch-site", "none") in ("same-origin", "none")

    def _is_own(self, origin: str, host: str) -> bool:
        try:
            parts = urlsplit(origin)
            name = (parts.hostname or "").rstrip(".")
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or not name:
            return False
        # A proxy in front may change the Host it passes on, so a name the operator allowed counts as well; not so an
        # address, where another port may be anybody's page.
        return parts.netloc.casefold() == host.casefold() or (name in self.hosts and not _is_local(name))

    async def _limited(self, headers: dict[bytes, str], scope: Scope, receive: Receive, send: Send) -> None:
        too_large = error_response(
            UserError(
                "IMAGE_TOO_LARGE",
                f"the request's body is larger than {self.body_limit // 2**20} MB.",
                "Send less, or ask the operator for a higher upload_limit_mb.",
            ),
            413,
        )
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length) > self.body_limit:
            await too_large(scope, receive, send)
            return
        body = _Body(receive, send, self.body_limit)
        try:
            await self.app(scope, body.receive, body.send)
        except _TooLargeError:
            pass
        if body.exceeded and not body.answered:
            await too_large(scope, receive, send)

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = {name for name, _ in self._headers}
                rest = [pair for pair in message.get("headers", ()) if pair[0].lower() not in ours]
                message = {**message, "headers": [*rest, *self._headers]}
            await send(message)

        return send_with_headers


class _TooLargeError(Exception):
    """The body went over the limit while it was being read."""


class _Body:
    """Counts what comes in; after the limit the inner application's own answer is kept back for ours."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self._left = receive, send, limit
        self.exceeded = False
        self.answered = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self.exceeded = True
                raise _TooLargeError
        return message

    async def send(self, message: Message) -> None:
        if self.exceeded and not self.answered:
            return
        self.answered = True
        await self._send(message)


def _host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case; empty if it makes no sense."""
    try:
        return (urlsplit(f"//{host.strip()}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_local(name: str) -> bool:
    return name in LOCAL or name.replace(".", "").isdecimal() or ":" in name
