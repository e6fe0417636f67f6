"""Pictures that are given to a tab: chosen, dropped, sketched on, sent from another tab, many at once."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.ui.pictures import file_of, give, jobs, open_tab, value, wait_for_jobs
from tests.ui.test_drop_browser import DROP
from tests.web import Web, ready

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
FIELD, PROMPT, PROBLEM = "#img2img-image .sd-field", "#img2img-prompt textarea", "#img2img-image .sd-problem"


@pytest.fixture
def page(shared_page: Any) -> Any:
    """The img2img tab without a picture."""
    open_tab(shared_page, "img2img")
    if value(shared_page, "img2img-image"):
        shared_page.click("#img2img-image [data-action=clear]")
    return shared_page


def drop(page: Any, file: dict[str, Any], at: str) -> None:
    page.evaluate(DROP, [base64.b64encode(file["buffer"]).decode(), file["name"], file["mimeType"], at])


def speaking(text: str, color: str = "#345") -> dict[str, Any]:
    """A picture that says how it was drawn."""
    info = PngInfo()
    info.add_itxt("parameters", text)
    buffer = BytesIO()
    Image.new("RGB", (96, 64), color).save(buffer, "PNG", pnginfo=info)
    return {"name": "told.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def until(page: Any, selector: str, text: str) -> None:
    page.wait_for_function(
        "([at, text]) => (document.querySelector(at).value ?? document.querySelector(at).textContent).includes(text)",
        arg=[selector, text],
    )


def test_a_picture_is_shown_with_its_size_and_taken_away_again(page: Any) -> None:
    assert page.is_visible("#img2img-image .sd-zone")
    identity = give(page, "img2img", file_of("#812"))
    assert identity in page.get_attribute("#img2img-image img", "src")
    assert page.is_hidden("#img2img-image .sd-zone")
    page.click("#img2img-image [data-action=clear]")
    assert value(page, "img2img-image") == ""
    assert page.is_visible("#img2img-image .sd-zone")


def test_its_size_is_the_pictures_whatever_the_checkpoint_brings(page: Any, web: Web) -> None:
    give(page, "img2img", file_of("#813"))
    page.click("#img2img-generate")
    assert page.input_value("#img2img-width .sd-input") == ""
    assert page.get_attribute("#img2img-width .sd-input", "placeholder") == "as the picture"
    request = wait_for_jobs(web, "img2img", 1)[-1]
    assert (request["width"], request["height"]) == (96, 64)


def test_a_picture_that_is_drawn_twice_is_two_results(page: Any) -> None:
    give(page, "img2img", file_of("#816"))
    page.fill("#img2img-seed .sd-input", "5")
    tiles = page.locator(".sd-panel:visible .sd-tile:has(img)")
    before = tiles.count()
    for more in (1, 2):
        page.click("#img2img-generate")
        tiles.nth(before + more - 1).wait_for()
    first, second = tiles.nth(0), tiles.nth(1)
    assert first.get_attribute("data-picture") == second.get_attribute("data-picture")
    second.click()
    assert [tile.get_attribute("aria-selected") for tile in (first, second)] == ["false", "true"]
    assert tiles.count() == before + 2


def test_what_is_no_picture_is_said_at_the_field(page: Any) -> None:
    wrong = {"name": "page.png", "mimeType": "image/png", "buffer": b"<html>"}
    page.set_input_files("#img2img-image-input", files=[wrong])
    page.wait_for_selector(f"{PROBLEM}:visible")
    assert len(page.inner_text(PROBLEM)) > 20
    give(page, "img2img", file_of("#814"))
    assert page.is_hidden(PROBLEM)


def test_a_drop_on_the_field_is_the_picture_and_nothing_else(page: Any) -> None:
    page.fill(PROMPT, "mine")
    drop(page, speaking("a red house\nSteps: 17, Seed: 7, Size: 96x64"), FIELD)
    page.wait_for_function("(at) => document.querySelector(at).dataset.value !== ''", arg=FIELD)
    page.wait_for_timeout(300)
    assert page.input_value(PROMPT) == "mine"


def test_a_drop_beside_it_fills_the_form_and_an_empty_field(page: Any) -> None:
    drop(page, speaking("a blue house\nSteps: 17, Seed: 7, Size: 96x64"), PROMPT)
    until(page, PROMPT, "a blue house")
    page.wait_for_function("(at) => document.querySelector(at).dataset.value !== ''", arg=FIELD)
    first = value(page, "img2img-image")
    drop(page, speaking("a green house\nSteps: 17, Seed: 7, Size: 96x64", "#999"), PROMPT)
    until(page, PROMPT, "a green house")
    assert value(page, "img2img-image") == first


def test_a_picture_that_says_nothing_is_still_a_picture(page: Any) -> None:
    page.fill(PROMPT, "mine")
    drop(page, file_of("#815"), PROMPT)
    page.wait_for_function("(at) => document.querySelector(at).dataset.value !== ''", arg=FIELD)
    assert page.input_value(PROMPT) == "mine"


def test_colours_are_painted_on_the_picture(page: Any) -> None:
    before = give(page, "img2img", file_of("#000000", (128, 128)))
    page.click("#img2img-image [data-action=sketch]")
    canvas = page.locator(".sd-sketch canvas")
    page.fill(".sd-sketch input[type=color]", "#ff0000")
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.up()
    page.keyboard.press("Control+z")
    page.mouse.move(middle[0], middle[1] + 1)
    page.mouse.down()
    page.mouse.move(middle[0] + 20, middle[1], steps=3)
    page.mouse.up()
    page.click(".sd-sketch .sd-accent")
    page.wait_for_function("([at, before]) => document.querySelector(at).dataset.value !== before", arg=[FIELD, before])
    data = page.request.get(f"{page.url}pictures/{value(page, 'img2img-image')}.png").body()
    pixels = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    assert pixels.shape == (128, 128, 3)
    assert tuple(pixels[64, 64]) == (255, 0, 0)
    assert pixels[0].max() == 0
    assert page.locator(".sd-sketch").count() == 0


def test_many_files_become_a_job_each_and_those_refused_are_named(page: Any, web: Web) -> None:
    page.fill(PROMPT, "a batch")
    page.wait_for_timeout(200)
    before = len(jobs(web, "img2img"))
    page.locator(".sd-fold-button:visible", has_text="Batch").click()
    wrong = {"name": "3.png", "mimeType": "image/png", "buffer": b"no picture"}
    text = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    told = speaking("its own words\nSteps: 5, Seed: 7, Size: 96x64", "#456")
    page.set_input_files(
        "#img2img-batch-files",
        files=[file_of("#901", name="10.png"), file_of("#902", name="2.png"), wrong, told, text],
    )
    page.check(".sd-batch:visible .sd-batch-own input")
    assert page.inner_text(".sd-batch-line:visible") == "4 pictures"
    page.locator(".sd-batch:visible [data-action=start]").click()
    until(page, ".sd-batch:has(#img2img-batch-files) .sd-batch-line", "3 of 4 queued")
    refused = page.inner_text(".sd-batch-refused:visible")
    assert refused.startswith("3.png ")
    requests = wait_for_jobs(web, "img2img", before + 3)[before:]
    assert [request["prompt"] for request in requests] == ["a batch", "a batch", "its own words"]
    assert len({request["image"] for request in requests}) == 3
    assert requests[2]["steps"] == 5


def test_a_folder_is_a_batch_too(page: Any, web: Web, tmp_path: Path) -> None:
    before = len(jobs(web, "img2img"))
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(file_of((number, 99, 7))["buffer"])
    (tmp_path / "notes.txt").write_text("nothing")
    if page.is_hidden(".sd-batch:has(#img2img-batch-folder)"):
        page.locator(".sd-fold-button:visible", has_text="Batch").click()
    page.set_input_files("#img2img-batch-folder", str(tmp_path))
    page.locator(".sd-batch:visible [data-action=start]").click()
    assert len(wait_for_jobs(web, "img2img", before + 2)) == before + 2


def test_a_result_is_sent_on_with_its_words_and_a_reload_keeps_the_picture(open_page: Open) -> None:
    page = open_page()
    page.fill("#txt2img-prompt textarea", "a house to be sent")
    page.click("#txt2img-generate")
    page.wait_for_selector(".sd-tile img")
    sent = page.get_attribute(".sd-tile", "data-picture")
    page.wait_for_selector("[data-action=send]:not([disabled])")
    page.click("[data-action=send]")
    page.keyboard.press("Enter")  # the first of the menu has the focus
    page.wait_for_function("([at, id]) => document.querySelector(at)?.dataset.value === id", arg=[FIELD, sent])
    until(page, PROMPT, "a house to be sent")
    assert page.input_value("#img2img-width .sd-input") == ""
    page.wait_for_timeout(500)
    page.reload()
    ready(page)
    open_tab(page, "img2img")
    page.wait_for_function("([at, id]) => document.querySelector(at)?.dataset.value === id", arg=[FIELD, sent])
    assert page.failures == []


def test_another_checkpoint_reaches_a_tab_that_was_not_open(open_page: Open) -> None:
    page = open_page()
    page.click("#sd-checkpoint input")
    page.click("#sd-checkpoint [role=option]:has-text('other')")
    page.wait_for_function("document.querySelector('#txt2img-steps .sd-input').value === '12'")
    open_tab(page, "img2img")
    page.wait_for_function("document.querySelector('#img2img-steps .sd-input').value === '12'")
    assert page.input_value("#img2img-guidance_scale .sd-input") == "2"
    assert page.input_value("#img2img-width .sd-input") == ""
    assert page.input_value("#sd-checkpoint input") == "other"
    assert page.failures == []
