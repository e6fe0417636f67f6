"""The pages as they were built at one moment: a Gradio application a language, started and ended as one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

GRACE_SECONDS = 5.0  # in which a browser that was just handed an old page opens its streams
LOOK_SECONDS = 1.0
_ADDRESS = re.compile(r"/page-(\d+)(?=/|$)")


class Site:
    """`number` stands in the addresses that its pages ask: a page is answered by its own site as long as that is there.

    Gradio numbers what a page can do, so another site would take a click for something else.
    """

    def __init__(self, number: int, apps: Mapping[str, Any]) -> None:
        self.number = number
        self._apps = apps
        self._open = 0  # requests in hand; an open page always has some: its streams
        self._ended = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def answer(self, language: str, scope: Any, receive: Any, send: Any) -> None:
        """As an ASGI application, that of a language."""
        self._open += 1
        try:
            await self._apps[language](scope, receive, send)
        finally:
            self._open -= 1

    async def start(self) -> None:
        """Begin to take events."""
        ready = asyncio.Event()
        self._running = asyncio.create_task(self._run(ready))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((waiting, self._running), return_when=asyncio.FIRST_COMPLETED)
        if not ready.is_set():
            waiting.cancel()
            await self._running  # raises what kept it from starting

    async def unused(self) -> None:
        """Wait until no page of it is open any more."""
        await asyncio.sleep(GRACE_SECONDS)
        while self._open:
            await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        """End its streams and everything that runs for them."""
        self._ended.set()
        if self._running is not None:
            await self._running

    async def _run(self, ready: asyncio.Event) -> None:
        # What Gradio does at the start of an application that it is mounted into; this one may be running already.
        async with AsyncExitStack() as stack:
            for app in self._apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
                app.get_blocks().run_startup_events()
                await app.get_blocks().run_extra_startup_events()
            ready.set()
            await self._ended.wait()
            for app in self._apps.values():
                app.get_blocks().close(verbose=False)
                app.stop_event.set()


def address(number: int) -> str:
    """What the addresses begin with that the pages of a site ask."""
    return f"/page-{number}"


def split(path: str) -> tuple[int | None, str]:
    """The number of the site that a path names, None if it names none, and the rest of the path."""
    found = _ADDRESS.match(path)
    return (int(found[1]), path[found.end() :] or "/") if found else (None, path)
