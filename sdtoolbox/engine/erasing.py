"""Networks that continue a picture into a hole: LaMa, run by spandrel, which is imported when one is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdtoolbox.engine.assembling import Misfit
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.finite import finite
from sdtoolbox.engine.planning import in_words
from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.engine.restore import descriptors
from sdtoolbox.engine.restore.descriptors import Described
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.restorer_layouts import ERASERS

FIRST = "model.1.bn_l.running_mean"
"""A tensor of LaMa's generator, which published files keep under several names."""
HINT = "Choose an eraser without a network; the file is damaged."


class Eraser(Described):
    """A `protocols.Eraser` in float32."""

    __slots__ = ()

    def __call__(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """RGB [H, W, 3] with what is masked, [H, W], drawn anew; NUMERIC, OUT_OF_MEMORY."""
        place = self.device.torch_device
        image = torch.from_numpy(np.ascontiguousarray(pixels)).to(place).permute(2, 0, 1)[None].float() / 255
        hole = torch.from_numpy(np.ascontiguousarray(mask)).to(place)[None, None].float()
        said = f"the eraser {self.name}"
        painted = finite(partial(self.descriptor, image, hole), self.network, said, image, HINT)[0].permute(1, 2, 0)
        values: NDArray[np.uint8] = (painted * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        return np.where(mask[..., None], values, pixels)


def device_of_erasers(device: Device) -> Device:
    """Where they work: on the card, if there is one, else on the CPU; Apple's devices lack their Fourier transforms."""
    if device.torch_device.type == "cuda":
        return device
    return replace(device, torch_device=torch.device("cpu"))


def load_eraser(entry: CatalogEntry, device: Device, identity: Callable[[], str]) -> Eraser:
    """From a safetensors file; MODEL_TYPE if it is no such network, MODEL_CORRUPT if it is not whole."""
    if entry.variant not in ERASERS:
        raise UserError(
            "MODEL_TYPE",
            f"{entry.name} cannot erase.",
            "Choose a network that was made for it, such as LaMa, or an eraser without one.",
            "network",
        )
    with TensorFiles([entry.path]) as files:
        tensors = descriptors.weights(files, _names(files))
    package = descriptors.spandrel("erase", "network")
    found = in_words(entry.path, "the network", lambda: _masked(package, descriptors.descriptor(package, tensors)))
    return Eraser(entry, found.to(device.torch_device).eval(), device, torch.float32, package.__version__, identity)


def _names(files: TensorFiles) -> dict[str, str]:
    """The tensors of the generator by their names for spandrel; trainers store the discriminator beside it."""
    root = next(name for name in files if name.endswith(FIRST)).removesuffix(FIRST)
    inside = (name for name in files if name.startswith(f"{root}model."))
    return {f"model.{name.removeprefix(root)}": name for name in inside}


def _masked(package: Any, found: Any) -> Any:
    masked = isinstance(found, package.MaskedImageModelDescriptor)
    if not masked or (found.input_channels, found.output_channels) != (3, 3):
        raise Misfit("it does not make an RGB picture from a picture and a mask")
    return found
