"""Networks for pictures that extensions build, with what spandrel says of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.engine.restore import descriptors
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.registered import ArchitectureInfo
from sdtoolbox.registry import Entry

HINT = "Choose another network; tell the extension's author."


@dataclass(frozen=True, slots=True)
class Sides:
    """Which sizes a network takes, as spandrel's `SizeRequirements`."""

    multiple_of: int

    def get_padding(self, width: int, height: int) -> tuple[int, int]:
        """How many more pixels to the right and below it needs."""
        return -width % self.multiple_of, -height % self.multiple_of


@dataclass(frozen=True, slots=True)
class Built:
    """A network of an extension: it has the attributes of spandrel's `ImageModelDescriptor` that are read here."""

    model: nn.Module
    scale: int
    architecture: Entry[ArchitectureInfo]

    input_channels = output_channels = 3
    # What rounding does to a stranger's network nobody knows.
    supports_half = supports_bfloat16 = False

    @property
    def size_requirements(self) -> Sides:
        """Which sizes it takes."""
        return Sides(self.architecture.value.multiple)

    @property
    def identity(self) -> Mapping[str, str]:
        """What its pixels depend on besides its weights, as environments name networks."""
        entry = self.architecture
        name = f"{entry.label} of the extension {entry.owner}"
        return {"name": name, "kind": "architecture", "sha256": entry.value.sha256}

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> Built:
        """The same, moved there."""
        self.model.to(device, dtype)
        return self

    def eval(self) -> Built:
        """The same, as it is used."""
        self.model.eval()
        return self

    def __call__(self, image: Tensor) -> Tensor:
        """[B, 3, h, w] -> [B, 3, h * scale, w * scale]; EXTENSION_FAILED if it gives anything else."""
        found = self.model(image)
        wanted = (*image.shape[:2], image.shape[2] * self.scale, image.shape[3] * self.scale)
        if not isinstance(found, Tensor) or found.shape != wanted:
            got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise _failed(self.architecture, f"gave {got} instead of {wanted}")
        return found


def built(entry: CatalogEntry, architecture: Entry[ArchitectureInfo], files: TensorFiles) -> Built:
    """The network in a file as its extension builds it; EXTENSION_FAILED if that is none, and whatever it raises."""
    model = architecture.value.build(descriptors.weights(files, {name: name for name in files}))
    if not isinstance(model, nn.Module):
        raise _failed(architecture, f"built {type(model).__name__} instead of a torch.nn.Module")
    if not any(True for _ in model.parameters()):
        raise _failed(architecture, "built a network without weights")
    return Built(model.requires_grad_(False), entry.scale or 1, architecture)


def _failed(architecture: Entry[ArchitectureInfo], said: str) -> UserError:
    name = f"the architecture {architecture.label} of the extension {architecture.owner}"
    return UserError("EXTENSION_FAILED", f"{name} {said}.", HINT)
