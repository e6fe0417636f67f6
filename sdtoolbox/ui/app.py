"""The face of the server: one page a language, built anew when extensions change, while the server goes on."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
import warnings
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote

import gradio as gr

from sdtoolbox.errors import UserError
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import COOKIE, Texts, languages, pick_language
from sdtoolbox.ui.page import build_page
from sdtoolbox.ui.scripts import ADDRESS, Scripts
from sdtoolbox.ui.sites import Site, address, split
from sdtoolbox.ui.theme import css, theme

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LOOKS = 0.02
"""For new events. Gradio looks a thousand times a second of its own accord: an eighth of a core, with nobody there."""
PAGES_AT_ONCE = 4096  # each open page holds one place in Gradio's queue, which has 40 of its own accord
KEPT = 2  # old sites at most, for pages that are still open; those of older ones load themselves again
FOLLOW_SECONDS = 2.0  # between two looks at whether another process has switched extensions


class Pages:
    """The pages, mounted at `/` of a FastAPI application: routes that were added before keep their addresses.

    It hands each request to the page of its browser's language, and out the scripts of all; an ASGI application. For
    `shared` and `insecure` see `build_page`. `prepare` is called with each of Gradio's own FastAPI applications, those
    that come later too, for the server to add what it adds to each; `forget` whenever some of them are gone.
    """

    def __init__(
        self,
        app: Any,
        toolbox: Toolbox,
        *,
        shared: bool = False,
        insecure: bool = False,
        prepare: Callable[[Any], None] = lambda _site: None,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        # Gradio reads these from the environment: where its copies of pictures lie, and that nothing is sent anywhere.
        os.environ["GRADIO_TEMP_DIR"] = str(toolbox.settings.home / "cache" / "gradio")
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        self._app, self._toolbox, self._prepare, self._forget = app, toolbox, prepare, forget
        self._options = {"shared": shared, "insecure": insecure}
        self._scripts = Scripts()
        self._changing = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._sites = [self._built(1)]
        app.mount("/", self)

    @property
    def numbers(self) -> list[int]:
        """The sites whose pages are answered, the newest last."""
        return [site.number for site in self._sites]

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """What the application's life has to be wrapped in."""
        self._loop = asyncio.get_running_loop()
        await self._sites[-1].start()
        following = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            for task in (following, *self._retiring):
                task.cancel()
            await asyncio.gather(*(site.close() for site in self._sites))

    def change(self, action: Callable[[], None]) -> None:
        """Let `action` change the extensions, then put pages in place that are built of what there is now.

        For any thread but the server's own. Pages that are open go on. UserError from the action, if a change is on
        its way already, or if the pages cannot be built; then the old ones stay.
        """
        if not self._changing.acquire(blocking=False):
            raise UserError("QUEUE_FULL", "extensions are being changed already.", "Wait until that is done.")
        try:
            action()
            number = self._sites[-1].number + 1
            with ThreadPoolExecutor(1) as pool:  # a thread of its own knows nothing of the event that called
                site = pool.submit(self._rebuilt, number).result()
            if self._loop is not None:
                asyncio.run_coroutine_threadsafe(self._swap(site), self._loop).result()
        finally:
            self._changing.release()

    def _rebuilt(self, number: int) -> Site:
        async def build() -> Site:  # without a running loop Gradio makes loops that nobody closes
            return self._built(number)

        try:
            return asyncio.run(build())
        except Exception as error:  # whatever an author's request class does to a form
            log.exception("the pages could not be built")
            said = f"the page could not be built anew, so the old one stays: {type(error).__name__}: {error}."
            raise UserError("EXTENSION_FAILED", said, "Switch off the extension that you changed last.") from error

    def _built(self, number: int) -> Site:
        texts = {language: Texts(language) for language in languages()}
        pages = {
            language: build_page(self._toolbox, words, change=self.change, **self._options)
            for language, words in texts.items()
        }
        return Site(number, {language: self._mounted(page, number) for language, page in pages.items()})

    def _mounted(self, page: gr.Blocks, number: int) -> Any:
        page._queue.max_thread_count = PAGES_AT_ONCE
        page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = SECONDS_BETWEEN_LOOKS
        # Gradio checks the paths in what clients send only in a launched app, and mounting does not count as that.
        page.has_launched = True
        life = self._app.router.lifespan_context
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "SSR mode")  # which was not asked for
            gr.mount_gradio_app(
                self._app,
                page,
                path="/",
                root_path=address(number),
                allowed_paths=[str(self._toolbox.settings.outputs)],
                max_file_size=self._toolbox.settings.upload_limit_mb * 2**20,
                footer_links=[],
                run_history=False,
                show_error=False,
                ssr_mode=False,
                pwa=False,
                theme=theme(),
                css=css(),
            )
        # It is reached through this object instead, and starts and ends with its site.
        self._app.router.lifespan_context = life
        site = self._app.router.routes.pop().app
        self._prepare(site)
        return site

    async def _swap(self, site: Site) -> None:
        await site.start()
        self._sites.append(site)
        task = asyncio.create_task(self._retire(self._sites[-2]))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        while len(self._sites) > KEPT + 1:
            await self._end(self._sites[0])

    async def _retire(self, site: Site) -> None:
        await site.unused()
        await self._end(site)

    async def _end(self, site: Site) -> None:
        if site in self._sites:
            self._sites.remove(site)
            await site.close()
            self._forget()
            del site
            await asyncio.to_thread(gc.collect)  # a page is a net of cycles, of some megabytes

    async def _follow(self) -> None:
        """The command line, or a server beside this one, may change extensions too."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            if not self._changing.locked() and self._toolbox.extensions_outdated:
                try:
                    await asyncio.to_thread(self.change, self._toolbox.follow_extensions)
                except UserError as error:
                    log.warning("extensions were changed elsewhere: %s", error)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        number, path = split(scope["path"].removeprefix(scope.get("root_path", "")))
        if path == f"/{ADDRESS}" and scope["type"] == "http":
            await self._scripts(scope, receive, send)
            return
        found = next((site for site in self._sites if site.number == number), None if number else self._sites[-1])
        if found is None:  # of a site that is gone: its pages notice, and load themselves again
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        headers = {name: value.decode("latin-1") for name, value in scope.get("headers", ())}
        cookie, wished = _cookie(headers.get(b"cookie", "")), headers.get(b"accept-language", "")
        language = pick_language(self._toolbox.settings.language, cookie, wished)
        if number:
            scope = {**scope, "path": scope.get("root_path", "") + path, "raw_path": quote(path).encode()}
        await found.answer(language, scope, receive, send)


def _cookie(header: str) -> str | None:
    try:
        cookies = SimpleCookie(header)
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None
