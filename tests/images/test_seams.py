"""A tint is taken off without smearing what was painted, and an edge that one can see has a score that says so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from sdtoolbox.images import masks
from sdtoolbox.images.seams import match_ring, seam_score

SIDE = 192
ROWS, COLUMNS = (np.mgrid[0:SIDE, 0:SIDE] / SIDE).astype(np.float32)


def blob(x: int = 96, y: int = 96, radius: int = 36) -> np.ndarray:
    image = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(image)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    draw.ellipse((x, y - radius // 2, x + radius + 20, y + radius), fill=255)
    return np.asarray(image) / np.float32(255)


def landscape(seed: int = 0) -> np.ndarray:
    """A sky that fades, hills, blurred spots: soft and hard edges in every direction. Floats in [0, 1]."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (SIDE, SIDE))
    image.putdata([(90 + 60 * y // SIDE, 150 + 40 * y // SIDE, 230) for y in range(SIDE) for _ in range(SIDE)])
    draw = ImageDraw.Draw(image)
    draw.polygon([(0, 120), (60, 100), (140, 125), (SIDE, 105), (SIDE, SIDE), (0, SIDE)], fill=(90, 170, 60))
    for _ in range(40):
        x, y, size = *random.integers(0, SIDE, 2), random.integers(3, 15)
        draw.ellipse((x, y, x + size, y + size), fill=tuple(random.integers(40, 250, 3)))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1)), dtype=np.float32) / 255


TINTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "nothing": lambda one: one,
    "tint": lambda one: one + np.array([0.06, 0.0, -0.05], np.float32),
    "across": lambda one: one + ((COLUMNS - 0.5) * 0.2)[..., None],
    "down": lambda one: one + ((ROWS - 0.5) * 0.2)[..., None] * np.array([1, 0, -1], np.float32),
}


def painted_over(source: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Another thing within the mask, which sticks out of it a little, as a network's does."""
    found, thing = source.copy(), masks.shrink(mask, 8)
    thing[:, 130:] = masks.grow(mask, 5)[:, 130:]
    found[thing > 0] = (0.2, 0.5, 0.3)
    return found


@pytest.mark.parametrize("tint", TINTS)
def test_a_tint_is_taken_off(tint: str) -> None:
    source, mask = landscape(), blob()
    meant = painted_over(source, mask)
    tinted = TINTS[tint](meant).clip(0, 1)
    found = match_ring(source, tinted, mask)
    inside = mask > 0
    before, after = (np.abs(one - meant)[inside].mean() for one in (tinted, found))
    assert found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1
    assert after < 0.012
    assert tint == "nothing" or after < 0.35 * before


def test_bytes_and_floats_are_the_same() -> None:
    source, mask = (landscape() * 255).astype(np.uint8), blob()
    painted = (TINTS["tint"](painted_over(landscape(), mask)).clip(0, 1) * 255).astype(np.uint8)
    assert np.allclose(match_ring(source, painted, mask), match_ring(source / 255, painted / 255, mask), atol=1e-5)


def test_beyond_an_edge_a_slope_does_not_run_away() -> None:
    source, mask = landscape(), np.zeros((SIDE, SIDE), np.float32)
    mask[:, 40:] = 1  # as when a picture is widened: there is a ring on one side only
    found = match_ring(source, TINTS["across"](source).clip(0, 1), mask)
    assert np.abs(found - TINTS["across"](source).clip(0, 1)).max() < 0.12


@pytest.mark.parametrize("value", [0, 1])
def test_without_a_ring_nothing_is_changed(value: int) -> None:
    painted = landscape(1)
    assert np.array_equal(match_ring(landscape(), painted, np.full((SIDE, SIDE), value, np.float32)), painted)


def natural_scores() -> list[float]:
    places = [(60, 60, 30), (110, 70, 24), (96, 96, 36), (120, 120, 30), (70, 130, 28)]
    return [seam_score(landscape(seed), blob(*place)) for seed in range(4) for place in places]


def test_an_untouched_picture_scores_about_one() -> None:
    scores = natural_scores()
    assert 0.8 < np.median(scores) < 1.3
    assert np.quantile(scores, 0.8) < 2  # above it, those whose edge runs along the horizon for a while


@pytest.mark.parametrize("height", [0.04, 0.1])
def test_a_hard_edge_scores_high(height: float) -> None:
    for seed in range(4):
        source, mask = landscape(seed), blob(60, 60, 30)
        step = (source + height * mask[..., None]).clip(0, 1)
        assert seam_score(step, mask) > max(1.5, 1.7 * seam_score(source, mask))


def test_a_faded_edge_scores_less_but_is_seen() -> None:
    source, mask = landscape(), blob(60, 60, 30)
    hard, soft = ((source + 0.1 * one[..., None]).clip(0, 1) for one in (mask, masks.opacity(mask, 4)))
    assert seam_score(source, mask) * 1.5 < seam_score(soft, mask) < seam_score(hard, mask)


def test_flat_and_noisy_pictures_are_one_until_there_is_a_step() -> None:
    mask = blob()
    flat = np.full((SIDE, SIDE, 3), 120, np.uint8)
    noise = np.random.default_rng(0).integers(60, 120, (SIDE, SIDE, 3)).astype(np.uint8)
    for picture in (flat, noise):
        assert seam_score(picture, mask) == pytest.approx(1, abs=0.15)
        assert seam_score(Image.fromarray(picture), mask) == seam_score(picture, mask)
        assert seam_score(picture + (mask[..., None] * 12).astype(np.uint8), mask) > 4
    assert seam_score(flat + (mask[..., None] > 0).astype(np.uint8), mask) < 2.1  # a step of one level is hardly seen


@pytest.mark.parametrize("mask", [np.zeros((SIDE, SIDE)), np.ones((SIDE, SIDE)), np.full((SIDE, SIDE), 0.3)])
def test_without_an_edge_it_is_one(mask: np.ndarray) -> None:
    assert seam_score(landscape(), mask.astype(np.float32)) == 1


def test_a_picture_that_was_widened_has_its_edges_inside() -> None:
    source, mask = landscape(), np.ones((SIDE, SIDE), np.float32)
    mask[:, 60:130] = 0
    step = (source + 0.1 * mask[..., None]).clip(0, 1)
    assert seam_score(source, mask) < 1.8 < seam_score(step, mask)


def test_a_mask_of_a_few_pixels_is_measured() -> None:
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[80:83, 80:83] = 1
    assert 0.2 < seam_score(landscape(), mask) < 5
