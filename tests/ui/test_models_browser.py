"""Models in a real browser: the tab, the checkpoint picker, LoRAs and VAE of a task."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from tests.ui.models import SCRIPT, write_lora
from tests.web import Web, wait_until

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
STEPS, WIDTH = "#txt2img-steps .sd-input", "#txt2img-width .sd-input"
ADD = "#txt2img-adapters [role=combobox]"
ADAPTERS = "#txt2img-adapters .sd-adapter"


@pytest.fixture
def toolbox(web: Web) -> Iterator[Toolbox]:
    """The home of the server that the browser sees, opened beside it."""
    with Toolbox.open(Settings(home=web.home)) as opened:
        yield opened


def open_models(page: Any) -> None:
    page.evaluate("sdPieces.openTab('models')")  # on a small screen it is in a menu
    page.wait_for_selector(".sd-model-card")


def open_loras(page: Any) -> None:
    page.click(".sd-fold-button:has-text('LoRA')")


def add_lora(page: Any, name: str) -> None:
    page.fill(ADD, name)
    page.click(f"#txt2img-adapters [role=option]:has-text('{name}')")


def names(page: Any) -> list[str]:
    return list(page.locator(".sd-model-name").all_inner_texts())


def choose_checkpoint(page: Any, name: str) -> None:
    page.click("#sd-checkpoint input")
    page.click(f"#sd-checkpoint [role=option]:has-text('{name}')")


def last_request(toolbox: Toolbox) -> dict[str, Any]:
    return dict(toolbox.jobs(limit=1)[0].request)


def test_typing_filters_the_cards_at_once_and_kinds_narrow_them(open_page: Open) -> None:
    page = open_page()
    open_models(page)
    assert {"storybook", "film", "film xl", "soft", "old"} <= set(names(page))
    page.fill(".sd-models-search input", "film")
    page.wait_for_function("document.querySelectorAll('.sd-model-card').length === 2")
    assert names(page) == ["film", "film xl"]
    page.select_option("[data-facet=base]", "sdxl")
    page.wait_for_function("document.querySelectorAll('.sd-model-card').length === 1")
    page.fill(".sd-models-search input", "")
    page.select_option("[data-facet=base]", "")
    page.click("[data-kind=vae]")
    page.wait_for_function("document.querySelectorAll('.sd-model-card').length === 1")
    assert names(page) == ["soft"]
    page.fill(".sd-models-search input", "no such model")
    page.wait_for_selector(".sd-models-none:not([hidden])")
    assert not page.failures


def test_a_card_tells_all_and_a_pickle_says_how_to_convert_it(open_page: Open) -> None:
    page = open_page()
    open_models(page)
    page.click(".sd-model-card:has-text('old')")
    page.wait_for_selector(".sd-command")
    assert page.inner_text(".sd-command code").startswith("sdtoolbox models convert ")
    page.keyboard.press("Escape")
    assert page.is_hidden(".sd-model")
    page.click(".sd-model-card[title=film]")
    page.wait_for_selector(".sd-model .sd-word:has-text('film grain')")
    page.wait_for_function("document.querySelector('.sd-model-list code')?.textContent.length === 10", timeout=20_000)
    assert page.evaluate("document.querySelector('.sd-model img').naturalWidth") == 64
    assert not page.failures


def test_what_is_written_is_kept_and_the_form_takes_defaults_over(open_page: Open, toolbox: Toolbox) -> None:
    page = open_page()
    page.fill("#txt2img-guidance_scale .sd-input", "9")
    open_models(page)
    page.click(".sd-model-card[title=other]")
    page.fill("#sd-model-notes", "good for <b>houses</b>")
    page.fill("#sd-model-tags", "flat, bright")
    page.fill("#sd-model-default-steps", "17")
    page.click("[data-action=keep]")
    page.wait_for_function("document.querySelector('.sd-kept').textContent === 'Saved'")
    other = toolbox.catalog.find("other")
    assert (other.notes, other.tags, other.defaults["steps"]) == ("good for <b>houses</b>", ("flat", "bright"), 17)
    page.click(".sd-model-actions >> text=Use in Text to image")
    page.wait_for_function(f"document.querySelector('{STEPS}').value === '17'")
    assert page.input_value("#sd-checkpoint input") == "other"
    assert page.input_value("#txt2img-guidance_scale .sd-input") == "9"
    # The form, taken back as defaults; then none of our own any more. The form follows each time.
    page.fill(WIDTH, "80")
    open_models(page)
    page.click("text=Take from the form")
    page.wait_for_function("document.querySelector('#sd-model-default-width').value === '80'")
    page.click("[data-action=keep]")
    wait_until(lambda: toolbox.catalog.find("other").defaults["width"] == 80)  # "Saved" stands there from before
    page.click(".sd-model-defaults >> text=Reset")
    page.wait_for_function("document.querySelector('#sd-model-default-steps').value === '12'")
    page.wait_for_function(f"document.querySelector('{STEPS}').value === '12'")
    page.fill("#sd-model-default-steps", "0")
    page.click("[data-action=keep]")
    page.wait_for_selector(".sd-model-form .sd-problem:visible")
    assert "0 is out of range" in page.inner_text(".sd-model-form .sd-problem")
    assert not page.failures


def test_a_lora_joins_the_request_with_its_weights(open_page: Open, toolbox: Toolbox) -> None:
    page = open_page()
    open_loras(page)
    add_lora(page, "film")
    assert page.text_content(".sd-fold-button:has-text('LoRA')") == "LoRA · 1"
    page.fill(f"{ADAPTERS} .sd-weight-weight", "0.8")
    page.fill(f"{ADAPTERS} .sd-weight-text_weight", "-0.5")
    page.click(f"{ADAPTERS} .sd-word")
    assert page.input_value("#txt2img-prompt textarea") == "film grain"
    page.click("#txt2img-generate")
    page.wait_for_selector(".sd-tile img")
    film = toolbox.catalog.find("film", "lora")
    (adapter,) = last_request(toolbox)["adapters"]
    assert (adapter["adapter"], adapter["weight"], adapter["text_weight"]) == (film.id, 0.8, -0.5)
    page.reload()
    page.wait_for_selector(ADAPTERS, state="attached")
    page.wait_for_function(f"document.querySelector('{ADAPTERS} .sd-weight-weight').value === '0.8'")
    open_loras(page)
    page.click(f"{ADAPTERS} >> [aria-label='Remove film']")
    assert page.locator(ADAPTERS).count() == 0
    assert not page.failures


def test_what_does_not_fit_is_greyed_with_the_reason(open_page: Open) -> None:
    page = open_page()
    open_loras(page)
    page.fill(ADD, "film")
    misfit = page.locator("#txt2img-adapters [role=option][aria-disabled=true]")
    misfit.wait_for()
    assert "This is an SDXL LoRA, the model is SD 1.5" in misfit.inner_text()
    misfit.dispatch_event("click")
    assert page.locator(ADAPTERS).count() == 0
    page.keyboard.press("Escape")
    # Put in all the same, from the Models tab: shown greyed, and refused at the field.
    open_models(page)
    page.click(".sd-model-card[title='film xl']")
    page.click(".sd-model-actions >> text=Use in Text to image")
    page.wait_for_selector(f"{ADAPTERS}[data-refused=true]")
    assert "This is an SDXL LoRA" in page.inner_text(ADAPTERS)
    page.click("#txt2img-generate")
    page.wait_for_selector("#txt2img-adapters > .sd-problem")
    assert "SDXL" in page.inner_text("#txt2img-adapters > .sd-problem")
    assert not page.failures


def test_a_wrong_weight_is_said_at_the_field_even_when_it_is_folded(open_page: Open) -> None:
    page = open_page()
    open_loras(page)
    add_lora(page, "film")
    page.fill(f"{ADAPTERS} .sd-weight-weight", "much")
    page.click(".sd-fold-button:has-text('LoRA')")
    page.click("#txt2img-generate")
    page.wait_for_selector("#txt2img-adapters > .sd-problem:visible")
    page.fill(f"{ADAPTERS} .sd-weight-weight", "0.5")
    assert page.locator("#txt2img-adapters > .sd-problem").count() == 0


def test_the_picker_is_worked_by_keyboard(open_page: Open) -> None:
    page = open_page()
    page.focus("#sd-checkpoint input")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#sd-checkpoint .sd-option.sd-active")
    page.fill("#sd-checkpoint input", "oth")
    page.wait_for_selector("#sd-checkpoint .sd-active:has-text('other')")
    page.keyboard.press("Escape")
    assert page.input_value("#sd-checkpoint input") == "storybook"
    page.fill("#sd-checkpoint input", "oth")
    page.wait_for_selector("#sd-checkpoint .sd-active:has-text('other')")
    page.keyboard.press("Enter")
    assert page.input_value("#sd-checkpoint input") == "other"
    page.wait_for_function(f"document.querySelector('{WIDTH}').value === '96'")


def test_a_vae_is_chosen_and_counted_in_the_groups_title(open_page: Open, toolbox: Toolbox) -> None:
    page = open_page()
    page.click(".sd-fold-button:has-text('More')")
    assert page.input_value("#txt2img-vae input") == "The checkpoint's own"
    page.click("#txt2img-vae input")
    page.click("#txt2img-vae [role=option]:has-text('soft')")
    assert page.text_content(".sd-fold-button:has-text('More')") == "More · 1"
    page.click("#txt2img-generate")
    page.wait_for_selector(".sd-tile img")
    assert last_request(toolbox)["vae"] == toolbox.catalog.find("soft", "vae").id
    page.click("#txt2img-vae input")
    page.click("#txt2img-vae [role=option]:has-text('own')")
    assert page.text_content(".sd-fold-button:has-text('More')") == "More"


def test_a_model_that_comes_to_disk_is_listed_without_a_restart(open_page: Open, web: Web) -> None:
    page = open_page()
    open_models(page)
    assert page.locator(".sd-model-card[title=newcomer]").count() == 0
    write_lora(web.home / "models" / "adapters" / "newcomer.safetensors", "sd1")
    page.click("text=Scan again")
    page.wait_for_selector(".sd-model-card[title=newcomer]", timeout=20_000)
    assert "LoRA · SD 1.x" in page.inner_text(".sd-model-card[title=newcomer]")


def test_what_is_in_memory_is_shown_and_unloaded(open_page: Open, toolbox: Toolbox) -> None:
    page = open_page()
    page.click("#txt2img-generate")
    page.wait_for_selector(".sd-tile img")
    open_models(page)
    page.wait_for_selector(".sd-loaded-row")
    wait_until(lambda: "idle" in page.inner_text(".sd-loaded-row"))
    page.click(".sd-loaded-row >> text=Unload")
    page.wait_for_selector(".sd-loaded-none:not([hidden])", timeout=20_000)
    assert toolbox.loaded() == []


def test_a_name_that_is_a_script_is_only_text(open_page: Open) -> None:
    page = open_page()
    open_loras(page)
    page.fill(ADD, "onerror")
    page.click("#txt2img-adapters [role=option]")
    page.wait_for_selector(f"{ADAPTERS} .sd-word")
    open_models(page)
    page.click(f".sd-model-card[title={json.dumps(SCRIPT)}]")
    page.wait_for_selector(".sd-model h2")
    assert page.inner_text(".sd-model h2") == SCRIPT
    assert page.evaluate("window.pwned") is None
    assert page.locator(".sd-models b:has-text('bold')").count() == 0


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 720)])
def test_nothing_reaches_over_the_edge_and_controls_have_names(open_page: Open, width: int, height: int) -> None:
    page = open_page(width, height)
    if width < 900:
        page.click(".sd-unfold")
    open_loras(page)
    add_lora(page, "film")
    outside = """(width) => [...document.querySelectorAll('.sd-settings *, .sd-models *')]
        .filter((node) => node.offsetParent && getComputedStyle(node).visibility !== 'hidden')
        .filter((node) => node.getBoundingClientRect().right > width + 1)
        .map((node) => node.className)"""
    assert page.evaluate(outside, width) == []
    open_models(page)
    page.click(".sd-model-card[title=storybook]")
    page.wait_for_selector(".sd-model h2")
    assert page.evaluate(outside, width) == []
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.sd-models :is(button, input, select, textarea), .sd-adapter input')]
            .filter((node) => node.offsetParent && node.type !== 'range')
            .filter((node) => !(node.innerText || '').trim() && !node.getAttribute('aria-label')
                && !(node.labels && node.labels.length))
            .map((node) => node.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    assert not page.failures


def test_the_models_tab_speaks_chinese(open_page: Open) -> None:
    page = open_page(locale="zh-CN")
    page.click(".sd-tabs [data-tab-id=models]")
    page.wait_for_selector(".sd-model-card")
    assert page.inner_text("[data-kind='']").startswith("全部")
    page.click(".sd-model-card[title=old]")
    page.wait_for_selector(".sd-command")
    assert "需要转换" in page.inner_text(".sd-model-why")
