"""A mask is painted in a real browser; what the server has is looked at, not what the page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest

from tests.ui.pictures import (
    file_of,
    give,
    jobs,
    mask,
    mask_after,
    open_tab,
    size_of_brush,
    stroke,
    value,
    wait_for_jobs,
)
from tests.web import Web, ready

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
SIZE = (96, 64)
COLOURS = count()  # a picture that is there already would not be a new one


@pytest.fixture
def page(shared_page: Any) -> Iterator[Any]:
    """The inpaint tab with a picture of 96 × 64 and no mask, the brush in hand."""
    page = shared_page
    open_tab(page, "inpaint")
    give(page, "inpaint", file_of((next(COLOURS), 90, 30), SIZE))
    page.wait_for_selector("#inpaint-mask canvas:visible")
    press(page, "erase")
    if value(page, "inpaint-mask"):
        mask_after(page, "inpaint", value(page, "inpaint-mask"))
    page.click("#inpaint-mask button[data-tool=brush]")
    size_of_brush(page, 12)
    yield page
    assert page.failures == []


def press(page: Any, action: str) -> None:
    page.click(f"#inpaint-mask [data-action={action}]")


def painted(page: Any, *points: tuple[float, float]) -> str:
    before = value(page, "inpaint-mask")
    stroke(page, "inpaint", points or [(0.25, 0.5), (0.75, 0.5)])
    return mask_after(page, "inpaint", before)


def done(page: Any, action: str) -> Any:
    """The mask after an operation, as the server has it."""
    before = value(page, "inpaint-mask")
    press(page, action)
    return mask(page, mask_after(page, "inpaint", before))


def test_a_stroke_is_a_mask_of_the_pictures_size(page: Any) -> None:
    found = mask(page, painted(page))
    assert found.shape == (64, 96)
    assert found[32, 24:72].min() == 255
    assert found[:24].max() == 0
    assert found[:, :16].max() == 0
    rows = np.flatnonzero(found[:, 48] > 128)
    assert 11 <= len(rows) <= 13  # as thick as the brush


def test_what_was_done_can_be_taken_back_and_done_again(page: Any) -> None:
    first = painted(page)
    second = painted(page, (0.5, 0.1), (0.5, 0.9))
    page.focus("#inpaint-mask canvas")
    page.keyboard.press("Control+z")
    assert mask_after(page, "inpaint", second) == first
    page.keyboard.press("Control+Shift+z")
    assert mask_after(page, "inpaint", first) == second


def test_the_eraser_takes_away(page: Any) -> None:
    painted(page)
    page.click("#inpaint-mask button[data-tool=eraser]")
    found = mask(page, painted(page, (0.5, 0.2), (0.5, 0.8)))
    assert found[32, 48] == 0
    assert found[32, 26] == 255


def test_invert_grow_shrink_soften_and_fill(page: Any) -> None:
    first = mask(page, painted(page))
    assert (done(page, "invert") == 255 - first).all()
    done(page, "invert")
    page.fill("#inpaint-mask .sd-mask-amount", "5")
    grown = done(page, "grow")
    assert (grown >= first).all()
    assert len(np.flatnonzero(grown[:, 48] > 128)) == len(np.flatnonzero(first[:, 48] > 128)) + 10
    shrunk = done(page, "shrink")
    assert abs(int((shrunk > 128).sum()) - int((first > 128).sum())) < 20
    soft = done(page, "soften")
    assert len(np.unique(soft)) > 20


def test_what_is_enclosed_is_filled(page: Any) -> None:
    painted(page, (0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2))
    ring = mask(page, value(page, "inpaint-mask"))
    assert ring[32, 48] == 0
    assert ring[[13, 51], 48].min() == 255
    assert ring[32, [19, 77]].min() == 255
    filled = done(page, "fill")
    assert filled[32, 48] == 255
    assert filled[2, 2] == 0


def test_an_empty_mask_is_none(page: Any) -> None:
    before = painted(page)
    press(page, "erase")
    assert mask_after(page, "inpaint", before) == ""


def test_generate_waits_for_the_stroke_that_is_on_its_way(page: Any, web: Web) -> None:
    old = painted(page)
    before = len(jobs(web, "inpaint"))
    stroke(page, "inpaint", [(0.5, 0.2), (0.5, 0.8)])
    page.click("#inpaint-generate")
    request = wait_for_jobs(web, "inpaint", before + 1)[-1]
    assert request["mask"] not in (old, None)
    assert request["mask"] == value(page, "inpaint-mask")
    assert mask(page, request["mask"])[20, 48] == 255


def test_a_click_selects_and_a_second_one_joins(page: Any) -> None:
    halves = np.full((64, 96, 3), 40, np.uint8)
    halves[:, 48:] = 220
    give(page, "inpaint", file_from(halves))
    page.click("#inpaint-mask button[data-tool=select]")
    found = mask(page, painted(page, (0.25, 0.5)))
    assert found[:, :44].min() == 255
    assert found[:, 52:].max() == 0
    assert mask(page, painted(page, (0.75, 0.5))).min() == 255


def test_a_mask_stays_over_a_picture_of_its_size_and_goes_with_another(page: Any) -> None:
    drawn = painted(page)
    give(page, "inpaint", file_of("#123", SIZE))
    page.wait_for_timeout(300)
    assert value(page, "inpaint-mask") == drawn
    give(page, "inpaint", file_of("#123", (64, 64)))
    assert mask_after(page, "inpaint", drawn) == ""
    assert "another size" in page.inner_text("#inpaint-mask .sd-mask-said")


def test_a_mask_from_a_file(page: Any) -> None:
    rows = np.zeros((128, 192, 3), np.uint8)
    rows[:64] = 255
    page.set_input_files("#inpaint-mask-input", files=[file_from(rows)])
    found = mask(page, mask_after(page, "inpaint", ""))
    assert found.shape == (64, 96)
    assert found[:30].min() == 255
    assert found[34:].max() == 0
    page.set_input_files("#inpaint-mask-input", files=[file_of("#fff", (64, 64))])
    page.wait_for_selector("#inpaint-mask .sd-mask-said:visible")
    assert "another shape" in page.inner_text("#inpaint-mask .sd-mask-said")


def test_the_mask_can_be_kept_as_a_file(page: Any) -> None:
    drawn = painted(page)
    with page.expect_download() as download:
        press(page, "save")
    data = download.value.path().read_bytes()
    kept = page.request.post(f"{page.url}uploads?kind=mask", data=data).json()
    assert kept["id"] == drawn


def test_the_whole_window_and_back(page: Any) -> None:
    press(page, "full")
    box = page.locator("#inpaint-mask canvas").bounding_box()
    assert box["width"] > 1000
    assert box["height"] > 500
    found = mask(page, painted(page))
    assert found[32, 24:72].min() == 255
    page.keyboard.press("]")
    page.keyboard.press("Escape")
    page.wait_for_function("document.querySelector('#inpaint-mask canvas').clientWidth < 600")
    assert int(page.input_value("#inpaint-mask .sd-mask-size")) > 12


def test_a_result_is_compared_and_sent_on_with_its_mask(page: Any, web: Web) -> None:
    drawn = painted(page)
    page.fill("#inpaint-prompt textarea", "a tree")
    page.click("#inpaint-generate")
    panel = page.locator(".sd-panel:visible")
    panel.locator("[data-action=compare]:visible").click()
    slider = panel.locator(".sd-compare-range")
    slider.focus()
    slider.press("Home")
    assert slider.input_value() == "0"
    slider.press("End")
    assert panel.locator(".sd-compare").evaluate("(node) => node.style.getPropertyValue('--at')") == "100%"
    panel.locator("[data-action=mask]").click()
    assert drawn in panel.locator(".sd-masked").evaluate("(node) => node.style.maskImage")
    result = panel.locator(".sd-tile[aria-selected=true]").get_attribute("data-picture")
    panel.locator("[data-action=send]").click()
    panel.locator(".sd-menu-item[data-id=erase]").click()
    page.wait_for_function("(id) => document.querySelector('#erase-image .sd-field')?.dataset.value === id", arg=result)
    page.wait_for_function("(id) => document.querySelector('#erase-mask .sd-field').dataset.value === id", arg=drawn)
    page.click("#erase-generate")
    request = wait_for_jobs(web, "erase", 1)[0]
    assert (request["image"], request["mask"]) == (result, drawn)
    page.locator(".sd-facts:visible", has_text="seam 1.25 · steps taken 12").wait_for()


def test_on_a_phone_a_result_is_sent_on_a_finger_paints_and_a_reload_keeps_it(open_page: Open) -> None:
    page = open_page(390, 844, has_touch=True, is_mobile=True)
    page.fill("#txt2img-prompt textarea", "a house for a phone")
    page.tap("#txt2img-generate")
    page.locator("[data-action=send]:not([disabled])").scroll_into_view_if_needed()
    page.tap("[data-action=send]")
    page.tap(".sd-menu-item[data-id=inpaint]:visible")
    canvas = page.locator("#inpaint-mask canvas")
    canvas.wait_for()
    assert page.evaluate("scrollY") == 0
    assert canvas.bounding_box()["y"] < 500
    assert page.input_value("#inpaint-strength .sd-range") == "0.75"  # an empty field's slider stands at what it means
    box = canvas.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    drawn = mask_after(page, "inpaint", "")
    found = mask(page, drawn)
    assert found[32, 32] == 255  # pictures of the test's checkpoint are 64 × 64
    assert found[0, 0] == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.wait_for_timeout(300)
    page.reload()
    ready(page)
    open_tab(page, "inpaint")
    page.wait_for_function("(id) => document.querySelector('#inpaint-mask .sd-field').dataset.value === id", arg=drawn)
    assert page.failures == []


def file_from(pixels: Any) -> dict[str, Any]:
    from io import BytesIO

    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return {"name": "b.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
