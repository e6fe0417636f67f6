from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.preview import LatentPreview

COLOURS = torch.tensor([[0.2, 0.1, -0.1], [0.0, 0.2, 0.1], [0.1, -0.2, 0.2], [-0.1, 0.0, 0.2]])
OFFSET = torch.tensor([0.1, -0.2, 0.3])
CPU = torch.device("cpu")


def decode(latent: Tensor) -> Tensor:
    """A decoder that is affine in the colours and adds a fine texture."""
    assert latent.shape == (1, 4, 8, 8)
    colours = torch.einsum("bchw,cr->brhw", latent, COLOURS) + OFFSET[:, None, None]
    texture = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(32, 32) * 0.3
    return F.interpolate(colours, scale_factor=8) + texture


def test_the_colours_of_any_decoder_are_found() -> None:
    preview = LatentPreview(4, 8, CPU)
    latents = torch.randn((2, 4, 6, 9), generator=torch.Generator().manual_seed(5)) * 0.7
    small = np.asarray(preview(latents, decode).resize((9, 6), 0), float)
    expected = ((latents[0].permute(1, 2, 0) @ COLOURS + OFFSET + 1) * 127.5).clamp(0, 255).numpy()
    unexplained = ((small - expected) ** 2).mean() / expected.var((0, 1)).mean()
    assert unexplained < 0.2, "what is left is bilinear enlarging"
    torch.testing.assert_close(preview._matrix, torch.cat([COLOURS, OFFSET[None]]), rtol=0, atol=1e-4)


def test_the_decoder_is_asked_at_the_first_preview_and_never_again() -> None:
    calls = []

    def counted(latent: Tensor) -> Tensor:
        calls.append(latent)
        return decode(latent)

    preview = LatentPreview(4, 8, CPU)
    preview(torch.zeros(1, 4, 4, 4), counted)
    first = len(calls)
    preview(torch.zeros(1, 4, 4, 4), counted)
    assert len(calls) == first > 0


@pytest.mark.parametrize(
    ("shape", "size"),
    [((16, 16), (128, 128)), ((16, 64), (256, 64)), ((128, 64), (128, 256)), ((2, 2), (16, 16)), ((1, 512), (256, 1))],
)
def test_small_and_in_the_shape_of_the_picture(shape: tuple[int, int], size: tuple[int, int]) -> None:
    assert LatentPreview(4, 8, CPU)(torch.zeros(3, 4, *shape), decode).size == size


def test_numbers_that_are_not_finite_give_a_preview_all_the_same(model: LatentDiffusion) -> None:
    assert model.preview(torch.full((1, 4, 8, 8), float("nan"))).size == (64, 64)
