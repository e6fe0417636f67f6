"""The page as Gradio's configuration: events, extensions' tabs, nothing that a person did not ask for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from sdtoolbox.extensions import Extension
from sdtoolbox.schema.img2img import Img2Img
from sdtoolbox.schema.inpaint import Erase, Inpaint
from sdtoolbox.schema.requests import Request, control_of, shown_fields
from sdtoolbox.schema.restoring import Denoise, Upscale
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.page import build_page
from sdtoolbox.ui.pieces import template
from sdtoolbox.ui.scripts import FOLDER

REQUESTS: tuple[type[Request], ...] = (Txt2Img, Img2Img, Inpaint, Erase, Denoise, Upscale)
EXTENSIONS = {"prompt_gallery": "Prompt gallery"}  # tasks of extensions that ship, and their labels


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolbox]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch, Toolbox.open(Settings(home=home)) as opened:
        patch.setenv("GRADIO_TEMP_DIR", str(home / "cache"))
        yield opened


@pytest.fixture(scope="module")
def page(toolbox: Toolbox) -> Any:
    """The page as most people have it; tests only look at it, since building one takes a second."""
    return built(toolbox)


@pytest.fixture(scope="module")
def config(page: Any) -> dict[str, Any]:
    """What a browser is told of that page."""
    return dict(page.get_config_file())


def built(toolbox: Toolbox, **options: Any) -> Any:
    """The page, built inside an event loop: without a running one Gradio makes loops that nobody closes."""

    async def build() -> Any:
        return build_page(toolbox, Texts("en"), **options)

    return asyncio.run(build())


def test_only_the_task_is_public_and_clicks_never_wait_for_each_other(page: Any, config: dict[str, Any]) -> None:
    public = [event for event in config["dependencies"] if event["api_visibility"] == "public"]
    assert [event["api_name"] for event in public] == [*(request.task for request in REQUESTS), *EXTENSIONS]
    for function in page.fns.values():
        if function.fn is not None:
            assert function.concurrency_limit is None
    generate = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "txt2img-generate")
    clicks = [event for event in config["dependencies"] if [generate, "click"] in [list(t) for t in event["targets"]]]
    assert [event["trigger_mode"] for event in clicks] == ["multiple"]


def test_every_field_has_a_control_with_its_words_and_its_help(config: dict[str, Any]) -> None:
    props = [component["props"] for component in config["components"]]
    controls = {p["elem_id"]: p | p.get("props", {}) for p in props if p.get("elem_id")}
    for request in REQUESTS:
        for name in shown_fields(request):
            control = controls["sd-checkpoint" if name == "checkpoint" else f"{request.task}-{name}"]
            words = unescape(control.get("help") or "")
            shared = name == "checkpoint"  # says it as the first task does
            assert shared or request.model_fields[name].description in (control.get("info"), words)
            label = control_of(request, name).label
            assert label in (control.get("label"), unescape(control.get("field_label") or ""))


def test_a_tab_begins_with_few_controls_and_keeps_the_rest_folded(config: dict[str, Any]) -> None:
    props = {component["id"]: component["props"] for component in config["components"]}
    kinds = {component["id"]: component["type"] for component in config["components"]}

    def seen(node: dict[str, Any]) -> list[str]:
        own = props.get(node["id"], {})
        if kinds.get(node["id"]) == "accordion" or "sd-group" in (own.get("elem_classes") or ()):
            return []
        return [own.get("elem_id") or "", *(name for child in node.get("children", ()) for name in seen(child))]

    everything = seen(config["layout"])
    for request in REQUESTS[1:]:
        fields = [name for name in shown_fields(request) if f"{request.task}-{name}" in everything]
        assert 2 < len(fields) <= 9, fields


def test_scripts_travel_once_and_what_never_changes_as_one_text(config: dict[str, Any]) -> None:
    assert len(json.dumps(config, default=str)) < 1_150_000  # with seven tasks; one alone had 660 kB once
    htmls = [c["props"] for c in config["components"] if c["type"] == "html" and c["props"].get("js_on_load")]
    assert len({props["head"] for props in htmls}) == 1
    for props in htmls:
        assert len(props["js_on_load"]) < 100
        values = [value for name, value in props["props"].items() if name != "value"]
        assert not any(isinstance(value, dict | list) for value in values), props["js_on_load"]


def test_no_component_takes_files(config: dict[str, Any]) -> None:
    kinds = {component["type"] for component in config["components"]}
    assert not kinds & {"file", "image", "gallery", "imageeditor", "uploadbutton", "audio", "video"}


def test_a_tab_that_raises_becomes_a_card_and_the_others_stay(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gradio as gr

    def good(toolbox: Toolbox) -> None:
        gr.Markdown("I am a good tab")

    def bad(toolbox: Toolbox) -> None:
        gr.Markdown("half of a tab")
        raise ValueError("<b>no</b> idea")

    monkeypatch.setattr(toolbox.registries, "tabs", toolbox.registries.tabs)  # put back afterwards
    extension = Extension("author")
    extension.tab(bad, label="Bad")
    extension.tab(good, label="Good")
    toolbox.registries.merge(extension.draft)
    components = built(toolbox).get_config_file()["components"]
    text = str([component["props"] for component in components])
    assert "I am a good tab" in text
    assert "half of a tab" not in text
    assert "&lt;b&gt;no&lt;/b&gt; idea" in text
    labels = [component["props"]["label"] for component in components if component["type"] == "tabitem"]
    tasks = [Texts("en")(f"task.{request.task}") for request in REQUESTS]
    assert labels == [*tasks, *EXTENSIONS.values(), "Models", "PNG info", "Bad", "Good", "Extensions"]


def test_an_open_server_says_so(toolbox: Toolbox, config: dict[str, Any]) -> None:
    warning = "answers to everybody"
    assert warning in str(built(toolbox, insecure=True).get_config_file())
    assert warning not in str(config)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.html")))
def test_a_template_leaves_nothing_for_gradio_to_run(name: str) -> None:
    filled = template(name, Texts("zh-CN"))
    assert "{{" not in filled
    assert "`" not in filled
    assert "\\" not in filled
