"""A server for the whole session of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web import Web, serve


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A server with the fake engine and a small limit for bodies."""
    with serve(tmp_path_factory.mktemp("home"), upload_limit_mb="1") as running:
        yield running
