"""The storybook's UNet: v-prediction on latents, steered by a caption.

v-prediction: v = alpha eps - sigma x (Salimans & Ho 2022, eq. 11 ff.). Loss weight: min(SNR, 5) / (SNR + 1), which is
min-SNR-5 (Hang et al. 2023, section 3.4) for v. A tenth of the captions is empty, for classifier-free guidance
(Ho & Salimans 2022).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler, DPMSolverMultistepScheduler, UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from sdtoolbox.training.run import Metrics, Options
from sdtoolbox.training.storybook.captions import EMPTY, caption
from sdtoolbox.training.storybook.latents import Latents
from sdtoolbox.training.storybook.text import token_ids
from sdtoolbox.training.storybook.vae import to_pictures

NAME = "diffusion"
LATENT = (4, 16, 16)
CHANNELS = (64, 96, 160)
DROPPED_CAPTIONS = 0.1
REFRESH_STEPS = 50  # the data set may still be growing
SNR_LIMIT = 5.0
NOISE: dict[str, object] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
}
PREVIEW = (
    "a big red house in a meadow, on the left, by day",
    "a blue boat on the sea, at sunset, in the middle",
    "a small white cat in the snow, at night, on the right",
    "a yellow balloon in the desert, by day, in the middle, with mountains",
    "a big green tree on the left, in a meadow, at sunset",
    "a purple castle on the right, in the snow, by day",
    "a pink umbrella in the middle, in the desert, at night",
    "an orange rocket on the left and a white cat on the right, in a meadow, by day",
    "a red mushroom in a meadow, in the middle, by day, pixel art",
    "a blue car in the desert, on the right, at sunset, watercolour",
    "a yellow fish on the sea, in the middle, at night",
    "a red windmill in the snow, on the left, by day, pencil sketch",
)


def build(width: int, channels: tuple[int, ...]) -> UNet2DConditionModel:
    """An untrained UNet that reads text of `width` features; attention below its finest level."""
    return UNet2DConditionModel(
        sample_size=LATENT[1],
        in_channels=LATENT[0],
        out_channels=LATENT[0],
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * (len(channels) - 1)),
        up_block_types=(*("CrossAttnUpBlock2D",) * (len(channels) - 1), "UpBlock2D"),
        block_out_channels=channels,
        layers_per_block=1,
        cross_attention_dim=width,
        attention_head_dim=4,  # the number of heads, whatever diffusers calls it
        norm_num_groups=16,
    )


def loss_weight(snr: Tensor) -> Tensor:
    """min-SNR weight of the squared error of v: min(SNR, 5) / (SNR + 1)."""
    return snr.clamp(max=SNR_LIMIT) / (snr + 1.0)


class Recipe:
    """Trains the UNet; the text encoder is frozen."""

    name = NAME

    def __init__(
        self,
        options: Options,
        latents: Latents,
        tokenizer: CLIPTokenizer,
        encoder: CLIPTextModel,
        vae: AutoencoderKL | None = None,
    ) -> None:
        self.options, self.latents, self.tokenizer, self.vae = options, latents, tokenizer, vae
        self.encoder = encoder.to(options.device).eval().requires_grad_(False)
        torch.manual_seed(options.seed)
        self.unet = build(encoder.config.hidden_size, CHANNELS).to(options.device)
        self.module: nn.Module = self.unet
        self.scheduler = DDPMScheduler(**NOISE)
        alphas = self.scheduler.alphas_cumprod
        self.snr = (alphas / (1.0 - alphas)).to(options.device)  # (1000,)

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        rng = random.Random(f"{NAME}/{self.options.seed}/{step}/{self.options.rank}")
        device = self.options.device
        if step % REFRESH_STEPS == 0:
            self.latents.refresh()
        clean, scenes = self.latents.batch(rng, self.options.batch)
        texts = [EMPTY if rng.random() < DROPPED_CAPTIONS else caption(scene, rng) for scene in scenes]
        with torch.no_grad():
            tokens = encode_text(self.tokenizer, self.encoder, texts)  # (B, 77, width)
        numbers = self.options.generator(NAME, step)
        noise = torch.randn(clean.shape, generator=numbers).to(device)
        # One time from each of B equal strata: the same distribution with less variance.
        times = (torch.arange(len(clean)) + torch.rand(len(clean), generator=numbers)) / len(clean)
        times = (times * len(self.snr)).long().to(device)
        clean = clean.to(device)
        noisy = self.scheduler.add_noise(clean, noise, times)
        wanted = self.scheduler.get_velocity(clean, noise, times)
        made = self.unet(noisy, times, tokens).sample
        error = (made - wanted).square().mean((1, 2, 3))  # (B,)
        return (error * loss_weight(self.snr[times])).mean(), {"error": error.mean().item()}

    def report(self, averaged: nn.Module, folder: Path, step: int) -> Metrics:
        if self.vae is None:
            return {}
        assert isinstance(averaged, UNet2DConditionModel)
        seeds = [1000 + index for index in range(len(PREVIEW))]
        drawn = sample(averaged, self.vae, self.tokenizer, self.encoder, PREVIEW, seeds, steps=12)
        paper = Image.new("RGB", (6 * 130, 2 * 130), "white")
        for index, picture in enumerate(drawn):
            paper.paste(picture, (index % 6 * 130, index // 6 * 130))
        paper.save(folder / f"diffusion-{step:06d}.png")
        return {}


@torch.no_grad()
def encode_text(tokenizer: CLIPTokenizer, encoder: CLIPTextModel, texts: Sequence[str]) -> Tensor:
    """What the UNet reads: (B, 77, width)."""
    ids = token_ids(tokenizer, texts).to(encoder.device)
    features: Tensor = encoder(input_ids=ids).last_hidden_state
    return features


@torch.no_grad()
def sample(
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    tokenizer: CLIPTokenizer,
    encoder: CLIPTextModel,
    sentences: Sequence[str],
    seeds: Sequence[int],
    steps: int = 20,
    guidance: float = 4.0,
    batch: int = 16,
) -> list[Image.Image]:
    """One picture for each sentence and seed: DPM-Solver++ 2M (Lu et al. 2022) on Karras et al.'s (2022) sigmas."""
    pictures: list[Image.Image] = []
    for start in range(0, len(sentences), batch):
        texts, chosen = list(sentences[start : start + batch]), seeds[start : start + batch]
        scheduler = DPMSolverMultistepScheduler(**NOISE, use_karras_sigmas=True, timestep_spacing="linspace")
        scheduler.set_timesteps(steps)
        tokens = torch.cat([encode_text(tokenizer, encoder, [EMPTY] * len(texts)),
                            encode_text(tokenizer, encoder, texts)])  # fmt: skip
        noise = [torch.randn(LATENT, generator=torch.Generator().manual_seed(seed)) for seed in chosen]
        latents = torch.stack(noise).to(unet.device) * scheduler.init_noise_sigma
        for time in scheduler.timesteps:
            both = scheduler.scale_model_input(torch.cat([latents, latents]), time)
            empty, stated = unet(both, time, tokens).sample.chunk(2)
            latents = scheduler.step(empty + guidance * (stated - empty), time, latents).prev_sample
        pictures += to_pictures(vae.decode(latents / vae.config.scaling_factor).sample)
    return pictures
