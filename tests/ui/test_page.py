"""The page as Gradio's configuration: events, extensions' tabs, nothing that a person did not ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from sdtoolbox.extensions import Extension, LoadReport
from sdtoolbox.schema.requests import shown_fields
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.extensions_tab import extensions_html
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.page import build_page
from sdtoolbox.ui.pieces import FOLDER, template


@pytest.fixture
def toolbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolbox]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    with Toolbox.open(Settings(home=tmp_path)) as opened:
        yield opened


def built(toolbox: Toolbox, **options: Any) -> Any:
    """The page, built inside an event loop: without a running one Gradio makes loops that nobody closes."""

    async def build() -> Any:
        return build_page(toolbox, Texts("en"), **options)

    return asyncio.run(build())


def page_of(toolbox: Toolbox, **options: Any) -> dict[str, Any]:
    return dict(built(toolbox, **options).get_config_file())


def test_only_the_task_is_public_and_clicks_never_wait_for_each_other(toolbox: Toolbox) -> None:
    config = page_of(toolbox)
    public = [event for event in config["dependencies"] if event["api_visibility"] == "public"]
    assert [event["api_name"] for event in public] == ["txt2img"]
    page = built(toolbox)
    for function in page.fns.values():
        if function.fn is not None:
            assert function.concurrency_limit is None
    generate = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "txt2img-generate")
    clicks = [event for event in config["dependencies"] if [generate, "click"] in [list(t) for t in event["targets"]]]
    assert [event["trigger_mode"] for event in clicks] == ["multiple"]


def test_every_field_has_a_control_with_its_words_and_its_help(toolbox: Toolbox) -> None:
    props = [component["props"] for component in page_of(toolbox)["components"]]
    for name in shown_fields(Txt2Img):
        info = Txt2Img.model_fields[name]
        identity = "sd-checkpoint" if name == "checkpoint" else f"txt2img-{name}"
        control = next(p | p.get("props", {}) for p in props if p.get("elem_id") == identity)
        assert info.description in (control.get("info"), unescape(control.get("help") or ""))
        assert Texts("en")(f"field.{name}.label") in (control.get("label"), control.get("field_label"))


def test_no_component_takes_files(toolbox: Toolbox) -> None:
    kinds = {component["type"] for component in page_of(toolbox)["components"]}
    assert not kinds & {"file", "image", "gallery", "imageeditor", "uploadbutton", "audio", "video"}


def test_a_tab_that_raises_becomes_a_card_and_the_others_stay(toolbox: Toolbox) -> None:
    import gradio as gr

    def good(toolbox: Toolbox) -> None:
        gr.Markdown("I am a good tab")

    def bad(toolbox: Toolbox) -> None:
        gr.Markdown("half of a tab")
        raise ValueError("<b>no</b> idea")

    extension = Extension("author")
    extension.tab(bad, label="Bad")
    extension.tab(good, label="Good")
    extension.merge(toolbox.registries)
    components = page_of(toolbox)["components"]
    text = str([component["props"] for component in components])
    assert "I am a good tab" in text
    assert "half of a tab" not in text
    assert "&lt;b&gt;no&lt;/b&gt; idea" in text
    labels = [component["props"]["label"] for component in components if component["type"] == "tabitem"]
    assert labels == ["Text to image", "Models", "Bad", "Good", "Extensions"]


def test_an_open_server_says_so(toolbox: Toolbox) -> None:
    warning = "answers to everybody"
    assert warning in str(page_of(toolbox, insecure=True))
    assert warning not in str(page_of(toolbox))


def test_extensions_are_listed_with_the_reason_for_those_that_are_off() -> None:
    reports = [
        LoadReport("sparkle", 0.0123, ("sampler Sparkle",)),
        LoadReport("<script>", 0.5, (), "ImportError: No module named 'x'", "details"),
    ]
    html = extensions_html(reports, Texts("en"))
    assert "sampler Sparkle" in html
    assert "12 ms" in html
    assert "off: ImportError: No module named" in html
    assert "<script>" not in html
    assert "No extension is installed" in extensions_html([], Texts("en"))


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.html")))
def test_a_template_leaves_nothing_for_gradio_to_run(name: str) -> None:
    filled = template(name, Texts("zh-CN"))
    assert "{{" not in filled
    assert "`" not in filled
    assert "\\" not in filled
