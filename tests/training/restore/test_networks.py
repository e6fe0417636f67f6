from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from spandrel import ModelLoader

from sdtoolbox.training.restore import networks
from sdtoolbox.training.run import save_atomically


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_a_new_unet_nearly_repeats_its_picture(pictures: torch.Tensor) -> None:
    with torch.no_grad():
        made = networks.unet(0)(networks.with_map(pictures, torch.full((1, 1, 1, 1), 0.1)))
    assert made.shape == pictures.shape
    assert (made - pictures).abs().mean() < 0.1


@pytest.mark.parametrize("scale", [2, 4])
def test_a_new_compact_network_nearly_interpolates(scale: int) -> None:
    side = 12
    places = torch.linspace(0.2, 0.6, side)
    small = (places[:, None] + 0.5 * places).expand(1, 3, side, side)
    with torch.no_grad():
        made = networks.compact(scale, 0)(small.contiguous())
    wanted = F.interpolate(small, scale_factor=scale, mode="bicubic")
    inner = (..., slice(2 * scale, -2 * scale), slice(2 * scale, -2 * scale))  # the rim sees zeros beyond the edge
    assert (made - wanted)[inner].abs().mean() < 0.02


@pytest.mark.parametrize("scale", [2, 4])
def test_parabolas_through_pixels_continue_ramps(scale: int) -> None:
    kernels = networks.parabolas(scale)
    assert kernels.shape == (scale**2, 3, 3)
    assert kernels.sum((1, 2)).abs().max() < 1e-6  # they are added to repeated pixels
    ramp = torch.arange(3.0)[None, :].expand(3, 3)
    columns = ((torch.arange(scale) + 0.5) / scale - 0.5).repeat(scale)
    assert torch.allclose((kernels * ramp).sum((1, 2)) + 1.0, 1.0 + columns, atol=1e-6)


def test_spandrel_knows_them_by_their_tensors() -> None:
    loader = ModelLoader(device="cpu")
    found = loader.load_from_state_dict(networks.unet(0).state_dict())
    assert (found.architecture.id, found.input_channels, found.output_channels, found.scale) == ("DRUNet", 3, 3, 1)
    for scale in (2, 4):
        found = loader.load_from_state_dict(networks.compact(scale, 0).state_dict())
        assert (found.architecture.id, found.scale) == ("Compact", scale)


def test_a_network_that_ignores_its_map_does_so_after_a_step_of_training(pictures: torch.Tensor) -> None:
    module = networks.unet(0)
    networks.ignore_map(module)
    with torch.no_grad():
        module.m_head.weight.add_(0.01 * (torch.arange(4) < 3)[None, :, None, None])  # type: ignore[union-attr]
    module(networks.with_map(pictures, torch.zeros(1, 1, 1, 1))).square().mean().backward()
    assert module.m_head.weight.grad[:, 3].abs().max() == 0.0  # type: ignore[union-attr, index]
    with torch.no_grad():
        results = [module(networks.with_map(pictures, torch.full((1, 1, 1, 1), value))) for value in (0.0, 0.7)]
    assert torch.equal(*results)


def test_a_network_begins_with_what_fits_of_another(tmp_path: Path) -> None:
    learned = networks.compact(4, seed=1)
    save_atomically({"average": learned.state_dict(), "step": 1, "samples": 2, "seconds": 3.0}, tmp_path / "sr4.pt")
    module = networks.compact(2, seed=2)
    last = module.state_dict()["body.26.weight"].clone()
    networks.begin_from(module, tmp_path, "sr4")
    assert torch.equal(module.state_dict()["body.0.weight"], learned.state_dict()["body.0.weight"])
    assert torch.equal(module.state_dict()["body.26.weight"], last)  # makes 4 pixels of one, not 16


def test_of_a_fourfold_network_a_twofold_one_makes_the_mean(tmp_path: Path, pictures: torch.Tensor) -> None:
    learned = networks.compact(4, seed=1)
    with torch.no_grad():
        for parameter in learned.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    save_atomically({"average": learned.state_dict(), "step": 1, "samples": 2, "seconds": 3.0}, tmp_path / "sr4.pt")
    module = networks.compact(2, seed=2)
    networks.begin_from_fourfold(module, tmp_path)
    with torch.no_grad():
        assert torch.allclose(module(pictures), F.avg_pool2d(learned(pictures), 2), atol=1e-4)
