"""Errors at the edge: one shape, the right status, nobody's traceback."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from sdtoolbox.errors import CODES, UserError
from sdtoolbox.server.answers import STATUS, Answers, error_response
from tests.asgi import ask


def answering(status: int, body: object) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    return Answers(app)


def test_a_good_answer_passes_as_it_is() -> None:
    assert ask(answering(200, {"detail": "fine"})).json() == {"detail": "fine"}


@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (422, {"detail": [{"input": "the secret that was sent"}]}, 422, "PARAM_INVALID"),
        (404, {"detail": "Not Found"}, 404, "PARAM_INVALID"),
        (401, {"detail": "no"}, 401, "FORBIDDEN"),
        (500, "Traceback: the secret that was sent", 500, "INTERNAL"),
        (500, {"error": "width 0 is out of range.", "title": "PARAM_INVALID"}, 400, "PARAM_INVALID"),
        (500, {"error": "10 jobs wait", "title": "QUEUE_FULL"}, 429, "QUEUE_FULL"),
        (500, {"error": None, "visible": True}, 400, "PARAM_INVALID"),
        (409, {"code": "CANCELLED", "message": "m", "hint": "h", "field": None, "job_id": "7"}, 409, "CANCELLED"),
    ],
)
def test_every_error_has_one_shape_and_repeats_nothing(status: int, body: object, expected: int, code: str) -> None:
    answer = ask(answering(status, body))
    assert answer.status == expected
    assert answer.json()["code"] == code
    assert set(answer.json()) == {"code", "message", "hint", "field", "job_id"}
    assert b"secret" not in answer.body


def test_an_exception_is_logged_and_said_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError("/home/somebody/secret")

    with caplog.at_level(logging.ERROR):
        answer = ask(Answers(broken))
    assert (answer.status, answer.json()["code"]) == (500, "INTERNAL")
    assert b"secret" not in answer.body
    assert "ZeroDivisionError" in caplog.text


def test_an_answer_that_had_begun_is_broken_off() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(Answers(broken))


def test_a_user_error_has_the_status_of_its_code() -> None:
    assert set(STATUS) <= set(CODES)
    full = error_response(UserError("QUEUE_FULL", "full"))
    assert (full.status_code, full.headers["retry-after"]) == (429, "5")
    assert error_response(UserError("PARAM_INVALID", "wrong")).status_code == 400
