from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL

from sdtoolbox.engine.autoencoder import Autoencoder


def vae_of(**config: Any) -> AutoencoderKL:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AutoencoderKL(
            block_out_channels=(8, 16),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            latent_channels=4,
            norm_num_groups=4,
            **config,
        ).eval()


PICTURE = torch.rand((1, 3, 16, 24), generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize(
    ("config", "plain"),
    [
        ({"scaling_factor": 0.5}, lambda z: z / 0.5),
        ({"scaling_factor": 0.5, "shift_factor": 0.25}, lambda z: z / 0.5 + 0.25),
        (
            {"scaling_factor": 0.5, "latents_mean": [0.1, 0.2, 0.3, 0.4], "latents_std": [1.0, 2.0, 3.0, 4.0]},
            lambda z: (
                z * torch.tensor([1.0, 2, 3, 4]).view(1, 4, 1, 1) / 0.5
                + torch.tensor([0.1, 0.2, 0.3, 0.4]).view(1, 4, 1, 1)
            ),
        ),
    ],
    ids=["scaled", "shifted", "by channel"],
)
@torch.no_grad()
def test_latents_are_scaled_as_the_configuration_says(config: dict[str, Any], plain: Any) -> None:
    vae = vae_of(**config)
    autoencoder = Autoencoder(vae, "sd1")
    assert (autoencoder.channels, autoencoder.factor) == (4, 2)
    latents = autoencoder.encode(PICTURE)
    assert latents.shape == (1, 4, 8, 12)
    torch.testing.assert_close(plain(latents), vae.encode(PICTURE).latent_dist.mode())
    torch.testing.assert_close(autoencoder.decode(latents), vae.decode(plain(latents)).sample)


@pytest.mark.parametrize(("base", "scale"), [("sd1", 0.18215), ("sdxl", 0.13025)])
@torch.no_grad()
def test_a_vae_that_does_not_know_its_scale_has_the_familys(base: str, scale: float) -> None:
    vae = vae_of(scaling_factor=None)
    torch.testing.assert_close(Autoencoder(vae, base).encode(PICTURE), vae.encode(PICTURE).latent_dist.mode() * scale)


@torch.no_grad()
def test_pictures_are_float32_whatever_the_weights_are() -> None:
    autoencoder = Autoencoder(vae_of().to(torch.bfloat16), "sd1")
    assert autoencoder.encode(PICTURE).dtype == torch.float32
    assert autoencoder.decode(torch.zeros(1, 4, 4, 4)).dtype == torch.float32
