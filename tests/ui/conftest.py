"""A server and a browser for the whole session of these tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web import Web, serve

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A server with the fake engine; every test uses a browser or client of its own."""
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="module")  # while it is there an event loop runs in this thread, and no other can
def chromium() -> Iterator[Any]:
    """A real Chromium. Without one the tests are skipped, but not in CI, where that would hide them."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI needs a browser at {CHROMIUM}")
        pytest.skip(f"there is no browser at {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
