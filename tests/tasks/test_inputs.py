"""What a picture decides about a request on it, and what is refused before anything is queued."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.images.masks import mask_png
from sdtoolbox.testing.checkpoint import UNET, write_checkpoint, write_weights
from sdtoolbox.toolbox import Toolbox
from tests.tasks.pictures import box_mask


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def toolbox(tmp_path: Path) -> Iterator[Toolbox]:
    write_checkpoint(tmp_path / "models")  # draws 16x16
    with Toolbox.open(home=tmp_path / "home", model_folders=(tmp_path / "models",), safe_mode=True) as opened:
        yield opened


def resolved(toolbox: Toolbox, task: str, size: tuple[int, int] = (96, 64), **values: Any) -> Any:
    image = toolbox.add_picture(png(*size))
    return toolbox.resolve(toolbox.parse(task, {"image": image, "checkpoint": "fake"} | values))


def refused(toolbox: Toolbox, task: str, size: tuple[int, int] = (96, 64), **values: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        resolved(toolbox, task, size, **values)
    error = caught.value
    return error.problems[0] if isinstance(error, InvalidRequest) else error


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({}, (513, 769)),
        ({"resize_scale": 2}, (1026, 1538)),
        ({"resize_scale": 0.5}, (256, 384)),
        ({"width": 100}, (100, 150)),
        ({"height": 100}, (67, 100)),
        ({"width": 64, "height": 64, "resize_scale": 2}, (64, 64)),
    ],
)
def test_a_picture_is_drawn_at_its_own_size(toolbox: Toolbox, values: dict[str, Any], size: tuple[int, int]) -> None:
    request = resolved(toolbox, "img2img", (513, 769), **values)
    assert (request.width, request.height) == size
    assert toolbox.resolve(request) == request, "resolving twice changes nothing"


@pytest.mark.parametrize("size", [(1, 1), (5000, 40)])
def test_a_size_that_cannot_be_drawn_is_said(toolbox: Toolbox, size: tuple[int, int]) -> None:
    error = refused(toolbox, "img2img", size)
    assert f"{size[0]}x{size[1]}" in error.message
    assert "give a width and a height" in error.hint
    assert resolved(toolbox, "img2img", size, width=64, height=64).width == 64


def test_a_tile_is_as_large_as_the_checkpoint_draws(toolbox: Toolbox) -> None:
    assert resolved(toolbox, "img2img", tiled=True).tile_size == 64  # the least; the checkpoint's own is 16
    assert resolved(toolbox, "img2img", tiled=True, tile_size=128).tile_size == 128
    assert resolved(toolbox, "img2img").tile_size is None


def test_latents_are_no_pictures(toolbox: Toolbox) -> None:
    error = refused(toolbox, "img2img", upscaler="latent")
    assert error.field == "upscaler"
    assert "Lanczos" in error.hint
    assert resolved(toolbox, "img2img", upscaler="latent", resize_mode="latent").upscaler == "latent"


@pytest.mark.parametrize("task", ["img2img", "inpaint", "erase"])
def test_a_picture_must_be_there(toolbox: Toolbox, task: str) -> None:
    values = {} if task == "erase" else {"checkpoint": "fake"}
    for image, code, said in ((None, "PARAM_INVALID", "there is no picture."), ("0" * 32, "IMAGE_INVALID", "0" * 32)):
        with pytest.raises(UserError) as caught:
            toolbox.resolve(toolbox.parse(task, {"image": image} | values))
        error = caught.value
        first = error.problems[0] if isinstance(error, InvalidRequest) else error
        assert (first.code, first.field) == (code, "image")
        assert said in first.message


@pytest.mark.parametrize("image", ["../secret", "a" * 31, "A" * 32, "/etc/passwd", 7])
def test_a_request_holds_an_id_and_nothing_else(toolbox: Toolbox, image: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        toolbox.parse("img2img", {"image": image})
    assert caught.value.problems[0].field == "image"


def mask(toolbox: Toolbox, width: int = 96, height: int = 64, value: float | None = None) -> str:
    values = box_mask((20, 10, 60, 40), width, height) if value is None else np.full((height, width), value, np.float32)
    return toolbox.add_mask(mask_png(values))


def test_how_much_is_drawn_anew_depends_on_where(toolbox: Toolbox) -> None:
    assert resolved(toolbox, "inpaint", mask=mask(toolbox)).strength == 0.75
    assert resolved(toolbox, "inpaint", outpaint_left=32).strength == 1
    assert resolved(toolbox, "inpaint", mask=mask(toolbox), strength=0.3).strength == 0.3


def test_what_the_network_sees_decides_about_the_size(toolbox: Toolbox) -> None:
    whole = resolved(toolbox, "inpaint", mask=mask(toolbox))
    assert (whole.width, whole.height) == (96, 64)
    only = resolved(toolbox, "inpaint", mask=mask(toolbox), area="masked")
    assert (only.width, only.height) == (16, 16)
    wide = resolved(toolbox, "inpaint", outpaint_right=8)
    assert (wide.width, wide.height) == (16, 16)
    large = resolved(toolbox, "inpaint", (4000, 3000), mask=mask(toolbox, 4000, 3000, 1))
    assert (large.width, large.height) == (2048, 1536)
    tiny = resolved(toolbox, "inpaint", (5, 5), mask=mask(toolbox, 5, 5, 1))
    assert (tiny.width, tiny.height) == (16, 16)


@pytest.mark.parametrize("task", ["inpaint", "erase"])
def test_masks_of_every_kind(toolbox: Toolbox, task: str) -> None:

    def ask(**values: Any) -> Any:
        image = toolbox.add_picture(png(96, 64))
        given = {"image": image, **values} | ({"checkpoint": "fake"} if task == "inpaint" else {})
        return toolbox.resolve(toolbox.parse(task, given))

    assert ask(mask=mask(toolbox)).mask
    assert ask(mask=mask(toolbox, value=1)).mask
    assert ask(mask=mask(toolbox, value=0.3)).mask
    assert ask(mask=mask(toolbox, 192, 128, 1)).mask, "another size of the same proportions"
    for wrong, said in (
        ({"mask": mask(toolbox, value=0)}, "nothing is masked."),
        ({"mask": mask(toolbox, value=1), "mask_mode": "unmasked"}, "nothing is masked."),
        ({"mask": mask(toolbox), "mask_grow": -60}, "nothing is masked."),
        ({}, "there is no mask."),
        ({"mask": mask(toolbox, 64, 64, 1)}, "the mask is 64x64 pixels, the picture 96x64."),
        ({"mask": "0" * 32}, "there is no picture"),
    ):
        with pytest.raises(UserError) as caught:
            ask(**wrong)
        error = caught.value
        first = error.problems[0] if isinstance(error, InvalidRequest) else error
        assert first.field == "mask", said
        assert said in first.message


def test_a_picture_is_widened_without_a_mask(toolbox: Toolbox) -> None:
    assert resolved(toolbox, "inpaint", outpaint_top=16).mask is None


def test_models_that_edit_by_instruction_are_for_img2img(toolbox: Toolbox, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "more")
    wide = UNET | {"conv_in.weight": (1, 8, 3, 3)}
    write_weights(folder / "unet" / "diffusion_pytorch_model.safetensors", wide)
    (folder / "unet" / "config.json").write_text('{"in_channels": 8}')
    with Toolbox.open(home=tmp_path / "home2", model_folders=(tmp_path / "more",), safe_mode=True) as other:
        assert resolved(other, "img2img").checkpoint
        error = refused(other, "inpaint", mask=mask(other))
        assert (error.code, error.field) == ("MODEL_TYPE", "checkpoint")
        with pytest.raises(UserError, match="edits pictures by instruction"):
            other.resolve(other.parse("txt2img", {"checkpoint": "fake"}))
