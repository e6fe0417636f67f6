"""Writes trained networks as safetensors files with spandrel's names, and what the catalog shows of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file

from sdtoolbox.training.run import reached


@dataclass(frozen=True)
class Product:
    """A network that is shipped: the stage that trains it, and what the catalog tells of it."""

    stage: str
    name: str
    architecture: str
    description: str
    tags: tuple[str, ...]
    further: str = ""  # a stage that trains it on, where that has been run

    def stages(self, folder: Path) -> list[str]:
        """Its stages that have run in this run folder, the last one last."""
        return [stage for stage in (self.stage, self.further) if stage and (folder / f"{stage}.pt").exists()]


PRODUCTS: Final = {  # by stage
    product.stage: product
    for product in (
        Product(
            "denoiser",
            "sdtoolbox-denoiser",
            "DRUNet",
            "Removes colour noise of up to 50 grey levels, told by a noise map; trained on drawn pictures alone.",
            ("noise",),
            further="polish",
        ),
        Product(
            "sr4",
            "sdtoolbox-x4",
            "Compact (Real-ESRGAN's SRVGGNetCompact)",
            "Makes pictures four times as large, faithfully; trained on drawn pictures alone.",
            ("upscale",),
        ),
        Product(
            "sr2",
            "sdtoolbox-x2",
            "Compact (Real-ESRGAN's SRVGGNetCompact)",
            "Makes pictures twice as large, faithfully; trained on drawn pictures alone.",
            ("upscale",),
            further="sr2-polish",
        ),
        Product(
            "jpeg",
            "sdtoolbox-jpeg",
            "DRUNet",
            "Removes blocks and rings of JPEG files, whatever their quality; trained on drawn pictures alone.",
            ("jpeg",),
        ),
    )
}


def trained(folder: Path) -> list[Product]:
    """The products whose stage has run in this run folder."""
    return [product for product in PRODUCTS.values() if product.stages(folder)]


def weights_of(product: Product, restorers: Path) -> Path:
    """Where the exported file of a product lies below `assets/models/restorers`."""
    return restorers / product.name / f"{product.name}.safetensors"


def export(folder: Path, product: Product, restorers: Path) -> Path:
    """Writes the averaged weights in fp16, and the sidecar: the same run gives the same bytes."""
    path = weights_of(product, restorers)
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        name: weight.to(torch.float16).contiguous(memory_format=torch.contiguous_format)
        for name, weight in sorted(reached(folder, product.stages(folder)[-1]).weights.items())
    }
    save_file(state, path, metadata={"format": "pt"})
    path.chmod(0o644)  # it comes out readable by its owner alone
    sidecar = {"name": product.name, "description": product.description, "tags": list(product.tags)}
    beside = path.with_name(f"{product.name}.sdtoolbox.json")
    beside.write_text(json.dumps(sidecar, indent=2) + "\n", encoding="utf-8")
    return path
