"""The tab reads what the toolbox reads, and says in words what it cannot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sdtoolbox.images.metadata import png_bytes
from sdtoolbox.settings import Settings
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui.i18n import Texts
from tests.extensions.shipped import registered, shipped

MODULE = shipped("png_info")
PARAMETERS = "a red house\nNegative prompt: rain\nSteps: 7, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64"


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolbox]:
    with Toolbox.open(Settings(home=tmp_path_factory.mktemp("home"), safe_mode=True)) as opened:
        yield opened


def picture(**texts: str) -> bytes:
    info, data = PngInfo(), BytesIO()
    for name, text in texts.items():
        info.add_text(name, text)
    Image.new("RGB", (64, 64), "red").save(data, "PNG", pnginfo=info)
    return data.getvalue()


def test_a_picture_of_another_program_is_read(toolbox: Toolbox) -> None:
    said, found = MODULE.described(toolbox, toolbox.add_picture(picture(parameters=PARAMETERS)))
    assert said == PARAMETERS
    assert (found["task"], found["tool"]) == ("txt2img", "A1111")
    wanted = {"prompt": "a red house", "negative_prompt": "rain", "steps": 7, "seed": 5}
    assert wanted.items() <= found["values"].items()
    json.dumps(found)


@pytest.mark.parametrize("task", ["img2img", "inpaint", "txt2img"])
def test_the_task_that_drew_comes_first(toolbox: Toolbox, task: str) -> None:
    """Tasks understand each other's requests, but our own exact one names its task."""
    exact = {"task": task, "request": {"prompt": "a blue boat", "steps": 4}}
    data = png_bytes(Image.new("RGB", (64, 64)), "a blue boat\nSteps: 3", exact)
    said, found = MODULE.described(toolbox, toolbox.add_picture(data))
    assert said.startswith("a blue boat")
    assert (found["task"], found["values"]["steps"]) == (task, 4)


def test_what_a_task_drew_that_is_not_here_is_read_as_another(toolbox: Toolbox) -> None:
    exact = {"task": "gone", "request": {"prompt": "a blue boat", "wobble": 4}}
    data = png_bytes(Image.new("RGB", (64, 64)), "a blue boat\nSteps: 3", exact)
    _, found = MODULE.described(toolbox, toolbox.add_picture(data))
    assert (found["task"], found["unknown"]) == ("txt2img", {"wobble": "4"})


def test_a_picture_without_words_says_so(toolbox: Toolbox) -> None:
    said, found = MODULE.described(toolbox, toolbox.add_picture(picture()))
    assert "does not say how it was drawn" in said and found == {}
    assert MODULE.described(toolbox, None) == ("", {})


@pytest.mark.parametrize("identity", ["0" * 32, "no id", "../../etc/passwd"])
def test_an_id_that_is_none_is_said_in_words(toolbox: Toolbox, identity: str) -> None:
    said, found = MODULE.described(toolbox, identity)
    assert said and found == {}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_tab_is_built_inside_an_event_loop_in_the_language_of_the_page(toolbox: Toolbox, language: str) -> None:
    """As a server builds it whose extensions change while it runs."""
    from sdtoolbox.ui.page import BuiltTab, build_tab

    (entry,) = registered(MODULE).tabs

    async def build() -> BuiltTab:
        return build_tab(toolbox, entry, Texts(language))

    built = asyncio.run(build())
    assert (built.label, built.reason) == (Texts(language)("tab.png_info"), "")
    assert built.blocks is not None
    components = list(built.blocks.blocks.values())
    assert MODULE.WORDS[language][2] in {getattr(one, "label", None) for one in components}
    (field,) = [one for one in components if "sd-given-picture" in (getattr(one, "html_template", None) or "")]
    assert Texts(language)("picture.replace") in field.html_template
