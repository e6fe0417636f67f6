"""The face of the server: one page a language, mounted into the server's application."""

from __future__ import annotations

import os
from http.cookies import CookieError, SimpleCookie
from typing import Any

import gradio as gr

from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import COOKIE, Texts, languages, pick_language
from sdtoolbox.ui.page import build_page
from sdtoolbox.ui.scripts import ADDRESS, Scripts
from sdtoolbox.ui.theme import css, theme

SECONDS_BETWEEN_LOOKS = 0.02
"""For new events. Gradio looks a thousand times a second of its own accord: an eighth of a core, with nobody there."""
PAGES_AT_ONCE = 4096  # each open page holds one place in Gradio's queue, which has 40 of its own accord


def mount(app: Any, toolbox: Toolbox, *, shared: bool = False, insecure: bool = False) -> list[Any]:
    """Mount the pages at `/` of a FastAPI application; routes that were added before keep their addresses.

    For `shared` and `insecure` see `build_page`. Returns Gradio's own FastAPI applications, for the server to add
    what it adds to each.
    """
    # Gradio reads these from the environment: where its copies of pictures lie, and that nothing is sent anywhere.
    os.environ["GRADIO_TEMP_DIR"] = str(toolbox.settings.home / "cache" / "gradio")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    pages = {name: build_page(toolbox, Texts(name), shared=shared, insecure=insecure) for name in languages()}
    sites = {name: _mounted(app, toolbox, page) for name, page in pages.items()}
    app.mount("/", LanguageDoor(sites, toolbox.settings.language))
    return list(sites.values())


def _mounted(app: Any, toolbox: Toolbox, page: gr.Blocks) -> Any:
    page._queue.max_thread_count = PAGES_AT_ONCE
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = SECONDS_BETWEEN_LOOKS
    # Gradio checks the paths in what clients send only in a launched app, and mounting does not count as that.
    page.has_launched = True
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        allowed_paths=[str(toolbox.settings.outputs)],
        max_file_size=toolbox.settings.upload_limit_mb * 2**20,
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        pwa=False,
        theme=theme(),
        css=css(),
    )
    # It is reached through the door below instead; its start and end stay with the application's.
    return app.router.routes.pop().app


class LanguageDoor:
    """Hands each request to the page of its browser's language, and out the scripts of all; an ASGI application."""

    def __init__(self, sites: dict[str, Any], setting: str) -> None:
        self.sites = sites
        self.setting = setting
        self._scripts = Scripts()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].removeprefix(scope.get("root_path", "")) == f"/{ADDRESS}":
            await self._scripts(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope.get("headers", ())}
        language = pick_language(self.setting, _cookie(headers.get(b"cookie", "")), headers.get(b"accept-language", ""))
        await self.sites[language](scope, receive, send)


def _cookie(header: str) -> str | None:
    try:
        cookies = SimpleCookie(header)
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None
