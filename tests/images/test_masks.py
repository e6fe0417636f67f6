"""A mask means the same whatever file it came in, and what is done to it reaches as far as it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from sdtoolbox.errors import UserError
from sdtoolbox.images import masks
from tests.images.pictures import TURNS, noise, png16, saved, turned

SIZE = (48, 32)
DISC = Image.new("L", SIZE)
ImageDraw.Draw(DISC).ellipse((5, 4, 20, 15), fill=255)
DRAWN = np.asarray(DISC) / np.float32(255)


def distances(mask: np.ndarray) -> np.ndarray:
    """How far each place is from the nearest one that is not 0, by trying all."""
    inside = np.argwhere(mask > 0)
    places = np.argwhere(np.ones_like(mask))
    return np.sqrt(((places[:, None] - inside) ** 2).sum(-1)).min(1).reshape(mask.shape)


def block(side: int = 60, margin: int = 25) -> np.ndarray:
    mask = np.zeros((side, side), np.float32)
    mask[margin:-margin, margin:-margin] = 1
    return mask


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "RGBA"])
def test_brightness_is_the_mask(mode: str) -> None:
    assert np.array_equal(masks.read_mask(saved(DISC.convert(mode)), SIZE), DRAWN)


def test_every_grey_keeps_its_value() -> None:
    greys = np.arange(256, dtype=np.uint8).reshape(8, 32)
    for image in (Image.fromarray(greys), Image.fromarray(greys).convert("RGB")):
        assert np.array_equal(masks.read_mask(saved(image), (32, 8)), (greys / 255).astype(np.float32))
    deep = noise(4, 9, 1, depth=16)
    assert np.array_equal(masks.read_mask(png16(deep), (9, 4)), (deep[..., 0] / 65535).astype(np.float32))


@pytest.mark.parametrize("colour", ["black", "white"])
def test_what_is_drawn_on_a_clear_layer_counts_in_any_colour(colour: str) -> None:
    layer = Image.new("RGBA", SIZE, colour)
    layer.putalpha(DISC)
    assert np.array_equal(masks.read_mask(saved(layer), SIZE), DRAWN)
    layer.putalpha(0)
    assert masks.is_empty(masks.read_mask(saved(layer), SIZE))


def test_all_black_is_empty_and_all_white_is_full() -> None:
    assert masks.is_empty(masks.read_mask(saved(Image.new("L", SIZE)), SIZE))
    assert (masks.read_mask(saved(Image.new("RGB", SIZE, "white")), SIZE) == 1).all()


@pytest.mark.parametrize("orientation", TURNS)
def test_a_mask_is_turned_as_a_picture_is(orientation: int) -> None:
    assert np.array_equal(masks.read_mask(turned(DISC, orientation), SIZE), DRAWN)


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_the_noise_of_lossy_files_is_no_mask(format: str) -> None:
    mask = masks.read_mask(saved(DISC, format, quality=90), SIZE)
    far = distances(DRAWN) > 8
    assert not mask[far].any()
    assert (mask == 1).sum() > 0.6 * (DRAWN == 1).sum()


@pytest.mark.parametrize("size", [(24, 16), (96, 64), (480, 321)])
def test_another_size_of_the_same_proportions_is_resized(size: tuple[int, int]) -> None:
    mask = masks.read_mask(saved(DISC), size)
    assert mask.shape == size[::-1]
    assert mask.min() >= 0 and mask.max() == 1
    assert mask.mean() == pytest.approx(DRAWN.mean(), rel=0.03)


@pytest.mark.parametrize("size", [(32, 48), (48, 33), (64, 64)])
def test_other_proportions_are_refused_with_both_sizes(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=rf"48x32 pixels, the picture {size[0]}x{size[1]}") as caught:
        masks.read_mask(saved(DISC), size)
    assert (caught.value.code, caught.value.field) == ("MASK_INVALID", "mask")


def test_a_mask_file_gives_the_mask_back() -> None:
    soft = masks.blur(DRAWN, 3)
    assert np.abs(masks.read_mask(masks.mask_png(soft), SIZE) - soft).max() <= 0.5 / 255
    assert np.array_equal(masks.invert(masks.invert(DRAWN)), DRAWN)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**31))
def test_growing_is_by_a_disc_and_shrinking_its_opposite(radius: int, seed: int) -> None:
    mask = (np.random.default_rng(seed).random((24, 30)) < 0.01).astype(np.float32)
    if masks.is_empty(mask):
        mask[3, 4] = 1
    grown = masks.grow(mask, radius)
    assert np.array_equal(grown == 1, distances(mask) <= radius)
    assert np.array_equal(masks.grow(mask, -radius), masks.shrink(mask, radius))
    assert (masks.shrink(grown, radius) >= mask).all()


def test_a_soft_mask_grows_at_every_grey() -> None:
    mask = np.zeros((1, 40), np.float32)
    mask[0, 10], mask[0, 13] = 0.5, 1
    expected = [0] * 7 + [0.5] * 3 + [1] * 7
    assert masks.grow(mask, 3)[0, :17].tolist() == expected
    many = masks.blur(block(), 4)
    grown = masks.grow(many, 5)
    assert (grown >= many).all() and grown.max() == many.max()
    assert masks.box_of(grown) == (10, 10, 50, 50)


def test_the_pictures_border_is_no_edge() -> None:
    mask = np.zeros((20, 20), np.float32)
    mask[:, :10] = 1
    assert np.array_equal(masks.shrink(mask, 4)[:, :6], np.ones((20, 6), np.float32))
    assert not masks.shrink(mask, 4)[:, 6:].any()
    assert (masks.shrink(np.ones((9, 9), np.float32), 200) == 1).all()
    assert masks.is_empty(masks.grow(np.zeros((9, 9), np.float32), 200))


@pytest.mark.parametrize("radius", [0, 0.3, 1, 2.5, 4, 6])
def test_a_blur_reaches_as_far_as_it_says(radius: float) -> None:
    mask = block()
    reach = masks.reach(radius)
    away = np.abs(np.argwhere(np.ones_like(mask)) - 29.5).max(1).reshape(mask.shape) - 4.5  # along the axes
    for soft, deep in ((masks.blur(mask, radius), reach), (masks.opacity(mask, radius), 0)):
        assert not soft[away > reach].any()
        assert (soft[away <= -deep] == 1).all()
        assert soft.min() >= 0 and soft.max() <= 1
    assert masks.reach(masks.BLUR) == 10


def test_opacity_is_whole_inside_and_falls_outside() -> None:
    row = masks.opacity(block(), 4)[30]
    assert (row[25:35] == 1).all()
    assert (np.diff(row[15:26]) > 0).all()
    assert np.diff(row).max() < 0.25  # no step that one could see
    assert np.array_equal(masks.opacity(block(), 0), block())


def test_a_faint_mask_is_faintly_shown() -> None:
    soft = np.linspace(0, 1, 101, dtype=np.float32)[None].repeat(5, axis=0)
    shown = masks.opacity(soft, 0)
    assert shown[0, 0] == 0 and shown[0, 25] == 1 and (np.diff(shown[0]) >= 0).all()
    assert np.diff(shown[0]).max() < 0.05


def test_closed_lines_become_areas() -> None:
    image = Image.new("L", SIZE)
    draw = ImageDraw.Draw(image)
    draw.ellipse((10, 6, 30, 26), outline=255)
    draw.line((0, 20, 8, 31), fill=255)
    mask = np.asarray(image) / np.float32(255)
    filled = masks.fill_holes(mask)
    assert filled[16, 20] == 1
    assert filled.sum() == pytest.approx(np.pi * 10.5**2 + (mask[:, :9] > 0).sum(), rel=0.06)
    assert not filled[31, 0]  # cut off by the border, not enclosed
    soft = masks.blur(mask, 1)
    assert np.array_equal(masks.fill_holes(soft)[:4], soft[:4])


def test_boxes() -> None:
    assert masks.box_of(np.zeros((9, 9), np.float32)) is None
    assert masks.box_of(DRAWN) == (5, 4, 21, 16)
    assert masks.padded((5, 4, 21, 16), 10, SIZE) == (0, 0, 31, 26)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_frame_holds_the_box_and_stays_inside(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 400)), data.draw(st.integers(1, 400))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = (left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height)))
    padding, aspect = data.draw(st.integers(0, 64)), data.draw(st.one_of(st.none(), st.floats(0.2, 5)))
    held = masks.padded(box, padding, (width, height))
    frame = masks.framed(box, (width, height), padding, aspect)
    assert 0 <= frame[0] <= held[0] < held[2] <= frame[2] <= width
    assert 0 <= frame[1] <= held[1] < held[3] <= frame[3] <= height
    wide, tall = frame[2] - frame[0], frame[3] - frame[1]
    if aspect is not None and wide < width and tall < height:
        assert abs(wide - tall * aspect) <= max(1, aspect)


def test_a_frame_is_moved_rather_than_cut() -> None:
    assert masks.framed((0, 40, 10, 60), (100, 100), 0, 2) == (0, 40, 40, 60)
    assert masks.framed((80, 80, 100, 100), (100, 100), 10, 2) == (40, 70, 100, 100)
    assert masks.framed((40, 0, 60, 100), (100, 100), 0, 2) == (0, 0, 100, 100)
