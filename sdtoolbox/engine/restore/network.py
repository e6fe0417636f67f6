"""Networks that clean or enlarge a picture, of every architecture that spandrel reads or an extension adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sdtoolbox.engine.assembling import Misfit
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.finite import finite
from sdtoolbox.engine.planning import in_words
from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.engine.restore import descriptors
from sdtoolbox.engine.restore.added import Built, built
from sdtoolbox.engine.restore.descriptors import Described
from sdtoolbox.engine.restore.reach import measured_reach
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.restorer_layouts import ERASERS, TAKES_NOISE
from sdtoolbox.protocols import Pixels
from sdtoolbox.registered import ArchitectureInfo
from sdtoolbox.registry import Entry

LIGHT = 5_000_000
"""Parameters up to which a network is shown large tiles, and tried on large pictures."""
TILE, HEAVY_TILE = 512, 256
PROBE, HEAVY_PROBE = (160, 64), (80, 36)
"""Side and largest reach, in pixels, of the pictures that a network's reach is measured on."""
PROBE_NOISE = 50 / 255
"""The strongest noise that denoisers are trained for: they look farthest then."""
HINT = "Choose another restorer; the file is damaged."


@dataclass(frozen=True, slots=True)
class Network(Described):
    """A `protocols.Restorer`: a loaded network."""

    reach: int | None = None

    @property
    def scale(self) -> int:
        """How many times wider and higher its results are."""
        return int(self.descriptor.scale)

    @property
    def multiple(self) -> int:
        """It sees blocks of so many pixels."""
        return max(1, int(self.descriptor.size_requirements.multiple_of))

    @property
    def tile(self) -> int | None:
        """The side of the largest tile that it is shown."""
        return TILE if _parameters(self.network) <= LIGHT else HEAVY_TILE

    @property
    def invents(self) -> bool:
        """It was made to be close to what is there."""
        return False

    @property
    def environment(self) -> Mapping[str, Any]:
        """Everything besides the request that decides about pixels; JSON values."""
        told = super(Network, self).environment
        if not isinstance(self.descriptor, Built):
            return told
        own = {name: value for name, value in told.items() if name != "spandrel"}
        return {**own, "networks": [*own["networks"], self.descriptor.identity]}

    def __call__(self, pixels: Pixels, *, noise: float, quality: int = 100, **options: Any) -> Pixels:
        """[H, W, 3] -> [H * scale, W * scale, 3] in [0, 1], of any size; NUMERIC, OUT_OF_MEMORY."""
        height, width = pixels.shape[:2]
        image = torch.from_numpy(np.ascontiguousarray(_filled(pixels, self._size(height, width))))
        image = image.permute(2, 0, 1)[None].to(self.device.torch_device)
        found = finite(lambda: self._called(image, noise), self.network, f"the restorer {self.name}", image, HINT)
        found = found[0, :, : height * self.scale, : width * self.scale].permute(1, 2, 0)
        return np.asarray(found.float().clamp(0, 1).cpu().numpy())

    def _called(self, image: Tensor, noise: float) -> Tensor:
        colours = self.descriptor.output_channels
        batch = image.to(_dtype(self.network))
        if colours == 1:  # a network of one channel sees each colour as a grey picture
            batch = batch.transpose(0, 1)
        if self.entry.variant in TAKES_NOISE:
            levels = batch.new_full((batch.shape[0], 1, *batch.shape[2:]), noise)
            found = self.network(torch.cat([batch, levels], 1))
        else:
            found = self.descriptor(batch)
        made: Tensor = found.transpose(0, 1) if colours == 1 else found
        return made

    def _size(self, height: int, width: int) -> tuple[int, int]:
        """What it takes at least for a picture of this size."""
        across, down = self.descriptor.size_requirements.get_padding(width, height)
        return height + down, width + across


def load_network(
    entry: CatalogEntry,
    device: Device,
    identity: Callable[[], str],
    architecture: Entry[ArchitectureInfo] | None = None,
) -> Network:
    """From a safetensors file, with its reach measured; MODEL_TYPE, MODEL_CORRUPT.

    `architecture` is that of an extension, which builds the network then: EXTENSION_FAILED.
    """
    if entry.variant in ERASERS:
        raise UserError("MODEL_TYPE", f"{entry.name} needs a mask.", "Use it with erase.", "stages")
    with TensorFiles([entry.path]) as files:
        if architecture is not None:
            found, version = built(entry, architecture, files), ""
        else:
            found, version = _known(entry, files)
    network = Network(entry, found.to(device.torch_device).eval(), device, torch.float32, version, identity)
    # In float32: how half precision rounds must not be taken for how far it looks.
    network = replace(network, reach=_reach(network))
    precision = _precision(found, device)
    return replace(network, descriptor=found.to(device.torch_device, precision), precision=precision)


def _known(entry: CatalogEntry, files: TensorFiles) -> tuple[Any, str]:
    """What spandrel makes of a file, and its version."""
    tensors = descriptors.weights(files, descriptors.names_of(files, entry.variant))
    package = descriptors.spandrel("restore", "stages")
    found = in_words(entry.path, "the network", lambda: _checked(descriptors.descriptor(package, tensors)))
    return found, package.__version__


def _reach(network: Network) -> int | None:
    side, most = PROBE if _parameters(network.network) <= LIGHT else HEAVY_PROBE
    side, most = (-(-length // network.multiple) * network.multiple for length in (side, most))
    side = max(side, 2 * most + network.multiple)
    return measured_reach(lambda pixels: network(pixels, noise=PROBE_NOISE), network.scale, side, most)


def _checked(found: Any) -> Any:
    if (
        not hasattr(found, "scale")
        or found.input_channels not in (1, 3)
        or found.input_channels != found.output_channels
    ):
        raise Misfit("it does not make a picture from a picture")
    return found


def _precision(found: Any, device: Device) -> torch.dtype:
    """Half precision on cards, where the network bears it."""
    if device.torch_device.type != "cuda":
        return torch.float32
    if found.supports_half:
        return torch.float16
    return torch.bfloat16 if found.supports_bfloat16 else torch.float32


def _filled(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """With its own mirror image beyond the right and lower edges, up to a size."""
    more = [(0, new - old) for new, old in zip(size, pixels.shape, strict=False)]
    return np.pad(pixels, [*more, (0, 0)], mode="reflect") if any(after for _, after in more) else pixels


def _dtype(network: nn.Module) -> torch.dtype:
    return next(network.parameters()).dtype


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
