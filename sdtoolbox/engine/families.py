"""The families of checkpoints that can be loaded: what they are made of, and where a single file keeps the parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from sdtoolbox.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One row: `roots` is where the original single-file layout keeps each part, `config` what shapes cannot tell.

    `heads` is the number of attention heads of its networks, or None where every head is 64 channels wide.
    """

    base: str
    roots: Mapping[str, str]  # by part; `models.roots` knows where else other programs put them
    open_clip: tuple[str, ...] = ()  # the text encoders that a single file stores with OpenCLIP's names
    heads: int | None = None
    penultimate: bool = False  # text is read before the encoder's last layer, and not normalised
    unnormalised: bool = False  # text is read behind the last layer, but before the norm
    cut: int = 0  # layers at the end of a stored text encoder that are not used
    zero_empty_negative: bool = False
    sizes: int = 0  # numbers in the time ids: sizes and crop, six or five
    fragile_vae: bool = False  # its decoder overflows in float16 unless the configuration says otherwise
    ask_prediction: bool = False  # what the network predicts is not known from the family
    beside: int | None = None  # channels that its network sees beside the latents, where there is no choice
    spare: int = 0  # channels of the network's answer that nobody reads
    vae_scale: float | None = None  # of latents, whatever a configuration says

    @property
    def parts(self) -> tuple[str, ...]:
        """The networks that a checkpoint must have."""
        return tuple(self.roots)

    def config(self) -> dict[str, dict[str, Any]]:
        """Configurations in the form of diffusers, by part and "scheduler", without what shapes tell."""
        content: dict[str, dict[str, Any]] = json.loads(_config_text(self.base))
        return content


@cache
def _config_text(base: str) -> str:
    return (resources.files("sdtoolbox.models") / "configs" / f"{base}.json").read_text("utf-8")


UNET = "model.diffusion_model."
VAE = "first_stage_model."
FAMILIES: Mapping[str, Family] = {
    family.base: family
    for family in (
        Family(
            base="sd1",
            roots={"unet": UNET, "vae": VAE, "text_encoder": "cond_stage_model.transformer."},
            heads=8,
        ),
        Family(
            base="sd2",
            roots={"unet": UNET, "vae": VAE, "text_encoder": "cond_stage_model.model."},
            open_clip=("text_encoder",),
            cut=1,
            ask_prediction=True,
        ),
        Family(
            base="sdxl",
            roots={
                "unet": UNET,
                "vae": VAE,
                "text_encoder": "conditioner.embedders.0.transformer.",
                "text_encoder_2": "conditioner.embedders.1.model.",
            },
            open_clip=("text_encoder_2",),
            penultimate=True,
            zero_empty_negative=True,
            sizes=6,
            fragile_vae=True,
        ),
        Family(
            base="sdxl_refiner",
            roots={"unet": UNET, "vae": VAE, "text_encoder_2": "conditioner.embedders.0.model."},
            open_clip=("text_encoder_2",),
            penultimate=True,
            sizes=5,
            fragile_vae=True,
        ),
    )
}

UPSCALERS: Mapping[str, Family] = {
    family.base: family
    for family in (
        Family(
            base="sd_upscaler",
            roots={"unet": UNET, "vae": VAE, "text_encoder": "cond_stage_model.model."},
            open_clip=("text_encoder",),
            heads=8,
            cut=1,
            fragile_vae=True,
            beside=3,
            vae_scale=0.08333,
        ),
        Family(
            base="sd_latent_upscaler",
            roots={"unet": UNET, "vae": VAE, "text_encoder": "cond_stage_model.transformer."},
            unnormalised=True,
            beside=4,
            spare=1,
        ),
    )
}
"""Diffusion networks that enlarge, by the variant of their entries: not checkpoints to draw with, but made as such."""

ANY_VAE = Family(base="any_vae", roots={"vae": VAE}, fragile_vae=True)
"""A VAE alone does not say for which family it is: its scale is that of the checkpoint which it is used with."""


def family_of(base: str) -> Family:
    """The family of a `base`; MODEL_TYPE for one that cannot be loaded yet."""
    family = FAMILIES.get(base) or UPSCALERS.get(base)
    if family is None:
        known = ", ".join(FAMILIES)
        raise UserError("MODEL_TYPE", f"checkpoints of type {base} cannot be loaded.", f"Known are: {known}.")
    return family
