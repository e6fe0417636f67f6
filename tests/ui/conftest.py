"""A server and a browser for the whole session of these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.ui.models import write_models
from tests.web import Web, ready, serve

Open = Callable[..., Any]


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A server with the fake engine; every test uses a browser or client of its own."""
    home = tmp_path_factory.mktemp("home")
    write_models(home / "models")
    with serve(home) as running:
        yield running


@pytest.fixture
def open_page(web: Web, chromium: Any) -> Iterator[Open]:
    """Open the page as a new visitor; `page.asked` collects what it loads, `page.failures` what its scripts raise."""
    contexts = []

    def open_one(width: int = 1280, height: int = 720, **options: Any) -> Any:
        page = visit(web, chromium, width, height, **options)
        contexts.append(page.context)
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def shared_page(web: Web, chromium: Any) -> Iterator[Any]:
    """As `open_page`, one for all tests of a module that do not mind what the others left there."""
    page = visit(web, chromium)
    yield page
    page.context.close()


def visit(web: Web, chromium: Any, width: int = 1280, height: int = 720, **options: Any) -> Any:
    context = chromium.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.asked = []
    page.failures = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.failures.append(str(error)))
    page.on("console", lambda said: page.failures.append(said.text) if "js_on_load" in said.text else None)
    page.goto(web.url)
    ready(page)
    return page
