"""Where the parts of a checkpoint begin in a single file: the one table that recognition and loading share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

NETWORK_ROOTS: Final = ("model.diffusion_model.", "diffusion_model.", "unet.", "")
ORIGINAL: Final = ("input_blocks.0.0.weight", "time_embed.0.weight", "out.2.weight")
DIFFUSERS: Final = ("conv_in.weight", "time_embedding.linear_1.weight", "conv_out.weight")
"""What a UNet has below its root, in the original naming and in that of diffusers."""

VAE_ROOTS: Final = ("first_stage_model.", "vae.")

# Of text encoders, in the original layout, as ComfyUI saves them, and as diffusers calls them. First match wins.
ENCODER_ROOTS: Final[tuple[tuple[str, str], ...]] = (
    ("cond_stage_model.transformer.", "text_encoder"),
    ("cond_stage_model.model.", "text_encoder"),
    ("cond_stage_model.clip_l.", "text_encoder"),
    ("cond_stage_model.clip_h.", "text_encoder"),
    ("conditioner.embedders.0.transformer.", "text_encoder"),
    ("conditioner.embedders.1.model.", "text_encoder_2"),
    ("conditioner.embedders.0.model.", "text_encoder_2"),
    ("text_encoders.clip_l.", "text_encoder"),
    ("text_encoders.clip_h.", "text_encoder"),
    ("text_encoders.clip_g.", "text_encoder_2"),
    ("text_encoders.t5xxl.", "text_encoder_3"),
    ("text_encoders.", "text_encoder"),
    ("text_encoder.", "text_encoder"),
    ("text_encoder_2.", "text_encoder_2"),
)
_ENCODERS = tuple(root for root, _ in ENCODER_ROOTS)


def find_roots(names: Collection[str]) -> Mapping[str, str]:
    """What the names of each part begin with, by part: unet, vae, text_encoder, text_encoder_2, text_encoder_3."""
    # Some files keep the position_ids of an encoder that was removed.
    of_encoders = [name for name in names if name.startswith(_ENCODERS) and not name.endswith("position_ids")]
    seen = {next(root for root in _ENCODERS if name.startswith(root)) for name in of_encoders}
    found = {part: root for root, part in reversed(ENCODER_ROOTS) if root in seen}
    for root in reversed(VAE_ROOTS):
        if f"{root}decoder.conv_in.weight" in names:
            found["vae"] = root
    for root in reversed(NETWORK_ROOTS):
        if any(all(root + name in names for name in naming) for naming in (ORIGINAL, DIFFUSERS)):
            found["unet"] = root
    return found
