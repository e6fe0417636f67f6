"""How the names in adapters' files begin: the one table that recognition and loading share."""

from __future__ import annotations

from typing import Final

_NETWORK = ("unet",)
_ENCODERS = ("text_encoder", "text_encoder_2")

ADAPTER_BEGINNINGS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("lora_unet_", _NETWORK),
    ("oft_unet_", _NETWORK),
    ("lora_transformer_", _NETWORK),
    ("lora_te1_", ("text_encoder",)),
    ("lora_te2_", ("text_encoder_2",)),
    ("lora_te3_", ("text_encoder_3",)),
    ("lora_te_", _ENCODERS),  # of a checkpoint with one text encoder, whichever that is
    ("lycoris_", _NETWORK),
    ("base_model_model_unet_", _NETWORK),
    ("base_model_model_", (*_NETWORK, *_ENCODERS)),
    ("model_diffusion_model_", _NETWORK),
    ("diffusion_model_", _NETWORK),
    ("text_encoder_2_", ("text_encoder_2",)),
    ("text_encoder2_", ("text_encoder_2",)),
    ("text_encoder_3_", ("text_encoder_3",)),
    ("text_encoder_", ("text_encoder",)),
    ("text_encoders_", ("text_encoder",)),
    ("te_", ("text_encoder",)),
    ("unet_", _NETWORK),
    ("", _NETWORK),
)
"""With "_" for every dot, and the parts whose modules may follow; an empty beginning comes last and fits everything."""


def part_and_module(name: str) -> tuple[str, str]:
    """The part that a module's name speaks of, the network called unet whichever it is, and the module's own name."""
    name = name.replace(".", "_")
    beginning, parts = next(row for row in ADAPTER_BEGINNINGS if name.startswith(row[0]))
    module = name.removeprefix(beginning)
    reads = len(parts) > 1 and parts[0] == "unet" and module.startswith("text_model_")
    return parts[1 if reads else 0], module
