"""Upscalers that draw, through the doors: as the upscaler, as a stage with options, in img2img, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images.raster import Raster
from sdtoolbox.images.resampling import resampled
from sdtoolbox.toolbox import Toolbox
from tests.tiny_upscalers import write_upscaler

SAID = "detail was invented by {}: likely, but not seen in the picture"


@pytest.fixture(scope="module")
def toolbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolbox]:
    home = tmp_path_factory.mktemp("home")
    for variant, name in (("sd_upscaler", "four"), ("sd_latent_upscaler", "two")):
        write_upscaler(home / "models" / name, variant)
    with Toolbox.open(home=home, safe_mode=True, device="cpu", threads=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def image(toolbox: Toolbox) -> str:
    rows, columns = np.mgrid[:20, :30]
    pixels = np.dstack([rows * 9, columns * 8, 200 - rows * columns // 4, np.full((20, 30), 255)]).astype(np.uint8)
    pixels[:10, :, 3] = 0
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return toolbox.add_picture(buffer.getvalue())


def upscaled(toolbox: Toolbox, image: str, **values: Any) -> tuple[Raster, Any]:
    result = toolbox.run("upscale", image=image, noise=0, jpeg_quality=100, **values)
    return Raster.read(toolbox.picture_path(result.pictures[0].id)), result


@pytest.mark.parametrize(("name", "scale"), [("four", 4), ("two", 2)])
def test_it_is_an_upscaler_that_says_that_it_invents(toolbox: Toolbox, image: str, name: str, scale: int) -> None:
    found, result = upscaled(toolbox, image, upscaler=name, scale=scale)
    assert found.size == (30 * scale, 20 * scale)
    assert result.warnings == [SAID.format(name)]
    assert [one["name"] for one in result.environment["networks"]] == [name]
    assert f"Postprocess upscaler: {name}" in result.parameters
    outline = Raster.read(toolbox.picture_path(image)).alpha
    assert found.alpha is not None and outline is not None
    assert np.array_equal(found.alpha, resampled(outline, *found.size)), "an outline is not invented"
    _, second = upscaled(toolbox, image, upscaler=name, scale=scale)
    assert second.pictures[0].id == result.pictures[0].id


def test_as_a_stage_it_takes_options(toolbox: Toolbox, image: str) -> None:
    pictures = [
        upscaled(toolbox, image, scale=4, upscaler="lanczos", stages=[f"four: steps=2, {more}"])[1]
        for more in ("seed=0", "seed=1", 'seed=0, noise_level=300, prompt="a red house", guidance=3')
    ]
    assert len({one.pictures[0].id for one in pictures}) == 3
    assert pictures[2].request["stages"][0]["options"]["noise_level"] == 300


def test_a_window_is_that_part_of_the_whole(toolbox: Toolbox) -> None:
    """The same noise lies at the same place, so what differs is only what the networks see around it."""
    rows, columns = np.mgrid[:64, :96]
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([rows * 3, columns * 2, rows + columns]).astype(np.uint8)).save(buffer, "PNG")
    image = toolbox.add_picture(buffer.getvalue())
    values: dict[str, Any] = {"scale": 4, "upscaler": "lanczos", "stages": ["four: steps=2"]}
    whole = upscaled(toolbox, image, **values)[0].pixels
    part = upscaled(toolbox, image, window=(64, 40, 88, 60), **values)[0].pixels
    other = whole[: part.shape[0], : part.shape[1]]
    away, usual = (np.abs(part.astype(float) - one).mean() for one in (whole[160:240, 256:352], other))
    assert away < usual / 4


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("four: depth=3", "upscaler four has no option 'depth'"),
        ("two: noise_level=3", "upscaler two has no option 'noise_level'"),
        ("four: noise_level=351", "option noise_level of upscaler four cannot be 351"),
        ("four: strength=2", "four is told no noise level"),
    ],
)
def test_mistakes_are_said(toolbox: Toolbox, image: str, stage: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        upscaled(toolbox, image, upscaler="lanczos", scale=4, stages=[stage])
    assert said in str(caught.value) and caught.value.field == "stages"


def test_it_draws_nothing_from_words_alone(toolbox: Toolbox) -> None:
    with pytest.raises(UserError) as caught:
        toolbox.run("txt2img", prompt="a house", checkpoint="four")
    assert caught.value.code == "MODEL_TYPE" and "four is a restorer, not a checkpoint" in str(caught.value)
    assert caught.value.hint == "Choose a checkpoint. This one makes pictures larger: it is an upscaler."


def test_img2img_enlarges_with_it_too(toolbox: Toolbox, image: str) -> None:
    values = {"image": image, "upscaler": "four", "resize_scale": 2, "strength": 0.2, "steps": 2, "seed": 1}
    result = toolbox.run("img2img", prompt="a house", checkpoint="storybook", **values)
    assert SAID.format("four") in result.warnings
    assert "four" in [one["name"] for one in result.environment["networks"]]


def test_they_can_be_mixed_with_what_is_faithful(toolbox: Toolbox, image: str) -> None:
    found, result = upscaled(toolbox, image, upscaler="two", second_upscaler="lanczos", second_share=0.5, scale=2)
    assert found.size == (60, 40) and SAID.format("two") in result.warnings
