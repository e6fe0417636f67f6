"""What every route promises: an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sdtoolbox.registered import RouteInfo
from sdtoolbox.registry import Entry
from sdtoolbox.testing.check import PromiseError
from sdtoolbox.toolbox import Toolbox


def answers(toolbox: Toolbox, entry: Entry[RouteInfo], given: Mapping[str, Any]) -> str:
    """The owner and a stranger get an answer; only asked where nothing need be known for it."""
    if entry.value.method != "GET" or "{" in entry.value.path:
        return "not asked: it needs to be told something"
    # In a thread: this one may have an event loop that others still want.
    with ThreadPoolExecutor(1) as thread:
        asked = [thread.submit(asyncio.run, _status(toolbox, entry, shared)) for shared in (False, True)]
        statuses = [one.result() for one in asked]
    if wrong := [status for status in statuses if status >= 500]:
        raise PromiseError(f"it answers with {wrong[0]}")
    return f"{statuses[0]}, and {statuses[1]} on a shared server"


async def _status(toolbox: Toolbox, entry: Entry[RouteInfo], shared: bool) -> int:
    from sdtoolbox.server.extension_routes import PREFIX, ExtensionRoutes

    found: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    path = f"{PREFIX}/{entry.owner}/{entry.value.path}"
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": PREFIX,
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await ExtensionRoutes(toolbox, shared=shared)(scope, receive, send)
    return found[0]
