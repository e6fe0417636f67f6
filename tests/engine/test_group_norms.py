from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from sdtoolbox.changes import Tiles
from sdtoolbox.engine.calling import Calling
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.group_norms import recorded, thumbnail, used
from sdtoolbox.engine.loading import load
from sdtoolbox.engine.pixels import to_tensor
from sdtoolbox.engine.tiles import Tile
from sdtoolbox.settings import bundled
from tests.engine.test_families import CPU
from tests.engine.test_single_file import entry_of
from tests.engine.test_tiles import seeded


def network(affine: bool = True) -> nn.Sequential:
    layers = nn.Conv2d(2, 4, 1), nn.GroupNorm(2, 4, affine=affine), nn.Conv2d(4, 4, 1), nn.GroupNorm(4, 4)
    return seeded(nn.Sequential(*layers))


def plane(height: int = 12, width: int = 10) -> Tensor:
    values = torch.randn(1, 2, height, width, generator=torch.Generator().manual_seed(0))
    return values * torch.linspace(0.1, 3, width) + torch.linspace(-2, 2, height)[:, None]


def test_a_piece_is_seen_as_in_the_whole() -> None:
    for affine in (True, False):
        net = network(affine)
        with recorded(net) as moments:
            whole = net(plane())
        with used(net, moments):
            torch.testing.assert_close(net(plane()), whole)
            torch.testing.assert_close(net(plane()[..., 3:7, 2:9]), whole[..., 3:7, 2:9])
        assert (net(plane()[..., 3:7, 2:9]) - whole[..., 3:7, 2:9]).abs().max() > 0.1


def test_half_precision_keeps_its_type() -> None:
    net = network().to(torch.bfloat16)
    with recorded(net) as moments:
        whole = net(plane().bfloat16())
    with used(net, moments):
        found = net(plane().bfloat16())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, whole, rtol=0.05, atol=0.1)


def test_nothing_is_left_behind_and_other_threads_are_left_alone() -> None:
    net, answers = network(), []
    usual = net(plane())
    with recorded(net) as moments:
        net(plane() * 5 + 3)
    with used(net, moments):
        thread = threading.Thread(target=lambda: answers.append(net(plane())))
        thread.start()
        thread.join()
        assert (net(plane()) - usual).abs().max() > 0.1
    assert torch.equal(answers[0], usual)
    assert torch.equal(net(plane()), usual)
    assert not any(module._forward_hooks for module in net.modules())


def test_a_thumbnail_has_the_light_and_the_contrast_of_the_picture() -> None:
    large = plane(96, 80)
    small = thumbnail(large, 24, 20)
    assert small.shape == (1, 2, 24, 20)
    torch.testing.assert_close(small.mean((2, 3)), large.mean((2, 3)), rtol=0, atol=0.2)
    torch.testing.assert_close(small.std((2, 3)), large.std((2, 3)), rtol=0.1, atol=0)


def test_tiles_of_one_picture_are_decoded_and_encoded_in_one_light() -> None:
    """Far nearer to the whole than tiles by themselves, of a sky above a meadow, by a model that has learned both."""
    storybook = bundled("assets") / "models" / "checkpoints" / "storybook"
    entry = entry_of(storybook, "sd1")
    model = LatentDiffusion(entry, load(entry, CPU), CPU, str)
    sky, meadow = np.array([96, 160, 240]), np.array([90, 170, 60])
    rows = np.where(np.arange(192)[:, None, None] < 90, sky, meadow) + np.linspace(-40, 40, 256)[:, None]
    picture = Image.fromarray(rows.clip(0, 255).astype(np.uint8))
    latents, vae = model.latents([picture]), model._autoencoder
    pixels = to_tensor(picture, 8, CPU.torch_device)
    tiles = Calling((Tiles(128, 128, 32),), 8)
    cut = tiles.tiling(24, 32)

    def of_tile(call: Callable[[Tensor], Tensor], given: Tensor, takes: int, tile: Tile) -> Tensor:
        return call(tile.of(given, takes))

    for call, given, takes, gives in ((vae.decode, latents, 1, 8), (vae.encode, pixels, 8, 1)):
        with torch.no_grad():
            whole = call(given)
            apart = cut.blended(partial(of_tile, call, given, takes), gives)
        together = tiles.blended(model._vae, "it", call, given, takes=takes, gives=gives)
        assert (together - whole).abs().mean() < 0.5 * (apart - whole).abs().mean()
