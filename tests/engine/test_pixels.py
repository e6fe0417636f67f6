from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from sdtoolbox.engine.pixels import hidden_cells, mask_cells, mask_pixels, to_picture, to_tensor

CPU = torch.device("cpu")


def cells(mask: np.ndarray) -> list[list[float]]:
    found: list[list[float]] = mask_cells(mask.astype(np.float32), 4, CPU)[0, 0].tolist()
    return found


@pytest.mark.parametrize(("width", "height"), [(8, 8), (13, 7), (1, 1), (9, 12)])
def test_a_picture_comes_back_from_its_tensor(width: int, height: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    tensor = to_tensor(Image.fromarray(pixels), 4, CPU)
    assert tensor.shape == (1, 3, -(-height // 4) * 4, -(-width // 4) * 4)
    assert (tensor >= -1).all() and (tensor <= 1).all()
    assert np.array_equal(np.asarray(to_picture(tensor[0], width, height)), pixels)


def test_one_pixel_covers_its_latent_and_no_other() -> None:
    mask = np.zeros((8, 12))
    mask[5, 3] = 1
    assert cells(mask) == [[0, 0, 0], [1, 0, 0]]


def test_grey_covers_a_latent_as_much_as_its_lightest_pixel() -> None:
    mask = np.zeros((4, 8))
    mask[0, :6] = [0.25, 0.5, 0.25, 0, 0, 0.75]
    assert cells(mask) == [[0.5, 0.75]]


def test_a_mask_lies_where_its_picture_lies() -> None:
    """A size that is no multiple: the picture is put amid the latents, and its mask with it."""
    picture, mask = np.zeros((7, 13, 3), np.uint8), np.zeros((7, 13), np.float32)
    picture[2:4, 5:9], mask[2:4, 5:9] = 255, 1
    seen = to_tensor(Image.fromarray(picture), 4, CPU)[:, :1]
    assert torch.equal(seen / 2 + 0.5, mask_pixels(mask, 4, CPU))


def test_networks_are_told_of_the_first_pixel_of_a_latent_as_they_were_taught() -> None:
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 2:14, 4:13] = 1
    nearest = torch.nn.functional.interpolate(mask, size=(4, 4))
    assert torch.equal(hidden_cells(mask, 4), nearest)
    assert nearest[0, 0].tolist() == [[0, 0, 0, 0], *[[0, 1, 1, 1]] * 3]


def test_networks_are_told_of_strokes_that_miss_every_first_pixel() -> None:
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 5:7, :] = 1
    assert torch.nn.functional.interpolate(mask, size=(4, 4)).sum() == 0
    assert hidden_cells(mask, 4)[0, 0].tolist() == [[0] * 4, [1] * 4, [0] * 4, [0] * 4]
