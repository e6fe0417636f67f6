"""Pictures of the page for README and for eyes: `python -m tests.ui.screenshots [folder]`.

Starts the real server on a fresh home folder, draws a few pictures with the default checkpoint and takes the page at
every size, light and dark. `--fake` draws noise instead, where there is no trained model.
"""

from __future__ import annotations

import argparse
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.conftest import CHROMIUM, FLAGS
from tests.ui.models import write_lora
from tests.ui.pictures import size_of_brush, stroke
from tests.web import ROOT, serve

SIZES = ((1280, 720), (1920, 1080), (390, 844))
LARGEST = 300_000  # bytes; a screenshot above is reduced to 256 colours
HOUSE = "a big red house in a meadow, on the left, by day"
TREE = "a big green tree in a meadow, on the left, by day"
PROMPTS = (
    "a white cat in the snow at night, watercolour",
    "a small blue boat on the sea, on the right, at sunset",
    "a yellow windmill in a meadow, in the middle, by day, flat",
    "a purple castle in the desert at sunset",
    "a green tree left of a pink house in a meadow, by day",
    HOUSE,
)


def main() -> None:
    """Take all screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "assets" / "screenshots")
    parser.add_argument("--fake", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        write_models(Path(home) / "models")
        with serve(Path(home), **({} if options.fake else {"test_engine": ""})) as web:
            shoot(visit(browser, web.url, (1280, 720), "light"), options.folder / "first-visit-1280x720-light.png")
            page = visit(browser, web.url, (1280, 720), "light")
            draw(page)
            restoring = () if options.fake else ("denoise", "upscale")
            if restoring:
                restore(page)
            memory = edit(page)
            for size in SIZES:
                for scheme in ("light", "dark"):
                    page = visit(browser, web.url, size, scheme, storage_state=memory)
                    show_models(page)
                    shoot(page, options.folder / f"models-{size[0]}x{size[1]}-{scheme}.png")
                    page = visit(browser, web.url, size, scheme, storage_state=memory)
                    show_loras(page)
                    shoot(page, options.folder / f"lora-{size[0]}x{size[1]}-{scheme}.png")
                    page = visit(browser, web.url, size, scheme, storage_state=memory)
                    show_repainted(page)
                    shoot(page, options.folder / f"inpaint-{size[0]}x{size[1]}-{scheme}.png")
                    for task in restoring:
                        page = visit(browser, web.url, size, scheme, storage_state=memory)
                        show_restored(page, task)
                        shoot(page, options.folder / f"{task}-{size[0]}x{size[1]}-{scheme}.png")
                    page = visit(browser, web.url, size, scheme, storage_state=memory)
                    page.wait_for_function(f"document.querySelectorAll('.sd-tile img').length === {len(PROMPTS)}")
                    shoot(page, options.folder / f"txt2img-{size[0]}x{size[1]}-{scheme}.png")
            chinese = visit(browser, web.url, (1280, 720), "light", storage_state=memory, locale="zh-CN")
            shoot(chinese, options.folder / "chinese-1280x720-light.png")
        browser.close()


def visit(browser: Any, url: str, size: tuple[int, int], scheme: str, **options: Any) -> Any:
    """The page, ready, in a window of this size."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".sd-stage[data-ready=true]")
    return page


def draw(page: Any) -> None:
    """Draw every prompt."""
    page.fill("#txt2img-seed .sd-input", "7")
    for prompt in PROMPTS:
        page.fill("#txt2img-prompt textarea", prompt)
        page.click("#txt2img-generate")
    page.wait_for_function(f"document.querySelectorAll('.sd-tile img').length === {len(PROMPTS)}", timeout=200_000)


def edit(page: Any) -> Any:
    """Send the picture shown to be repainted, mask the house in it and draw; returns what the browser remembers."""
    page.click("[data-action=send]:visible")
    page.click(".sd-menu-item[data-id=inpaint]:visible")
    page.wait_for_selector("#inpaint-mask canvas:visible")
    page.wait_for_function("(words) => document.querySelector('#inpaint-prompt textarea').value === words", arg=HOUSE)
    size_of_brush(page, 28)
    stroke(page, "inpaint", [(0.14, 0.35), (0.44, 0.35), (0.44, 0.82), (0.14, 0.82), (0.14, 0.5), (0.44, 0.6)])
    page.fill("#inpaint-prompt textarea", TREE)
    page.fill("#inpaint-strength .sd-input", "1")
    page.click("#inpaint-generate")
    page.wait_for_selector(".sd-panel:visible .sd-tile img", timeout=200_000)
    page.wait_for_timeout(1000)  # what the form holds is kept by the browser a moment later
    return page.context.storage_state()


