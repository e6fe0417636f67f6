from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdtoolbox.errors import Cancelled, UserError
from sdtoolbox.images import canvas
from sdtoolbox.tasks.tiling import Treatment, least_tile, tile_of, treated
from tests.tasks.restorers import Fake, blurred, enlarged, in_blocks

RNG = np.random.default_rng(0)
SIZES = [(1, 1), (3, 500), (300, 280), (201, 64), (130, 131)]
WHOLE = 4096


def source(height: int, width: int, dtype: type = np.uint16) -> np.ndarray:
    return RNG.integers(0, np.iinfo(dtype).max + 1, (height, width, 3)).astype(dtype)


def fakes() -> list[Fake]:
    return [
        Fake(blurred, reach=2, tile=64),
        Fake(in_blocks, reach=0, multiple=8, tile=64),
        Fake(enlarged(3), scale=3, reach=1, tile=64),
        Fake(lambda pixels: enlarged(2)(blurred(pixels)), scale=2, reach=4, tile=64),
    ]


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("number", range(4))
def test_tiles_give_what_the_whole_gives(height: int, width: int, number: int) -> None:
    one = fakes()[number]
    pixels = source(height, width)
    parts: list[float] = []
    found = treated(Treatment(one), pixels, np.dtype(np.uint16), parts.append)
    whole = treated(Treatment(replace(one, tile=WHOLE, seen=[])), pixels, np.dtype(np.uint16))
    assert found.shape == (height * one.scale, width * one.scale, 3)
    assert np.abs(found.astype(int) - whole).max() <= 1
    assert parts == sorted(parts) and parts[-1] == 1
    if height > 128:
        assert len(parts) > 2 and max(max(shape[:2]) for shape in one.seen) == 64


def test_too_small_a_reach_would_show() -> None:
    blind = Fake(lambda pixels: blurred(blurred(blurred(blurred(pixels)))), reach=0, tile=64)
    pixels = source(200, 200)
    found = treated(Treatment(blind), pixels, np.dtype(np.uint16))
    whole = treated(Treatment(replace(blind, tile=WHOLE)), pixels, np.dtype(np.uint16))
    assert np.abs(found.astype(int) - whole).max() > 100


@pytest.mark.parametrize(("given", "wanted"), [(np.uint8, np.uint8), (np.uint8, np.uint16), (np.uint16, np.uint8)])
def test_what_changes_nothing_changes_nothing_but_the_depth(given: type, wanted: type) -> None:
    pixels = source(150, 170, given)
    found = treated(Treatment(Fake(lambda same: same, tile=64)), pixels, np.dtype(wanted))
    assert found.dtype == wanted
    assert np.array_equal(found, np.rint(pixels / np.iinfo(given).max * np.iinfo(wanted).max))


def test_a_blend_takes_its_share() -> None:
    pixels = source(80, 90, np.uint8) // 4 + 90  # far from black and white, which would cut off what overshoots
    white = Fake(lambda same: np.ones((same.shape[0] * 2, same.shape[1] * 2, 3)), scale=2, reach=3)
    found = treated(Treatment(white, blend=0.25), pixels, np.dtype(np.uint8))
    flat = np.full((160, 180, 3), 255)
    before = treated(Treatment(white, blend=0.0), pixels, np.dtype(np.uint8))
    assert np.abs(found - (0.25 * flat + 0.75 * before)).max() <= 1


def test_tiles_that_do_not_fit_are_halved_and_the_picture_is_the_same() -> None:
    def greedy(pixels: np.ndarray) -> np.ndarray:
        if pixels.shape[0] > 100:
            raise UserError("OUT_OF_MEMORY", "too large", "")
        return blurred(pixels)

    pixels = source(300, 300)
    one = Fake(greedy, reach=2, tile=256)
    found = treated(Treatment(one), pixels, np.dtype(np.uint16))
    whole = treated(Treatment(Fake(blurred, tile=WHOLE)), pixels, np.dtype(np.uint16))
    assert np.abs(found.astype(int) - whole).max() <= 1
    assert [shape[0] for shape in one.seen[:3]] == [256, 128, 64]


def test_what_never_fits_is_said() -> None:
    def never(pixels: np.ndarray) -> np.ndarray:
        raise UserError("OUT_OF_MEMORY", "too large", "")

    with pytest.raises(UserError, match="too large"):
        treated(Treatment(Fake(never)), source(300, 300), np.dtype(np.uint8))


def test_margins_never_eat_a_whole_tile() -> None:
    for reach in (0, 10, 100, None):
        treatment = Treatment(Fake(blurred, reach=reach, multiple=8, tile=64))
        assert tile_of(treatment) >= 4 * treatment.margin
        assert least_tile(treatment) > 2 * treatment.margin
        assert tile_of(treatment) % 8 == least_tile(treatment) % 8 == 0


def test_whoever_is_told_of_a_part_may_stop_it() -> None:
    one = Fake(blurred, reach=2, tile=64)

    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        treated(Treatment(one), source(300, 300), np.dtype(np.uint8), stop)
    assert len(one.seen) == 1


def test_a_large_result_lies_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "IN_MEMORY", 1000)
    pixels = source(100, 100, np.uint8)
    found = treated(Treatment(Fake(lambda same: same, tile=64)), pixels, np.dtype(np.uint8))
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, pixels)
