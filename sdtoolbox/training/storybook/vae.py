"""The storybook's autoencoder: 128 x 128 pixels become 4 x 16 x 16 latents and back.

Trained on crops first (two thirds of them around objects, so that their colours and outlines count more than
skies do) and on whole pictures at the end, so that the statistics of the group norms are those of use.
"""

from __future__ import annotations

import copy
import random
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor, nn

from sdtoolbox.training.run import Metrics, Options
from sdtoolbox.training.storybook import evaluation, world

NAME = "vae"
SIZE = 128
CROP = 64
CROPS_PER_PICTURE = 4
WHOLE_PICTURES_FROM = 0.7  # of the budget; until then crops
CHANNELS = (16, 24, 48, 96)
KL_WEIGHT = 1e-4
DECODER_SQUARE = 4.0  # what is trained on later weighs big errors more
ANCHOR = 1.0  # weight of the squared distance that a polished latent has from the one it was
POLISH_NOISE = 0.02  # of latents with standard deviation 1: a UNet's latents are never exact
HELD_OUT = 48  # pictures a report measures on
CENTRES = {"left": 0.23, "middle": 0.5, "right": 0.77}


def build(channels: tuple[int, ...] | None = None) -> AutoencoderKL:
    """An untrained autoencoder with a factor of 8 and 4 latent channels."""
    channels = channels or CHANNELS
    levels = len(channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=channels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=SIZE,
        mid_block_add_attention=False,
    )


def to_tensor(pictures: list[Image.Image]) -> Tensor:
    """RGB pictures as (B, 3, H, W) in [-1, 1]."""
    pixels = np.stack([np.asarray(picture) for picture in pictures])  # (B, H, W, 3)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def to_pictures(pixels: Tensor) -> list[Image.Image]:
    """(B, 3, H, W) in [-1, 1] as RGB pictures."""
    array = pixels.float().add(1.0).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(picture) for picture in array]


def crops(rng: random.Random, count: int) -> Tensor:
    """`count` crops (count, 3, 64, 64) of fresh pictures, two thirds of them around an object."""
    found: list[Tensor] = []
    while len(found) < count:
        scene = evaluation.training_scene(rng)
        picture = to_tensor([world.draw(scene, rng.getrandbits(32), SIZE)])[0]
        for _ in range(min(CROPS_PER_PICTURE, count - len(found))):
            left, top = rng.randint(0, SIZE - CROP), rng.randint(0, SIZE - CROP)
            if rng.random() < 2 / 3:
                centre = CENTRES[rng.choice(scene.items).place] * SIZE
                left = min(max(round(centre - CROP / 2 + rng.uniform(-16, 16)), 0), SIZE - CROP)
                top = rng.randint(24, SIZE - CROP)
            found.append(picture[:, top : top + CROP, left : left + CROP])
    return torch.stack(found)


def whole_pictures(rng: random.Random, count: int) -> Tensor:
    """`count` fresh pictures (count, 3, 128, 128)."""
    scenes = [evaluation.training_scene(rng) for _ in range(count)]
    return to_tensor([world.draw(scene, rng.getrandbits(32), SIZE) for scene in scenes])


def picture_loss(made: Tensor, wanted: Tensor, square: float = 0.5) -> Tensor:
    """L1 + `square` MSE + 0.5 L1 of neighbour differences + 0.5 L1 of colour differences; both (B, 3, H, W)."""
    error = made - wanted
    slope = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    chroma = (error - error.roll(1, dims=1)).abs().mean()  # red - blue, green - red, blue - green
    return error.abs().mean() + square * error.square().mean() + 0.25 * slope + 0.5 * chroma


