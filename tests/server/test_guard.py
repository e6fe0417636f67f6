"""The guard: who may ask, how much they may send, what every answer says to browsers."""

from __future__ import annotations

from typing import Any

import pytest

from sdtoolbox.server.guard import Guard
from tests.asgi import ask

LIMIT = 1000


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body, which it reads first."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message["body"])
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-content-type-options", b"nonsense")]})
    await send({"type": "http.response.body", "body": str(length).encode()})


async def swallow(scope: Any, receive: Any, send: Any) -> None:
    """As frameworks do: any trouble with the body is a 400 of their own."""
    try:
        await echo(scope, receive, send)
    except Exception:
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": b"bad body"})


@pytest.fixture
def guard() -> Guard:
    return Guard(echo, hosts=("127.0.0.1", "Paint.example"), body_limit=LIMIT)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:7860", "127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:7860", "paint.example", "paint.example.:80"],
)
def test_known_names_are_served(guard: Guard, host: str) -> None:
    assert ask(guard, headers={"host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
        "[::1",
        "a b",
        "127.0.0.1@evil.example",
        "10.0.0.9",
    ],
)
def test_a_page_whose_name_was_bent_to_this_address_is_refused(guard: Guard, host: str) -> None:
    answer = ask(guard, headers={"host": host})
    assert answer.status == 403
    assert answer.json()["code"] == "FORBIDDEN"
    assert set(answer.json()) == {"code", "message", "hint", "field", "job_id"}


def test_the_address_that_the_connection_came_to_is_known(guard: Guard) -> None:
    assert ask(guard, server=("192.168.1.5", 7860)).status == 200
    assert ask(guard, server=("192.168.1.5", 7860), headers={"host": "192.168.1.6:7860"}).status == 403


OWN, FOREIGN = "http://127.0.0.1:7860", "https://evil.example"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": OWN}, 200),
        ({"origin": "https://paint.example"}, 200),
        ({"origin": FOREIGN}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "http://localhost:7860"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[bad"}, 403),
        ({"origin": f"{OWN}.evil.example"}, 403),
        ({"referer": f"{OWN}/page?x=1"}, 200),
        ({"referer": f"{FOREIGN}/{OWN}"}, 403),
        ({"origin": OWN, "sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 200),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_other_sites_pages_cannot_change_anything(
    guard: Guard, method: str, headers: dict[str, str], status: int
) -> None:
    assert ask(guard, method, headers=headers).status == status


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_is_allowed_from_everywhere(guard: Guard, method: str) -> None:
    assert ask(guard, method, headers={"origin": FOREIGN}).status == 200


def test_a_body_up_to_the_limit_passes_and_one_byte_more_does_not(guard: Guard) -> None:
    assert ask(guard, "POST", chunks=[b"x" * LIMIT]).body == b"1000"
    assert ask(guard, "POST", headers={"content-length": str(LIMIT + 1)}).status == 413
    assert ask(guard, "POST", headers={"content-length": "-1"}).status == 413
    assert ask(guard, "POST", headers={"content-length": "9" * 400}).status == 413


@pytest.mark.parametrize("app", [echo, swallow])
def test_a_body_in_chunks_is_counted_as_it_comes(app: Any) -> None:
    guard = Guard(app, body_limit=LIMIT)
    assert ask(guard, "POST", chunks=[b"x" * 400] * 2).body == b"800"
    answer = ask(guard, "POST", chunks=[b"x" * 400] * 3)
    assert answer.status == 413
    assert answer.json()["code"] == "IMAGE_TOO_LARGE"


def test_every_answer_tells_browsers_to_be_careful(guard: Guard) -> None:
    for answer in (ask(guard), ask(guard, headers={"host": "evil.example"})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "http:" not in policy


def test_on_a_space_its_own_host_is_known_and_the_hub_may_frame_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "somebody/paint")
    monkeypatch.setenv("SPACE_HOST", "somebody-paint.hf.space")
    guard = Guard(echo, body_limit=LIMIT)
    headers = {"host": "somebody-paint.hf.space", "origin": "https://somebody-paint.hf.space"}
    answer = ask(guard, "POST", headers=headers)
    assert answer.status == 200
    assert "https://huggingface.co" in answer.headers["content-security-policy"]


def test_web_sockets_are_closed() -> None:
    import asyncio

    said: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    asyncio.run(Guard(echo, body_limit=1)({"type": "websocket", "headers": []}, None, send))  # type: ignore[arg-type]
    assert said == [{"type": "websocket.close", "code": 1008}]
