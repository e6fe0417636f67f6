"""What goes wrong becomes one kind of answer: JSON `{code, message, hint, field, job_id}`, never a traceback."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdtoolbox.errors import CODES, Code, UserError

log = logging.getLogger(__name__)

STATUS: Mapping[str, int] = {
    "FORBIDDEN": 403,
    "JOB_MISSING": 404,
    "IMAGE_INVALID": 404,
    "IMAGE_TOO_LARGE": 413,
    "QUEUE_FULL": 429,
    "OUT_OF_MEMORY": 503,
    "DISK_FULL": 507,
    "WORKER_DIED": 503,
    "TIMEOUT": 504,
    "INTERNAL": 500,
}
"""The HTTP status of an error's code; 400 for all others: the request was at fault."""

BY_STATUS: Mapping[int, tuple[Code, str, str]] = {
    401: ("FORBIDDEN", "this needs a login.", "Log in first."),
    403: ("FORBIDDEN", "this is not allowed.", ""),
    404: ("PARAM_INVALID", "there is nothing at this address.", "Check the spelling."),
    405: ("PARAM_INVALID", "this address does not take that method.", "Use another HTTP method."),
    413: ("IMAGE_TOO_LARGE", "that is too large.", "Send a smaller file."),
    429: ("QUEUE_FULL", "there are too many requests.", "Try again later."),
    503: ("QUEUE_FULL", "the server is busy.", "Try again later."),
}
REFUSED: tuple[Code, str, str] = (
    "PARAM_INVALID",
    "the request does not have the form that this address takes.",
    "See the endpoint's description.",
)
INTERNAL: tuple[Code, str, str] = (
    "INTERNAL",
    "something went wrong inside the server.",
    "The server's log has the details.",
)


def error_response(error: UserError, status: int | None = None, job_id: str | None = None) -> JSONResponse:
    """The answer for an error, with the status of its code unless another is given."""
    body = error.as_dict() | {"job_id": job_id}
    headers = {"retry-after": "5"} if error.code == "QUEUE_FULL" else None
    return JSONResponse(body, status or STATUS.get(error.code, 400), headers)


class Answers:
    """An ASGI application around another one, whose error answers and exceptions it turns into ours.

    Frameworks inside answer in their own words, and some repeat what was sent or name a file; nothing of theirs
    gets out except the text that a task's endpoint meant for the caller.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        held = _Held(send)
        try:
            await self.app(scope, receive, held.send)
        except Exception:  # the edge of the server: whoever asked gets an answer, the log gets the rest
            log.exception("%s %s failed", scope["method"], scope["path"])
            if held.passed:
                raise  # an answer had begun: only breaking the connection tells that it is not whole
            held.status = held.status or 500
        if held.status and not held.passed:
            await _translate(held.status, bytes(held.body))(scope, receive, send)


class _Held:
    """Passes good answers on at once and keeps bad ones to be rewritten."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.body = bytearray()
        self.passed = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self.status = message["status"]
        elif self.status:
            self.body += message.get("body", b"")[:65536]
        else:
            self.passed = True
            await self._send(message)


def _translate(status: int, body: bytes) -> JSONResponse:
    try:
        said: Any = json.loads(body)
    except ValueError:
        said = None
    said = said if isinstance(said, dict) else {}
    if said.get("code") in CODES:  # ours already
        return error_response(UserError.from_dict(said), status, said.get("job_id"))
    if said.get("title") in CODES:  # a UserError that went through Gradio
        return error_response(UserError(said["title"], str(said.get("error"))))
    if status == 500 and "error" in said:  # Gradio's way to say that it could not take the input
        return error_response(UserError(*REFUSED), 400)
    code, message, hint = BY_STATUS.get(status, REFUSED if status < 500 else INTERNAL)
    return error_response(UserError(code, message, hint), status)
