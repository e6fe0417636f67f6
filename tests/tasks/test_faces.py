"""Faces in a chain: found once in the whole picture, restored each for itself, all else as it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdtoolbox.images.faces.squares import Face
from sdtoolbox.images.raster import Raster
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.restoring import Denoise, Upscale
from sdtoolbox.tasks import denoise, upscale
from sdtoolbox.tasks.chains import chained
from sdtoolbox.tasks.tiling import Treatment
from tests.tasks.pictures import IMAGE, PictureContext, raster
from tests.tasks.restorers import Fake, blurred, enlarged

SIZE = 200, 150
FACES = Face(50, 50, 40), Face(140, 70, 60, 0.3), Face(2, 148, 30)


@dataclass
class FakeFaces(Fake):
    """Finds what it is told, wherever that is; notes the pictures that it looked at."""

    found: tuple[Face, ...] = FACES
    side: int = 32
    reach: int | None = None
    looked: int = 0

    def faces(self, pixels: np.ndarray) -> tuple[Face, ...]:
        assert (pixels.shape[1], pixels.shape[0]) == SIZE, "the whole picture, as it came"
        self.looked += 1
        return self.found


def inverted(pixels: np.ndarray) -> np.ndarray:
    return 1 - pixels


@pytest.fixture
def ctx(tmp_path: Path) -> PictureContext:
    return PictureContext(
        tmp_path,
        same=FakeFaces(lambda pixels: pixels, name="same", invents=True),
        other=FakeFaces(inverted, name="other", invents=True, environment={"networks": [{"id": "other"}]}),
        nobody=FakeFaces(inverted, name="nobody", invents=True, found=()),
        soft=Fake(blurred, reach=2, tile=64),
        double=Fake(enlarged(2), scale=2, reach=1, tile=64),
    )


def denoised(ctx: PictureContext, *stages: Any, **values: Any) -> Drawn:
    given = {"image": IMAGE, "noise": 10, "jpeg_quality": 100, "stages": stages}
    (drawn,) = denoise.run(Denoise.parse(given | values), ctx)
    return drawn


def pixels_of(drawn: Drawn) -> np.ndarray:
    assert isinstance(drawn.image, Raster)
    return drawn.image.pixels


def near(face: Face, share: float, scale: float = 1.0) -> np.ndarray:
    """[H, W]: within this share of half a square's side around its centre."""
    y, x = np.mgrid[: int(SIZE[1] * scale), : int(SIZE[0] * scale)]
    return np.hypot(x + 0.5 - face.x * scale, y + 0.5 - face.y * scale) < share * face.side * scale / 2


def outside(scale: float = 1.0) -> np.ndarray:
    """[H, W]: in none of the squares."""
    return ~np.logical_or.reduce([near(face, 1.5, scale) for face in FACES])


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
def test_a_network_that_changes_nothing_leaves_every_bit(ctx: PictureContext, deep: bool, alpha: bool) -> None:
    source = raster(*SIZE, deep=deep, alpha=alpha)
    ctx.add(source)
    found = denoised(ctx, "same", "same").image
    assert isinstance(found, Raster)
    assert np.array_equal(found.pixels, source.pixels) and found.pixels.dtype == source.pixels.dtype
    assert np.array_equal(found.alpha, source.alpha) if alpha else found.alpha is None  # type: ignore[arg-type]
    assert len(ctx._models["same"].seen) == 2 * len(FACES)
    assert set(ctx._models["same"].seen) == {(32, 32, 3)}


@pytest.mark.parametrize("deep", [False, True])
def test_faces_alone_change_each_wherever_it_is(ctx: PictureContext, deep: bool) -> None:
    source = raster(*SIZE, deep=deep)
    ctx.add(source)
    found = pixels_of(denoised(ctx, "other"))
    assert np.array_equal(found[outside()], source.pixels[outside()])
    for face in FACES:
        middle = near(face, 0.4)
        error = (found[middle].astype(float) + source.pixels[middle]) / source.maximum - 1
        assert middle.any() and np.abs(error).max() < 0.25 and abs(error.mean()) < 0.01
    assert [warning for warning in ctx.warnings if "invented by other" in warning]
    assert ctx.environment["networks"] == [{"id": "other"}]
    assert ctx.steps[-1][0] == pytest.approx(1)


def test_blend_takes_a_share(ctx: PictureContext) -> None:
    source = raster(*SIZE)
    ctx.add(source)
    whole, half = pixels_of(denoised(ctx, "other")), pixels_of(denoised(ctx, "other: blend=0.5"))
    assert np.abs(half.astype(float) - (whole.astype(float) + source.pixels) / 2).max() <= 1


