"""One prompt in several styles, as one job, each picture of which can be drawn again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.metadata import read_text
from sdtoolbox.replay import replay
from sdtoolbox.testing import check_task, fake_toolbox
from sdtoolbox.toolbox import Toolbox
from tests.extensions.shipped import shipped
from tests.fakes import FakeContext, GaussianModel

MODULE = shipped("prompt_gallery")
VALUES = {"checkpoint": "fake", "prompt": "a house", "seed": 3, "width": 32, "height": 24, "steps": 3}


@pytest.fixture(scope="module")
def toolbox() -> Iterator[Toolbox]:
    with fake_toolbox(MODULE.register) as opened:
        yield opened


def test_each_line_is_a_picture_of_the_same_noise(toolbox: Toolbox) -> None:
    result = toolbox.run("prompt_gallery", **VALUES, each="watercolour\n\n  pixel art \nwatercolour")
    assert [one.request["each"] for one in result.pictures] == ["watercolour", "pixel art", "watercolour"]
    assert {one.seed for one in result.pictures} == {3}
    assert {(one.width, one.height) for one in result.pictures} == {(32, 24)}
    assert result.pictures[0].id == result.pictures[2].id != result.pictures[1].id
    assert result.request["each"] == "watercolour\n\n  pixel art \nwatercolour"


def test_a_picture_is_the_one_that_its_words_draw_elsewhere(toolbox: Toolbox) -> None:
    def pixels(identity: str) -> np.ndarray:
        return np.asarray(Image.open(toolbox.picture_path(identity)))

    (gallery,) = toolbox.run("prompt_gallery", **VALUES, each="pixel art").pictures
    (alone,) = toolbox.run("txt2img", **VALUES | {"prompt": "a house, pixel art"}).pictures
    assert np.array_equal(pixels(gallery.id), pixels(alone.id))


def test_each_picture_is_replayed_to_the_bit(toolbox: Toolbox) -> None:
    for picture in toolbox.run("prompt_gallery", **VALUES).pictures:
        file = toolbox.picture_path(picture.id)
        assert read_text(file).exact is not None
        assert replay(file, toolbox).identical


def test_without_lines_the_prompt_is_drawn_as_it_is(toolbox: Toolbox) -> None:
    (picture,) = toolbox.run("prompt_gallery", **VALUES, each=" \n").pictures
    assert picture.request["each"] == ""


def test_progress_counts_the_pictures_and_the_model_is_given_back() -> None:
    resolved = {"checkpoint": "gaussian", "sampler": "euler", "schedule": "karras", "guidance_scale": 2, "clip_skip": 1}
    request = MODULE.PromptGallery.parse(VALUES | resolved)
    ctx = FakeContext({"gaussian": GaussianModel()})
    drawn = list(MODULE.run(request, ctx))
    assert [one.index for one in drawn] == [0, 0, 0, 0]
    assert ctx.leased == []
    pictures = [stage[1:3] for stage in ctx.stages if stage[0] == "sampling"]
    assert pictures == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_what_is_wrong_in_a_style_is_said_at_its_field(toolbox: Toolbox) -> None:
    with pytest.raises(UserError) as caught:
        toolbox.resolve(toolbox.parse("prompt_gallery", VALUES | {"each": "pixel art\n(ink:9999)"}))
    assert caught.value.field == "each"


def test_it_keeps_what_a_task_promises() -> None:
    check_task(MODULE.PromptGallery, MODULE.run, checkpoint="fake")
