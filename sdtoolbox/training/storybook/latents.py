"""Latents of many drawn scenes on disk, so that diffusion need not draw and encode again and again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from sdtoolbox.training.run import Options
from sdtoolbox.training.storybook import evaluation, world
from sdtoolbox.training.storybook.vae import SIZE, to_tensor
from sdtoolbox.training.storybook.world import Scene

FOLDER = "latents"
CHUNK = 1024
BATCH = 16


def scene(index: int, seed: int) -> tuple[Scene, int]:
    """Scene number `index` of the data set, and the seed it is drawn with; never a held-out combination."""
    rng = random.Random(f"latents/{seed}/{index}")
    return evaluation.training_scene(rng), rng.getrandbits(32)


@torch.no_grad()
def encode(vae: AutoencoderKL, options: Options, count: int, say: Callable[[str], None] = print) -> None:
    """Writes the latent means of scenes 0 to `count` as fp16 files of 1024; files that exist are kept.

    Of several processes each takes every so many-th file.
    """
    folder = options.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    device = next(vae.parameters()).device
    for start in range(options.rank * CHUNK, count, options.processes * CHUNK):
        path, began = folder / f"{start:07d}.npy", time.monotonic()
        if path.exists():
            continue
        found: list[NDArray[np.float16]] = []
        for first in range(start, start + CHUNK, BATCH):
            scenes = [scene(index, options.seed) for index in range(first, first + BATCH)]
            pixels = to_tensor([world.draw(what, how, SIZE) for what, how in scenes]).to(device)
            latents = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor  # (16, 4, 16, 16)
            found.append(latents.cpu().numpy().astype(np.float16))
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.save(file, np.concatenate(found))
        partial.rename(path)
        say(f"encode {start + CHUNK} of {count}, {CHUNK / (time.monotonic() - began):.1f} scenes/s")


@dataclass
class Latents:
    """The encoded scenes; call `refresh` to see what another process has added since."""

    folder: Path
    seed: int

    def __post_init__(self) -> None:
        self.chunks: list[NDArray[np.float16]] = []
        self.refresh()

    def refresh(self) -> None:
        """Opens further files as long as they follow one another without a gap."""
        while (path := self.folder / f"{len(self.chunks) * CHUNK:07d}.npy").exists():
            self.chunks.append(np.load(path))

    def __len__(self) -> int:
        return len(self.chunks) * CHUNK

    def batch(self, rng: random.Random, count: int) -> tuple[torch.Tensor, list[Scene]]:
        """`count` random latents (count, 4, 16, 16) in fp32, and their scenes."""
        if not self.chunks:
            raise FileNotFoundError(f"No latents in {self.folder}: run the stage 'encode' first.")
        picks = [rng.randrange(len(self)) for _ in range(count)]
        array = np.stack([self.chunks[pick // CHUNK][pick % CHUNK] for pick in picks]).astype(np.float32)
        return torch.from_numpy(array), [scene(pick, self.seed)[0] for pick in picks]
