"""Upscalers that draw: diffusion networks that see the small picture beside the noise, and what each may be told."""

# Annotations are read for their bounds here, so they must be more than text.
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final

from sdtoolbox.models.recognition import Architecture, Names, Recognition, spoken
from sdtoolbox.models.roots import DIFFUSERS, NETWORK_ROOTS, ORIGINAL
from sdtoolbox.models.unets import PART_WORDS, describe_checkpoint, unet
from sdtoolbox.schema.options import Limits, Option, options_of

SCALES: Final[Mapping[str, int]] = {"sd_upscaler": 4, "sd_latent_upscaler": 2}
"""How many times larger a picture becomes, by the variant of an entry; entries with other variants are no such ones."""
PIPELINES: Final[Mapping[str, str]] = {
    "StableDiffusionUpscalePipeline": "sd_upscaler",
    "StableDiffusionLatentUpscalePipeline": "sd_latent_upscaler",
}
"""The variant by the class of the pipeline in diffusers."""
PARTS: Final = ("unet", "vae", "text_encoder")
MOST_NOISE: Final = 350
"""The noise level of 1000 that small pictures were given at most while the x4 upscaler was trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """How one of them draws. Without a `prompt` it is told nothing, and `guidance` does not count."""

    steps: Annotated[int, Limits(1, 200)] = 20
    guidance: Annotated[float, Limits(0, 30)] = 7.5
    prompt: str = ""
    seed: Annotated[int, Limits(0, 1e6)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisyDrawing(Drawing):
    """`noise_level`: how much noise the small picture is shown with; more of it lets the network invent more."""

    noise_level: Annotated[int, Limits(0, MOST_NOISE)] = 20


WAYS: Final[Mapping[str, type[Drawing]]] = {"sd_upscaler": NoisyDrawing, "sd_latent_upscaler": Drawing}
OPTIONS: Final[Mapping[str, Mapping[str, Option]]] = {variant: options_of(way, ()) for variant, way in WAYS.items()}
"""What an upscaler of a variant may be told, by name."""


def as_upscaler(found: Recognition, variant: str) -> Recognition:
    """The same, known to be an upscaler of this variant: a restorer, whatever it is made of."""
    return replace(found, kind="restorer", base="unknown", variant=variant, scale=SCALES[variant])


def _describe(row: Architecture, names: Names) -> Recognition:
    """An upscaler where a VAE or a text encoder stands beside the network, else the network alone."""
    found = describe_checkpoint(row, names)
    found = replace(found, variant=row.variant, parts=("unet", *found.parts[1:]))
    lacking = [PART_WORDS[part] for part in PARTS if part not in found.parts]
    if lacking:
        found = replace(found, state="incomplete", reason=f"it lacks {spoken(lacking)}")
    return found if found.kind == "network" else as_upscaler(found, row.variant)


ROWS: Final[tuple[Architecture, ...]] = (
    Architecture(
        id="sd_upscaler",
        label="Stable Diffusion x4 upscaler",
        kind="restorer",
        layouts=((*ORIGINAL, "label_emb.weight"), (*DIFFUSERS, "class_embedding.weight")),
        roots=NETWORK_ROOTS,
        fits=lambda names: names.fact(unet).channels == 7,
        describe=_describe,
        variant="sd_upscaler",
    ),
    Architecture(
        id="sd_latent_upscaler",
        label="Stable Diffusion x2 latent upscaler",
        kind="restorer",
        # Fourier features of the noise level, and a second input beside it, which no other UNet has together.
        layouts=((*DIFFUSERS, "time_proj.weight", "time_embedding.cond_proj.weight"),),
        roots=NETWORK_ROOTS,
        fits=lambda names: names.fact(unet).channels == 8,
        describe=_describe,
        variant="sd_latent_upscaler",
    ),
)
