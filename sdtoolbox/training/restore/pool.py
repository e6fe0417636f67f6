"""A pool of drawn pictures on disk, and the patches that training cuts from it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdtoolbox.training.restore import leaves, textures

FILE = "leaves.npy"
HELD_OUT = 16
"""The last pictures of the pool: never trained on."""

_FIELDS = 40
_STRONGEST = 0.12  # standard deviation of a texture that is laid over a patch


def draw_pool(folder: Path, seed: int, count: int, processes: int, say: Callable[[str], None]) -> Path:
    """Draws `count` pictures to `leaves.npy` (count, SIZE, SIZE, 3) uint8; what an earlier call has drawn stays.

    Raises `ValueError` where the pool of the folder was drawn with another seed or count.
    """
    finished, partial = folder / FILE, folder / f"{seed}-{count}-{FILE}"
    if finished.exists():
        if np.load(finished, mmap_mode="r").shape[0] != count:
            raise ValueError(f"{finished} holds another number of pictures than {count}: remove it or keep its number.")
        return finished
    marks = folder / f"{seed}-{count}-{FILE}.done"
    marks.touch()
    done = {int(line) for line in marks.read_text(encoding="utf-8").split()}
    shape = (count, leaves.SIZE, leaves.SIZE, 3)
    pool = np.lib.format.open_memmap(partial, mode="r+" if partial.exists() else "w+", dtype=np.uint8, shape=shape)
    missing = [number for number in range(count) if number not in done]
    with marks.open("a", encoding="utf-8") as note:
        for number, picture in _drawn(seed, missing, processes):
            pool[number] = picture
            note.write(f"{number}\n")
            note.flush()
            done.add(number)
            if len(done) % 16 == 0:
                say(f"drew {len(done)} of {count}")
    pool.flush()
    os.replace(partial, finished)
    marks.unlink()
    return finished


def _drawn(seed: int, numbers: Sequence[int], processes: int) -> Iterator[tuple[int, leaves.Picture]]:
    if processes == 1:
        yield from map(_Drawing(seed), numbers)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as workers:
        yield from workers.imap_unordered(_Drawing(seed), numbers)


class _Drawing:
    """Draws one picture of a series, in a process of its own."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, number: int) -> tuple[int, leaves.Picture]:
        cv2.setNumThreads(1)
        return number, leaves.draw(self.seed, number)


class Pool:
    """The drawn pictures of a run folder."""

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        if not path.exists():
            raise FileNotFoundError(f"No pictures at {path}: run the stage 'leaves' first.")
        self.pictures: NDArray[np.uint8] = np.load(path, mmap_mode="r")

    def patches(self, count: int, size: int, generator: torch.Generator, softest: float = 1.0) -> Tensor:
        """(count, 3, size, size) float32, 0 to 1, cut anywhere from the training pictures, turned and mirrored.

        Drawn pictures are sharper and harder than photographs. Where `softest` is above 1, six of ten patches are cut
        smaller and enlarged, by up to that factor, and half of them lose contrast.
        """
        drawn = torch.randint(2**31, (count, 4), generator=generator).tolist()
        softness = torch.rand(count, 4, generator=generator).tolist()
        cuts = []
        for (number, *place), (whether, how, fade, contrast) in zip(drawn, softness, strict=True):
            zoom = 1.0 + (softest - 1.0) * how if whether < 0.6 else 1.0
            patch = self._cut(number, place, round(size / zoom)).astype(np.float32) / np.float32(255.0)
            if zoom > 1.0:
                patch = np.clip(cv2.resize(patch, (size, size), interpolation=cv2.INTER_CUBIC), 0.0, 1.0)
            if softest > 1.0 and fade < 0.5:
                mean = patch.mean((0, 1))
                patch = mean + np.float32(0.15 + 0.85 * contrast) * (patch - mean)
            cuts.append(patch)
        return torch.from_numpy(np.stack(cuts)).permute(0, 3, 1, 2).contiguous()

    def texture(self, patches: Tensor, generator: torch.Generator) -> Tensor:
        """Every second of `patches` with a texture all over it, mostly a faint one: photographs are seldom even."""
        side, textured = patches.shape[2], []
        for patch, (whether, which, place, strength) in zip(
            patches, torch.rand(len(patches), 4, generator=generator).tolist(), strict=True
        ):
            field = self.fields[int(which * len(self.fields))]
            top = int(place * (textures.SIZE - side))
            left = 7 * top % (textures.SIZE - side)
            crop = torch.from_numpy(field[top : top + side, left : left + side])
            textured.append((patch + _STRONGEST * strength**2 * crop).clamp(0.0, 1.0) if whether < 0.5 else patch)
        return torch.stack(textured)

    @cached_property
    def fields(self) -> list[textures.Field]:
        """Textures to lay over patches."""
        return textures.bank(np.random.default_rng(1), _FIELDS)

    def _cut(self, number: int, place: Sequence[int], size: int) -> NDArray[np.uint8]:
        top, left, turn = place
        room = leaves.SIZE - size + 1
        picture = self.pictures[number % (len(self.pictures) - HELD_OUT)]
        patch = np.rot90(picture[top % room :, left % room :][:size, :size], turn % 4)
        return np.ascontiguousarray(patch[:, ::-1] if turn & 4 else patch)

    def held_out(self, size: int) -> Tensor:
        """(HELD_OUT, 3, size, size) float32, 0 to 1: the middles of the pictures that training never sees."""
        start = (leaves.SIZE - size) // 2
        middles = np.array(self.pictures[-HELD_OUT:, start : start + size, start : start + size])
        return torch.from_numpy(middles).permute(0, 3, 1, 2).float() / 255.0
