"""One thing in a model folder: a checkpoint, an adapter, a VAE …, as the catalog knows it without its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

Kind = Literal[
    "checkpoint",
    "network",  # a UNet or transformer alone
    "vae",
    "text_encoder",
    "lora",  # every LoRA-like adapter: LoRA, DoRA, LoHa, LoKr, OFT …; `algorithm` says which
    "controlnet",
    "t2i_adapter",
    "ip_adapter",
    "embedding",
    "restorer",  # upscalers too
    "detector",  # of faces
    "unknown",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

State = Literal[
    "ready",
    "incomplete",  # usable once the missing part is chosen beside it
    "unsupported",  # recognised, but nothing here can use it yet
    "needs_conversion",  # a pickle: never opened here
    "broken",  # damaged, or not what its name says
    "unknown",  # whole, but of no known architecture
]

BASES: Mapping[str, str] = {
    "sd1": "SD 1.x",
    "sd2": "SD 2.x",
    "sdxl": "SDXL",
    "sdxl_refiner": "SDXL refiner",
    "sd3": "SD 3",
    "flux1": "Flux.1",
    "flux2": "Flux.2",
    "chroma": "Chroma",
    "qwen_image": "Qwen-Image",
    "z_image": "Z-Image",
    "sana": "Sana",
    "pixart": "PixArt",
    "auraflow": "AuraFlow",
    "lumina2": "Lumina 2",
    "unknown": "unknown",
}
"""Families of networks that understand one another's adapters, by id, with the name that people know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """What is known of one file or diffusers folder; `reason` says in words why its state is not "ready"."""

    id: str  # 32 hex digits of a hash of its place: stable, and says nothing about it
    name: str  # what stands in <lora:name:1>
    kind: Kind
    base: str  # a key of BASES
    state: State
    reason: str = ""
    path: Path
    layout: Literal["file", "diffusers"] = "file"
    size: int = 0  # bytes
    mtime_ns: int = 0  # of a folder: the newest inside to the second, then a digest of all names, sizes and times
    variant: str = ""  # inpaint, instruct, depth
    prediction: str = ""  # epsilon, v_prediction; empty where the file does not say
    precision: str = ""  # fp32, fp16, bf16, fp8, mixed
    algorithm: str = ""  # of an adapter: lora, dora, loha, lokr, oft …
    rank: int | None = None  # of an adapter: the largest one in it
    scale: int | None = None  # of a restorer: how many times larger it makes a picture; None where only loading tells
    parts: tuple[str, ...] = ()  # unet, vae, text_encoder, text_encoder_2 …: what is inside
    extension: str = ""  # the one that knows this architecture; nothing here does
    description: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)  # of request fields, taken over when it is chosen
    trigger_words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    notes: str = ""

    def public(self) -> dict[str, str]:
        """What may be shown to anybody: no path."""
        return {name: getattr(self, name) for name in ("id", "name", "kind", "base", "state", "reason")}


SHELVES: Mapping[str, Kind] = {
    "checkpoints": "checkpoint",
    "vaes": "vae",
    "adapters": "lora",
    "erasers": "restorer",
}
"""What a request's field may choose from in the catalog: the name in its `Control.choices`, and the kind."""
