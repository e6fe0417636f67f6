"""A loaded checkpoint as the tasks see it: prompts, predictions, noise, pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from sdtoolbox.engine.autoencoder import Autoencoder
from sdtoolbox.engine.changes import changed
from sdtoolbox.engine.changes.seamless import check_size
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.conditioning import added_conditions, everything_masked
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.families import family_of
from sdtoolbox.engine.memory import within_memory
from sdtoolbox.engine.noise import BatchNoise, Moved
from sdtoolbox.engine.noise_table import DiscreteNoiseTable
from sdtoolbox.engine.offload import raised_precision
from sdtoolbox.engine.parameterization import scaling
from sdtoolbox.engine.preview import LatentPreview
from sdtoolbox.engine.text import Embeddings, Reading, TextReader
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.prompts.plan import Words, plain, spoken
from sdtoolbox.protocols import Change, NoiseTable, Seamless, Variation
from sdtoolbox.schema.fields import EmphasisMode

_Call = tuple[tuple[Reading, ...], torch.Size]
"""The readings of a call, each an object of its own, and the shape of the latents."""
CALLS_KEPT = 8
"""What so many different calls are given is kept: guidance may ask in turns for several."""


@dataclass(frozen=True, slots=True)
class _Given:
    context: Tensor  # [readings * images, tokens, D]
    added: dict[str, Tensor] | None
    masked: Tensor | None  # [1, 1 + C, h, w]


class LatentDiffusion:
    """A `protocols.DiffusionModel` of the Stable Diffusion families, over the components of diffusers.

    Whoever lends it says with what: `embeddings` gives those that a prompt names, `borrowed` adds to the environment,
    `warnings` are for the person who asked.
    """

    def __init__(
        self, checkpoint: CatalogEntry, components: Components, device: Device, identity: Callable[[], str]
    ) -> None:
        """`identity` gives the checkpoint's SHA-256 and may wait for it: only `environment` asks."""
        self.checkpoint = checkpoint
        self.noise_table: NoiseTable = DiscreteNoiseTable.from_config(components.scheduler)
        self.embeddings: Callable[[str], Embeddings] = lambda prompt: {}
        self.borrowed: Callable[[], Mapping[str, Any]] = dict
        self.warnings: list[str] = []
        self._scaling = scaling(str(components.scheduler.get("prediction_type", "epsilon")))
        self._family = family_of(components.base)
        self._components = components
        self._unet, self._vae = components.unet, components.vae
        self._autoencoder = Autoencoder(components.vae, components.base)
        self._text = TextReader.of(components)
        self._device = device
        self._identity = identity
        self._given: dict[_Call, _Given] = {}
        self._changes: tuple[Change, ...] = ()
        self._channels = self._autoencoder.channels
        # Latents may have any size: diffusers' U-Net handles odd ones itself, so the autoencoder alone decides.
        self._factor = self._autoencoder.factor
        self._inpaints = int(self._unet.config.in_channels) > self._channels
        self._preview = LatentPreview(self._channels, self._factor, device.torch_device)

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
            "checkpoint": {"id": self.checkpoint.id, "name": self.checkpoint.name, "sha256": self._identity()},
            **self.borrowed(),
        }

    @property
    def bytes(self) -> int:
        """Memory that the weights take."""
        return self._components.bytes

    def encode(
        self,
        words: Words | str,
        *,
        negative: bool = False,
        emphasis: EmphasisMode = "original",
        clip_skip: int = 1,
    ) -> Reading:
        """The text encoders' reading of any number of words; none have one too. See `TextReader.read`.

        `negative`: they say what should not be in the picture, which some networks are told.
        """
        words = plain(words) if isinstance(words, str) else words
        embeddings = self.embeddings(spoken(words))
        options: dict[str, Any] = {"negative": negative, "emphasis": emphasis, "clip_skip": clip_skip}
        return within_memory("so long a prompt", lambda: self._text.read(words, embeddings, **options))

    def forget(self) -> None:
        """Read prompts anew from now on: the text encoders wear other adapters."""
        self._text, self._given = TextReader.of(self._components), {}

    def predict(self, x: Tensor, sigma: float, conditions: Sequence[Reading]) -> list[Tensor]:
        """One network call for all conditions and images: for each condition the estimate [B, C, h, w] float32.

        The network sees x / sqrt(sigma² + 1) and the training time of sigma, Karras et al. (2022), equation 7.
        NUMERIC if what it answers is not finite.
        """
        given = self._given_with(tuple(conditions), x)
        scaled = x / math.sqrt(sigma**2 + 1)
        if given.masked is not None:
            scaled = torch.cat([scaled, given.masked.expand(len(x), -1, -1, -1)], dim=1)
        scaled = torch.cat([scaled] * len(conditions))
        t = self.noise_table.t(sigma)

        def call() -> Tensor:
            dtype = dtype_of(self._unet)
            output: Tensor = self._unet(
                scaled.to(dtype), t, given.context.to(dtype), added_cond_kwargs=given.added, return_dict=False
            )[0]
            return output.float()

        output = self._finite(call, self._unet, f"the network at noise level {sigma:.4g}", x)
        skip, out = self._scaling(sigma)
        skipped = x if skip == 1 else x * skip
        return [torch.add(skipped, part, alpha=out) for part in output.chunk(len(conditions))]

    def changed(self, *changes: Change) -> LatentDiffusion:
        """The same model, whose networks are changed in each call of this thread, and as they were between any two."""
        other = copy(self)
        other._changes, other._given = (*self._changes, *changes), {}
        return other

    def lent(
        self, warnings: list[str], embeddings: Callable[[str], Embeddings], borrowed: Callable[[], Mapping[str, Any]]
    ) -> LatentDiffusion:
        """The same model for one lease: others at the same time may have been lent it with something else."""
        other = copy(self)
        other.warnings, other.embeddings, other.borrowed = warnings, embeddings, borrowed
        return other

    def noise(self, seeds: Sequence[int], width: int, height: int, variation: Variation | None = None) -> BatchNoise:
        """The randomness of a batch of pictures of this size in pixels, one seed a picture.

        `variation` moves what `initial` gives. PARAM_INVALID for a size that cannot be drawn without the seams that a
        change takes away.
        """
        for change in self._changes:
            if isinstance(change, Seamless):
                check_size(change, width, height, self._factor)
        shape, moved = self._latent_shape(width, height), None
        if variation is not None:
            drawn = self._latent_shape(*variation.resized_from) if variation.resized_from else shape
            moved = Moved(variation.seeds, variation.strength, drawn)
        return BatchNoise(seeds, shape, self._device.torch_device, moved)

    def _latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        return self._channels, math.ceil(height / self._factor), math.ceil(width / self._factor)

    def latents(self, pictures: Sequence[Image.Image]) -> Tensor:
        """What `decode` would make these RGB pictures of one size from: [B, C, h, w], float32."""
        found = []
        for picture in pictures:  # one at a time, as in `decode`
            values = _tensor(picture, self._factor, self._device.torch_device)
            encode = partial(self._autoencoder.encode, values)
            found.append(self._finite(encode, self._vae, "the encoder of pictures", values))
        return torch.cat(found)

    def decode(self, latents: Tensor, width: int, height: int) -> list[Image.Image]:
        """RGB pictures of exactly width x height, cut from the middle of what the latents show; NUMERIC."""
        # One at a time: the decoder needs the most memory of all, and a picture must not depend on its neighbours.
        return [_image(self._decoded(latent[None])[0], width, height) for latent in latents]

    def preview(self, latents: Tensor) -> Image.Image:
        """A quick, small RGB look at the first latent of the batch, without the decoder."""
        return self._preview(latents, self._decoded)

    def _given_with(self, conditions: tuple[Reading, ...], x: Tensor) -> _Given:
        """What the network is given at every step of one drawing; made at the first."""
        call = conditions, x.shape
        if call not in self._given:
            while len(self._given) >= CALLS_KEPT:
                self._given.pop(next(iter(self._given)))
            self._given[call] = within_memory("so long a prompt", lambda: self._make_given(conditions, x))
        return self._given[call]

    def _make_given(self, conditions: tuple[Reading, ...], x: Tensor) -> _Given:
        images, height, width = x.shape[0], x.shape[2] * self._factor, x.shape[3] * self._factor
        context = self._text.context(conditions, images)
        added = added_conditions(self._family, conditions, images, height, width)
        if not self._inpaints:
            return _Given(context, added, None)
        masked = self._finite(
            lambda: everything_masked(self._autoencoder, height, width), self._vae, "the encoder of pictures", x
        )
        return _Given(context, added, masked)

    def _decoded(self, latent: Tensor) -> Tensor:
        return self._finite(lambda: self._autoencoder.decode(latent), self._vae, "the decoder", latent)

    @torch.no_grad()
    def _finite(self, call: Callable[[], Tensor], network: Any, stage: str, given: Tensor) -> Tensor:
        """The result of `call`, computed anew in float32 if it is not finite in less; else NUMERIC naming `stage`."""
        if self._changes:
            call = self._with_changes(call, network)
        doing = f"{stage} on {'x'.join(map(str, given.shape))} latents"
        result = within_memory(doing, call)
        if is_finite(result):
            return result
        if dtype_of(network) != torch.float32:
            result = within_memory(doing, partial(_in_float32, call, network))
            if is_finite(result):
                return result
        culprit = "answered with" if is_finite(given) else "was given"
        raise UserError(
            "NUMERIC",
            f"{stage} {culprit} numbers that are not finite.",
            "Try a smaller guidance scale or another sampler; if nothing helps, the checkpoint is damaged.",
        )

    def _with_changes(self, call: Callable[[], Tensor], network: Any) -> Callable[[], Tensor]:
        def changed_call() -> Tensor:
            with changed(network, self._changes):
                return call()

        return changed_call


