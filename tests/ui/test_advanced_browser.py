"""The folded groups in a real browser: options follow the sampler, titles say what differs, a picture is enlarged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Open = Callable[..., Any]


def unfold(page: Any, title: str) -> None:
    page.click(f".sd-fold-button:has-text('{title}')")


def choose(page: Any, field: str, label: str) -> None:
    page.click(f"#txt2img-{field} input")
    page.click(f"[role=option]:text-is('{label}')")


def title(page: Any, words: str) -> str:
    return str(page.inner_text(f".sd-fold-button:has-text('{words}')")).strip()


def generate(page: Any, pictures: int) -> None:
    page.click("#txt2img-generate")
    page.wait_for_function(f"document.querySelectorAll('.sd-tile img').length === {pictures}")
    page.wait_for_selector(".sd-tile[aria-selected=true]")


def parameters(page: Any) -> str:
    page.wait_for_function("document.querySelector('.sd-parameters').textContent.includes('Steps')")
    return str(page.text_content(".sd-parameters"))


def test_options_are_those_of_the_sampler_and_reach_the_picture(open_page: Open) -> None:
    page = open_page()
    unfold(page, "Sampler options")
    choose(page, "sampler", "Euler a")
    knobs = "#txt2img-sampler_options [data-option]"
    page.wait_for_selector("#txt2img-sampler_options [data-option=eta]")
    assert page.eval_on_selector_all(knobs, "all => all.map((one) => one.dataset.option)") == ["eta", "s_noise"]
    assert title(page, "Sampler options") == "Sampler options"
    page.fill("#txt2img-sampler_options [data-option=eta]", "0.25")
    page.wait_for_function(
        "document.querySelector('.sd-group:has([data-option]) .sd-fold-note').textContent === ' · 1'"
    )
    choose(page, "sampler", "DPM++ 2M")
    page.wait_for_selector("#txt2img-sampler_options >> text=There is nothing to set")
    generate(page, 1)
    assert "Eta" not in parameters(page)
    choose(page, "sampler", "Euler a")
    assert page.input_value("#txt2img-sampler_options [data-option=eta]") == "0.25"
    page.evaluate("document.querySelector('.sd-parameters').textContent = ''")
    generate(page, 2)
    page.wait_for_function("document.querySelector('.sd-parameters').textContent.includes('Eta: 0.25')")
    assert page.failures == []


def test_an_option_out_of_bounds_is_said_at_its_place(open_page: Open) -> None:
    page = open_page()
    choose(page, "sampler", "Euler a")
    unfold(page, "Sampler options")
    page.fill("#txt2img-sampler_options [data-option=eta]", "3")
    page.click("#txt2img-generate")
    page.wait_for_selector("#txt2img-sampler_options >> text=Allowed is a number from 0 to 1.")
    assert page.locator(".sd-tile").count() == 0  # nothing was queued


def test_a_group_with_a_switch_says_whether_it_is_on_after_a_reload_too(open_page: Open) -> None:
    page = open_page()
    unfold(page, "Hires fix")
    assert title(page, "Hires fix") == "Hires fix"
    page.check("#txt2img-hires input")
    page.wait_for_function("[...document.querySelectorAll('.sd-fold-note')].some((one) => one.textContent === ' · on')")
    page.wait_for_timeout(500)  # the browser's memory is written a moment later
    page.reload()
    page.wait_for_selector(".sd-stage[data-ready=true]")
    page.wait_for_function("[...document.querySelectorAll('.sd-fold-note')].some((one) => one.textContent === ' · on')")
    assert page.is_checked("#txt2img-hires input")


def test_a_finished_picture_is_drawn_again_larger_with_what_the_form_says(open_page: Open) -> None:
    page = open_page()
    page.fill("#txt2img-seed .sd-input", "41")
    generate(page, 1)
    unfold(page, "Hires fix")
    page.fill("#txt2img-hires_scale .sd-input", "1.5")
    page.fill("#txt2img-seed .sd-input", "7")  # of the next picture: it does not matter here
    page.click("[data-action=hires]")
    page.wait_for_function("document.querySelectorAll('.sd-tile img').length === 2")
    page.wait_for_function("document.querySelector('.sd-parameters').textContent.includes('Hires upscale: 1.5')")
    assert "Seed: 41" in parameters(page)
    assert page.is_disabled("[data-action=hires]")  # it is enlarged already
    assert page.failures == []


def test_steers_are_added_set_and_reach_the_picture(open_page: Open) -> None:
    page = open_page()
    unfold(page, "Guidance")
    adder = page.locator("#txt2img-steers .sd-stages > .sd-combo")
    adder.locator("input").click()
    adder.locator(".sd-option", has_text="Dynamic thresholding").click()
    row = page.locator("#txt2img-steers .sd-stage-row")
    assert row.get_by_label("Blend").count() == 0
    row.get_by_label("Percentile").fill("2")
    page.click("#txt2img-generate")
    page.wait_for_selector("#txt2img-steers >> text=Allowed is a number from 0.5 to 1.")
    row.get_by_label("Percentile").fill("0.9")
    page.wait_for_function("document.querySelector('.sd-group:has(.sd-stages) .sd-fold-note').textContent === ' · 1'")
    generate(page, 1)
    assert 'Steers: "Dynamic thresholding: percentile=0.9"' in parameters(page)
    page.wait_for_timeout(500)  # the browser's memory is written a moment later
    page.reload()
    page.wait_for_selector(".sd-stage[data-ready=true]")
    unfold(page, "Guidance")
    page.wait_for_function("document.querySelector('#txt2img-steers [role=combobox]').value === 'Dynamic thresholding'")
    assert row.get_by_label("Percentile").input_value() == "0.9"
    page.locator("#txt2img-steers").scroll_into_view_if_needed()
    row.get_by_label("Remove Dynamic thresholding").click()
    assert row.count() == 0
    assert page.failures == []
