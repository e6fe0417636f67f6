"""Routes answer behind the one guard, from the registries of the moment; a bug in one says nothing of the inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from PIL import Image

from sdtoolbox.builtin import load_all
from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension
from sdtoolbox.server.answers import Answers
from sdtoolbox.server.extension_routes import PREFIX, ExtensionRoutes
from sdtoolbox.server.guard import Guard
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.asgi import Answer, ask
from tests.workers import fake_engine


@pytest.fixture
def toolbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolbox]:
    monkeypatch.setenv("SDTOOLBOX_TEST_ENGINE", fake_engine.NAME)
    with Toolbox.open(fake_engine.fake_settings(tmp_path)) as opened:
        yield opened


class Odd:
    """Nothing that could come in a request."""


class Site:
    """A server with nothing but the routes of extensions."""

    def __init__(self, toolbox: Toolbox, *, shared: bool = False) -> None:
        self.toolbox = toolbox
        app = FastAPI()
        app.mount(PREFIX, ExtensionRoutes(toolbox, shared=shared))
        self.app = Guard(Answers(app), body_limit=1000)

    def add(self, path: str, function: Any, owner: str = "mine", **more: Any) -> None:
        extension = Extension(owner)
        extension.route(path, function, **more)
        self.toolbox.registries.merge(extension.draft)

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        chunks = [b"" if body is None else json.dumps(body).encode()]
        return ask(self.app, method, path, headers | {"content-type": "application/json"}, chunks)


@pytest.fixture
def site(toolbox: Toolbox) -> Site:
    return Site(toolbox)


def test_parameters_come_from_the_address_and_answers_are_json(site: Site) -> None:
    def item(number: int, large: bool = False) -> Any:
        return {"number": number, "large": large}

    async def waited(request, toolbox):  # type: ignore[no-untyped-def]  # as an author writes it
        return [request.method, toolbox is site.toolbox]

    site.add("items/{number}", item)
    site.add("a/b.c", waited, methods=["POST", "PUT"], owner="other")
    assert site.ask("/extensions/mine/items/7?large=1").json() == {"number": 7, "large": True}
    assert site.ask("/extensions/other/a/b.c", "PUT").json() == ["PUT", True]
    assert site.ask("/extensions/other/a/b.c", "GET").status == 405
    refused = site.ask("/extensions/mine/items/seven")
    assert (refused.status, refused.json()["code"]) == (422, "PARAM_INVALID")
    for nothing in ("/extensions/", "/extensions/mine/", "/extensions/mine/../other/a/b.c", "/extensions/none/x"):
        assert site.ask(nothing).status == 404


def test_it_may_answer_with_what_it_likes(site: Site) -> None:
    from starlette.responses import PlainTextResponse

    def page() -> PlainTextResponse:
        return PlainTextResponse("hello")

    def body(values: dict[str, int]) -> Image.Image | int:  # no model is made of the annotation
        return sum(values.values())

    site.add("", page)
    site.add("sum", body, methods=["POST"])
    assert site.ask("/extensions/mine/").body == b"hello"
    assert site.ask("/extensions/mine/sum", "POST", {"a": 2, "b": 3}).json() == 5


def test_errors_are_said_and_bugs_are_not(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    def wrong() -> None:
        raise UserError("JOB_MISSING", "there is no such thing.", "Look elsewhere.")

    def bug() -> None:
        raise ZeroDivisionError("a secret of /home/somebody")

    site.add("wrong", wrong)
    site.add("bug", bug)
    answer = site.ask("/extensions/mine/wrong")
    assert (answer.status, answer.json()["message"]) == (404, "there is no such thing.")
    answer = site.ask("/extensions/mine/bug")
    assert (answer.status, answer.json()["code"]) == (500, "INTERNAL")
    assert b"secret" not in answer.body
    assert "GET /extensions/mine/bug failed" in caplog.text and "a secret of" in caplog.text


def test_one_that_cannot_be_served_fails_alone(site: Site) -> None:
    def odd(what: Odd) -> None: ...

    site.add("odd", odd, owner="odd")
    site.add("good", lambda: "good")
    assert site.ask("/extensions/odd/odd").status == 500
    assert site.ask("/extensions/mine/good").json() == "good"


def test_the_guard_stands_before_them(site: Site) -> None:
    def take(values: dict[str, str]) -> None: ...

    site.add("take", take, methods=["POST"])
    assert site.ask("/extensions/mine/take", "POST", host="evil.example").status == 403
    assert site.ask("/extensions/mine/take", "POST", origin="http://evil.example").status == 403
    assert site.ask("/extensions/mine/take", "POST", {"values": "x" * 2000}).status == 413


def test_other_extensions_count_at_once(site: Site) -> None:
    site.add("one", lambda: 1)
    assert site.ask("/extensions/mine/one").json() == 1
    site.add("two", lambda: 2)
    assert site.ask("/extensions/mine/two").json() == 2
    site.toolbox.registries.routes = type(site.toolbox.registries.routes)("route")
    assert site.ask("/extensions/mine/one").status == 404


@pytest.mark.parametrize("path", ["/a", "a/", "a//b", "..", "a/../b", "a?b", "a b", "{x:path}", "{}", "a/{x}b", "./a"])
def test_paths_stay_below_the_extension(path: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        Extension("mine").route(path, lambda x: x)


def test_what_does_not_fit_is_refused_at_once() -> None:
    extension = Extension("mine")
    with pytest.raises(TypeError, match=r"does not take number of its path"):
        extension.route("items/{number}", lambda: 1)
    with pytest.raises(TypeError, match=r"does not take toolbox of its path"):
        extension.route("{toolbox}", lambda toolbox: 1)
    with pytest.raises(ValueError, match="parameter twice"):
        extension.route("{a}/{a}", lambda a: 1)
    for methods in ("GET", [], ["FETCH"]):
        with pytest.raises(ValueError, match="methods of a route"):
            extension.route("", lambda: 1, methods=methods)


def test_one_address_is_answered_once(site: Site) -> None:
    site.add("{a}", lambda a: a)
    with pytest.raises(ValueError, match=r"already taken by mine"):
        site.add("{b}", lambda b: b)
    site.add("{b}", lambda b: b, methods=["POST"])


def with_last_picture(toolbox: Toolbox, home: Path) -> None:
    registries, _ = load_all(Settings(home=home))
    toolbox.registries.routes = registries.routes


def test_the_shipped_one_tells_how_the_newest_picture_was_drawn(toolbox: Toolbox, tmp_path: Path) -> None:
    with_last_picture(toolbox, tmp_path)
    site = Site(toolbox)
    assert (site.ask("/extensions/last_picture/").status, toolbox.jobs()) == (404, [])
    toolbox.run("txt2img", prompt="a tree", checkpoint="fake", seed=3, width=64, height=64)
    picture = toolbox.run("txt2img", prompt="a house", checkpoint="fake", seed=4, width=64, height=64).pictures[0]
    said = site.ask("/extensions/last_picture/").json()
    assert (said["id"], said["seed"], said["request"]["prompt"]) == (picture.id, 4, "a house")
    assert said["parameters"].startswith("a house\n")
    assert site.ask("/extensions/last_picture/?task=txt2img").json() == said
    assert site.ask("/extensions/last_picture/?task=erase").status == 404


def test_the_shipped_one_tells_strangers_nothing(toolbox: Toolbox, tmp_path: Path) -> None:
    with_last_picture(toolbox, tmp_path)
    toolbox.run("txt2img", prompt="a tree", checkpoint="fake", seed=3, width=64, height=64)
    answer = Site(toolbox, shared=True).ask("/extensions/last_picture/")
    assert (answer.status, answer.json()["code"]) == (403, "FORBIDDEN")
    assert b"tree" not in answer.body
