"""The streams of a page: they speak when something has changed, and look once for all of them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import following, views
from sdtoolbox.ui.following import QUEUE, Follower
from sdtoolbox.ui.i18n import Texts
from tests.web import write_checkpoints


@pytest.fixture
def toolbox(tmp_path: Path) -> Iterator[Toolbox]:
    write_checkpoints(tmp_path / "models")
    with Toolbox.open(Settings(home=tmp_path)) as opened:
        yield opened


def follower(toolbox: Toolbox) -> Follower:
    return Follower(toolbox, Texts(), ["txt2img", "img2img"], shared=False)


def test_a_stream_says_what_has_changed_and_nothing_else(toolbox: Toolbox) -> None:
    async def watch() -> tuple[Any, Any]:
        stream = follower(toolbox).stream("txt2img")({"client": "me"})
        first = await anext(stream)
        await asyncio.to_thread(toolbox.submit, Txt2Img(prompt="a house"), "me")
        second = await asyncio.wait_for(anext(stream), 5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.5)
        return first, second

    first, second = asyncio.run(watch())
    assert first == {"ready": True, "jobs": []}
    assert [job["prompt"] for job in second["jobs"]] == ["a house"]


def test_streams_of_one_browser_share_their_looks(toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    desks = views.desks

    def counted(toolbox: Toolbox, texts: Texts, client: str, tasks: Any) -> Any:
        looks.append(client)
        return desks(toolbox, texts, client, tasks)

    monkeypatch.setattr(views, "desks", counted)

    async def watch() -> None:
        one = follower(toolbox)
        streams = [one.stream(name)({"client": "me"}) for name in ("txt2img", "img2img", QUEUE)]
        assert await asyncio.gather(*(anext(stream) for stream in streams)) == [
            {"ready": True, "jobs": []},
            {"ready": True, "jobs": []},
            {"jobs": []},
        ]

    asyncio.run(watch())
    assert looks == ["me"]


def test_a_locked_database_is_looked_at_again(toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    queue, failures = views.queue, [1, 1]

    def locked(*arguments: Any, **options: Any) -> Any:
        if failures:
            failures.pop()
            raise sqlite3.OperationalError("database is locked")
        return queue(*arguments, **options)

    monkeypatch.setattr(views, "queue", locked)
    monkeypatch.setattr(following, "LOOK_EVERY", 0.01)

    async def watch() -> Any:
        return await asyncio.wait_for(anext(follower(toolbox).stream(QUEUE)({"client": "me"})), 5)

    assert asyncio.run(watch()) == {"jobs": []}
    assert failures == []
