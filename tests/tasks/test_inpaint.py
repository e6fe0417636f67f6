from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdtoolbox.changes import Repaint
from sdtoolbox.images import masks
from sdtoolbox.images.raster import Raster
from sdtoolbox.protocols import Drawn
from sdtoolbox.schema.inpaint import Inpaint
from sdtoolbox.tasks.inpaint import everything_drawn, run, window
from sdtoolbox.tasks.widening import widened, widenings
from tests.fakes import GaussianModel
from tests.tasks.pictures import MASK, PictureContext, array, box_mask, raster, resolved

BOX = (20, 12, 44, 36)
FILLS = ("original", "blur", "noise", "nothing", "telea", "navier_stokes", "patch")


@pytest.fixture
def ctx(tmp_path: Path) -> PictureContext:
    made = PictureContext(tmp_path)
    made.add(raster())
    made.add_mask(box_mask(BOX))
    return made


def request(**values: Any) -> Inpaint:
    return Inpaint.parse(resolved(**{"mask": MASK, "strength": 1.0} | values))


def draw(ctx: PictureContext, **values: Any) -> list[Drawn]:
    return list(run(request(**values), ctx))


def check_outside(drawn: Drawn, source: Raster, opacity: np.ndarray, left: int = 0, top: int = 0) -> None:
    """Outside the support the picture is the same in every bit, its alpha too."""
    assert isinstance(drawn.image, Raster)
    rows, columns = slice(top, top + source.size[1]), slice(left, left + source.size[0])
    outside = opacity == 0
    assert outside.any()
    assert drawn.image.pixels.dtype == source.pixels.dtype
    assert np.array_equal(drawn.image.pixels[rows, columns][outside], source.pixels[outside])
    if source.alpha is not None:
        assert drawn.image.alpha is not None
        assert np.array_equal(drawn.image.alpha[rows, columns][outside], source.alpha[outside])


