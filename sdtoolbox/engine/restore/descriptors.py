"""Networks for pictures, as the package spandrel knows them; it is imported when the first one is loaded."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sdtoolbox.engine.assembling import Misfit
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.reading import DTYPES, Source, TensorFiles
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.restorer_layouts import root_of


@dataclass(frozen=True, slots=True)
class Described:
    """A loaded network for pictures: what it is, and where it works."""

    entry: CatalogEntry
    descriptor: Any  # spandrel's
    device: Device
    precision: torch.dtype
    version: str  # spandrel's
    identity: Callable[[], str]

    @property
    def name(self) -> str:
        """Its name in the catalog."""
        return self.entry.name

    @property
    def network(self) -> nn.Module:
        """The network itself."""
        network: nn.Module = self.descriptor.model
        return network

    @property
    def environment(self) -> Mapping[str, Any]:
        """Everything besides the request that decides about pixels; JSON values."""
        return {
            "device": self.device.name,
            "processor": self.device.processor,
            "precision": str(self.precision).removeprefix("torch."),
            "threads": self.device.threads,
            "torch": torch.__version__,
            "spandrel": self.version,
            "networks": [{"id": self.entry.id, "name": self.name, "sha256": self.identity()}],
        }


def spandrel(purpose: str, field: str) -> Any:
    """The package; UserError MODEL_TYPE that says what networks of this `purpose` ("erase") need if it is broken."""
    try:
        import spandrel as package
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision that was built for another torch
        raise UserError(
            "MODEL_TYPE",
            f"networks that {purpose} need the package spandrel, which cannot be imported ({type(error).__name__}).",
            "Install spandrel and torchvision again, or choose what needs no network.",
            field,
        ) from error
    return package


def names_of(files: TensorFiles, variant: str) -> dict[str, str]:
    """Each tensor's name for spandrel, and that under which it is stored; some are published inside a dictionary."""
    names = list(files)
    root = root_of(variant, names)
    return {name.removeprefix(root): name for name in names if name.startswith(root)}


def weights(files: TensorFiles, names: Mapping[str, str]) -> dict[str, Tensor]:
    """The tensors stored as the values of `names`, by its keys: weights in float32, counters as they are."""
    return {ours: files.read(Source(stored), _type(files, stored)) for ours, stored in names.items()}


def descriptor(package: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The network with its weights, and what is known of it; `Misfit` if its layout is not known."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # architectures of others use what torch will change some day
            return package.ModelLoader().load_from_state_dict(dict(tensors))
    except package.UnsupportedModelError:
        raise Misfit("it is laid out as no network that is known") from None


def _type(files: TensorFiles, name: str) -> torch.dtype:
    stored = DTYPES.get(files.info(name).dtype, torch.float32)
    return torch.float32 if stored.is_floating_point else stored
