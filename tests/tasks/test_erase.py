from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdtoolbox.errors import UserError
from sdtoolbox.images import masks
from sdtoolbox.images.raster import Raster
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.inpaint import Erase
from sdtoolbox.tasks.erase import LARGEST_SIDE, run
from tests.tasks.pictures import IMAGE, MASK, PictureContext, array, box_mask, raster

BOX = (20, 12, 44, 36)


def draw(ctx: PictureContext, **values: Any) -> Drawn:
    (drawn,) = run(Erase.parse({"image": IMAGE, "mask": MASK} | values), ctx)
    return drawn


@pytest.fixture
def ctx(tmp_path: Path) -> PictureContext:
    made = PictureContext(tmp_path)
    made.add_mask(box_mask(BOX))
    return made


def with_blot(deep: bool = False, alpha: bool = False) -> tuple[Raster, Raster]:
    """A picture, and the same with a black box in it."""
    clean = raster(deep=deep, alpha=alpha)
    pixels = clean.pixels.copy()
    pixels[BOX[1] + 2 : BOX[3] - 2, BOX[0] + 2 : BOX[2] - 2] = 0
    return clean, Raster(pixels, clean.alpha)


@pytest.mark.parametrize("eraser", ["blur", "telea", "navier_stokes", "patch"])
@pytest.mark.parametrize(("deep", "alpha"), [(False, False), (True, True)])
def test_what_is_masked_goes_and_the_rest_stays(ctx: PictureContext, eraser: str, deep: bool, alpha: bool) -> None:
    clean, dirty = with_blot(deep, alpha)
    ctx.add(dirty)
    drawn = draw(ctx, eraser=eraser)
    assert isinstance(drawn.image, Raster)
    outside = masks.opacity(box_mask(BOX)) == 0
    assert np.array_equal(drawn.image.pixels[outside], dirty.pixels[outside])
    if alpha:
        assert np.array_equal(drawn.image.alpha[outside], dirty.alpha[outside])  # type: ignore[index]
    inside = box_mask(BOX) == 1
    wrong = np.abs(drawn.image.pixels[inside].astype(float) - clean.pixels[inside]).mean() / clean.maximum
    before = np.abs(dirty.pixels[inside].astype(float) - clean.pixels[inside]).mean() / clean.maximum
    assert wrong < 0.1 < before
    assert drawn.measured["seam"] < 2


def test_a_network_sees_a_box_around_the_mask_and_no_more_than_it_can(tmp_path: Path) -> None:
    seen: list[tuple[int, ...]] = []

    def network(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
        seen.append(pixels.shape)
        assert mask.dtype == bool and mask.shape == pixels.shape[:2] and mask.any() and not mask.all()
        found = pixels.copy()
        found[mask] = 200
        return found

    ctx = PictureContext(tmp_path, lama=network)
    for size, box in (((3000, 400), (1500, 150, 1560, 200)), ((3000, 2400), (200, 200, 2800, 2200))):
        source = raster(*size)
        ctx.add(source)
        ctx.add_mask(box_mask(box, *size))
        drawn = draw(ctx, network="lama", color_match=False)
        outside = masks.opacity(box_mask(box, *size)) == 0
        assert np.array_equal(array(drawn.image)[outside], source.pixels[outside])
        assert np.abs(array(drawn.image)[(box[1] + box[3]) // 2, (box[0] + box[2]) // 2].astype(int) - 200).max() <= 1
    assert max(seen[0]) < 400, "a small thing in a large picture is seen from near"
    assert max(seen[1]) == LARGEST_SIDE


def test_nothing_masked_is_refused(ctx: PictureContext) -> None:
    ctx.add(raster())
    ctx.add_mask(np.zeros((48, 64)))
    with pytest.raises(UserError, match=r"nothing is masked\.") as caught:
        draw(ctx)
    assert (caught.value.code, caught.value.field) == ("MASK_INVALID", "mask")


STORED = {  # how an upright picture lies in a file with each EXIF orientation
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", STORED)
def test_the_mask_means_the_picture_as_it_is_seen(tmp_path: Path, orientation: int) -> None:
    ctx = PictureContext(tmp_path)
    upright = Image.fromarray(raster().pixels)
    turned = STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    (upright if turned is None else upright.transpose(turned)).save(ctx.folder / IMAGE, "PNG", exif=exif)
    quadrant = box_mask((4, 4, 24, 18))
    ctx.add_mask(quadrant)
    drawn = draw(ctx, eraser="blur", mask_blur=0)
    assert drawn.image.size == (64, 48)
    changed = (array(drawn.image) != np.asarray(upright)).any(axis=2)
    assert changed[quadrant == 1].mean() > 0.8
    assert not changed[quadrant == 0].any()