@pytest.mark.parametrize("area", ["whole", "masked"])
@pytest.mark.parametrize(("deep", "alpha"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("size", [(64, 48), (40, 96)])
def test_outside_the_mask_every_bit_is_the_pictures_own(
    tmp_path: Path, area: str, deep: bool, alpha: bool, size: tuple[int, int]
) -> None:
    ctx, source = PictureContext(tmp_path), raster(deep=deep, alpha=alpha)
    ctx.add(source)
    ctx.add_mask(box_mask(BOX))
    (drawn,) = draw(ctx, area=area, width=size[0], height=size[1])
    check_outside(drawn, source, masks.opacity(box_mask(BOX)))
    inside = box_mask(BOX) == 1
    changed = np.abs(array(drawn.image)[inside].astype(float) - source.pixels[inside])
    assert changed.mean() > 8 * source.maximum / 255


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral", "dpmpp_2m_sde", "DDIM CFG++"])
def test_whatever_fills_the_mask_and_whoever_samples(ctx: PictureContext, fill: str, sampler: str) -> None:
    (drawn,) = draw(ctx, fill=fill, sampler=sampler, strength=0.8)
    check_outside(drawn, raster(), masks.opacity(box_mask(BOX)))


def test_what_fills_the_mask_matters_below_full_strength(ctx: PictureContext) -> None:
    drawn = {fill: array(draw(ctx, fill=fill, strength=0.4)[0].image) for fill in FILLS}
    same = [(a, b) for a in FILLS for b in FILLS if a < b and np.array_equal(drawn[a], drawn[b])]
    assert not same


@pytest.mark.parametrize("blur", [0, 4, 12])
def test_a_blur_reaches_no_further_than_it_says(ctx: PictureContext, blur: int) -> None:
    (drawn,) = draw(ctx, mask_blur=blur)
    changed = (array(drawn.image) != raster().pixels).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    reach = masks.reach(blur)
    assert BOX[0] - columns[0] <= reach and columns[-1] + 1 - BOX[2] <= reach
    assert BOX[1] - rows[0] <= reach and rows[-1] + 1 - BOX[3] <= reach
    assert masks.reach(Inpaint.model_fields["mask_blur"].default) <= 16


def test_the_rest_is_repainted_if_that_is_meant(ctx: PictureContext) -> None:
    (drawn,) = draw(ctx, mask_mode="unmasked", mask_blur=0)
    inside = box_mask(BOX) == 1
    assert np.array_equal(array(drawn.image)[inside], raster().pixels[inside])
    assert (array(drawn.image)[~inside] != raster().pixels[~inside]).any(axis=1).mean() > 0.9


def test_a_mask_is_grown_and_shrunk(ctx: PictureContext) -> None:
    areas = [
        (array(draw(ctx, mask_grow=grow, mask_blur=0)[0].image) != raster().pixels).any(axis=2).sum()
        for grow in (-6, 0, 6)
    ]
    assert areas[0] < areas[1] < areas[2]


def test_grey_is_a_part_of_the_strength(tmp_path: Path) -> None:
    ctx = PictureContext(tmp_path)
    ctx.add(raster(96, 48))
    mask = np.zeros((48, 96), np.float32)
    mask[:, 8:32], mask[:, 40:64] = 1.0, 0.4
    ctx.add_mask(mask)
    (drawn,) = draw(ctx, width=96, height=48, steps=20, color_match=False)
    apart = np.abs(array(drawn.image).astype(float) - raster(96, 48).pixels).mean(axis=(0, 2))
    wholly, partly, not_at_all = apart[12:28].mean(), apart[44:60].mean(), apart[80:].mean()
    assert not_at_all == 0
    assert 0 < partly < 0.7 * wholly


def test_strength_0_gives_the_picture_back(tmp_path: Path) -> None:
    ctx, source = PictureContext(tmp_path), raster(deep=True, alpha=True)
    ctx.add(source)
    ctx.add_mask(box_mask(BOX))
    (drawn,) = draw(ctx, strength=0)
    assert np.array_equal(array(drawn.image), source.pixels)


def test_every_picture_of_a_batch_is_another(ctx: PictureContext) -> None:
    drawn = draw(ctx, batch_size=2, batch_count=2)
    assert [(one.seed, one.index) for one in drawn] == [(10, 0), (11, 1), (12, 0), (13, 1)]
    assert len({array(one.image).tobytes() for one in drawn}) == 4
    assert [stage for stage, *_ in ctx.stages].count("reading") == 1, "the picture is encoded once"
    again = draw(ctx, **drawn[3].request.model_dump())
    assert np.array_equal(array(again[1].image), array(drawn[3].image))


def test_the_seam_is_measured(ctx: PictureContext) -> None:
    (drawn,) = draw(ctx)
    assert set(drawn.measured) == {"seam"}
    assert drawn.measured["seam"] > 0


def test_a_network_made_for_it_is_shown_the_mask_and_is_not_held(tmp_path: Path) -> None:
    shown: list[Repaint] = []

    class Watched(GaussianModel):
        def predict(self, x: Any, sigma: float, conditions: Any) -> Any:
            shown.extend(one for one in self.changes if isinstance(one, Repaint))
            return super().predict(x, sigma, conditions)

    outcomes = {}
    for variant in ("", "inpaint"):
        model = Watched()
        model.variant = variant  # type: ignore[assignment]
        folder = tmp_path / (variant or "plain")
        folder.mkdir()
        ctx = PictureContext(folder, model)
        ctx.add(raster())
        ctx.add_mask(box_mask(BOX))
        (drawn,) = draw(ctx)
        check_outside(drawn, raster(), masks.opacity(box_mask(BOX)))
        outcomes[variant] = array(drawn.image)
    assert shown[0].picture.size == (64, 48)
    assert np.array_equal(shown[0].mask, box_mask(BOX))
    assert not np.array_equal(outcomes[""], outcomes["inpaint"]), "only one of them was held to the picture"


# Windows


def test_the_whole_picture_or_what_is_masked_is_drawn() -> None:
    mask = box_mask((100, 60, 140, 90), 400, 300)
    assert window(mask, (400, 300), request(width=128, height=96)).box == (0, 0, 400, 300)
    only = window(mask, (400, 300), request(area="masked", padding=16, width=128, height=128, mask_blur=4))
    left, top, right, bottom = only.box
    assert only.size == (128, 128)
    assert right - left == bottom - top, "of the drawing's proportions"
    assert left <= 100 - 26 and right >= 140 + 26 and top <= 60 - 26 and bottom >= 90 + 26, "with blur and padding"
    assert right - left < 130


# Beyond the edges


@pytest.mark.parametrize(
    ("margins", "passes"),
    [
        ({"outpaint_left": 20}, [("left", 20)]),
        ({"outpaint_right": 80}, [("right", 32), ("right", 32), ("right", 16)]),
        ({"outpaint_top": 8, "outpaint_left": 8}, [("left", 8), ("top", 8)]),
    ],
)
def test_wide_margins_are_drawn_in_several_passes(margins: dict[str, int], passes: list[tuple[str, int]]) -> None:
    found = widenings(request(width=64, height=64, **margins), (64, 48))
    assert [(one.side, one.pixels) for one in found] == passes


def test_a_pass_sees_as_much_as_it_draws() -> None:
    asked = request(width=64, height=64, outpaint_right=200)
    picture = raster(128, 64)
    first = widenings(asked, picture.size)[0]
    part = widened(picture, first, asked)
    assert first.pixels == 32
    assert part.raster.size == (160, 64)
    assert part.window.box == (96, 0, 160, 64)
    assert part.window.size == (64, 64)
    assert part.mask[:, :128].max() == 0 and part.mask[:, 128:].min() == 1


def test_a_large_edge_is_drawn_smaller() -> None:
    asked = request(width=64, height=64, outpaint_bottom=100)
    part = widened(raster(400, 300), widenings(asked, (400, 300))[0], asked)
    width, height = part.window.size
    assert width * height <= 64 * 64 * 1.5**2 * 1.1
    assert (part.window.box[0], part.window.box[2]) == (0, 400)


@pytest.mark.parametrize("deep", [False, True])
def test_the_picture_stays_in_the_middle_of_what_is_widened(tmp_path: Path, deep: bool) -> None:
    ctx, source = PictureContext(tmp_path), raster(deep=deep, alpha=True)
    ctx.add(source)
    margins = {"outpaint_left": 40, "outpaint_top": 24, "outpaint_right": 8, "outpaint_bottom": 16}
    (drawn,) = draw(ctx, mask=None, **margins)
    assert drawn.image.size == (64 + 48, 48 + 40)
    beyond = everything_drawn(None, request(mask=None, **margins), (112, 88))
    check_outside(drawn, source, masks.opacity(beyond)[24:72, 40:104], 40, 24)
    assert isinstance(drawn.image, Raster) and drawn.image.alpha is not None
    assert (drawn.image.alpha[beyond == 1] == source.maximum).all(), "what is new is opaque"
    assert array(drawn.image)[beyond == 1].std() > 5


def test_the_mask_and_what_lies_beyond_are_both_drawn(ctx: PictureContext) -> None:
    (drawn,) = draw(ctx, outpaint_right=16, outpaint_settling=0)
    whole = everything_drawn(box_mask(BOX), request(outpaint_right=16), (80, 48))
    assert whole[20, 30] == 1 and whole[0, 70] == 1 and whole[0, 0] == 0
    check_outside(drawn, raster(), masks.opacity(whole)[:, :64])
    assert [stage for stage, *_ in ctx.stages].count("sampling") == 2


def test_settling_draws_it_over(ctx: PictureContext) -> None:
    draw(ctx, mask=None, outpaint_right=16, outpaint_settling=3)
    assert [stage for stage, *_ in ctx.stages].count("sampling") == 4
    assert [stage for stage, *_ in ctx.stages].count("decoding") == 1


def test_pictures_of_a_batch_are_widened_one_by_one(ctx: PictureContext) -> None:
    drawn = draw(ctx, mask=None, batch_size=2, outpaint_left=40)
    (alone,) = draw(ctx, mask=None, seed=11, outpaint_left=40)
    assert np.abs(array(alone.image).astype(int) - array(drawn[1].image)).max() <= 1
    sampled = [(picture, total) for stage, picture, total, _ in ctx.stages[: len(ctx.stages)] if stage == "decoding"]
    assert sampled[:4] == [(0, 4), (1, 4), (2, 4), (3, 4)]
