"""Judges the exported networks on photographs; writes figures, cards, pictures and the table of the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from string import Template
from textwrap import fill
from typing import Any, Final

import numpy as np
from PIL import Image

from sdtoolbox.training.restore import measuring, pictures, tables
from sdtoolbox.training.restore.classical import Floats, methods, psnr
from sdtoolbox.training.restore.export import PRODUCTS, Product, weights_of
from sdtoolbox.training.restore.measuring import INPUT, Figures, Network, Say
from sdtoolbox.training.restore.photographs import NAMES, SIDE, Photograph, photographs
from sdtoolbox.training.run import reached

RESULTS: Final = Path(__file__).with_name("evaluation.json")
TEMPLATES: Final = Path(__file__).with_name("cards")
_SHELF = "../assets/models/restorers"  # as the documentation sees it
_BEFORE = {"sr2": ["sr4"], "jpeg": ["denoiser"]}
"""Stages whose weights another one begins with."""
SHOWN_SIGMA, SHOWN_QUALITY = 25, 20
Levels = dict[str, Figures]
"""By what was done to the photographs, the figures of each method."""


def evaluate(folder: Path, assets: Path, document: Path, say: Say) -> None:
    """Measures every network that is exported; figures of the others stay as `evaluation.json` has them."""
    clean, restorers = photographs(), assets / "models" / "restorers"
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"networks": {}}
    results["photographs"] = {"names": list(NAMES), "side": SIDE, "scikit-image": version("scikit-image")}
    for product in PRODUCTS.values():
        if not weights_of(product, restorers).exists():
            continue
        network = Network(weights_of(product, restorers))
        levels = _measure(product, network, clean, folder, say)
        entry: dict[str, Any] = {
            "psnr": _rounded(levels),
            "weights": sum(p.numel() for p in network.model.parameters()),
        }
        earlier = results["networks"].get(product.name, {})
        entry["training"] = _training(folder, product) or earlier.get("training", {})
        results["networks"][product.name] = entry
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        for level, figures in levels.items():
            say(f"{product.name}, {level}: " + ", ".join(f"{m} {np.mean(f):.2f}" for m, f in figures.items()))
        target = weights_of(product, restorers).parent
        _show(product, network, clean).save(target / "effect.jpg", quality=76)
        write_card(product, entry, target)
    tables.fill(document, summary(results))


def _measure(product: Product, network: Network, clean: Mapping[str, Photograph], folder: Path, say: Say) -> Levels:
    if product.stage == "denoiser":
        return measuring.denoising(network, clean, measuring.references(clean, folder / "references.json", say))
    if product.stage == "jpeg":
        return measuring.cleaning(network, clean)
    return measuring.upscaling(network, clean, scale_of(product))


def scale_of(product: Product) -> int:
    """2 or 4."""
    return int(product.stage.removeprefix("sr"))


def _training(folder: Path, product: Product) -> dict[str, Any]:
    so_far = {stage: reached(folder, stage) for stage in product.stages(folder)}
    if not so_far:
        return {}
    return {
        "stages": {stage: round(found.seconds / 60) for stage, found in so_far.items()},  # minutes
        "steps": sum(found.steps for found in so_far.values()),
        "samples": sum(found.samples for found in so_far.values()),
    }


def _commands(product: Product, minutes: Mapping[str, int]) -> str:
    own = [f"{stage} --minutes {spent}" for stage, spent in minutes.items()]
    stages = ["leaves", *_BEFORE.get(product.stage, []), *own, "export", "evaluate"]
    return "\n".join(f"    python -m sdtoolbox.training restore {stage}" for stage in stages)


def _rounded(levels: Levels) -> Levels:
    return {
        level: {method: [round(value, 3) for value in row] for method, row in figures.items()}
        for level, figures in levels.items()
    }


def _show(product: Product, network: Network, clean: Mapping[str, Photograph]) -> Image.Image:
    """Before and after, of parts of four photographs."""
    return pictures.sheet([pictures.strip(name, _columns(product, network, clean[name])) for name in pictures.SHOWING])


def _columns(product: Product, network: Network, true: Photograph) -> list[tuple[str, Floats]]:
    original: Floats = true / 255.0
    if product.stage == "denoiser":
        level = SHOWN_SIGMA / 255.0
        noisy = measuring.noisy_pictures({"": true}, SHOWN_SIGMA, rounded=True)[0]
        settings = methods()["non-local means (OpenCV)"]
        means = max((setting(noisy, level) for setting in settings), key=lambda made: psnr(made, true))
        shown = [(f"noise {SHOWN_SIGMA}", noisy), ("non-local means", means), (product.name, network(noisy, level))]
    elif product.stage == "jpeg":
        spoiled = np.asarray(measuring.compressed(Image.fromarray(true), SHOWN_QUALITY)) / 255.0
        shown = [(f"JPEG, quality {SHOWN_QUALITY}", spoiled), (product.name, network(spoiled, 0.0))]
    else:
        small = measuring.reduced(Image.fromarray(true), scale_of(product))
        lanczos = np.asarray(small.resize(true.shape[1::-1], Image.Resampling.LANCZOS)) / 255.0
        shown = [("Lanczos", lanczos), (product.name, network(np.asarray(small) / 255.0))]
    return [*shown, ("original", original)]


def write_card(product: Product, entry: Mapping[str, Any], target: Path) -> None:
    """Fills the card of a network; its template is the product's own, or that of both upscalers."""
    kind = "upscaler" if product.stage.startswith("sr") else product.stage
    levels, training = entry["psnr"], entry["training"]
    size = next(target.glob("*.safetensors")).stat().st_size
    values = {
        "name": product.name,
        "description": product.description,
        "scale": product.stage.removeprefix("sr"),
        "photographs": ", ".join(NAMES),
        "commands": _commands(product, training["stages"]),
        "share": "four of ten (at last three of twenty)" if product.further in training["stages"] else "four of ten",
        "beginning": "`sdtoolbox-x4` ended" if product.stage == "sr2" else "a parabola through the pixels",
        "side": SIDE,
        "figures": "\n\n".join(tables.table(columns) for columns in columns_of(product, levels)),
        "each": "\n\n".join(tables.by_photograph(list(NAMES), c, _rival(product)) for c in columns_of(product, levels)),
        "weights": f"{entry['weights'] / 1e6:.2f} million",
        "megabytes": f"{size / 1e6:.1f} MB",
        "steps": f"{training['steps']:,}",
        "samples": f"{training['samples']:,}",
        "minutes": sum(training["stages"].values()),
    }
    card = Template((TEMPLATES / f"{kind}.md").read_text(encoding="utf-8")).substitute(values)
    (target / "README.md").write_text(card, encoding="utf-8")