def restore(page: Any) -> None:
    """Denoise the picture that is shown, with noise put on it first, and enlarge what comes out."""
    shown = page.get_attribute(".sd-panel:visible .sd-tile[aria-selected=true]", "data-picture")
    clean = Image.open(BytesIO(page.request.get(f"{page.url}pictures/{shown}.png").body())).convert("RGB")
    noise = np.random.default_rng(7).normal(0, 18, (clean.height, clean.width, 3))
    buffer = BytesIO()
    Image.fromarray((np.asarray(clean) + noise).clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    page.evaluate("sdPieces.openTab('denoise')")
    page.wait_for_selector("#denoise-generate:visible")
    file = {"name": "noisy.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    page.set_input_files("#denoise-image-input", files=[file])
    page.wait_for_selector(".sd-measured-size:visible")
    page.click("#denoise-generate")
    page.wait_for_selector(".sd-panel:visible .sd-tile img", timeout=200_000)
    page.click("[data-action=send]:visible")
    page.click(".sd-menu-item[data-id=upscale]:visible")
    page.wait_for_selector(".sd-measured-size:visible")
    page.click("#upscale-generate")
    page.wait_for_selector(".sd-panel:visible .sd-tile img", timeout=200_000)
    page.evaluate("sdPieces.openTab('txt2img')")


def show_restored(page: Any, task: str) -> None:
    """A tab that restores as it was left: what was measured, the frame, the result beside what it was made of."""
    page.evaluate("(task) => sdPieces.openTab(task)", task)
    page.wait_for_selector(".sd-measured-size:visible")
    page.wait_for_selector(".sd-compare:visible")


def show_repainted(page: Any) -> None:
    """The inpaint tab as it was left, with the picture from before beside the result."""
    page.evaluate("sdPieces.openTab('inpaint')")
    page.wait_for_selector("#inpaint-mask canvas:visible")
    page.click("[data-action=compare]:visible")
    page.fill(".sd-compare-range:visible", "27")  # half a house, half a tree
    page.evaluate("window.scrollTo(0, 0)")  # on a phone the result is further down


def write_models(folder: Path) -> None:
    """Some of what people have beside what ships: it says what fits, what does not, and what must be converted."""
    write_lora(folder / "adapters" / "film grain.safetensors", "sd1", {"modelspec.trigger_phrase": "film grain"})
    write_lora(folder / "adapters" / "film grain xl.safetensors", "sdxl")
    (folder / "an old model.ckpt").write_bytes(b"\x80\x02}q\x00.")


def show_models(page: Any) -> None:
    """The Models tab, on a wide window with all that is known of the default checkpoint."""
    page.evaluate("sdPieces.openTab('models')")  # on a phone it is in a menu
    page.wait_for_selector(".sd-loaded-row")
    if page.viewport_size["width"] > 900:
        page.click(".sd-model-card[title=storybook]")
        page.wait_for_selector(".sd-model h2")


def show_loras(page: Any) -> None:
    """The LoRAs of a task: two that fit, and the list to add more from, with the reason for one that does not."""
    if page.viewport_size["width"] < 900:
        page.click(".sd-unfold")
    page.click(".sd-fold-button:has-text('LoRA')")
    for name in ("risograph", "film"):
        page.fill("#txt2img-adapters [role=combobox]", name)
        page.click(f"#txt2img-adapters [role=option]:has-text('{name}')")
    page.click("#txt2img-adapters [role=combobox]")
    page.wait_for_selector("#txt2img-adapters [role=option][aria-disabled=true]")
    page.locator("#txt2img-adapters [role=combobox]").scroll_into_view_if_needed()


def shoot(page: Any, path: Path) -> None:
    """One screenshot, without a pointer on anything, small enough for a repository."""
    page.wait_for_timeout(800)
    page.mouse.move(0, 0)
    page.screenshot(path=path)
    if path.stat().st_size > LARGEST:
        with Image.open(path) as image:
            full = image.convert("RGB")
        palette = full.quantize(256)
        full.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    page.context.close()


if __name__ == "__main__":
    main()