class Recipe:
    """Trains the autoencoder."""

    name = NAME

    def __init__(self, options: Options) -> None:
        self.options = options
        torch.manual_seed(options.seed)
        self.vae = build().to(options.device)
        self.module: nn.Module = self.vae

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        rng = random.Random(f"{NAME}/{self.options.seed}/{step}/{self.options.rank}")
        if fraction < WHOLE_PICTURES_FROM:
            pixels = crops(rng, self.options.batch)
        else:
            pixels = whole_pictures(rng, max(1, self.options.batch // 4))  # as many pixels as the crops
        pixels = pixels.to(self.options.device)
        latents = self.vae.encode(pixels).latent_dist
        noise = torch.randn(latents.mean.shape, generator=self.options.generator(NAME, step)).to(pixels.device)
        made = self.vae.decode(latents.mean + latents.std * noise).sample
        kl = 0.5 * (latents.mean.square() + latents.var - 1.0 - latents.logvar).mean()
        loss = picture_loss(made, pixels)
        mse = (made.detach() - pixels).square().mean()
        return loss + KL_WEIGHT * kl, {"kl": kl.item(), "psnr": -10.0 * float((mse / 4.0).log10())}

    def report(self, averaged: nn.Module, folder: Path, step: int) -> Metrics:
        assert isinstance(averaged, AutoencoderKL)
        flat, flat_made = round_trip(averaged, held_out_pictures(HELD_OUT, "flat"))
        every, every_made = round_trip(averaged, held_out_pictures(HELD_OUT))
        sheet([*flat[:10], *every[:10]], [*flat_made[:10], *every_made[:10]]).save(folder / "vae.png")
        return {"flat_psnr": mean_psnr(flat, flat_made), "all_psnr": mean_psnr(every, every_made)}


class DecoderRecipe(Recipe):
    """Trains the decoder on, for an encoder that is final: latents made so far stay valid."""

    name = "decoder"

    def __init__(self, options: Options, vae: AutoencoderKL) -> None:
        self.options = options
        self.vae = vae.to(options.device)
        self.module = self.vae
        for part in (self.vae.encoder, self.vae.quant_conv):
            assert part is not None
            part.requires_grad_(False)

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        rng = random.Random(f"{self.name}/{self.options.seed}/{step}/{self.options.rank}")
        pixels = whole_pictures(rng, self.options.batch).to(self.options.device)
        with torch.no_grad():
            latents = self.vae.encode(pixels).latent_dist
            noise = torch.randn(latents.mean.shape, generator=self.options.generator(self.name, step))
            codes = latents.mean + latents.std * noise.to(pixels.device)
        made = self.vae.decode(codes).sample
        mse = (made.detach() - pixels).square().mean()
        return picture_loss(made, pixels, DECODER_SQUARE), {"psnr": -10.0 * float((mse / 4.0).log10())}


class PolishRecipe(Recipe):
    """Trains encoder and decoder on together, while every latent is held near the one that it was.

    So the encoder can tell the decoder more in the last digits of a latent, and a UNet that was trained on the
    latents before still fits: `drift` is the root mean square of what they moved, of a standard deviation of 1.
    """

    name = "polish"

    def __init__(self, options: Options, vae: AutoencoderKL) -> None:
        self.options = options
        self.vae = vae.to(options.device)
        self.module = self.vae
        self.before = copy.deepcopy(self.vae).requires_grad_(False).eval()

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        rng = random.Random(f"{self.name}/{self.options.seed}/{step}/{self.options.rank}")
        pixels = whole_pictures(rng, self.options.batch).to(self.options.device)
        with torch.no_grad():
            anchor = self.before.encode(pixels).latent_dist.mean  # (B, 4, 16, 16)
        codes = self.vae.encode(pixels).latent_dist.mean
        noise = torch.randn(codes.shape, generator=self.options.generator(self.name, step))
        made = self.vae.decode(codes + POLISH_NOISE * noise.to(pixels.device)).sample
        drift = (codes - anchor).square().mean()
        mse = (made.detach() - pixels).square().mean()
        loss = picture_loss(made, pixels, DECODER_SQUARE) + ANCHOR * drift
        return loss, {"drift": drift.item() ** 0.5, "psnr": -10.0 * float((mse / 4.0).log10())}


def held_out_pictures(count: int, style: str | None = None) -> list[Image.Image]:
    """The same `count` pictures on every call; no training step draws with their generator."""
    rng = random.Random(f"{NAME}/held out/{style}")
    scenes = [world.sample_scene(rng, style=style) for _ in range(count)]
    return [world.draw(scene, rng.getrandbits(32), SIZE) for scene in scenes]


@torch.no_grad()
def round_trip(
    vae: AutoencoderKL, pictures: list[Image.Image], batch: int = 16
) -> tuple[list[Image.Image], list[Image.Image]]:
    """The pictures, and what is left of them after encoding (the mean) and decoding."""
    device = next(vae.parameters()).device
    made: list[Image.Image] = []
    for start in range(0, len(pictures), batch):
        pixels = to_tensor(pictures[start : start + batch]).to(device)
        made += to_pictures(vae.decode(vae.encode(pixels).latent_dist.mode()).sample)
    return pictures, made


def psnr(wanted: Image.Image, made: Image.Image) -> float:
    """Peak signal to noise ratio in dB of 8-bit pictures."""
    error = np.asarray(wanted, dtype=np.float64) - np.asarray(made, dtype=np.float64)
    return float(10.0 * np.log10(255.0**2 / max(1e-9, float(np.mean(error**2)))))


def mean_psnr(wanted: list[Image.Image], made: list[Image.Image]) -> float:
    """Mean over the pictures of each one's PSNR in dB."""
    return float(np.mean([psnr(a, b) for a, b in zip(wanted, made, strict=True)]))


def sheet(above: list[Image.Image], below: list[Image.Image], columns: int = 10) -> Image.Image:
    """Contact sheet: rows of `above`, each over its row of `below`."""
    size, rows = above[0].width + 2, -(-len(above) // columns)
    paper = Image.new("RGB", (columns * size, 2 * rows * size), "white")
    for index, (top, bottom) in enumerate(zip(above, below, strict=True)):
        x, y = index % columns * size, index // columns * 2 * size
        paper.paste(top, (x, y))
        paper.paste(bottom, (x, y + size))
    return paper


@torch.no_grad()
def normalize_latents(vae: AutoencoderKL, pictures: list[Image.Image]) -> AutoencoderKL:
    """Gives each latent channel mean 0 and standard deviation 1 over `pictures`, and sets `scaling_factor` to 1.

    The change is folded into the two 1 x 1 convolutions beside the latents (`quant_conv`, `post_quant_conv`), so
    what the autoencoder reconstructs stays the same. Works in place.
    """
    device = next(vae.parameters()).device
    batches = [to_tensor(pictures[i : i + 16]).to(device) for i in range(0, len(pictures), 16)]
    latents = torch.cat([vae.encode(batch).latent_dist.mode() for batch in batches])  # (N, 4, 16, 16)
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))  # (4,), (4,)
    into, out = vae.quant_conv, vae.post_quant_conv
    assert into is not None and out is not None
    out.bias += out.weight[:, :, 0, 0] @ mean
    out.weight *= std[None, :, None, None]
    channels = mean.shape[0]
    into.weight[:channels] /= std[:, None, None, None]
    into.bias[:channels] = (into.bias[:channels] - mean) / std
    into.bias[channels:] -= 2.0 * std.log()  # the second half is the log variance
    vae.register_to_config(scaling_factor=1.0)
    return vae
