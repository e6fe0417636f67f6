"""The scripts of the pieces: one file a language, which a browser keeps."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from sdtoolbox.ui import scripts
from sdtoolbox.ui.i18n import Texts, languages


def ask(query: str = "", method: str = "GET", **headers: str) -> tuple[dict[str, str], bytes]:
    """What the application answers: headers, body."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "query_string": query.encode(), "headers": pairs}
    asyncio.run(scripts.Scripts()(scope, None, send))
    assert sent[0]["status"] == 200
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}, sent[1]["body"]


@pytest.mark.parametrize("language", languages())
def test_a_language_has_all_pieces_and_its_texts(language: str) -> None:
    _, body = ask(f"l={language}&v=1")
    text = body.decode()
    assert text == scripts.bundle(language)
    assert json.dumps(Texts(language)("page.lost"), ensure_ascii=False) in text
    for name in scripts.pieces():
        assert f"\n{name}({scripts.ARGUMENTS}) {{" in text


def test_the_answer_is_packed_for_those_who_can_and_kept_for_ever() -> None:
    plain_headers, plain = ask("l=en")
    headers, packed = ask("l=en", accept_encoding="br, gzip")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 3
    assert "immutable" in plain_headers["cache-control"]
    assert int(headers["content-length"]) == len(packed)
    assert ask("l=en", "HEAD")[1] == b""


def test_an_unknown_language_is_the_default_one() -> None:
    assert ask("l=../../etc/passwd")[1] == ask("l=en")[1] == ask()[1]


def test_another_content_has_another_address() -> None:
    assert scripts.version("en") != scripts.version("zh-CN")
    assert scripts.version("en") in scripts.call("panel", Texts("en"))["head"]


def test_a_piece_calls_its_function_and_hands_on_what_never_changes() -> None:
    called = scripts.call("hints", Texts("en"), {"<b>": "é"})
    assert called["js_on_load"] == f"sdPieces.hints({scripts.ARGUMENTS});"
    assert json.loads(called["given"]) == {"<b>": "é"}
    assert "given" not in scripts.call("panel", Texts("en"))
    with pytest.raises(KeyError):
        scripts.call("model_details", Texts("en"))  # a part of a piece
