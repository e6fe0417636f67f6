"""A loaded checkpoint as the tasks see it: prompts, predictions, noise, pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import diffusers
import torch
import transformers
from PIL import Image
from torch import Tensor

from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.loading import Components
from sdtoolbox.engine.memory import within_memory
from sdtoolbox.engine.noise import BatchNoise
from sdtoolbox.engine.noise_table import DiscreteNoiseTable
from sdtoolbox.engine.parameterization import scaling
from sdtoolbox.engine.preview import LatentPreview
from sdtoolbox.engine.text import Reading, TextReader
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.protocols import NoiseTable


class LatentDiffusion:
    """A `protocols.DiffusionModel` of the Stable Diffusion 1 family, over the components of diffusers."""

    def __init__(self, checkpoint: CatalogEntry, components: Components, device: Device, sha256: str) -> None:
        self.checkpoint = checkpoint
        self.noise_table: NoiseTable = DiscreteNoiseTable.from_config(components.scheduler)
        self._scaling = scaling(str(components.scheduler.get("prediction_type", "epsilon")))
        self._components = components
        self._unet, self._vae = components.unet, components.vae
        self._text = TextReader(components.tokenizer, components.text_encoder)
        self._device = device
        self._sha256 = sha256
        self._context: tuple[tuple[Reading, ...], int, Tensor] | None = None
        self._channels = int(self._vae.config.latent_channels)
        # Latents may have any size: diffusers' U-Net handles odd ones itself, so the autoencoder alone decides.
        self._factor = 2 ** (len(self._vae.config.block_out_channels) - 1)
        self.preview = LatentPreview(self._decoded, self._channels, self._factor, device.torch_device)

    @property
    def environment(self) -> Mapping[str, Any]:
        """Everything besides the request that decides about pixels; JSON values."""
        return {
            "device": self._device.name,
            "processor": self._device.processor,
            "precision": _name(dtype_of(self._unet)),
            "decoder_precision": _name(dtype_of(self._vae)),
            "threads": self._device.threads,
            "attention": "sdpa",
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "transformers": transformers.__version__,
            "checkpoint": {"id": self.checkpoint.id, "name": self.checkpoint.name, "sha256": self._sha256},
        }

    @property
    def bytes(self) -> int:
        """Memory that the weights take."""
        parts = (self._unet, self._vae, self._components.text_encoder)
        return sum(p.numel() * p.element_size() for part in parts for p in part.parameters())

    def encode(self, prompt: str) -> Reading:
        """The text encoder's reading of a prompt of any length; the empty prompt has one too."""
        return within_memory("so long a prompt", lambda: self._text.read(prompt))

    def predict(self, x: Tensor, sigma: float, conditions: Sequence[Reading]) -> list[Tensor]:
        """One network call for all conditions and images: for each condition the estimate [B, C, h, w] float32.

        The network sees x / sqrt(sigma² + 1) and the training time of sigma, Karras et al. (2022), equation 7.
        NUMERIC if what it answers is not finite.
        """
        context = self._context_of(tuple(conditions), x.shape[0])
        scaled = torch.cat([x / math.sqrt(sigma**2 + 1)] * len(conditions))
        t = self.noise_table.t(sigma)

        def call() -> Tensor:
            dtype = dtype_of(self._unet)
            output: Tensor = self._unet(scaled.to(dtype), t, context.to(dtype), return_dict=False)[0]
            return output.float()

        output = self._finite(call, self._unet, f"the network at noise level {sigma:.4g}", x)
        skip, out = self._scaling(sigma)
        skipped = x if skip == 1 else x * skip
        return [torch.add(skipped, part, alpha=out) for part in output.chunk(len(conditions))]

    def noise(self, seeds: Sequence[int], width: int, height: int) -> BatchNoise:
        """The randomness of a batch of pictures of this size in pixels, one seed a picture."""
        latent = (self._channels, math.ceil(height / self._factor), math.ceil(width / self._factor))
        return BatchNoise(seeds, latent, self._device.torch_device)

    def decode(self, latents: Tensor, width: int, height: int) -> list[Image.Image]:
        """RGB pictures of exactly width x height, cut from the middle of what the latents show; NUMERIC."""
        # One at a time: the decoder needs the most memory of all, and a picture must not depend on its neighbours.
        return [_image(self._decoded(latent[None])[0], width, height) for latent in latents]

    def _context_of(self, conditions: tuple[Reading, ...], images: int) -> Tensor:
        known = self._context
        if known is None or known[1] != images or known[0] != conditions:
            context = within_memory("so long a prompt", lambda: self._text.context(conditions, images))
            self._context = known = conditions, images, context
        return known[2]

    def _decoded(self, latent: Tensor) -> Tensor:
        def call() -> Tensor:
            scaled = latent.to(dtype_of(self._vae)) / self._vae.config.scaling_factor
            picture: Tensor = self._vae.decode(scaled, return_dict=False)[0]
            return picture.float()

        return self._finite(call, self._vae, "the decoder", latent)

    @torch.no_grad()
    def _finite(self, call: Callable[[], Tensor], network: Any, stage: str, given: Tensor) -> Tensor:
        """The result of `call`, in float32 from then on if it was not finite in less; else NUMERIC naming `stage`."""
        doing = f"{stage} on {'x'.join(map(str, given.shape))} latents"
        result = within_memory(doing, call)
        if is_finite(result):
            return result
        if dtype_of(network) != torch.float32:
            network.float()
            result = within_memory(doing, call)
            if is_finite(result):
                return result
        culprit = "answered with" if is_finite(given) else "was given"
        raise UserError(
            "NUMERIC",
            f"{stage} {culprit} numbers that are not finite.",
            "Try a smaller guidance scale or another sampler; if nothing helps, the checkpoint is damaged.",
        )


def is_finite(values: Tensor) -> bool:
    """True if every value is finite; by their sum, which is one operation, unless that leaves a doubt."""
    return math.isfinite(values.sum().item()) or bool(values.isfinite().all())


def dtype_of(network: Any) -> torch.dtype:
    """The type of a network's weights; diffusers' own `dtype` walks through all modules, at every step."""
    weight: Tensor = next(network.parameters())
    return weight.dtype


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _image(picture: Tensor, width: int, height: int) -> Image.Image:
    """[3, H, W] in [-1, 1] -> the middle width x height of it, as 8 bit RGB."""
    top, left = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
    middle = picture[:, top : top + height, left : left + width]
    pixels = ((middle / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())
