"""Without seams: a picture that is rolled around its edge gives the rolled answer, in the network and the decoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from PIL import Image, ImageChops
from torch import Tensor, nn
from torch.nn import functional as F

from sdtoolbox.changes import Seamless
from sdtoolbox.engine.changes import changed
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.errors import UserError

AXES = [(Seamless(True, False), (0, 4)), (Seamless(False, True), (4, 0)), (Seamless(True, True), (4, 4))]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(8, 8), (7, 9), (2, 3)])
def test_a_convolution_around_the_edges_is_the_circular_one(stride: int, size: tuple[int, int]) -> None:
    layer = nn.Sequential(nn.Conv2d(3, 5, 3, stride=stride, padding=1))
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), changed(layer, [Seamless()]):
        found = layer(x)
    wrapped = F.pad(x, (1, 1, 1, 1), mode="circular")
    expected = F.conv2d(wrapped, layer[0].weight, layer[0].bias, stride)  # type: ignore[arg-type]
    torch.testing.assert_close(found, expected.detach())


@pytest.mark.parametrize(("change", "by"), AXES)
def test_rolling_commutes_with_the_network(tiny_model: LatentDiffusion, change: Seamless, by: tuple[int, int]) -> None:
    model = tiny_model.changed(change)
    x = torch.randn(1, 4, 8, 16, generator=torch.Generator().manual_seed(1))
    read = model.encode("a house")

    def predicted(model: Any, x: Tensor) -> Tensor:
        found: Tensor = model.predict(x, 1.0, [read])[0]
        return found

    rolled = predicted(model, x.roll(by, (2, 3)))
    torch.testing.assert_close(rolled, predicted(model, x).roll(by, (2, 3)), atol=2e-4, rtol=0)
    torn = predicted(tiny_model, x.roll(by, (2, 3))) - predicted(tiny_model, x).roll(by, (2, 3))
    assert torn.abs().max() > 1e-3


@pytest.mark.parametrize(("change", "by"), AXES)
def test_rolling_commutes_with_the_decoder_and_the_encoder(
    tiny_model: LatentDiffusion, change: Seamless, by: tuple[int, int]
) -> None:
    model = tiny_model.changed(change)
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    (picture,) = model.decode(latents, 64, 64)
    (rolled,) = model.decode(latents.roll(by, (2, 3)), 64, 64)
    down, across = by[0] * 8, by[1] * 8
    difference = ImageChops.difference(rolled, ImageChops.offset(picture, across, down))
    assert max(high for _, high in difference.getextrema()) <= 1  # type: ignore[misc]
    found = model.latents([ImageChops.offset(picture, across, down)])
    torch.testing.assert_close(found, model.latents([picture]).roll(by, (2, 3)), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("change", "size", "field"),
    [(Seamless(True, False), (60, 64), "width"), (Seamless(False, True), (64, 60), "height")],
)
def test_a_size_between_two_latents_is_refused(
    tiny_model: LatentDiffusion, change: Seamless, size: tuple[int, int], field: str
) -> None:
    with pytest.raises(UserError, match="without a seam") as caught:
        tiny_model.changed(change).noise([1], *size)
    assert caught.value.field == field
    assert "56 or 64" in caught.value.hint
    tiny_model.changed(change).noise([1], *reversed(size))


def test_pictures_come_back_through_the_encoder(tiny_model: LatentDiffusion) -> None:
    """Of odd sizes too: edges are repeated, and the middle is where `decode` cuts it from."""
    picture = Image.new("RGB", (41, 30), (200, 30, 60))
    latents = tiny_model.latents([picture, picture])
    assert latents.shape == (2, 4, 4, 6)
    assert latents.dtype == torch.float32
    assert torch.equal(latents[0], latents[1])
    padded = Image.new("RGB", (48, 32), (200, 30, 60))
    assert torch.equal(tiny_model.latents([padded])[0], latents[0])
