"""A picture dropped on a tab fills its form, and what of it is not here is said."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.ui.test_browser import PROMPT, STEPS, draw, wait_for_pictures
from tests.web import ready

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
LINE = "Steps: 17, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 7, Size: 96x80, Model hash: 0123456789, Model: gone"
DROP = """([bytes, name, type, selector]) => {
    const data = new DataTransfer();
    const file = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    data.items.add(new File([file], name, { type }));
    const told = { dataTransfer: data, bubbles: true, cancelable: true };
    for (const kind of ["dragenter", "dragover", "drop"]) {
        document.querySelector(selector).dispatchEvent(new DragEvent(kind, told));
    }
}"""


def drop(page: Any, data: bytes, name: str = "a.png", kind: str = "image/png") -> None:
    page.evaluate(DROP, [base64.b64encode(data).decode(), name, kind, PROMPT])


def picture(**texts: str) -> bytes:
    info = PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    buffer = BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def has(page: Any, selector: str, value: str) -> None:
    page.wait_for_function("([at, value]) => document.querySelector(at).value === value", arg=[selector, value])


def test_a_picture_of_a1111_fills_the_form_and_names_what_is_missing(open_page: Open) -> None:
    page = open_page()
    text = f"a red house\n  at night\nNegative prompt: fog\n{LINE}, Wonder: yes"
    drop(page, picture(parameters=text))
    has(page, PROMPT, "a red house\n  at night")
    has(page, STEPS, "17")
    has(page, "#txt2img-width .sd-input", "96")
    has(page, "#txt2img-seed .sd-input", "7")
    has(page, "#txt2img-sampler input", "DPM++ 2M")
    has(page, "#txt2img-schedule input", "Karras")
    said = page.text_content(".sd-drop")
    assert "A1111" in said
    assert "gone (0123456789) is not here" in said
    assert "storybook" in said
    assert "Wonder: yes" in said
    page.reload()
    ready(page)
    has(page, STEPS, "17")
    assert not page.failures


def test_our_own_picture_draws_the_same_again(open_page: Open) -> None:
    page = open_page()
    draw(page, "a blue boat", 9)
    wait_for_pictures(page, 1)
    page.wait_for_selector(".sd-stage .sd-picture[src^='pictures/']")
    data = page.request.get(page.url + page.get_attribute(".sd-stage .sd-picture", "src")).body()
    page.fill(PROMPT, "something else")
    page.fill(STEPS, "3")
    drop(page, data)
    has(page, PROMPT, "a blue boat")
    has(page, STEPS, "9")
    assert "sdtoolbox" in page.text_content(".sd-drop")


def test_a_graph_and_a_pasted_text_are_read_too(open_page: Open) -> None:
    page = open_page()
    graph = {
        "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "a castle"}},
        "2": {
            "class_type": "KSampler",
            "inputs": {"positive": ["1", 0], "latent_image": ["3", 0], "steps": 11, "seed": 1},
        },
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64}},
    }
    drop(page, picture(prompt=json.dumps(graph)))
    has(page, PROMPT, "a castle")
    has(page, STEPS, "11")
    paste = """(text) => {
        const data = new DataTransfer();
        data.setData("text/plain", text);
        const told = { clipboardData: data, bubbles: true, cancelable: true };
        document.body.dispatchEvent(new ClipboardEvent("paste", told));
    }"""
    page.evaluate(paste, f"a pasted tree\n{LINE}")
    has(page, PROMPT, "a pasted tree")
    has(page, STEPS, "17")


@pytest.mark.parametrize(
    ("data", "text"),
    [(picture(), "does not say how it was drawn"), (b"<html>", "not a picture")],
    ids=["silent", "html"],
)
def test_what_says_nothing_is_said_in_words(shared_page: Any, data: bytes, text: str) -> None:
    page = shared_page
    page.fill(PROMPT, "mine")
    drop(page, data)
    page.wait_for_function("(text) => document.querySelector('.sd-drop').textContent.includes(text)", arg=text)
    assert page.input_value(PROMPT) == "mine"