def columns_of(product: Product, levels: Levels) -> list[Levels]:
    """The tables of a network: its figures in groups, by the headings of their columns."""
    if product.stage == "denoiser":
        groups = [("in 8 bits", "σ {0}"), ("unrounded", "σ {0}, unrounded")]
        return [
            {title.format(level.split()[0]): figures for level, figures in levels.items() if level.endswith(ending)}
            for ending, title in groups
            if any(level.endswith(ending) and len(figures) > 2 for level, figures in levels.items())
        ]
    if product.stage == "jpeg":
        return [
            {f"quality {level.split()[0]}, {sampling}": levels[level] for level in levels if level.endswith(sampling)}
            for sampling in ("4:2:0", "4:4:4")
        ]
    return [levels]


def _rival(product: Product) -> str:
    return "Lanczos" if product.stage.startswith("sr") else INPUT


def summary(results: Mapping[str, Any]) -> str:
    """The tables of all networks, for the documentation."""
    told = results["photographs"]
    introduction = (
        f"Mean PSNR in dB over the middle {told['side']} × {told['side']} pixels of the colour photographs that come "
        f"with scikit-image {told['scikit-image']} ({', '.join(told['names'])}), none of which any network here was "
        "trained on; only how soft and textured the drawn pictures of the training should be was decided by these "
        "figures. In brackets: what our network gains over that method, and the 95 % interval of this mean (10,000 "
        "drawings of the photographs with replacement). Every method sees the same 8-bit picture; unrounded noise, as "
        "papers have it, is neither clipped to what 8 bits hold nor rounded. What has settings is given those that do "
        "best on these very photographs. Mildly degraded pictures are blurred by 0.2 small pixels before they are made "
        "smaller, and get noise of 2 grey levels and JPEG of quality 90 after."
    )
    parts = [fill(introduction, 120)]
    for product in PRODUCTS.values():
        if product.name in results["networks"]:
            levels = results["networks"][product.name]["psnr"]
            parts.append(f"**{product.name}.** {product.description}")
            parts += [tables.table(columns) for columns in columns_of(product, levels)]
            parts.append(f"![{product.name}: before, after, original]({_SHELF}/{product.name}/effect.jpg)")
    return "\n\n".join(parts)
