"""The tabs that restore: what is measured, the preview of a part, stages, sizes, many files; with small networks."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.ui.conftest import visit
from tests.ui.pictures import give, jobs, open_tab, value, wait_for_jobs
from tests.ui.test_drop_browser import DROP
from tests.web import Web, serve

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
SIZE = (400, 320)
LINE = ".sd-measured:visible"
FRAME = ".sd-window-frame:visible"
PICTURE = ".sd-panel:visible .sd-tile img"
PATIENCE = 180_000  # milliseconds: the first job loads torch, perhaps on a busy machine


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A server with the real engine and the networks that ship."""
    home = tmp_path_factory.mktemp("home")
    with serve(home, test_engine="") as running:
        yield running


@pytest.fixture(scope="module")
def page(web: Web, chromium: Any) -> Iterator[Any]:
    """One page for all tests; each begins with its tab's form as it is, and says what it needs."""
    page = visit(web, chromium)
    page.context.set_default_timeout(PATIENCE)
    yield page
    assert page.failures == []
    page.context.close()


def noisy(sigma: float = 20, seed: int = 0, name: str = "noisy.png", **saving: Any) -> dict[str, Any]:
    """A slope of colours with noise, as a browser's file input takes it."""
    rng = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(60, 190, SIZE[0]), np.linspace(60, 190, SIZE[1]))
    clean = np.dstack([across, down, (across + down) / 2])
    pixels = (clean + rng.normal(0, sigma, clean.shape)).clip(0, 255).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, saving.pop("format", "PNG"), **saving)
    return {"name": name, "mimeType": "image/png", "buffer": buffer.getvalue()}


def line(page: Any, *words: str) -> str:
    """What the line below the picture says once all these words are in it."""
    for word in words:
        page.locator(LINE, has_text=word).wait_for()
    return str(page.inner_text(LINE))


def tiles(page: Any) -> int:
    return int(page.locator(PICTURE).count())


def wait_for_tile(page: Any, count: int) -> None:
    page.wait_for_function(
        "([at, n]) => document.querySelectorAll(at).length >= n", arg=[".sd-panel .sd-tile img", count]
    )
    page.locator(PICTURE).nth(0).wait_for()


def add_stage(page: Any, task: str, name: str) -> None:
    field = page.locator(f"#{task}-stages .sd-stages > .sd-combo")
    field.locator("input").click()
    field.locator(".sd-option", has_text=name).first.click()


def test_a_picture_is_measured_and_what_is_typed_replaces_it(page: Any) -> None:
    open_tab(page, "denoise")
    assert page.locator(LINE).count() == 0
    assert page.is_visible("#denoise-stages .sd-stage-none")
    give(page, "denoise", noisy())
    said = line(page, "no JPEG traces", "→ Denoiser", "→ 400×320")
    noise = float(said.split()[1])
    assert 17 < noise < 23
    assert float(page.get_attribute("#denoise-noise .sd-input", "placeholder")) == noise
    assert float(page.input_value("#denoise-noise .sd-range")) == pytest.approx(noise, abs=0.5)
    page.fill("#denoise-noise .sd-input", "1")
    line(page, "noise 1 of 255, as you say", "→ nothing to be done")
    page.fill("#denoise-noise .sd-input", "200")
    page.locator("#denoise-noise .sd-problem", has_text="out of range").wait_for()
    page.fill("#denoise-noise .sd-input", "")
    line(page, f"noise {noise:g} of 255 ·")
    assert page.locator("#denoise-noise .sd-problem").count() == 0


def test_a_part_is_previewed_in_its_real_size_before_the_whole(page: Any, web: Web) -> None:
    open_tab(page, "denoise")
    give(page, "denoise", noisy(seed=1))
    place = page.locator(".sd-window-place:visible")
    assert place.inner_text() == "256 × 256 px at 72, 32"
    page.focus(FRAME)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    assert place.inner_text() == "256 × 256 px at 56, 64"
    frame = page.locator(FRAME).bounding_box()
    page.mouse.move(frame["x"] + 5, frame["y"] + 5)
    page.mouse.down()
    page.mouse.move(frame["x"] - 300, frame["y"] - 300, steps=4)
    page.mouse.up()
    assert place.inner_text() == "256 × 256 px at 0, 0"
    before = tiles(page)
    page.click(".sd-window:visible [data-action=preview]")
    wait_for_tile(page, before + 1)
    page.locator(".sd-chip:visible", has_text="Only a part: 256 × 256 px").wait_for()
    assert jobs(web, "denoise")[-1]["window"] == [0, 0, 256, 256]
    page.wait_for_function("document.querySelector('.sd-task:not([hidden]) .sd-picture[src]')?.naturalWidth !== 0")
    page.locator(".sd-compare:visible").wait_for()
    box = page.locator(".sd-compare:visible").bounding_box()
    assert (round(box["width"]), round(box["height"])) == (256, 256)
    old = page.locator(".sd-before:visible").bounding_box()
    assert (round(old["width"]), round(old["x"] - box["x"])) == (400, 0)


