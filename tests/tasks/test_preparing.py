"""img2img with a preprocessor: as if the preprocessed picture had been brought, with its depth and alpha."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.extensions import Extension
from sdtoolbox.images.parameters import parameters_text
from sdtoolbox.images.raster import Raster
from sdtoolbox.schema.img2img import Img2Img
from sdtoolbox.tasks.img2img import run
from sdtoolbox.tasks.options import resolve_options
from tests.fakes import builtin_registries
from tests.tasks.pictures import PictureContext, array, raster, resolved


def draw(ctx: PictureContext, **values: Any) -> Raster:
    (drawn,) = run(Img2Img.parse(resolved(**values)), ctx)
    assert isinstance(drawn.image, Raster)
    return drawn.image


def context(folder: Path, source: Raster) -> PictureContext:
    ctx = PictureContext(folder)
    ctx.add(source)
    return ctx


@pytest.mark.parametrize("mode", ["stretch", "latent"])
def test_it_is_as_if_the_preprocessed_picture_had_been_brought(tmp_path: Path, mode: str) -> None:
    pixels = raster().pixels
    negative = Raster(255 - pixels)
    ctx = context(tmp_path, raster())
    extension = Extension("dark")

    def invert(pixels: np.ndarray) -> np.ndarray:
        return 255 - pixels

    extension.preprocessor(invert)
    ctx.registries.merge(extension.draft)
    values = {"strength": 0.5, "width": 32, "height": 24, "resize_mode": mode, "upscaler": "nearest"}
    found = draw(ctx, preprocessor="invert", **values)
    assert not np.array_equal(found.pixels, draw(ctx, **values).pixels)
    ctx.add(negative)
    assert np.array_equal(found.pixels, draw(ctx, **values).pixels)
    assert "opencv" in ctx.environment


def test_at_strength_0_it_is_the_preprocessed_picture(tmp_path: Path) -> None:
    found = draw(context(tmp_path, raster()), strength=0, preprocessor="posterize", preprocessor_options={"shades": 2})
    assert set(np.unique(array(found))) == {0, 255}


def test_depth_and_alpha_stay_and_what_is_as_it_was_keeps_its_16_bits(tmp_path: Path) -> None:
    source = raster(deep=True, alpha=True)
    ctx = context(tmp_path, source)
    found = draw(ctx, strength=0, preprocessor="edges")
    assert found.pixels.dtype == np.uint16 and np.array_equal(found.alpha, source.alpha)  # type: ignore[arg-type]
    same = draw(ctx, strength=0, preprocessor="blur", preprocessor_options={"radius": 0})
    assert np.array_equal(same.pixels, source.pixels)


def test_no_edge_is_found_where_nothing_can_be_seen(tmp_path: Path) -> None:
    pixels = np.full((48, 64, 3), 200, np.uint8)
    alpha = np.full((48, 64), 255, np.uint8)
    alpha[10:30, 20:40] = 0
    pixels[10:30, 20:40] = 0
    found = draw(context(tmp_path, Raster(pixels, alpha)), strength=0, preprocessor="edges")
    assert not found.pixels.any()


def test_one_that_gives_another_size_ends_the_job_with_its_name(tmp_path: Path) -> None:
    ctx = context(tmp_path, raster())
    extension = Extension("half")

    def halve(pixels: np.ndarray) -> np.ndarray:
        return pixels[::2]

    extension.preprocessor(halve)
    ctx.registries.merge(extension.draft)
    with pytest.raises(UserError, match=r"the preprocessor halve of half gave uint8 \(24, 64, 3\) instead of") as error:
        draw(ctx, preprocessor="halve")
    assert error.value.code == "EXTENSION_FAILED"


def test_its_options_are_checked_and_written_with_its_label() -> None:
    registries = builtin_registries()
    request = Img2Img.parse({"preprocessor": "posterize", "preprocessor_options": "shades=3"})
    values, problems = request.model_dump(), []
    resolve_options(request, values, registries, problems)
    assert not problems and values["preprocessor_options"] == {"shades": 3}
    wrong = Img2Img.parse({"preprocessor": "posterize", "preprocessor_options": {"shades": 1}})
    resolve_options(wrong, wrong.model_dump(), registries, problems)
    assert [problem.field for problem in problems] == ["preprocessor_options"]
    text = parameters_text(request, seed=1, index=0, checkpoint=None, registries=registries.by_name())
    assert "Preprocessor: Posterize" in text and "Preprocessor options: shades=3" in text
    plain = parameters_text(Img2Img(), seed=1, index=0, checkpoint=None, registries=registries.by_name())
    assert "Preprocessor" not in plain
