"""A server and a browser for the whole session of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web import Web, serve


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A server with the fake engine; every test uses a browser or client of its own."""
    with serve(tmp_path_factory.mktemp("home")) as running:
        yield running