def test_the_whole_is_restored_and_compared_to_what_was(page: Any, web: Web) -> None:
    open_tab(page, "denoise")
    give(page, "denoise", noisy(seed=2))
    line(page, "→ 400×320")
    before = tiles(page)
    page.click("#denoise-generate")
    wait_for_tile(page, before + 1)
    page.locator(".sd-facts:visible", has_text="400 × 320 · noise before ").wait_for()
    assert page.locator(".sd-chip:visible").count() == 0
    page.locator(".sd-compare:visible").wait_for()
    page.focus(".sd-compare-range:visible")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    style = page.get_attribute(".sd-compare:visible", "style")
    assert "--at: 52%" in style
    request = jobs(web, "denoise")[-1]
    assert request["window"] is None
    made = Image.open(BytesIO(picture(page)))
    assert (
        np.asarray(made, float).std(axis=(0, 1)).mean()
        < np.asarray(Image.open(BytesIO(noisy(seed=2)["buffer"])), float).std(axis=(0, 1)).mean()
    )


def picture(page: Any) -> bytes:
    """The file of the picture that the stage shows."""
    identity = page.get_attribute(".sd-panel:visible .sd-tile[aria-selected=true]", "data-picture")
    return bytes(page.request.get(f"{page.url}pictures/{identity}.png").body())


def test_stages_are_added_set_and_reordered(page: Any, web: Web) -> None:
    open_tab(page, "denoise")
    give(page, "denoise", noisy(seed=3))
    add_stage(page, "denoise", "Sharpen")
    add_stage(page, "denoise", "Denoiser")
    rows = page.locator("#denoise-stages .sd-stage-row")
    assert rows.count() == 2
    assert page.locator(".sd-stage-none:visible").count() == 0
    rows.nth(0).get_by_label("Amount").fill("0.5")
    rows.nth(1).get_by_label("Strength").fill("0.8")
    rows.nth(1).get_by_label("Blend").fill("0.9")
    assert rows.nth(0).get_by_label("Strength").count() == 0  # it takes no noise level
    rows.nth(1).get_by_label("Move Denoiser up").focus()
    page.keyboard.press("Enter")
    line(page, "→ Denoiser, Sharpen")
    assert page.evaluate("document.activeElement.ariaLabel") == "Move Denoiser down"
    count = len(jobs(web, "denoise"))
    page.click("#denoise-generate")
    first, second = wait_for_jobs(web, "denoise", count + 1)[-1]["stages"]
    assert (first["strength"], first["blend"], first["options"]) == (0.8, 0.9, {})
    assert (second["restorer"], second["options"]) == ("sharpen", {"amount": 0.5})
    page.fill("#denoise-noise .sd-input", "12")
    rows.nth(1).get_by_label("Remove Sharpen").click()
    rows.nth(0).get_by_label("Remove Denoiser").click()
    page.fill("#denoise-noise .sd-input", "")
    page.locator(".sd-stage-none:visible").wait_for()


def test_a_reference_gives_numbers_and_a_map_of_differences(page: Any) -> None:
    open_tab(page, "denoise")
    give(page, "denoise", noisy(seed=4))
    page.locator(".sd-fold-button:visible", has_text="Compare and measure").click()
    page.set_input_files("#denoise-reference-input", files=[noisy(0, name="clean.png")])
    page.wait_for_function("document.querySelector('#denoise-reference .sd-field').dataset.value !== ''")
    page.check("#denoise-difference_map input")
    before = tiles(page)
    page.click("#denoise-generate")
    wait_for_tile(page, before + 2)
    facts = page.locator(".sd-facts:visible", has_text="PSNR")
    facts.wait_for()
    assert "SSIM 0." in facts.inner_text()
    page.locator(".sd-compare:visible").wait_for()
    page.locator(".sd-panel:visible .sd-tile").nth(1).click()
    page.locator(".sd-facts:visible", has_text="difference map").wait_for()
    page.locator(".sd-compare:visible").wait_for(state="hidden")
    page.uncheck("#denoise-difference_map input")
    page.click("#denoise-reference [data-action=clear]")


