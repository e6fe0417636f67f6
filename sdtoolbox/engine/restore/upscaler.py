"""A diffusion upscaler as a restorer: what a larger picture could show is drawn, tile by tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from torch import Tensor, nn

from sdtoolbox.engine import offload
from sdtoolbox.engine.autoencoder import Autoencoder
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.diffusers_folder import low_res_scheduler_of
from sdtoolbox.engine.families import UPSCALERS
from sdtoolbox.engine.finite import dtype_of, finite
from sdtoolbox.engine.loading import load
from sdtoolbox.engine.memory import within_memory
from sdtoolbox.engine.planning import in_words
from sdtoolbox.engine.policy import Policy, name_of
from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.engine.restore import upscaling
from sdtoolbox.engine.restore.field import noise_at
from sdtoolbox.engine.restore.upscaling import Way
from sdtoolbox.engine.single_file import SingleFile
from sdtoolbox.engine.text import Reading, TextReader
from sdtoolbox.errors import UserError
from sdtoolbox.models.diffusion_upscalers import WAYS, Drawing, NoisyDrawing
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.protocols import Denoiser, Pixels
from sdtoolbox.samplers.dpmpp import dpmpp_2m
from sdtoolbox.samplers.guidance import classifier_free
from sdtoolbox.samplers.schedules import uniform

TILE = 768
"""The side of what a tile becomes, in pixels: half as much again as these networks were trained on."""
MARGIN = 64
"""Pixels of the result at a tile's inner ends that are not used: too little of their surroundings was seen."""
LATENTS, PICTURE = 0, 1
"""The streams of noise: what a drawing begins with, and what the small picture is given."""
HINT = "Try a smaller guidance, or another upscaler; if nothing helps, the file is damaged."


