"""The streams of a page: what this browser's jobs do, one a tab, and the queue of everybody; they never run a job."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from sdtoolbox.errors import UserError
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import views
from sdtoolbox.ui.form import Values
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.task_events import client_of

LOOK_EVERY = 0.15  # seconds between two looks at the jobs
SPEAK_EVERY = 8.0  # seconds; Gradio ends the stream of a closed page only when the stream speaks
MOST_LOOKS = 256  # browsers whose last look is kept
QUEUE = ""  # beside the tasks' names

Seen = dict[str, dict[str, Any]]
Stream = Callable[[Values], AsyncIterator[dict[str, Any]]]


class Follower:
    """Makes the streams; a browser's jobs are looked at once, however many of its streams are open.

    On a `shared` server nobody sees what is another's.
    """

    def __init__(self, toolbox: Toolbox, texts: Texts, tasks: Sequence[str], *, shared: bool) -> None:
        self._toolbox = toolbox
        self._texts = texts
        self._tasks = tuple(tasks)
        self._shared = shared
        self._looks: dict[str, tuple[float, asyncio.Future[Seen]]] = {}

    def stream(self, name: str) -> Stream:
        """The event of one piece of the page, a task's panel or the `QUEUE`; it lasts until the page is closed."""

        async def follow(browser: Values) -> AsyncIterator[dict[str, Any]]:
            client = client_of(browser)
            seen: dict[str, Any] | None = None
            spoke = time.monotonic()
            while True:
                now = (await self._seen(client)).get(name, seen)
                if now is not None and (now != seen or time.monotonic() - spoke > SPEAK_EVERY):
                    yield now
                    seen, spoke = now, time.monotonic()
                await asyncio.sleep(LOOK_EVERY)

        return follow

    async def _seen(self, client: str) -> Seen:
        begun, look = self._looks.get(client, (0.0, None))
        if look is None or time.monotonic() - begun > LOOK_EVERY / 2:
            look = asyncio.ensure_future(asyncio.to_thread(self._look, client))
            self._looks[client] = (time.monotonic(), look)
            while len(self._looks) > MOST_LOOKS:
                self._looks.pop(next(iter(self._looks)))
        return await asyncio.shield(look)  # others wait for the same one

    def _look(self, client: str) -> Seen:
        toolbox = self._toolbox
        try:
            desks = views.desks(toolbox, self._texts, client, self._tasks)
            return dict(zip(self._tasks, desks, strict=True)) | {
                QUEUE: views.queue(toolbox, client, shared=self._shared)
            }
        except (UserError, sqlite3.OperationalError):  # deleted between two looks, or locked for long: look again
            return {}
