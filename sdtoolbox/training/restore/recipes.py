"""What each network is shown and what counts as an error; `sdtoolbox.training.run` does the rest."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from sdtoolbox.training.restore import degrading, networks
from sdtoolbox.training.restore.pool import Pool
from sdtoolbox.training.run import Metrics, Options

FINAL = 0.6
"""Share of the budget after which the root of the squared error counts; before it the plain error."""

_LARGE = 0.7  # share of the budget after which patches are larger, and fewer
_COURSES = ((0.25, 1.0), (0.48, 2.5))  # of the denoiser: until this share of the budget, how soft patches may be
_TEXTURED = 1.6  # and afterwards, when they are textured as well


def loss(restored: Tensor, clean: Tensor, scale: Tensor, fraction: float) -> Tensor:
    """Mean error; `scale` (B,) is how large the squared error of each sample is expected to be.

    PSNR is a logarithm of the squared error: even surfaces, whose errors are small, weigh in it as much as others. The
    root is half way from the squared error to its logarithm.
    """
    if fraction < FINAL:
        return (restored - clean).abs().mean()
    return ((restored - clean).square().mean((1, 2, 3)) / scale + 1e-7).sqrt().mean()


def decibels(restored: Tensor, clean: Tensor) -> float:
    """Mean PSNR of pictures (B, 3, h, w) in 0 to 1."""
    errors = (restored.clamp(0.0, 1.0) - clean).square().mean((1, 2, 3))
    return float((-10.0 * torch.log10(errors.clamp_min(1e-10))).mean())


class DenoiserRecipe:
    """Colour noise of 0 to 50 grey levels, its standard deviation told in a fourth channel."""

    name = "denoiser"

    def __init__(self, options: Options, pool: Pool) -> None:
        self.options, self.pool = options, pool
        self.module = networks.unet(options.seed)

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        generator = self.options.generator(self.name, step)
        count, size = patches(self.options.batch, 64, 96, fraction)
        clean = self._clean(count, size, generator, fraction)
        maps = degrading.noise_maps(count, size, generator)
        restored = self.module(networks.with_map(degrading.add_noise(clean, maps, generator), maps))
        # The squared error that remains grows about as the noise's standard deviation.
        return loss(restored, clean, maps.mean((1, 2, 3)) + 3.0 / 255.0, fraction), {}

    def _clean(self, count: int, size: int, generator: torch.Generator, fraction: float) -> Tensor:
        """Sharp pictures, later soft and pale ones too, as photographs are, and at last textures all over them."""
        for until, softest in _COURSES:
            if fraction < until:
                return self.pool.patches(count, size, generator, softest)
        return self.pool.texture(self.pool.patches(count, size, generator, _TEXTURED), generator)

    def report(self, averaged: nn.Module, folder: Path, step: int) -> Metrics:
        clean = self.pool.held_out(128)
        metrics: Metrics = {}
        for level in (15, 25, 50):
            generator = self.options.generator(f"{self.name}/held out", level)
            maps = torch.full((len(clean), 1, 1, 1), level / 255.0)
            noisy = degrading.round_to_bytes(clean + maps * torch.randn(clean.shape, generator=generator))
            metrics[f"psnr_{level}"] = decibels(averaged(networks.with_map(noisy, maps)), clean)
        return metrics


class PolishRecipe(DenoiserRecipe):
    """The denoiser, trained on as it ended: large patches, all kinds of them, the root of the squared error."""

    name = "polish"

    def __init__(self, options: Options, pool: Pool) -> None:
        super().__init__(options, pool)
        networks.begin_from(self.module, options.folder, DenoiserRecipe.name)

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        return super().loss(step, 1.0)


class UpscalerRecipe:
    """Pictures reduced with the bicubic filter; four of ten also a little blurred, noisy and compressed.

    The smaller scale begins with what the larger has learned.
    """

    share = 0.4

    def __init__(self, options: Options, pool: Pool, scale: int) -> None:
        self.options, self.pool, self.scale = options, pool, scale
        self.name = f"sr{scale}"
        self.module = networks.compact(scale, options.seed)
        if scale == 2:
            networks.begin_from_fourfold(self.module, options.folder)

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        generator = self.options.generator(self.name, step)
        count, size = patches(self.options.batch, 32, 48, fraction)
        large = self.pool.patches(count, size * self.scale, generator, _TEXTURED)
        large = self.pool.texture(large, generator)
        restored = self.module(self.reduced(large, generator).contiguous(memory_format=torch.channels_last))
        return loss(restored, large, torch.full((count,), 0.02), fraction), {}

    def reduced(self, large: Tensor, generator: torch.Generator) -> Tensor:
        """Small pictures of `large` ones, spoiled or not."""
        spoiled = int(self.share * len(large) + torch.rand((), generator=generator).item())
        softened = degrading.soften(large[:spoiled], 0.3 * self.scale, generator) if spoiled else large[:0]
        small = degrading.shrink(torch.cat([softened, large[spoiled:]]), self.scale)
        levels = torch.rand(spoiled, 1, 1, 1, generator=generator) * (4.0 / 255.0)
        noise = levels * torch.randn(small[:spoiled].shape, generator=generator)
        qualities = torch.randint(75, 99, (spoiled,), generator=generator).tolist()
        for number, quality in enumerate(qualities):
            small[number] = degrading.compress(small[number] + noise[number], quality, subsampled=quality % 2 == 0)
        return small

    def report(self, averaged: nn.Module, folder: Path, step: int) -> Metrics:
        large = self.pool.held_out(256)
        return {"psnr": decibels(averaged(degrading.shrink(large, self.scale)), large)}


class UpscalerPolishRecipe(UpscalerRecipe):
    """The upscaler to twice the size, trained on as it ended; three of twenty pictures are spoiled."""

    share = 0.15

    def __init__(self, options: Options, pool: Pool) -> None:
        super().__init__(options, pool, 2)
        networks.begin_from(self.module, options.folder, self.name)
        self.name = "sr2-polish"

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        return super().loss(step, 1.0)


class CleanerRecipe:
    """JPEG files of quality 10 to 95, which nobody tells; begins as the denoiser ended, made blind to the noise map."""

    name = "jpeg"

    def __init__(self, options: Options, pool: Pool) -> None:
        self.options, self.pool = options, pool
        self.module = networks.unet(options.seed)
        networks.begin_from(self.module, options.folder, DenoiserRecipe.name)
        networks.ignore_map(self.module)

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        generator = self.options.generator(self.name, step)
        count, size = patches(self.options.batch, 64, 96, fraction)
        clean = self.pool.texture(self.pool.patches(count, size + 16, generator, _TEXTURED), generator)
        drawn = torch.rand(count, 4, generator=generator)
        qualities = (10.0 + 86.0 * drawn[:, 0] ** 1.5).int()
        pairs = []
        for sample, quality, (_, colours, shifted, place) in zip(
            clean, qualities.tolist(), drawn.tolist(), strict=True
        ):
            spoiled = degrading.compress(sample, quality, subsampled=colours < 0.6)
            start = int(16 * place) if shifted < 0.2 else 0  # a picture that was cut has its blocks elsewhere
            window = (slice(None), slice(start, start + size), slice(start, start + size))
            pairs.append(torch.stack([spoiled[window], sample[window]]))
        spoiled, clean = torch.stack(pairs, 1)
        restored = self.module(networks.with_map(spoiled, torch.zeros(1, 1, 1, 1)))
        return loss(restored, clean, 0.002 + 0.1 / qualities, fraction), {}

    def report(self, averaged: nn.Module, folder: Path, step: int) -> Metrics:
        clean = self.pool.held_out(128)
        nothing = torch.zeros(1, 1, 1, 1)
        metrics: Metrics = {}
        for quality in (10, 20, 40, 80):
            spoiled = torch.stack([degrading.compress(sample, quality, subsampled=True) for sample in clean])
            restored = decibels(averaged(networks.with_map(spoiled, nothing)), clean)
            metrics[f"gain_{quality}"] = restored - decibels(spoiled, clean)
        return metrics


def patches(batch: int, small: int, large: int, fraction: float) -> tuple[int, int]:
    """(number, side) of a step's patches: `batch` small ones, later fewer large ones of about as many pixels."""
    if fraction < _LARGE:
        return batch, small
    return max(1, round(batch * small**2 / large**2)), large
