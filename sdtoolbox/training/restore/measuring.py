"""Measures the exported networks on photographs, beside what everybody has."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image, ImageFilter
from spandrel import ModelLoader
from torch import Tensor

from sdtoolbox.training.restore import classical, networks
from sdtoolbox.training.restore.classical import Floats, psnr
from sdtoolbox.training.restore.photographs import Photograph

SIGMAS: Final = (15, 25, 50)
QUALITIES: Final = (10, 20, 40, 60, 80)
SCALES: Final = (2, 4)
INPUT, OURS = "as it came", "this network"
Figures = dict[str, list[float]]
"""By method, the PSNR in dB of each photograph."""
Say = Callable[[str], None]


class Network:
    """An exported network, as spandrel reads it; arrays (h, w, 3) in 0 to 1 go in and come out."""

    def __init__(self, path: Path) -> None:
        self.model: Any = ModelLoader(device="cpu").load_from_file(path).model.float().eval()

    def __call__(self, picture: Floats, value: float | None = None) -> Floats:
        """`value` fills the fourth channel of networks that have one."""
        shown = torch.from_numpy(np.asarray(picture, np.float32)).permute(2, 0, 1)[None]
        if value is not None:
            shown = networks.with_map(shown, torch.full((1, 1, 1, 1), value))
        with torch.no_grad():
            made: Tensor = self.model(shown)
        return np.asarray(made[0].permute(1, 2, 0).clamp(0.0, 1.0).numpy())


def noisy_pictures(clean: Mapping[str, Photograph], sigma: int, rounded: bool) -> list[Floats]:
    """With noise of `sigma` grey levels: as a file of 8 bits holds it, or as computed."""
    found: list[Floats] = []
    for number, picture in enumerate(clean.values()):
        rng = np.random.default_rng((sigma, number))
        noisy = picture / 255.0 + rng.normal(0.0, sigma / 255.0, picture.shape)
        found.append(classical.bytes_of(noisy) / 255.0 if rounded else noisy)
    return found


def references(clean: Mapping[str, Photograph], memory: Path, say: Say) -> dict[str, Figures]:
    """By noise level, what the classical methods reach; `memory` spares measuring them twice.

    Noise is measured as files of 8 bits hold it. As papers have it, unrounded, only BM3D is.
    """
    known: dict[str, Figures] = json.loads(memory.read_text(encoding="utf-8")) if memory.exists() else {}
    for rounded, sigma in product((True, False), SIGMAS):
        level = _level(sigma, rounded)
        figures = known.setdefault(level, {})
        for method, settings in classical.methods().items():
            if method in figures or not (rounded or method == "BM3D"):
                continue
            noisy = noisy_pictures(clean, sigma, rounded)
            figures[method] = classical.best(settings, noisy, list(clean.values()), sigma / 255.0)
            memory.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
            say(f"sigma {level}, {method}: {np.mean(figures[method]):.2f} dB")
    return {level: _in_order(figures) for level, figures in known.items()}


def _in_order(figures: Figures) -> Figures:
    """As the methods are listed; last what was measured where more of them were installed."""
    names = [*(name for name in classical.methods() if name in figures), *figures]
    return {name: figures[name] for name in dict.fromkeys(names)}


def denoising(network: Network, clean: Mapping[str, Photograph], known: Mapping[str, Figures]) -> dict[str, Figures]:
    """By noise level: the noisy pictures, the classical methods, the network."""
    found: dict[str, Figures] = {}
    for level, others in known.items():
        sigma, rounded = int(level.split()[0]), level.endswith("8 bits")
        pairs = list(zip(noisy_pictures(clean, sigma, rounded), clean.values(), strict=True))
        ours = [psnr(network(noisy, sigma / 255.0), true) for noisy, true in pairs]
        found[level] = {INPUT: [psnr(noisy, true) for noisy, true in pairs], **others, OURS: ours}
    return found


def _level(sigma: int, rounded: bool) -> str:
    return f"{sigma} {'in 8 bits' if rounded else 'unrounded'}"


def upscaling(network: Network, clean: Mapping[str, Photograph], scale: int) -> dict[str, Figures]:
    """Of pictures reduced with the bicubic filter, and of such that are mildly spoiled besides."""
    found: dict[str, Figures] = {}
    for name, spoil in (("bicubic", _intact), ("mildly degraded", _spoiled)):
        rows: Figures = {"bicubic": [], "Lanczos": [], OURS: []}
        for number, true in enumerate(clean.values()):
            small = spoil(Image.fromarray(true), scale, number)
            for method, filter_ in (("bicubic", Image.Resampling.BICUBIC), ("Lanczos", Image.Resampling.LANCZOS)):
                rows[method].append(psnr(np.asarray(small.resize(true.shape[1::-1], filter_)) / 255.0, true))
            rows[OURS].append(psnr(network(np.asarray(small) / 255.0), true))
        found[name] = rows
    return found


def reduced(picture: Image.Image, scale: int) -> Image.Image:
    """A picture `scale` times smaller, with Pillow's bicubic filter."""
    return picture.resize((picture.width // scale, picture.height // scale), Image.Resampling.BICUBIC)


def _intact(picture: Image.Image, scale: int, number: int) -> Image.Image:
    return reduced(picture, scale)


def _spoiled(picture: Image.Image, scale: int, number: int) -> Image.Image:
    """A blur of 0.2 small pixels before, noise of 2 grey levels and JPEG of quality 90 after."""
    small = np.asarray(reduced(picture.filter(ImageFilter.GaussianBlur(0.2 * scale)), scale)) / 255.0
    noisy = small + np.random.default_rng((scale, number)).normal(0.0, 2.0 / 255.0, small.shape)
    return compressed(Image.fromarray(classical.bytes_of(noisy)), 90)


def compressed(picture: Image.Image, quality: int, subsampling: int = 2) -> Image.Image:
    """What Pillow's JPEG leaves of a picture; subsampling 2 is 4:2:0, 0 is 4:4:4."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(file).convert("RGB")


def cleaning(network: Network, clean: Mapping[str, Photograph]) -> dict[str, Figures]:
    """By quality and sampling of colours: the JPEG files, and what the network makes of them."""
    found: dict[str, Figures] = {}
    for quality in QUALITIES:
        for subsampling, name in ((2, "4:2:0"), (0, "4:4:4")):
            rows: Figures = {INPUT: [], OURS: []}
            for true in clean.values():
                spoiled = np.asarray(compressed(Image.fromarray(true), quality, subsampling)) / 255.0
                rows[INPUT].append(psnr(spoiled, true))
                rows[OURS].append(psnr(network(spoiled, 0.0), true))
            found[f"{quality} {name}"] = rows
    return found


def gain(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Mean gain in dB, and the limits of its 95 % interval: percentiles of 10,000 drawings of the photographs."""
    differences = np.subtract(ours, theirs)
    drawn = np.random.default_rng(0).integers(0, len(differences), (10_000, len(differences)))
    low, high = np.percentile(differences[drawn].mean(1), (2.5, 97.5))
    return float(differences.mean()), float(low), float(high)
