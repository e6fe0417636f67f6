"""The pages while extensions change: swapped as a whole, old ones go on and then go away."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI

from sdtoolbox.errors import UserError
from sdtoolbox.extensions.states import States
from sdtoolbox.server.app import forget_endpoints
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import app as face
from sdtoolbox.ui import sites
from sdtoolbox.ui.app import Pages
from sdtoolbox.ui.sites import split

pytestmark = pytest.mark.filterwarnings("ignore:SSR mode is not supported")  # Gradio warns though it is switched off
TAB = """
def {name}(toolbox):
    import gradio as gr

    gr.Markdown("here is {name}")


def register(ext):
    ext.tab({name})
"""


@pytest.fixture
def toolbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolbox]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    monkeypatch.setattr(face, "languages", lambda: ["en"])  # half the work
    monkeypatch.setattr(sites, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(sites, "LOOK_SECONDS", 0.02)
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "garden.py").write_text(TAB.format(name="garden"))
    with Toolbox.open(Settings(home=tmp_path, extension_patience=60)) as opened:
        yield opened


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages with nothing but the tab of the extension."""

    def build(toolbox: Toolbox, texts: Any, **_options: Any) -> gr.Blocks:
        with gr.Blocks() as page:
            for entry in toolbox.registries.tabs:
                if entry.owner == "garden":
                    entry.value(toolbox)
        return page

    monkeypatch.setattr(face, "build_page", build)


def live(toolbox: Toolbox, test: Callable[[Pages, httpx.AsyncClient], Any], **options: Any) -> None:
    """Run a test inside the life of a server's pages, with a client of theirs."""

    async def go() -> None:
        app = FastAPI()
        pages = Pages(app, toolbox, forget=forget_endpoints, **options)
        async with (
            pages.alive(),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client,
        ):
            await test(pages, client)

    asyncio.run(go())


async def text(client: httpx.AsyncClient, path: str = "/") -> str:
    return (await client.get(path)).text


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not within ten seconds")


def test_pages_are_swapped_and_what_was_there_before_can_be_freed(toolbox: Toolbox) -> None:
    prepared: list[Any] = []

    async def test(pages: Pages, client: httpx.AsyncClient) -> None:
        assert "here is garden" in await text(client)
        assert '"root":"http://here/page-1"' in await text(client)
        assert (await client.get("/page-1/gradio_api/info")).json() == (await client.get("/gradio_api/info")).json()
        old = [weakref.ref(prepared[0]), weakref.ref(prepared[0].get_blocks())]
        prepared.clear()
        await asyncio.to_thread(pages.change, lambda: toolbox.switch_extension("garden", on=False))
        assert "here is garden" not in await text(client)
        assert '"root":"http://here/page-2"' in await text(client)
        assert len(prepared) == 1  # the server's handlers are on the new one too
        await until(lambda: pages.numbers == [2])
        assert (await client.get("/page-1/config")).status_code == 404
        await asyncio.sleep(0.1)
        await asyncio.to_thread(gc.collect)
        assert [reference() for reference in old] == [None, None]

    live(toolbox, test, prepare=prepared.append)


@pytest.mark.usefixtures("small")
def test_an_old_page_is_answered_as_long_as_it_is_open_but_not_for_ever(toolbox: Toolbox) -> None:
    async def test(pages: Pages, client: httpx.AsyncClient) -> None:
        pages._sites[0]._open += 1  # a stream
        await asyncio.to_thread(pages.change, lambda: toolbox.switch_extension("garden", on=False))
        await asyncio.sleep(0.2)
        assert pages.numbers == [1, 2]
        assert "here is garden" in await text(client, "/page-1/config")
        assert "here is garden" not in await text(client, "/config")
        for _ in range(2):
            pages._sites[-1]._open += 1
            await asyncio.to_thread(pages.change, toolbox.reload_extensions)
        assert pages.numbers == [2, 3, 4]

    live(toolbox, test)


@pytest.mark.usefixtures("small")
def test_pages_that_cannot_be_built_leave_the_old_ones_and_say_why(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: Any, **_named: Any) -> None:
        raise ZeroDivisionError("a form of nothing")

    async def test(pages: Pages, client: httpx.AsyncClient) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(face, "build_page", fail)
            with pytest.raises(UserError, match="ZeroDivisionError: a form of nothing") as caught:
                await asyncio.to_thread(pages.change, toolbox.reload_extensions)
        assert caught.value.code == "EXTENSION_FAILED"
        assert pages.numbers == [1]
        assert "here is garden" in await text(client)

    live(toolbox, test)


@pytest.mark.usefixtures("small")
def test_one_change_at_a_time(toolbox: Toolbox) -> None:
    async def test(pages: Pages, _client: httpx.AsyncClient) -> None:
        def twice() -> None:
            with pytest.raises(UserError, match="being changed already"):
                pages.change(lambda: None)
            raise UserError("PARAM_INVALID", "enough.", "Stop here.")

        with pytest.raises(UserError, match="enough"):
            await asyncio.to_thread(pages.change, twice)
        assert pages.numbers == [1]

    live(toolbox, test)


@pytest.mark.usefixtures("small")
def test_what_another_process_switches_is_followed(toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "FOLLOW_SECONDS", 0.02)

    async def test(pages: Pages, client: httpx.AsyncClient) -> None:
        file = toolbox.settings.extension_states
        States.read(file).changed(disable="garden").write(file)
        await until(lambda: pages.numbers[-1] == 2)
        assert "here is garden" not in await text(client)

    live(toolbox, test)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/", (None, "/")),
        ("/page-2", (2, "/")),
        ("/page-12/config", (12, "/config")),
        ("/page-x/config", (None, "/page-x/config")),
        ("/page-3x", (None, "/page-3x")),
    ],
)
def test_a_page_is_in_its_addresses(path: str, parts: tuple[int | None, str]) -> None:
    assert split(path) == parts
