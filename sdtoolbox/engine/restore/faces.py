"""Networks that restore faces, and what finds these: YuNet if somebody brought it, else a cascade that is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdtoolbox.engine.assembling import Misfit
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.finite import finite
from sdtoolbox.engine.identity import Identities, version_of
from sdtoolbox.engine.planning import in_words
from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.engine.restore import descriptors
from sdtoolbox.engine.restore.descriptors import Described
from sdtoolbox.images.faces.cascade import Cascade
from sdtoolbox.images.faces.finding import Detector, faces_in
from sdtoolbox.images.faces.squares import FFHQ_SIDE, Face
from sdtoolbox.images.faces.yunet import YuNet
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.protocols import Pixels

HINT = "Choose another restorer; the file is damaged."
ROUNDED = "int8"
"""In the names of editions of YuNet whose weights were rounded: taken where there is no other."""


@dataclass(frozen=True, slots=True)
class Finder:
    """What finds faces; `environment()` gives what decides about where, as `protocols.Restorer.environment`."""

    detector: Detector
    environment: Callable[[], Mapping[str, Any]]


def _environment_of_cascade() -> Mapping[str, Any]:
    import cv2

    return {"opencv": cv2.__version__, "scikit-image": version("scikit-image")}


BY_CASCADE = Finder(Cascade(), _environment_of_cascade)


@dataclass(frozen=True, slots=True)
class FaceNetwork(Described):
    """A `protocols.Restorer` that is a `protocols.FaceRestorer` too. In float32 on every device: faces are few."""

    finder: Finder = BY_CASCADE
    scale: int = 1
    multiple: int = 1
    side: int = FFHQ_SIDE
    invents: bool = True

    @property
    def reach(self) -> int | None:
        """All of a square decides."""
        return None

    @property
    def tile(self) -> int | None:
        """Always a square."""
        return self.side

    @property
    def environment(self) -> Mapping[str, Any]:
        """Everything besides the request that decides about pixels; JSON values."""
        own, found = super(FaceNetwork, self).environment, self.finder.environment()
        return {**own, **found, "networks": [*own["networks"], *found.get("networks", ())]}

    def looking(self, finder: Finder) -> FaceNetwork:
        """The same for one lease."""
        return replace(self, finder=finder)

    def faces(self, pixels: np.ndarray) -> tuple[Face, ...]:
        """Where faces lie in a whole picture, [H, W, 3] of 8 or 16 bits; the largest first. MODEL_CORRUPT."""
        return faces_in(pixels, self.finder.detector)

    def __call__(
        self, pixels: Pixels, *, noise: float, quality: int = 100, at: tuple[int, int] = (0, 0), **options: Any
    ) -> Pixels:
        """[side, side, 3] -> the same in [0, 1], an upright face in it restored; NUMERIC, OUT_OF_MEMORY."""
        image = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].to(self.device.torch_device)
        found = finite(lambda: self._called(image), self.network, f"the restorer {self.name}", image, HINT)
        return np.asarray(found[0].permute(1, 2, 0).clamp(0, 1).cpu().numpy())

    def _called(self, image: Tensor) -> Tensor:
        if self.entry.variant == "gfpgan":
            # It works in [-1, 1], which its descriptor leaves out, and adds noise: here that which the file holds.
            drawn: Tensor = self.network(image * 2 - 1, return_rgb=False, randomize_noise=False)[0]
            return drawn / 2 + 0.5
        found: Tensor = self.descriptor(image)
        return found


def load_face_network(entry: CatalogEntry, device: Device, identity: Callable[[], str]) -> FaceNetwork:
    """From a safetensors file; MODEL_TYPE, MODEL_CORRUPT."""
    with TensorFiles([entry.path]) as files:
        tensors = descriptors.weights(files, descriptors.names_of(files, entry.variant))
    package = descriptors.spandrel("restore faces", "stages")
    found = in_words(entry.path, "the network", lambda: _checked(descriptors.descriptor(package, tensors)))
    placed = found.to(device.torch_device, torch.float32).eval()
    return FaceNetwork(entry, placed, device, torch.float32, package.__version__, identity)


def finder_of(detectors: Sequence[CatalogEntry], identities: Identities) -> Finder:
    """By the newest edition of YuNet among the detectors that are ready, or the cascade if there is none."""
    if not detectors:
        return BY_CASCADE
    chosen = max(detectors, key=lambda one: (ROUNDED not in one.name.lower(), one.name, one.id))
    identity = identities.of(chosen, version_of(chosen))

    def environment() -> Mapping[str, Any]:
        import cv2

        named = {"id": chosen.id, "name": chosen.name, "sha256": identity(), "kind": chosen.kind}
        return {"opencv": cv2.__version__, "networks": [named]}

    return Finder(YuNet(chosen.path), environment)


def _checked(found: Any) -> Any:
    if getattr(found, "purpose", "") != "FaceSR" or (found.input_channels, found.output_channels) != (3, 3):
        raise Misfit("it does not make a face from a face")
    return found
