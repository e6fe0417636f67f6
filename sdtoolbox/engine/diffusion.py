"""A loaded checkpoint as the tasks see it: prompts, predictions, noise, pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar

import diffusers
import torch
import transformers
from PIL import Image
from torch import Tensor

from sdtoolbox.changes import Change, Instruct, Repaint, Seamless, Variation
from sdtoolbox.engine.autoencoder import Autoencoder
from sdtoolbox.engine.calling import Calling
from sdtoolbox.engine.changes.seamless import check_size
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.conditioning import added_conditions, masked_picture, variant_of
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.families import family_of
from sdtoolbox.engine.finite import dtype_of
from sdtoolbox.engine.memory import within_memory
from sdtoolbox.engine.noise import BatchNoise, Moved
from sdtoolbox.engine.noise_table import DiscreteNoiseTable
from sdtoolbox.engine.parameterization import scaling
from sdtoolbox.engine.pixels import mask_cells, to_picture, to_tensor
from sdtoolbox.engine.preview import LatentPreview
from sdtoolbox.engine.text import Embeddings, Reading, TextReader
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.prompts.plan import Words, plain, spoken
from sdtoolbox.protocols import Mask, NoiseTable, Variant
from sdtoolbox.schema.fields import EmphasisMode

K = TypeVar("K")
V = TypeVar("V")
_Call = tuple[tuple[Reading, ...], torch.Size]
"""The readings of a call, each an object of its own, and the shape of the latents that the network sees."""
CALLS_KEPT = 8
"""What so many different calls are given is kept: guidance may ask in turns for several."""
ENCODER = "the encoder of pictures"


@dataclass(frozen=True, slots=True)
class _Given:
    context: Tensor  # [readings * images, tokens, D]
    added: dict[str, Tensor] | None


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
        self._beside: dict[torch.Size, Tensor] = {}
        self._channels = self._autoencoder.channels
        # Latents may have any size: diffusers' U-Net handles odd ones itself, so the autoencoder alone decides.
        self._factor = self._autoencoder.factor
        self._calling = Calling((), self._factor)
        self.variant: Variant = variant_of(int(self._unet.config.in_channels), self._channels)
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
        seen = x / math.sqrt(sigma**2 + 1)
        if self.variant:
            seen = torch.cat([seen, self._shown_beside(x).expand(len(x), -1, -1, -1)], dim=1)
        t = self.noise_table.t(sigma)

        def call(seen: Tensor) -> Tensor:
            given = self._given_with(tuple(conditions), seen.shape)
            for_each = torch.cat([seen] * len(conditions)).to(dtype_of(self._unet))
            output: Tensor = self._unet(
                for_each, t, given.context.to(for_each), added_cond_kwargs=given.added, return_dict=False
            )[0]
            return output.float()

        output = self._calling.blended(self._unet, f"the network at noise level {sigma:.4g}", call, seen)
        skip, out = self._scaling(sigma)
        skipped = x if skip == 1 else x * skip
        return [torch.add(skipped, part, alpha=out) for part in output.chunk(len(conditions))]

    def changed(self, *changes: Change) -> LatentDiffusion:
        """The same model, whose networks are changed in each call of this thread, and as they were between any two."""
        other = copy(self)
        other._calling = Calling((*self._calling.changes, *changes), self._factor)
        other._given, other._beside = {}, {}
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
        for change in self._calling.changes:
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
        device = self._device.torch_device
        # One at a time, as in `decode`.
        return torch.cat([self._encoded(to_tensor(picture, self._factor, device)) for picture in pictures])

    def mask(self, mask: Mask) -> Tensor:
        """How much a mask [H, W] of the pictures' size covers of each latent, at most: [1, 1, h, w] in [0, 1]."""
        return mask_cells(mask, self._factor, self._device.torch_device)

    def decode(self, latents: Tensor, width: int, height: int) -> list[Image.Image]:
        """RGB pictures of exactly width x height, cut from the middle of what the latents show; NUMERIC."""
        # One at a time: the decoder needs the most memory of all, and a picture must not depend on its neighbours.
        return [to_picture(self._decoded(latent[None])[0], width, height) for latent in latents]

    def preview(self, latents: Tensor) -> Image.Image:
        """A quick, small RGB look at the first latent of the batch, without the decoder."""
        return self._preview(latents, self._decoded)

    def _given_with(self, conditions: tuple[Reading, ...], shape: torch.Size) -> _Given:
        """What the network is given at every step of one drawing, beside latents of this shape; made at the first."""

        def make() -> _Given:
            images, height, width = shape[0], shape[2] * self._factor, shape[3] * self._factor
            context = self._text.context(conditions, images)
            return _Given(context, added_conditions(self._family, conditions, images, height, width))

        return _kept(self._given, (conditions, shape), lambda: within_memory("so long a prompt", make))

    def _shown_beside(self, x: Tensor) -> Tensor:
        """The channels [1, C', h, w] that the network sees beside those of x [B, C, h, w], one for all pictures."""
        size = x.shape[2:]

        def make() -> Tensor:
            if self.variant == "instruct":
                return self._picture_to_edit(size)
            shown = self._calling.last(Repaint)
            hidden, picture = masked_picture(shown, self._factor, size, self._device.torch_device)
            return torch.cat([hidden, self._encoded(picture)], dim=1)

        return _kept(self._beside, size, make)

    def _picture_to_edit(self, size: torch.Size) -> Tensor:
        shown, device = self._calling.last(Instruct), self._device.torch_device
        if shown is None or shown.picture is None:
            return torch.zeros((1, self._channels, *size), device=device)
        latents = self._encoded(to_tensor(shown.picture, self._factor, device), self._autoencoder.mode)
        if latents.shape[2:] != size:
            raise ValueError(f"a picture of {shown.picture.size} cannot be edited on latents of {tuple(size)}")
        return latents

    def _encoded(self, pixels: Tensor, encode: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        return self._calling.blended(self._vae, ENCODER, encode or self._autoencoder.encode, pixels, takes=self._factor)

    def _decoded(self, latent: Tensor) -> Tensor:
        return self._calling.blended(self._vae, "the decoder", self._autoencoder.decode, latent, gives=self._factor)


def _kept(store: dict[K, V], key: K, make: Callable[[], V]) -> V:
    if key not in store:
        while len(store) >= CALLS_KEPT:
            store.pop(next(iter(store)))
        store[key] = make()
    return store[key]


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
