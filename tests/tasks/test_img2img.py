from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.changes import Instruct, Tiles
from sdtoolbox.errors import UserError
from sdtoolbox.images.raster import Raster
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.img2img import Img2Img
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks import txt2img
from sdtoolbox.tasks.img2img import run, strengths
from tests.fakes import GaussianModel
from tests.tasks.pictures import PictureContext, array, raster, resolved


@pytest.fixture
def ctx(tmp_path: Path) -> PictureContext:
    made = PictureContext(tmp_path)
    made.add(raster())
    return made


def draw(ctx: PictureContext, **values: Any) -> list[Drawn]:
    return list(run(Img2Img.parse(resolved(**values)), ctx))


def apart(a: Drawn | Raster, b: Raster) -> float:
    pixels = array(a.image if isinstance(a, Drawn) else a)
    return float(np.abs(pixels.astype(float) - b.pixels.astype(float)).mean())


@pytest.mark.parametrize(("deep", "alpha"), [(False, False), (True, False), (False, True), (True, True)])
def test_strength_0_gives_the_picture_back_bit_for_bit(tmp_path: Path, deep: bool, alpha: bool) -> None:
    ctx, source = PictureContext(tmp_path), raster(deep=deep, alpha=alpha)
    ctx.add(source)
    (drawn,) = draw(ctx, strength=0)
    assert isinstance(drawn.image, Raster)
    assert np.array_equal(drawn.image.pixels, source.pixels)
    assert (drawn.image.alpha is None) == (not alpha)
    if source.alpha is not None and drawn.image.alpha is not None:
        assert np.array_equal(drawn.image.alpha, source.alpha)
    assert "sampling" not in [stage[0] for stage in ctx.stages]


def test_the_more_strength_the_farther_from_the_picture(ctx: PictureContext) -> None:
    source = raster()
    distances = [apart(draw(ctx, strength=strength)[0], source) for strength in (0.0, 0.2, 0.5, 1.0)]
    assert distances == sorted(distances)
    assert distances[0] == 0
    assert distances[3] > 2 * distances[1]


def test_at_strength_1_nothing_is_kept_and_the_picture_is_that_of_txt2img(ctx: PictureContext) -> None:
    values = {name: value for name, value in resolved().items() if name != "image"}
    (drawn,) = draw(ctx, strength=1)
    (other,) = txt2img.run(Txt2Img.parse(values), ctx)
    assert np.array_equal(array(drawn.image), array(other.image))


@pytest.mark.parametrize(
    ("strength", "exact", "steps"),
    [(0.5, False, 4), (0.5, True, 6), (1.0, False, 6), (0.75, False, 5), (0.01, False, 1)],
)
def test_only_its_share_of_the_steps_is_made(ctx: PictureContext, strength: float, exact: bool, steps: int) -> None:
    draw(ctx, strength=strength, exact_steps=exact)
    assert {known for _, step, known in ctx.steps if step is not None} == {steps}


def test_alpha_and_depth_are_those_of_the_picture(tmp_path: Path) -> None:
    ctx, source = PictureContext(tmp_path), raster(deep=True, alpha=True)
    ctx.add(source)
    (drawn,) = draw(ctx, strength=0.6)
    assert isinstance(drawn.image, Raster)
    assert drawn.image.pixels.dtype == np.uint16
    assert source.alpha is not None and drawn.image.alpha is not None
    assert np.array_equal(drawn.image.alpha, source.alpha)
    assert apart(drawn, source) > 500


@pytest.mark.parametrize("mode", ["stretch", "crop", "fill", "latent"])
@pytest.mark.parametrize("size", [(57, 41), (130, 48), (40, 100)])
@pytest.mark.parametrize("strength", [0.0, 0.6])
def test_the_size_is_what_was_asked_for(ctx: PictureContext, mode: str, size: tuple[int, int], strength: float) -> None:
    (drawn,) = draw(ctx, resize_mode=mode, width=size[0], height=size[1], strength=strength)
    assert drawn.image.size == size


def test_crop_takes_the_middle_and_fill_keeps_the_whole(tmp_path: Path) -> None:
    ctx = PictureContext(tmp_path)
    pixels = np.full((48, 96, 3), 128, np.uint8)
    pixels[:, :16], pixels[:, -16:] = 0, 255
    ctx.add(Raster(pixels))
    values = {"width": 48, "height": 48, "strength": 0, "upscaler": "nearest"}
    cropped = array(draw(ctx, resize_mode="crop", **values)[0].image)
    assert set(np.unique(cropped)) == {128}
    filled = array(draw(ctx, resize_mode="fill", **values)[0].image)
    assert set(np.unique(filled)) == {0, 128, 255}
    assert filled[0, 0, 0] == 0, "the edge is continued"
    stretched = array(draw(ctx, resize_mode="stretch", **values)[0].image)
    assert stretched[24, 2, 0] == 0


