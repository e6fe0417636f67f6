"""The web server: our routes, the face mounted at `/`, the guard around all of it; and `serve`, which runs it."""

from __future__ import annotations

import asyncio
import gc
import importlib
import ipaddress
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.dependencies import models as dependency_models
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from sdtoolbox import __version__
from sdtoolbox.errors import UserError
from sdtoolbox.server.answers import REFUSED, Answers, error_response
from sdtoolbox.server.extension_routes import PREFIX, ExtensionRoutes
from sdtoolbox.server.guard import Guard
from sdtoolbox.server.inputs import inputs
from sdtoolbox.server.pictures import pictures
from sdtoolbox.server.previews import previews
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox

GOODBYE_SECONDS = 0.3  # for requests in hand when the server is told to end; streams would never end by themselves


def build_app(toolbox: Toolbox) -> ASGIApp:
    """The whole web application over an open toolbox."""
    from sdtoolbox.ui.app import Pages

    @asynccontextmanager
    async def alive(_app: FastAPI) -> AsyncIterator[None]:
        async with pages.alive():
            yield

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=alive)
    started = time.time()

    @app.get("/healthz")
    async def healthz() -> Response:  # asks nobody: it must answer whatever database, disk and workers are doing
        return JSONResponse(
            {"status": "ok", "version": __version__, "started": started, "pages": pages.numbers},
            headers={"cache-control": "no-store"},
        )

    @app.exception_handler(UserError)
    async def explain(_request: Request, error: UserError) -> Response:
        return error_response(error)

    async def refuse(_request: Request, _error: Exception) -> Response:
        return error_response(UserError(*REFUSED), 422)

    app.include_router(pictures(toolbox))
    app.include_router(previews(toolbox))
    shared, on_space = not _is_loopback(toolbox.settings.host), bool(os.environ.get("SPACE_ID"))
    app.include_router(inputs(toolbox, shared=shared))
    app.mount(PREFIX, ExtensionRoutes(toolbox, shared=shared))

    def prepare(site: FastAPI) -> None:
        # FastAPI's own handler repeats what was sent, and fails where that is no text.
        site.add_exception_handler(RequestValidationError, refuse)

    prepare(app)
    insecure = shared and not on_space
    pages = Pages(app, toolbox, shared=shared, insecure=insecure, prepare=prepare, forget=forget_endpoints)
    hosts = (toolbox.settings.host, *toolbox.settings.allowed_hosts)
    return Guard(Answers(app), hosts=hosts, body_limit=toolbox.settings.upload_limit_mb * 2**20)


def forget_endpoints() -> None:
    """Let go of endpoints that are no more: FastAPI remembers what each is, and thereby all that they hold."""
    for found in vars(dependency_models).values():
        if hasattr(found, "cache_clear"):
            found.cache_clear()


def serve(settings: Settings, *, as_json: bool = False) -> None:
    """Run the server until it is told to end; prints its address in one line when it answers.

    UserError if the address is taken, or would let others in without `insecure_no_auth`.
    """
    check_address(settings)
    with _ended_by_signals(), _listen(settings) as listener, Toolbox.open(settings) as toolbox:
        workers = toolbox.start_workers()  # first of all: torch is loaded over there while the page is built here
        importlib.import_module("sdtoolbox.ui.app")  # takes seconds, which the workers use to load torch
        gc.freeze()  # what was imported stays to the end: looking through it again would cost a second at the end alone
        config = uvicorn.Config(
            build_app(toolbox),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=GOODBYE_SECONDS,  # type: ignore[arg-type]  # any number of seconds will do
        )
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        _Server(config, _announcement(settings, listener, as_json), workers.stop).run(sockets=[listener])


def check_address(settings: Settings) -> None:
    """UserError for an address that others can reach, unless the operator said that this is meant."""
    if _is_loopback(settings.host) or settings.insecure_no_auth or os.environ.get("SPACE_ID"):
        return
    raise UserError(
        "FORBIDDEN",
        f"{settings.host} can be reached by others, and there is no login yet.",
        "Use 127.0.0.1, or allow it with --insecure-no-auth (SDTOOLBOX_INSECURE_NO_AUTH=true).",
        "host",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _listen(settings: Settings) -> Iterator[socket.socket]:
    # Bound before anything slow: a taken port is said at once, and early visitors wait instead of being refused.
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise UserError(
                "PARAM_INVALID",
                f"cannot listen on {settings.host} port {settings.port}: {error.strerror}.",
                "Choose another with --port, or 0 for any free one.",
                "port",
            ) from None
        listener.listen(128)
        yield listener


def _announcement(settings: Settings, listener: socket.socket, as_json: bool) -> str:
    port = listener.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}"
    return json.dumps({"url": url, "host": settings.host, "port": port}) if as_json else f"sdtoolbox is at {url}"


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and Ctrl+C unwind the stack, so that everything that was opened is closed, and return quietly."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before: Any = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        logging.getLogger(__name__).info("told to end")
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_news(record: logging.LogRecord) -> bool:
    # Streams that were cut off at the end are no error, and their tracebacks would hide the real ones.
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class _Server(uvicorn.Server):
    """Says where it is once it answers; at the end lets streams and workers go at the same time."""

    def __init__(self, config: uvicorn.Config, announcement: str, goodbye: Callable[[], None]) -> None:
        super().__init__(config)
        self._announcement = announcement
        self._goodbye = goodbye

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"{self._announcement}\n")
            sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.gather(asyncio.to_thread(self._goodbye), super().shutdown(sockets))
