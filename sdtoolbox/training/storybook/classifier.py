"""The judge: a small convolutional net that reads a picture's attributes, trained on renderings.

It never sees a generated picture. Some of its training pictures are blurred, noisy or tinted a little, and a quarter
have been through the autoencoder, so that its softness is not taken for what the network drew.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from PIL import Image, ImageFilter
from torch import Tensor, nn
from torch.nn import functional as F

from sdtoolbox.training.run import Metrics, Options
from sdtoolbox.training.storybook import world
from sdtoolbox.training.storybook.attributes import ATTRIBUTES, labels
from sdtoolbox.training.storybook.vae import SIZE, round_trip, to_tensor

NAME = "classifier"
HELD_OUT = 192  # pictures a report measures on
ROUND_TRIPS = 0.25  # share of a batch that has been through the autoencoder


class Classifier(nn.Module):
    """(B, 3, 128, 128) in [-1, 1] to one (B, values) of logits for each attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_layer(3, 16),  # 128 x 128: the cells of pixel art are three pixels wide
            *_layer(16, 24, 2),  # 64 x 64
            *_layer(24, 48, 2),  # 32 x 32
            *_layer(48, 48),
            *_layer(48, 96, 2),  # 16 x 16
            *_layer(96, 96),
            *_layer(96, 96),
            *_layer(96, 128, 2),  # 8 x 8
            *_layer(128, 128),
            nn.Conv2d(128, 32, 1),
            nn.Flatten(),  # keeps where things are
            nn.Linear(32 * 8 * 8, 256),
            nn.ReLU(),
        )
        self.heads = nn.ModuleList(nn.Linear(256, len(values)) for values in ATTRIBUTES.values())

    def forward(self, pixels: Tensor) -> list[Tensor]:
        features = self.body(pixels)  # (B, 256)
        return [head(features) for head in self.heads]


def _layer(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]


@torch.no_grad()
def read(classifier: Classifier, pictures: Sequence[Image.Image], batch: int = 32) -> list[dict[str, str]]:
    """What the classifier sees in each picture: attribute to value."""
    device = next(classifier.parameters()).device
    found: list[dict[str, str]] = []
    for start in range(0, len(pictures), batch):
        pixels = to_tensor(list(pictures[start : start + batch])).to(device)
        best = torch.stack([logits.argmax(1) for logits in classifier(pixels)], 1).tolist()  # (B, attributes)
        for row in best:
            found.append({name: values[at] for (name, values), at in zip(ATTRIBUTES.items(), row, strict=True)})
    return found


def soften(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Half of the pictures as they are, half with a blur that leaves the styles' textures to be seen."""
    if rng.random() < 0.5:
        return picture
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.9)))


class Recipe:
    """Trains the classifier on all scenes of the world, held-out combinations too: it must know them."""

    name = NAME

    def __init__(self, options: Options, autoencoder: AutoencoderKL) -> None:
        self.options = options
        self.autoencoder = autoencoder.to(options.device).eval().requires_grad_(False)
        torch.manual_seed(options.seed)
        self.module: nn.Module = Classifier().to(options.device)

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        rng = random.Random(f"{NAME}/{self.options.seed}/{step}/{self.options.rank}")
        scenes = [world.sample_scene(rng) for _ in range(self.options.batch)]
        pixels = to_tensor(self._pictures(scenes, rng))
        numbers = self.options.generator(NAME, step)
        strength = 0.1 * torch.rand(len(pixels), 1, 1, 1, generator=numbers)
        tint = 0.05 * torch.randn(len(pixels), 3, 1, 1, generator=numbers)
        pixels = pixels + strength * torch.randn(pixels.shape, generator=numbers) + tint
        wanted = torch.tensor([labels(scene) for scene in scenes], device=self.options.device)  # (B, attributes)
        read_out = self.module(pixels.to(self.options.device))
        losses = [F.cross_entropy(logits, wanted[:, i]) for i, logits in enumerate(read_out)]
        return torch.stack(losses).mean(), {}

    def _pictures(self, scenes: Sequence[world.Scene], rng: random.Random) -> list[Image.Image]:
        drawn = [world.draw(scene, rng.getrandbits(32), SIZE) for scene in scenes]
        count = round(ROUND_TRIPS * len(drawn))
        _, decoded = round_trip(self.autoencoder, drawn[:count])
        return [*decoded, *(soften(picture, rng) for picture in drawn[count:])]

    def report(self, averaged: nn.Module, folder: Path, step: int) -> Metrics:
        assert isinstance(averaged, Classifier)
        scenes, pictures = held_out(HELD_OUT)
        _, decoded = round_trip(self.autoencoder, pictures)
        after = accuracy(averaged, scenes, decoded)
        return accuracy(averaged, scenes, pictures) | {f"{name} decoded": share for name, share in after.items()}


def held_out(count: int) -> tuple[list[world.Scene], list[Image.Image]]:
    """The same `count` scenes and renderings on every call; no training step draws with their generator."""
    rng = random.Random(f"{NAME}/held out")
    scenes = [world.sample_scene(rng) for _ in range(count)]
    return scenes, [world.draw(scene, rng.getrandbits(32), SIZE) for scene in scenes]


def accuracy(classifier: Classifier, scenes: list[world.Scene], pictures: list[Image.Image]) -> Metrics:
    """Share of right answers for each attribute; the three places of kind, color and size count as one."""
    right: dict[str, list[bool]] = {}
    for scene, found in zip(scenes, read(classifier, pictures), strict=True):
        for (name, values), label in zip(ATTRIBUTES.items(), labels(scene), strict=True):
            right.setdefault(name.split()[0], []).append(values.index(found[name]) == label)
    return {name: sum(hits) / len(hits) for name, hits in right.items()}
