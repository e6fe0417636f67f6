"""Networks that see a tile at a time: what they are shown, and that the tiles become one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sdtoolbox.changes import FreeU, Repaint, Seamless, Tiles
from sdtoolbox.engine.calling import Calling
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.errors import Cancelled, UserError
from tests.engine.test_families import model_of, write
from tests.engine.test_inpainting import HEIGHT, WIDTH, picture, round_mask, values
from tests.engine.test_tiles import seeded

TILES = Tiles(32, 40, 8)  # on 7x9 latents: two across and two down, of 4x5


def noise(height: int = 9, width: int = 7, images: int = 1) -> Tensor:
    return torch.randn(images, 4, height, width, generator=torch.Generator().manual_seed(5)) * 3


@contextmanager
def seen_by(module: nn.Module) -> Iterator[list[Any]]:
    """The first input of each call, and all that are named, as they come."""
    calls: list[Any] = []
    handle = module.register_forward_pre_hook(
        lambda _module, inputs, named: calls.append((inputs[0], named)), with_kwargs=True
    )
    yield calls
    handle.remove()


def estimate(model: LatentDiffusion, x: Tensor, sigma: float = 3.0) -> Tensor:
    return model.predict(x, sigma, [model.encode("a house")])[0]


def test_a_tile_that_holds_the_picture_changes_no_bit(tiny_model: LatentDiffusion) -> None:
    whole = tiny_model.changed(Tiles(WIDTH, HEIGHT, 8))
    assert torch.equal(estimate(whole, noise()), estimate(tiny_model, noise()))
    assert torch.equal(whole.latents([picture()]), tiny_model.latents([picture()]))
    assert whole.decode(noise(), WIDTH, HEIGHT)[0].tobytes() == tiny_model.decode(noise(), WIDTH, HEIGHT)[0].tobytes()


def test_no_network_sees_more_than_a_tile(tiny_model: LatentDiffusion) -> None:
    model = tiny_model.changed(TILES)
    with seen_by(model._unet) as calls:
        found = model.predict(noise(images=2), 3.0, [model.encode("a house"), model.encode("snow")])
    assert [one.shape for one in found] == [(2, 4, 9, 7)] * 2
    assert [tuple(x.shape) for x, _ in calls] == [(4, 4, 5, 4)] * 5, "the whole, small, and four tiles"
    with seen_by(model._vae.encoder) as calls:
        assert model.latents([picture()]).shape == (1, 4, 9, 7)
    assert [tuple(x.shape) for x, _ in calls] == [(1, 3, 40, 32)] * 5
    with seen_by(model._vae.decoder) as calls:
        assert model.decode(noise(), WIDTH, HEIGHT)[0].size == (WIDTH, HEIGHT)
    assert [tuple(x.shape) for x, _ in calls] == [(1, 4, 5, 4)] * 5


def test_networks_that_see_little_find_the_same_as_of_the_whole() -> None:
    """Away from the edges of tiles, for answers that are larger and smaller than what was seen."""
    network = seeded(nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.AvgPool2d(8)))
    plane = torch.randn(1, 3, 72, 56, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = network(plane)
        found = Calling((TILES,), 8).blended(network, "it", network, plane, takes=8)
    assert found.shape == wanted.shape == (1, 2, 9, 7)
    alone_row, alone_column = torch.arange(9) != 4, torch.arange(7) != 3  # what two tiles share
    alone = alone_row[:, None] & alone_column
    torch.testing.assert_close(found[..., alone], wanted[..., alone], rtol=0, atol=1e-5)
    assert (found - wanted)[..., ~alone].abs().max() < wanted.abs().max()


def test_what_lies_around_a_mask_is_cut_like_the_noise(tmp_path: Path) -> None:
    plain = model_of(write(tmp_path, "sd1", variant="inpaint")[0], "sd1")
    model = plain.changed(Repaint(picture(), values(round_mask())))
    tiled = model.changed(TILES)
    shown = tiled._shown_beside(noise())
    with seen_by(model._unet) as calls:
        estimate(tiled, noise())
    places = [(top, left) for top in (0, 4) for left in (0, 3)]
    for (x, _), (top, left) in zip(calls[1:], places, strict=True):
        assert torch.equal(x[:, 4:], shown[..., top : top + 5, left : left + 4])
    whole = model._shown_beside(noise())
    assert torch.equal(shown[:, :1], whole[:, :1]), "the mask"


def test_networks_are_told_the_size_of_the_tile(tmp_path: Path) -> None:
    model = model_of(write(tmp_path, "sdxl")[0], "sdxl")
    with seen_by(model._unet) as calls:
        estimate(model.changed(TILES), noise())
        estimate(model, noise())
    told = [named["added_cond_kwargs"]["time_ids"].tolist() for _, named in calls]
    assert told == [*[[[40, 32, 0, 0, 40, 32]]] * 5, [[72, 56, 0, 0, 72, 56]]]


def test_other_changes_act_in_every_tile(tiny_model: LatentDiffusion) -> None:
    plain, strong = tiny_model.changed(TILES), tiny_model.changed(TILES, FreeU(1.4, 1.6, 0.9, 0.2))
    difference = (estimate(plain, noise()) - estimate(strong, noise())).abs().amax(dim=(0, 1))
    assert (difference > 1e-5).all()


def test_a_seamless_picture_has_no_edge_in_tiles_either(tiny_model: LatentDiffusion) -> None:
    """Moved around by the distance of two tiles it is the same picture, moved around."""
    model = tiny_model.changed(Tiles(32, 32, 16), Seamless())
    x = noise(8, 8)

    def moved(plane: Tensor) -> Tensor:
        return plane.roll((4, 4), (2, 3))

    torch.testing.assert_close(estimate(model, moved(x)), moved(estimate(model, x)), rtol=0, atol=1e-4)
    across = tiny_model.changed(Tiles(64, 32, 16), Seamless())  # one tile wide: it meets its own edge as ever
    torch.testing.assert_close(estimate(across, x.roll(4, 3)), estimate(across, x).roll(4, 3), rtol=0, atol=1e-4)
    open_edges = tiny_model.changed(Tiles(32, 32, 16))
    assert (estimate(open_edges, moved(x)) - moved(estimate(open_edges, x))).abs().max() > 1e-2


def test_whoever_waits_may_give_up_before_each_tile(tiny_model: LatentDiffusion) -> None:
    def counting(calls: list[int], last: int) -> Callable[[], None]:
        def before_each() -> None:
            calls.append(len(calls))
            if len(calls) == last:
                raise Cancelled

        return before_each

    asked: list[int] = []
    estimate(tiny_model.changed(Tiles(32, 40, 8, counting(asked, 99))), noise())
    assert len(asked) == 5
    with pytest.raises(Cancelled):
        estimate(tiny_model.changed(Tiles(32, 40, 8, counting(again := [], 3))), noise())
    assert len(again) == 3
    estimate(tiny_model.changed(Tiles(WIDTH, HEIGHT, 16, counting(again, 4))), noise())
    assert len(again) == 3, "one tile is no reason to ask"


def test_an_overlap_as_wide_as_the_tile_is_refused(tiny_model: LatentDiffusion) -> None:
    with pytest.raises(UserError, match="overlap"):
        estimate(tiny_model.changed(Tiles(32, 32, 32)), noise())