def test_borders_that_are_drawn_are_opaque(tmp_path: Path) -> None:
    ctx = PictureContext(tmp_path)
    source = raster(64, 32, alpha=True)
    ctx.add(source)
    (drawn,) = draw(ctx, resize_mode="fill", width=64, height=64, strength=0.5)
    assert isinstance(drawn.image, Raster) and drawn.image.alpha is not None
    assert (drawn.image.alpha[:16] == 255).all()
    assert np.array_equal(drawn.image.alpha[16:48], source.alpha)


def test_every_picture_of_a_batch_has_noise_of_its_own(ctx: PictureContext) -> None:
    drawn = draw(ctx, batch_size=2, batch_count=2, strength=0.6)
    assert [(one.seed, one.index, one.request.seed) for one in drawn] == [  # type: ignore[attr-defined]
        (10, 0, 10),
        (11, 1, 10),
        (12, 0, 12),
        (13, 1, 12),
    ]
    assert len({array(one.image).tobytes() for one in drawn}) == 4


def test_the_request_of_a_batch_draws_it_again(ctx: PictureContext) -> None:
    drawn = draw(ctx, batch_size=2, batch_count=2, strength=0.6, loops=2)
    assert [one.index for one in drawn] == [0, 1, 2, 3] * 2
    again = draw(ctx, **drawn[7].request.model_dump())
    assert np.array_equal(array(again[3].image), array(drawn[7].image))


@pytest.mark.parametrize(
    ("curve", "middle"), [("linear", 0.5), ("aggressive", 0.8 - 0.6 * 0.7071), ("lazy", 0.8 - 0.6 * (1 - 0.7071))]
)
def test_the_strength_of_loops_follows_the_curve(curve: str, middle: float) -> None:
    request = Img2Img.parse(resolved(strength=0.8, loops=3, loop_final_strength=0.2, loop_curve=curve))
    assert strengths(request) == pytest.approx([0.8, middle, 0.2], abs=1e-4)


def test_each_loop_begins_where_the_one_before_ended(ctx: PictureContext) -> None:
    drawn = draw(ctx, strength=0.5, loops=3)
    assert len(drawn) == 3
    source = raster()
    distances = [apart(one, source) for one in drawn]
    assert distances[0] < distances[1] < distances[2]
    assert [one.seed for one in drawn] == [10, 10, 10]
    # With the same noise the second loop would only repeat the first.
    assert apart(drawn[1], Raster(array(drawn[0].image))) > 2
    assert [(stage, picture, total) for stage, picture, total, _ in ctx.stages if stage == "sampling"] == [
        ("sampling", i, 3) for i in range(3)
    ]


def test_a_loop_of_strength_0_keeps_what_is_there(ctx: PictureContext) -> None:
    first, last = draw(ctx, strength=0.5, loops=2, loop_final_strength=0)
    assert np.array_equal(array(first.image), array(last.image))


def test_colours_are_given_back(ctx: PictureContext) -> None:
    source = raster()
    plain, corrected = (draw(ctx, strength=0.9, color_correction=on)[0] for on in (False, True))
    middle = source.pixels.mean(axis=(0, 1))
    before, after = (np.abs(array(one.image).mean(axis=(0, 1)) - middle).max() for one in (plain, corrected))
    assert after < 6 < before


def test_models_are_shown_the_picture_and_tiles_are_asked_for(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Watched(GaussianModel):
        def predict(self, x: Any, sigma: float, conditions: Any) -> Any:
            seen.extend(self.changes)
            return super().predict(x, sigma, conditions)

    ctx = PictureContext(tmp_path, Watched())
    ctx.add(raster())
    draw(ctx, strength=0.5, tiled=True, tile_size=64, tile_overlap=512)
    shown = next(one for one in seen if isinstance(one, Instruct))
    assert isinstance(shown.picture, Image.Image) and shown.picture.size == (64, 48)
    assert Tiles(64, 64, 32) in seen, "tiles overlap by half at most"


def test_picture_guidance_asks_once_more_where_the_model_edits_by_instruction(tmp_path: Path) -> None:
    model = GaussianModel()
    model.variant = "instruct"
    ctx = PictureContext(tmp_path, model)
    ctx.add(raster())
    draw(ctx, strength=1, steps=2)
    assert model.predictions == [2, 1, 2, 1]
    model.predictions.clear()
    draw(ctx, strength=1, steps=2, image_guidance_scale=1)
    assert model.predictions == [2, 2]


def test_a_failed_upscaler_is_named(ctx: PictureContext) -> None:
    from sdtoolbox.extensions import Extension

    extension = Extension("author")
    extension.upscaler(lambda picture, width, height: picture, label="Lazy", on="pictures")
    extension.draft[0][1].value.function.__name__ = "lazy"
    ctx.registries.merge(extension.draft)
    with pytest.raises(UserError, match="upscaler Lazy of author returned") as caught:
        draw(ctx, upscaler="Lazy", width=128, height=96, strength=0.5)
    assert (caught.value.code, caught.value.field) == ("EXTENSION_FAILED", "upscaler")