def _in_float32(call: Callable[[], Tensor], network: Any) -> Tensor:
    with raised_precision(network):
        return call()


def is_finite(values: Tensor) -> bool:
    """True if every value is finite; by their sum, which is one operation, unless that leaves a doubt."""
    return math.isfinite(values.sum().item()) or bool(values.isfinite().all())


def dtype_of(network: Any) -> torch.dtype:
    """The type of a network's weights; diffusers' own `dtype` walks through all modules, at every step."""
    weight: Tensor = next(network.parameters())
    return weight.dtype


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _tensor(picture: Image.Image, factor: int, device: torch.device) -> Tensor:
    """RGB, 8 bit -> [1, 3, H, W] in [-1, 1]; edges are repeated up to multiples of `factor`, the picture amid them."""
    pixels = torch.from_numpy(np.asarray(picture.convert("RGB")).copy()).to(device)
    values = (pixels.permute(2, 0, 1)[None].float() / 127.5) - 1
    (left, right), (top, bottom) = (_margins(size, factor) for size in picture.size)
    return F.pad(values, (left, right, top, bottom), mode="replicate")


def _margins(size: int, factor: int) -> tuple[int, int]:
    more = -size % factor
    return more // 2, more - more // 2


def _image(picture: Tensor, width: int, height: int) -> Image.Image:
    """[3, H, W] in [-1, 1] -> the middle width x height of it, as 8 bit RGB."""
    top, left = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
    middle = picture[:, top : top + height, left : left + width]
    pixels = ((middle / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())