def test_where_nobody_is_found_nothing_changes_and_it_says_so(ctx: PictureContext) -> None:
    source = raster(*SIZE, deep=True)
    ctx.add(source)
    assert np.array_equal(pixels_of(denoised(ctx, "nobody")), source.pixels)
    assert ctx.warnings == ["no face was found: nobody changed nothing"]
    assert ctx._models["nobody"].seen == []


def test_without_a_stage_for_faces_nobody_looks(ctx: PictureContext) -> None:
    ctx.add(raster(*SIZE))
    denoised(ctx, "soft")
    assert ctx._models["other"].looked == 0 and not ctx.warnings


def test_grey_stays_grey(ctx: PictureContext) -> None:
    plane = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 1), np.uint8)
    ctx.add(Raster(np.repeat(plane, 3, axis=2)))
    ctx._models["tinted"] = FakeFaces(lambda pixels: pixels * [1.0, 0.9, 0.5])  # type: ignore[index]
    found = denoised(ctx, "tinted").image
    assert isinstance(found, Raster) and found.grey
    assert np.array_equal(found.pixels[outside()], np.repeat(plane, 3, axis=2)[outside()])


@pytest.mark.parametrize("order", [("other",), ()])
def test_before_and_behind_what_enlarges(ctx: PictureContext, order: tuple[str, ...]) -> None:
    source = raster(*SIZE, deep=True)
    ctx.add(source)
    stages = ("other", "double") if order else ("double", "other")
    plain, found = pixels_of(denoised(ctx, "double")), pixels_of(denoised(ctx, *stages))
    assert found.shape == (2 * SIZE[1], 2 * SIZE[0], 3)
    assert np.array_equal(found[outside(2)], plain[outside(2)])
    for face in FACES:
        middle = near(face, 0.4, 2)
        assert np.abs((found[middle].astype(float) + plain[middle]) / 65535 - 1).mean() < 0.06


WINDOWS = [(0, 0, 200, 150), (60, 20, 120, 60), (30, 45, 52, 60), (100, 0, 120, 12), (0, 140, 10, 150)]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("stages", [("other",), ("soft", "other", "soft"), ("double", "other"), ("other", "other")])
def test_a_window_is_that_part_of_the_whole(ctx: PictureContext, window: Any, stages: tuple[str, ...]) -> None:
    ctx.add(raster(*SIZE, alpha="double" not in stages))
    left, top, right, bottom = window
    whole, part = pixels_of(denoised(ctx, *stages)), pixels_of(denoised(ctx, *stages, window=window))
    scale = whole.shape[1] // SIZE[0]
    wanted = whole[top * scale : bottom * scale, left * scale : right * scale]
    assert part.shape == wanted.shape and np.abs(part.astype(int) - wanted).max() <= 1


def test_a_window_takes_no_time_for_faces_elsewhere(ctx: PictureContext) -> None:
    ctx.add(raster(*SIZE))
    denoised(ctx, "other", window=(30, 45, 52, 60))
    assert len(ctx._models["other"].seen) == 1
    denoised(ctx, "other", window=(90, 0, 100, 10))
    assert len(ctx._models["other"].seen) == 1


def test_a_window_of_an_enlarged_picture_too(ctx: PictureContext) -> None:
    ctx.add(raster(*SIZE, deep=True))
    given = {"image": IMAGE, "noise": 0, "jpeg_quality": 100, "width": 310, "height": 233, "upscaler": "double"}
    parts = []
    for window in (None, (40, 30, 150, 90)):
        (drawn,) = upscale.run(Upscale.parse(given | {"stages": ["other"], "window": window}), ctx)
        parts.append(pixels_of(drawn))
    left, top = round(40 * 310 / 200), round(30 * 233 / 150)
    wanted = parts[0][top : top + parts[1].shape[0], left : left + parts[1].shape[1]]
    assert np.abs(parts[1].astype(int) - wanted).max() <= 2


def test_what_decides_about_a_box_reaches_around_the_faces_in_it() -> None:
    faces = Treatment(FakeFaces(inverted))
    soft = Treatment(Fake(blurred, reach=2))
    chain = chained([faces], SIZE)
    box = 45, 45, 50, 50
    assert chain.around(box) == box, "before faces are known"
    known = type(chain)(chain.treatments, chain.size, chain.final, FACES)
    square = FACES[0].box(SIZE)
    assert square is not None and known.around(box) == square
    assert known.around((90, 5, 95, 9)) == (90, 5, 95, 9)
    both = type(chain)([soft, faces], SIZE, SIZE, FACES).around(box)
    margin = soft.margin + 16
    assert both == (max(0, square[0] - margin), max(0, square[1] - margin), square[2] + margin, square[3] + margin)
