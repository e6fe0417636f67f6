"""Both tasks that restore: their chain on pictures of all kinds, with restorers of which one knows what they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdtoolbox.errors import Cancelled, UserError
from sdtoolbox.images.quality import psnr, ssim
from sdtoolbox.images.raster import Raster
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.restoring import Denoise, Upscale
from sdtoolbox.tasks import denoise, upscale
from tests.tasks.pictures import IMAGE, PictureContext, raster
from tests.tasks.restorers import Fake, blurred, enlarged, in_blocks

REFERENCE = "c" * 32


@pytest.fixture
def ctx(tmp_path: Path) -> PictureContext:
    soft = Fake(blurred, reach=2, tile=64, name="soft", environment={"networks": [{"id": "soft"}], "device": "cpu"})
    return PictureContext(
        tmp_path,
        soft=soft,
        blocks=Fake(in_blocks, multiple=8, tile=64, environment={"networks": [{"id": "blocks"}], "device": "cpu"}),
        double=Fake(enlarged(2), scale=2, reach=1, tile=64),
        triple=Fake(enlarged(3), scale=3, reach=1, tile=64),
    )


def denoised(ctx: PictureContext, *stages: Any, **values: Any) -> list[Drawn]:
    given = {"image": IMAGE, "noise": 10, "jpeg_quality": 100, "stages": stages}
    return list(denoise.run(Denoise.parse(given | values), ctx))


def enlarge(ctx: PictureContext, width: int, height: int, *stages: Any, **values: Any) -> Raster:
    given = {"image": IMAGE, "noise": 0, "jpeg_quality": 100, "stages": stages, "width": width, "height": height}
    (drawn,) = upscale.run(Upscale.parse(given | values), ctx)
    assert isinstance(drawn.image, Raster)
    return drawn.image


def test_stages_follow_one_another_each_with_its_noise_and_blend(ctx: PictureContext) -> None:
    source = raster(72, 56)
    ctx.add(source)
    (drawn,) = denoised(ctx, "soft: strength=0.5", "blocks: blend=0.5")
    soft = blurred(source.pixels.astype(np.float32) / 255)
    wanted = 0.5 * in_blocks(soft) + 0.5 * soft
    assert np.abs(drawn.image.pixels / 255 - wanted).max() <= 0.51 / 255  # type: ignore[union-attr]
    assert ctx._models["soft"].noises[-1] == pytest.approx(5 / 255)
    assert ctx._models["blocks"].noises[-1] == pytest.approx(10 / 255)
    assert ctx.environment == {"device": "cpu", "networks": [{"id": "soft"}, {"id": "blocks"}]}
    assert drawn.measured == {"noise": 10.0, "jpeg_quality": 100.0}
    assert ctx.steps[-1][0] == pytest.approx(1)
    assert not ctx.leased


@pytest.mark.parametrize(("deep", "alpha"), [(False, False), (True, False), (False, True), (True, True)])
def test_depth_alpha_and_profile_stay(ctx: PictureContext, deep: bool, alpha: bool) -> None:
    source = raster(deep=deep, alpha=alpha)
    ctx.add(source)
    (drawn,) = denoised(ctx, "soft")
    found = drawn.image
    assert isinstance(found, Raster)
    assert found.pixels.dtype == source.pixels.dtype and found.size == source.size
    assert (found.alpha is None) == (source.alpha is None)
    if source.alpha is not None:
        assert np.array_equal(found.alpha, source.alpha)  # type: ignore[arg-type]


def test_between_stages_no_steps_are_lost(ctx: PictureContext) -> None:
    ramp = np.tile(np.linspace(0, 40, 200, dtype=np.float32), (64, 1))
    ctx.add(Raster(np.repeat(np.rint(ramp * 257)[..., None], 3, axis=2).astype(np.uint16)))
    (drawn,) = denoised(ctx, "soft", "soft", "soft")
    inner = drawn.image.pixels[30, 10:-10, 0]  # type: ignore[union-attr]
    assert len(np.unique(inner)) > 150, "8 bits between the stages would leave 40 steps"


def test_grey_stays_grey(ctx: PictureContext) -> None:
    plane = np.random.default_rng(0).integers(0, 256, (40, 50, 1), np.uint8)
    ctx.add(Raster(np.repeat(plane, 3, axis=2)))
    ctx._models["tinted"] = Fake(lambda pixels: (pixels * [1.0, 0.9, 0.8]).astype(np.float32))  # type: ignore[index]
    (drawn,) = denoised(ctx, "tinted")
    assert isinstance(drawn.image, Raster) and drawn.image.grey
    assert np.abs(drawn.image.pixels[..., 0] - plane[..., 0] * 0.9).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (7, 513), (513, 7), (65, 66)])
def test_pictures_of_any_size(ctx: PictureContext, size: tuple[int, int]) -> None:
    ctx.add(raster(*size, alpha=True))
    (drawn,) = denoised(ctx, "soft", "blocks")
    assert drawn.image.size == size
    ctx.add(raster(*size, alpha=True, deep=True))
    found = enlarge(ctx, size[0] * 2, size[1] * 2, "blocks", upscaler="double")
    assert found.size == (size[0] * 2, size[1] * 2) and found.alpha is not None


WINDOWS = [(0, 0, 40, 30), (33, 17, 120, 90), (100, 60, 160, 130), (5, 5, 6, 6)]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("deep", [False, True])
def test_a_window_is_that_part_of_the_whole(ctx: PictureContext, window: tuple[int, ...], deep: bool) -> None:
    ctx.add(raster(160, 130, deep=deep, alpha=True))
    left, top, right, bottom = window
    stages = ("soft", "blocks", "soft")
    whole, part = denoised(ctx, *stages)[0].image, denoised(ctx, *stages, window=window)[0].image
    assert isinstance(whole, Raster) and isinstance(part, Raster)
    assert np.abs(part.pixels.astype(int) - whole.pixels[top:bottom, left:right]).max() <= 1
    assert np.array_equal(part.alpha, whole.alpha[top:bottom, left:right])  # type: ignore[arg-type,index]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("size", [(320, 260), (480, 390), (250, 211)])
def test_a_window_of_an_enlarged_picture_too(
    ctx: PictureContext, window: tuple[int, ...], size: tuple[int, int]
) -> None:
    ctx.add(raster(160, 130, deep=True))
    whole = enlarge(ctx, *size, "soft", upscaler="double")
    part = enlarge(ctx, *size, "soft", upscaler="double", window=window)
    left, right = (round(edge * size[0] / 160) for edge in window[::2])
    top, bottom = (round(edge * size[1] / 130) for edge in window[1::2])
    assert part.size == (right - left, bottom - top)
    assert np.abs(part.pixels.astype(int) - whole.pixels[top:bottom, left:right]).max() <= 2


def test_a_window_outside_is_refused(ctx: PictureContext) -> None:
    ctx.add(raster(64, 48))
    with pytest.raises(UserError, match=r"window 0, 0, 65, 10 is not inside the picture of 64x48") as caught:
        denoised(ctx, "soft", window=(0, 0, 65, 10))
    assert (caught.value.code, caught.value.field) == ("PARAM_INVALID", "window")


def test_an_enlarged_picture_has_just_the_size_that_was_asked_for(ctx: PictureContext) -> None:
    source = raster(60, 40)
    ctx.add(source)
    assert enlarge(ctx, 120, 80, upscaler="double").size == (120, 80)
    assert enlarge(ctx, 111, 77, upscaler="triple").size == (111, 77)
    assert enlarge(ctx, 200, 90, upscaler="double").size == (200, 90)
    small = enlarge(ctx, 30, 20, upscaler="lanczos")
    assert np.array_equal(small.pixels, source.resized(30, 20).pixels)
    nearest = enlarge(ctx, 180, 120, upscaler="nearest")
    assert np.array_equal(nearest.pixels, source.pixels.repeat(3, axis=0).repeat(3, axis=1))


def test_alpha_grows_by_the_same_network(ctx: PictureContext) -> None:
    source = raster(60, 40, alpha=True)
    ctx.add(source)
    found = enlarge(ctx, 120, 80, upscaler="double")
    assert source.alpha is not None and found.alpha is not None
    wanted = enlarged(2)(np.repeat(source.alpha[..., None] / np.float32(255), 3, axis=2))[..., 0] * 255
    assert np.abs(found.alpha - wanted).max() <= 1


def test_the_alpha_is_work_of_its_own(ctx: PictureContext) -> None:
    ctx.add(raster(300, 200, alpha=True))
    enlarge(ctx, 1800, 1200, "soft", "triple", upscaler="double")
    done = [share for share, *_ in ctx.steps]
    assert done == sorted(done) and done[-1] == pytest.approx(1)
    # Colours: 1, 1 and 9 pictures' work; alpha, which is not softened: 1 and 9.
    assert min(abs(share - 11 / 21) for share in done) < 1e-6, "colours are done about halfway"
    assert done[0] < 0.03


def test_two_enlargers_are_mixed(ctx: PictureContext) -> None:
    ctx.add(raster(60, 40, deep=True))
    one, other = enlarge(ctx, 120, 80, upscaler="double"), enlarge(ctx, 120, 80, upscaler="nearest")
    mixed = enlarge(ctx, 120, 80, upscaler="double", second_upscaler="nearest", second_share=0.25)
    wanted = 0.75 * one.pixels + 0.25 * other.pixels
    assert np.abs(mixed.pixels - wanted).max() <= 1


def test_a_reference_says_how_close_it_came_and_where_not(ctx: PictureContext) -> None:
    source, reference = raster(seed=0), raster(seed=1)
    ctx.add(source)
    ctx.add(reference, REFERENCE)
    drawn, map_of = denoised(ctx, "soft", reference=REFERENCE, difference_map=True)
    assert isinstance(drawn.image, Raster)
    assert drawn.measured["psnr"] == pytest.approx(psnr(drawn.image.pixels, reference.pixels), abs=1e-3)
    assert drawn.measured["ssim"] == pytest.approx(ssim(drawn.image.pixels, reference.pixels), abs=1e-3)
    assert (map_of.index, map_of.image.size) == (1, source.size)
    window = 10, 10, 40, 30
    (part,) = denoised(ctx, "soft", reference=REFERENCE, window=window)
    inner = drawn.image.pixels[10:30, 10:40], reference.pixels[10:30, 10:40]
    assert part.measured["psnr"] == pytest.approx(psnr(*inner), abs=0.1)


def test_a_reference_of_another_size_is_refused(ctx: PictureContext) -> None:
    ctx.add(raster(64, 48))
    ctx.add(raster(64, 50), REFERENCE)
    with pytest.raises(UserError, match=r"reference has 64x50 pixels, the result 64x48") as caught:
        denoised(ctx, "soft", reference=REFERENCE)
    assert caught.value.field == "reference"
    assert not ctx._models["soft"].seen, "before any work"


def test_nothing_to_do_changes_nothing_and_says_so(ctx: PictureContext) -> None:
    source = raster(deep=True, alpha=True)
    ctx.add(source)
    (drawn,) = denoised(ctx)
    assert isinstance(drawn.image, Raster)
    assert np.array_equal(drawn.image.pixels, source.pixels)
    assert any("nothing was done" in warning for warning in ctx.warnings)


def test_cancelling_works_within_a_tile(ctx: PictureContext) -> None:
    ctx.add(raster(400, 400))
    one: Fake = ctx._models["soft"]

    def step(done: float, **_: Any) -> None:
        raise Cancelled

    ctx.step = step  # type: ignore[method-assign,assignment]
    with pytest.raises(Cancelled):
        denoised(ctx, "soft")
    assert len(one.seen) == 1


def test_registered_restorers_work_as_networks_do(ctx: PictureContext) -> None:
    noisy = raster(seed=3)
    ctx.add(noisy)
    (drawn,) = denoised(ctx, "Total variation")
    assert drawn.image.size == noisy.size
    assert (drawn.image.pixels != noisy.pixels).any()  # type: ignore[union-attr]


def half_seen() -> Raster:
    """Black where nothing is seen, a white disc with a soft black shadow around it."""
    y, x = np.mgrid[:60, :120]
    far = np.hypot(x - 60, y - 30)
    pixels = np.where(far[..., None] < 12, 255, 0).astype(np.uint8).repeat(3, axis=2)
    return Raster(pixels, np.clip(255 * (1.6 - far / 20), 0, 255).astype(np.uint8))


def test_what_is_half_seen_keeps_its_colours(ctx: PictureContext) -> None:
    source = half_seen()
    ctx.add(source)
    ctx._models["same"] = Fake(lambda pixels: pixels)  # type: ignore[index]
    (drawn,) = denoised(ctx, "same")
    assert isinstance(drawn.image, Raster) and source.alpha is not None
    seen = source.alpha > 0
    assert np.array_equal(drawn.image.pixels[seen], source.pixels[seen])


@pytest.mark.parametrize("size", [(1000, 500), (480, 240), (57, 29)])
@pytest.mark.parametrize("window", [None, (3, 5, 90, 50)])
def test_what_is_hidden_never_shows_in_another_size(
    ctx: PictureContext, size: tuple[int, int], window: tuple[int, ...] | None
) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 2, (60, 120, 3)).astype(np.uint8) * 255
    alpha = np.zeros((60, 120), np.uint8)
    alpha[15:45, 30:90] = 255
    pixels[alpha > 0] = 200
    ctx.add(Raster(pixels, alpha))
    found = enlarge(ctx, *size, upscaler="lanczos", window=window)
    assert found.alpha is not None
    assert np.abs(found.pixels[found.alpha > 40].astype(int) - 200).max() <= 2


def test_a_grey_part_of_a_coloured_picture_is_no_grey_picture(ctx: PictureContext) -> None:
    pixels = np.full((60, 80, 3), 120, np.uint8)
    pixels[:, 60:] = (200, 40, 40)
    ctx.add(Raster(pixels))
    ctx._models["tinted"] = Fake(lambda one: (one * [1.0, 0.9, 0.8]).astype(np.float32))  # type: ignore[index]
    whole, part = denoised(ctx, "tinted")[0].image, denoised(ctx, "tinted", window=(0, 0, 20, 20))[0].image
    assert isinstance(whole, Raster) and isinstance(part, Raster)
    assert np.array_equal(part.pixels, whole.pixels[:20, :20])