@dataclass(frozen=True, slots=True)
class Upscaler:
    """A `protocols.Restorer` over the networks of diffusers, our sampler and our noise.

    `watch` is called before every call of the network, and may raise; `sampler` draws nothing on its way.
    """

    entry: CatalogEntry
    components: Components
    device: Device
    identity: Callable[[], str]
    way: Way
    autoencoder: Autoencoder
    text: TextReader
    watch: Callable[[], object] = lambda: None
    sampler: Callable[..., Tensor] = dpmpp_2m
    invents: bool = True

    @property
    def name(self) -> str:
        """Its name in the catalog."""
        return self.entry.name

    @property
    def scale(self) -> int:
        """How many times wider and higher its results are."""
        return self.way.scale

    @property
    def reach(self) -> int | None:
        """What is not used of a tile's rim."""
        return MARGIN // self.scale

    @property
    def multiple(self) -> int:
        """Of a tile's place and sides."""
        return self.way.multiple

    @property
    def tile(self) -> int | None:
        """The side of the largest tile that it is shown."""
        return TILE // self.scale

    @property
    def network(self) -> nn.Module:
        """All its networks."""
        return nn.ModuleList(self.components.networks.values())

    @property
    def environment(self) -> Mapping[str, Any]:
        """Everything besides the request that decides about pixels; JSON values."""
        return {
            "device": self.device.name,
            "processor": self.device.processor,
            "precision": name_of(dtype_of(self.components.unet)),
            "decoder_precision": name_of(dtype_of(self.components.vae)),
            "threads": self.device.threads,
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "transformers": transformers.__version__,
            "networks": [{"id": self.entry.id, "name": self.name, "sha256": self.identity()}],
        }

    def watched(self, watch: Callable[[], object]) -> Upscaler:
        """The same for one lease."""
        return replace(self, watch=watch)

    def __call__(
        self, pixels: Pixels, *, noise: float, quality: int = 100, at: tuple[int, int] = (0, 0), **options: Any
    ) -> Pixels:
        """[H, W, 3], sides multiples of `multiple`, -> [H * scale, W * scale, 3] in [0, 1].

        `at` is where they begin in the whole picture: the same place is given the same noise. `options` are those of
        `models.diffusion_upscalers`. NUMERIC, OUT_OF_MEMORY.
        """
        how = WAYS[self.entry.variant](**options)
        small = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].to(self.device.torch_device)
        picture = self._decoded(self._drawn(2 * small - 1, at, how))
        return np.asarray((picture[0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1).cpu().numpy())

    def _drawn(self, small: Tensor, at: tuple[int, int], how: Drawing) -> Tensor:
        """Latents of the large picture."""
        level = how.noise_level if isinstance(how, NoisyDrawing) else 0

        def around(channels: int, size: torch.Size) -> Tensor:
            return self._noise(how.seed, PICTURE, channels, at, size)

        self.watch()
        beside = self._asked(lambda: self.way.beside(small, around, level), self.components.vae, small)
        sigmas = uniform(how.steps, self.way.table)
        places = self._places(at[0]), self._places(at[1])
        x = self._noise(how.seed, LATENTS, self.autoencoder.channels, places, beside.shape[2:]) * sigmas[0]
        denoise = self._guided(beside, level, how)
        return self.sampler(denoise, x, sigmas, noise=lambda a, b: torch.zeros_like(x), on_step=lambda *_: None)

    def _guided(self, beside: Tensor, level: int, how: Drawing) -> Denoiser:
        def predict(x: Tensor, sigma: float, readings: Sequence[Reading]) -> list[Tensor]:
            self.watch()
            return self._predicted(x, sigma, readings, beside, level)

        positive = self._read(how.prompt)
        if not how.prompt:
            return lambda x, sigma: predict(x, sigma, [positive])[0]
        return classifier_free(positive, self._read(""), how.guidance)(predict)

    def _predicted(
        self, x: Tensor, sigma: float, readings: Sequence[Reading], beside: Tensor, level: int
    ) -> list[Tensor]:
        """For each reading the estimate of the clean latents: Karras et al. (2022), equation 7."""
        unet = self.components.unet
        seen = torch.cat([x / math.sqrt(sigma**2 + 1), beside], 1)
        seen = torch.cat([seen] * len(readings))

        def call() -> Tensor:
            for_each = seen.to(dtype_of(unet))  # which may be another one when it is asked again
            context = self.text.context(readings, 1).to(for_each)
            return self.way.answer(for_each, sigma, context, readings, level).float()

        skip, out = self.way.scaling(sigma)
        return [skip * x + out * answer for answer in self._asked(call, unet, seen).chunk(len(readings))]

    def _decoded(self, latents: Tensor) -> Tensor:
        self.watch()
        return self._asked(lambda: self.autoencoder.decode(latents), self.components.vae, latents)

    def _asked(self, call: Callable[[], Tensor], network: Any, given: Tensor) -> Tensor:
        return finite(call, network, f"the upscaler {self.name}", given, HINT)

    def _read(self, prompt: str) -> Reading:
        return within_memory("so long a prompt", lambda: self.text.read(prompt))

    def _places(self, pixels: int) -> int:
        """Latents of the large picture that so many pixels of the small one are wide."""
        return pixels * self.scale // int(self.autoencoder.factor)

    def _noise(self, seed: int, stream: int, channels: int, place: tuple[int, int], size: Sequence[int]) -> Tensor:
        drawn = noise_at(seed, stream, channels, place, (size[0], size[1]))
        return torch.from_numpy(drawn)[None].to(self.device.torch_device)


def load_upscaler(entry: CatalogEntry, device: Device, policy: Policy, identity: Callable[[], str]) -> Upscaler:
    """From a diffusers folder or a single file, laid out as the policy says; errors as `loading.load`."""
    components = load(as_checkpoint(entry), device, policy=policy)
    offload.lay_out(components.networks, policy, device)
    autoencoder = Autoencoder(components.vae, components.base)
    way = upscaling.way_of(components, _low_res(entry), autoencoder)
    if isinstance(way, upscaling.PixelUpscaler) and autoencoder.factor != way.scale:
        said = f"the VAE of {entry.name} makes a latent of {autoencoder.factor} pixels, its network needs {way.scale}."
        raise UserError("MODEL_TYPE", said, "Choose the complete upscaler.", "upscaler")
    return Upscaler(entry, components, device, identity, way, autoencoder, TextReader.of(components))


def _low_res(entry: CatalogEntry) -> Mapping[str, Any]:
    """The configuration of the noise that the small picture is given: the folder's or file's own, or the family's."""
    family = UPSCALERS[entry.variant]
    if entry.layout == "diffusers":
        return in_words(entry.path, "low_res_scheduler", lambda: low_res_scheduler_of(entry.path, family))
    with TensorFiles([entry.path]) as files:
        own: Mapping[str, Any] = SingleFile.of(files, family).own
    return own.get("low_res_scheduler") or family.config().get("low_res_scheduler", {})


def as_checkpoint(entry: CatalogEntry) -> CatalogEntry:
    """The entry as the loader of checkpoints knows it: its variant is what it is made of."""
    return replace(entry, base=entry.variant)
