"""The parts of a loaded checkpoint: networks, tokenizers, and what is known of the noise it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

ENCODERS = ("text_encoder", "text_encoder_2")
PARTS = ("unet", "vae", *ENCODERS)
"""The networks that a checkpoint may have, by the names that diffusers gives their folders."""


@dataclass(frozen=True, slots=True)
class Components:
    """A checkpoint in memory, on its device.

    `networks` holds the parts that it has by name: unet, vae, text_encoder, text_encoder_2 (the refiner has the second
    encoder alone). `tokenizers` has one for each text encoder, under the encoder's name. `scheduler` is a diffusers
    scheduler's configuration with the noise levels and `prediction_type`. `base` is a key of `entries.BASES`.
    """

    base: str
    networks: Mapping[str, nn.Module]
    tokenizers: Mapping[str, Any]
    scheduler: Mapping[str, Any]
    zero_empty_negative: bool = field(default=False, kw_only=True)  # an empty negative prompt is read as zeros

    @property
    def unet(self) -> Any:
        """The denoising network."""
        return self.networks["unet"]

    @property
    def vae(self) -> Any:
        """The autoencoder between latents and pictures."""
        return self.networks["vae"]

    @property
    def encoders(self) -> Mapping[str, Any]:
        """The text encoders by part name, in the order in which their states stand side by side."""
        return {part: self.networks[part] for part in ENCODERS if part in self.networks}

    @property
    def text_encoder(self) -> Any:
        """The first text encoder; KeyError where there is only the second."""
        return self.networks["text_encoder"]

    @property
    def tokenizer(self) -> Any:
        """The first text encoder's tokenizer."""
        return self.tokenizers["text_encoder"]

    @property
    def bytes(self) -> int:
        """Memory that the weights take."""
        return sum(p.numel() * p.element_size() for part in self.networks.values() for p in part.parameters())