def test_a_picture_becomes_twice_as_large_or_as_large_as_one_says(page: Any, web: Web) -> None:
    open_tab(page, "upscale")
    give(page, "upscale", noisy(4, format="JPEG", quality=40))
    line(page, "JPEG quality 40", "JPEG cleaner", "Enlarger ×2", "→ 800×640")
    page.locator(".sd-fold-button:visible", has_text="Target size").click()
    page.fill("#upscale-longest_side .sd-input", "1000")
    line(page, "→ 1000×800")
    page.fill("#upscale-longest_side .sd-input", "")
    page.click("#upscale-upscaler input")
    page.click("#upscale-upscaler .sd-option:has-text('Lanczos')")
    line(page, "Lanczos", "→ 800×640")
    page.click("#upscale-upscaler input")
    page.click("#upscale-upscaler .sd-option:has-text('Automatic')")
    line(page, "Enlarger ×2")
    page.click("#upscale-generate")
    wait_for_tile(page, 1)
    page.locator(".sd-facts:visible", has_text="800 × 640").wait_for()
    page.locator(".sd-compare:visible").wait_for()
    box, old = (page.locator(f"{name}:visible").bounding_box() for name in (".sd-compare", ".sd-before"))
    assert old["width"] == pytest.approx(box["width"], abs=1)
    assert jobs(web, "upscale")[-1]["upscaler"] not in (None, "lanczos")


def test_of_many_files_the_broken_one_is_named_and_the_others_are_done(page: Any, web: Web, tmp_path: Path) -> None:
    for task in ("denoise", "upscale"):
        folder = tmp_path / task
        folder.mkdir()
        for number in (1, 2):
            (folder / f"{number}.png").write_bytes(noisy(9, seed=number)["buffer"])
        (folder / "broken.png").write_bytes(noisy()["buffer"][:5000])
        open_tab(page, task)
        page.locator(".sd-fold-button:visible", has_text="Batch").click()
        before = tiles(page)
        page.set_input_files(f"#{task}-batch-folder", str(folder))
        page.locator(".sd-batch:visible [data-action=start]").click()
        page.locator(".sd-batch-line:visible", has_text="2 of 3 queued").wait_for()
        assert f"{task}/broken.png " in page.inner_text(".sd-batch-refused:visible")
        wait_for_tile(page, before + 2)


def test_a_result_is_sent_on_without_what_was_done_to_it(page: Any, web: Web) -> None:
    open_tab(page, "denoise")
    page.wait_for_selector(".sd-panel:visible [data-action=send]:not([disabled])")
    sent = page.get_attribute(".sd-panel:visible .sd-tile[aria-selected=true]", "data-picture")
    for task in ("upscale", "denoise", "img2img"):
        page.click(".sd-panel:visible [data-action=send]")
        page.click(f".sd-menu-item[data-id={task}]:visible")
        page.wait_for_function(
            "([at, id]) => document.querySelector(at)?.dataset.value === id", arg=[f"#{task}-image .sd-field", sent]
        )
        if task != "img2img":
            assert value(page, f"{task}-stages") == "[]"
            assert page.input_value(f"#{task}-noise .sd-input") == ""
        open_tab(page, "denoise")
    assert page.locator(".sd-drop:visible").count() == 0


def test_a_drop_anywhere_on_the_tab_is_the_next_picture(page: Any) -> None:
    open_tab(page, "denoise")
    before = give(page, "denoise", noisy(seed=6))
    file = noisy(seed=7)
    data = base64.b64encode(file["buffer"]).decode()
    page.evaluate(DROP, [data, file["name"], file["mimeType"], "#denoise-generate"])
    page.wait_for_function(
        "([at, id]) => ![id, ''].includes(document.querySelector(at).dataset.value)",
        arg=["#denoise-image .sd-field", before],
    )
    assert page.locator(".sd-drop:visible").count() == 0


def test_on_a_phone_everything_is_reached_by_touch(web: Web, chromium: Any) -> None:
    page = visit(web, chromium, 390, 844, has_touch=True, is_mobile=True)
    page.context.set_default_timeout(PATIENCE)
    open_tab(page, "denoise")
    give(page, "denoise", noisy(seed=5))
    line(page, "→ 400×320")
    layer = page.locator(".sd-window-layer:visible").bounding_box()
    page.touchscreen.tap(layer["x"] + layer["width"] - 3, layer["y"] + layer["height"] - 3)
    assert page.inner_text(".sd-window-place:visible") == "256 × 256 px at 144, 64"
    page.locator(".sd-window:visible [data-action=preview]").tap()
    wait_for_tile(page, 1)
    page.locator(".sd-chip:visible", has_text="Only a part").wait_for()
    stage = page.locator(".sd-stage:visible").bounding_box()
    assert 0 <= stage["y"] < 844 - 256
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".sd-unfold:visible").tap()
    add_stage(page, "denoise", "Median")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.failures == []
    page.context.close()
