"""Small networks of random weights, from files in the catalog to pixels: as spandrel runs them, whole and in tiles."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sdtoolbox.engine.manager import ModelManager
from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.settings import Settings
from sdtoolbox.tasks.tiling import Treatment, treated

RNG = np.random.default_rng(0)


def seeded(network: nn.Module, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.6 / max(1, weight[0].numel()) ** 0.5)
    return network.eval()


def networks() -> dict[str, nn.Module]:
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.DRUNet import DRUNet
    from spandrel.architectures.SwinIR import SwinIR

    sides: dict[str, Any] = {"nb": 2, "act_mode": "R"}
    window: dict[str, Any] = {"img_size": 8, "window_size": 8, "depths": [1], "num_heads": [2], "mlp_ratio": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        swinir = SwinIR(embed_dim=8, upscale=2, upsampler="pixelshuffledirect", resi_connection="1conv", **window)
    return {
        "compact": Compact(num_feat=8, num_conv=4, upscale=2),
        "drunet": DRUNet(in_nc=4, out_nc=3, nc=[8, 8, 8, 8], **sides),
        "grey": DRUNet(in_nc=2, out_nc=1, nc=[8, 8, 8, 8], **sides),
        "swinir": swinir,
    }


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("restorers") / "ESRGAN"
    folder.mkdir()
    for name, network in networks().items():
        state = {key: value.contiguous() for key, value in seeded(network).state_dict().items()}
        save_file(state, folder / f"{name}.safetensors")
    # As many publish theirs: inside a dictionary, in half precision.
    inside = {f"params_ema.{key}": value.half() for key, value in seeded(networks()["compact"]).state_dict().items()}
    save_file(inside, folder / "inside.safetensors")
    save_file({"body.0.weight": torch.zeros(1)}, folder / "nothing.safetensors")
    return folder.parent


@pytest.fixture(scope="module")
def manager(models: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelManager:
    settings = Settings(home=tmp_path_factory.mktemp("home"), device="cpu", threads=1)
    return ModelManager(Catalog([models]), settings)


def picture(height: int, width: int) -> np.ndarray:
    return RNG.random((height, width, 3), dtype=np.float32)


def test_the_catalog_knows_them(models: Path) -> None:
    found = {entry.name: (entry.variant, entry.scale, entry.state) for entry in Catalog([models])}
    assert found["compact"] == found["inside"] == ("compact", 2, "ready")
    assert found["drunet"] == found["grey"] == ("drunet", 1, "ready")
    assert found["swinir"] == ("swinir", None, "ready")


def test_a_network_draws_what_spandrel_draws(manager: ModelManager, models: Path) -> None:
    from spandrel import ModelLoader

    pixels = picture(24, 32)
    theirs = ModelLoader().load_from_file(models / "ESRGAN" / "swinir.safetensors")
    with manager.restorer("swinir") as ours, torch.no_grad():
        wanted = theirs(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
        found = ours(pixels, noise=0.0)
        assert ours.scale == 2
    assert found.shape == (48, 64, 3) and found.dtype == np.float32
    assert np.abs(found - wanted).max() < 1e-5
    assert np.ptp(found) > 0.05


def test_a_denoiser_is_told_the_noise(manager: ModelManager) -> None:
    pixels = picture(16, 24)
    network = seeded(networks()["drunet"])
    with manager.restorer("drunet") as ours, torch.no_grad():
        for noise in (0.0, 0.1):
            image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
            wanted = network(torch.cat([image, torch.full((1, 1, 16, 24), noise)], 1))[0].permute(1, 2, 0).clamp(0, 1)
            assert np.abs(ours(pixels, noise=noise) - wanted.numpy()).max() < 1e-5


def test_one_of_one_channel_sees_each_colour_alone(manager: ModelManager) -> None:
    pixels = picture(16, 24)
    with manager.restorer("grey") as ours:
        found = ours(pixels, noise=0.05)
        alone = ours(np.repeat(pixels[..., 1:2], 3, axis=2), noise=0.05)
    assert found.shape == (16, 24, 3)
    assert np.abs(found[..., 1] - alone[..., 0]).max() < 1e-5
    assert np.abs(found[..., 0] - found[..., 1]).max() > 1e-3


def test_a_dictionary_around_the_weights_does_not_matter(manager: ModelManager) -> None:
    pixels = picture(20, 20)
    with manager.restorer("compact") as one, manager.restorer("inside") as other:
        assert np.abs(one(pixels, noise=0) - other(pixels, noise=0)).max() < 5e-3


@pytest.mark.parametrize("name", ["compact", "drunet", "swinir"])
@pytest.mark.parametrize("size", [(1, 1), (7, 130), (37, 41)])
def test_pictures_of_any_size(manager: ModelManager, name: str, size: tuple[int, int]) -> None:
    with manager.restorer(name) as network:
        found = network(picture(*size), noise=0.1)
        assert found.shape == (size[0] * network.scale, size[1] * network.scale, 3)
        assert found.min() >= 0 and found.max() <= 1


@pytest.mark.parametrize("name", ["compact", "drunet"])
def test_tiles_give_what_the_whole_gives(manager: ModelManager, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdtoolbox.engine.restore import network as module

    pixels = (picture(250, 300) * 65535).astype(np.uint16)
    with manager.restorer(name) as network:
        assert network.reach is not None
        whole = treated(Treatment(network, noise=0.1), pixels, np.dtype(np.uint16))
        monkeypatch.setattr(module, "TILE", 96)
        parts: list[float] = []
        found = treated(Treatment(network, noise=0.1), pixels, np.dtype(np.uint16), parts.append)
    assert len(parts) > 4
    assert np.abs(found.astype(int) - whole).max() <= 65535 / 1024


def test_it_looks_no_farther_than_its_convolutions_reach(manager: ModelManager) -> None:
    with manager.restorer("compact") as network:
        assert network.reach is not None and 1 <= network.reach <= 6


def test_it_is_kept_and_named(manager: ModelManager) -> None:
    loadings: list[int] = []
    manager.unload(manager._catalog.find("compact", "restorer").id)
    for _ in range(2):
        with manager.restorer("compact", on_loading=lambda: loadings.append(1)) as network:
            environment = network.environment
    assert len(loadings) == 1
    (named,) = environment["networks"]
    assert named["name"] == "compact" and len(named["sha256"]) == 64
    assert environment["precision"] == "float32"


def test_what_is_no_network_is_refused(manager: ModelManager) -> None:
    with pytest.raises(UserError) as caught, manager.restorer("nothing"):
        pass
    assert caught.value.code in ("MODEL_TYPE", "MODEL_MISSING", "MODEL_CORRUPT")
