"""What goes with what: an adapter with a checkpoint, a VAE with a checkpoint; refused in words before any work."""

from __future__ import annotations

from collections.abc import Mapping

from sdtoolbox.models.entries import BASES, CatalogEntry, Kind

KIND_WORDS: Mapping[Kind, str] = {
    "checkpoint": "checkpoint",
    "network": "network without text encoder and VAE",
    "vae": "VAE",
    "text_encoder": "text encoder",
    "lora": "LoRA",
    "controlnet": "ControlNet",
    "t2i_adapter": "T2I-Adapter",
    "ip_adapter": "IP-Adapter",
    "embedding": "embedding",
    "restorer": "restorer",
    "detector": "detector of faces",
    "unknown": "file of an unknown kind",
}
ALGORITHM_WORDS = {"lora": "LoRA", "dora": "DoRA", "loha": "LoHa", "lokr": "LoKr", "oft": "OFT", "boft": "BOFT"}
LATENT_FAMILIES = ({"sd1", "sd2"}, {"sdxl", "sdxl_refiner"})
"""Bases that were trained on the latents of one VAE: what one began another can finish."""


def share_latents(base: str, other: str) -> bool:
    """Whether models of two bases draw in the same latent space; of an unknown base nobody can say, and yes is said."""
    return base == other or "unknown" in (base, other) or any({base, other} <= family for family in LATENT_FAMILIES)


def misfit(adapter: CatalogEntry, checkpoint: CatalogEntry) -> str:
    """Why an adapter or a VAE does not go with a checkpoint, "" if it does or if its base is not known.

    "this is an SDXL LoRA, the model is SD 1.5"
    """
    bases = {adapter.base, checkpoint.base}
    if len(bases) == 1 or "unknown" in bases or (adapter.kind == "vae" and share_latents(*bases)):
        return ""
    return f"this is {with_article(f'{base_word(adapter.base)} {kind_word(adapter)}')}, " + (
        f"the model is {base_word(checkpoint.base)}"
    )


def kind_word(entry: CatalogEntry) -> str:
    """What people call a thing of this kind; a LoRA's kin by their own name."""
    if entry.kind == "lora":
        return ALGORITHM_WORDS.get(entry.algorithm, "LoRA")
    return KIND_WORDS[entry.kind]


def base_word(base: str) -> str:
    """What people call a base."""
    return "SD 1.5" if base == "sd1" else BASES.get(base, base)


def with_article(words: str) -> str:
    """ "a VAE", "an SDXL LoRA": by sound."""
    sounds_like_a_vowel = words.startswith(("SD", "IP", "OFT", "A", "u", "e"))
    return f"{'an' if sounds_like_a_vowel else 'a'} {words}"
