"""The scripts of all pieces as one file that a browser keeps; a piece's `js_on_load` only calls its function in it."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from sdtoolbox.ui.i18n import DEFAULT, Texts, languages

FOLDER = Path(__file__).resolve().parent / "pieces"
SHARED = FOLDER / "shared"
ADDRESS = "pieces.js"
ARGUMENTS = "element, trigger, props, server, upload, watch"  # what gr.HTML gives to js_on_load
PARTS = {"models": ("model_details", "models")}  # pieces of several files; any other has one of its own name


def call(name: str, texts: Texts, given: Any = None) -> dict[str, str]:
    """What a gr.HTML needs to run the script of this piece: where all scripts are, and the call.

    `given` is what the script finds under that name and what never changes. It travels as text, because Gradio copies
    every single value of a component's properties whenever it looks at it.
    """
    if name not in pieces():
        raise KeyError(name)
    known = {} if given is None else {"given": json.dumps(given, ensure_ascii=False)}
    source = f"{ADDRESS}?l={texts.language}&v={version(texts.language)}"
    return {"head": f'<script src="{escape(source)}"></script>', "js_on_load": f"sdPieces.{name}({ARGUMENTS});"} | known


@cache
def pieces() -> tuple[str, ...]:
    """The names of all pieces that have a script."""
    inside = {part for name, parts in PARTS.items() for part in parts if part != name}
    return tuple(sorted(file.stem for file in FOLDER.glob("*.js") if file.stem not in inside))


@cache
def bundle(language: str) -> str:
    """The whole file: the texts of a language, what pieces share, then one function a piece."""
    texts = json.dumps(dict(Texts(language).all), ensure_ascii=False)
    shared = "\n".join(file.read_text("utf-8") for file in sorted(SHARED.glob("*.js")))
    functions = "\n".join(_function(name) for name in pieces())
    return (
        f'"use strict";\nwindow.sdPieces = (() => {{\nconst texts = {texts};\n{shared}\n'
        f"return {{\nremember,\nopenTab,\n{functions}\n}};\n}})();\n"
    )


def _function(name: str) -> str:
    body = "\n".join((FOLDER / f"{part}.js").read_text("utf-8") for part in PARTS.get(name, (name,)))
    return f'{name}({ARGUMENTS}) {{\nconst given = JSON.parse(props.given || "null");\n{body}\n}},'


@cache
def version(language: str) -> str:
    """Stands in the file's address, so that it may be kept for ever: other content, another address."""
    return hashlib.sha256(bundle(language).encode()).hexdigest()[:16]


class Scripts:
    """Answers with the file of the language that is asked for; an ASGI application."""

    def __init__(self) -> None:
        self._plain = {language: bundle(language).encode() for language in languages()}
        self._packed = {language: gzip.compress(plain, 9, mtime=0) for language, plain in self._plain.items()}

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("l", [DEFAULT])[0]
        language = asked if asked in self._plain else DEFAULT
        packs = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope.get("headers", ()))
        body = (self._packed if packs else self._plain)[language]
        headers = [
            (b"content-type", b"text/javascript; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"private, max-age=31536000, immutable"),
            (b"vary", b"accept-encoding"),
            *([(b"content-encoding", b"gzip")] if packs else []),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
