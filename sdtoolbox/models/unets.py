"""The UNets of Stable Diffusion in their two namings, and what else stands beside one in a checkpoint.

The families differ in little: SD 1.x enters its attention blocks through a 1x1 convolution, SD 2.x and SDXL through a
linear layer; SDXL and its refiner read a vector of labels beside the text; the width of the text (768, 1024, 2048,
1280) tells all four apart. A network of another size, a miniature for example, has other widths: there the text
encoders beside it decide, and without any the structure does: a vector of labels means SDXL, a convolution SD 1.x, a
linear layer SD 2.x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sdtoolbox.models.recognition import Architecture, Names, Recognition, plain, spoken, unsupported
from sdtoolbox.models.roots import DIFFUSERS, NETWORK_ROOTS, ORIGINAL, find_roots

TEXT_WIDTHS: Mapping[int, str] = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "sdxl_refiner"}
VARIANTS: Mapping[int, str] = {4: "", 9: "inpaint", 8: "instruct", 5: "depth"}
VARIANT_REASONS: Mapping[str, str] = {
    "depth": "it needs a depth map (5 channels), which cannot be given yet",
}

PART_WORDS: Mapping[str, str] = {
    "unet": "a network",
    "transformer": "a network",
    "vae": "a VAE",
    "text_encoder": "a text encoder",
    "text_encoder_2": "a second text encoder",
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "sd1": ("unet", "vae", "text_encoder"),
    "sd2": ("unet", "vae", "text_encoder"),
    "sdxl": ("unet", "vae", "text_encoder", "text_encoder_2"),
    "sdxl_refiner": ("unet", "vae", "text_encoder_2"),
}
"""The parts without which a checkpoint of a base cannot draw."""


@dataclass(frozen=True, slots=True)
class UNet:
    """What tells UNets (and the halves of them that are ControlNets) apart."""

    channels: int  # of the input
    text_width: int | None  # of what cross attention reads; None without any
    convolution: bool  # before the attention blocks, instead of a linear layer
    labels: bool  # there is a vector of labels (sizes, pooled text) beside the text
    middle: bool  # there is attention in the middle
    text_stage: str  # the base that the text encoders beside it belong to, or ""


def unet(names: Names) -> UNet:
    """Look at the UNet below these names' root, in one pass."""
    text_width, projection, middle = None, 4, False
    for name in names:
        if name.endswith(".weight") and ".transformer_blocks." in name:
            middle = middle or name.startswith(("middle_block.", "mid_block."))
            if text_width is None and name.endswith(".attn2.to_k.weight"):
                text_width = names.shape(name)[-1] if names.shape(name) else None
        elif name.endswith(".proj_in.weight"):
            projection = len(names.shape(name))
    first = "input_blocks.0.0.weight" if "input_blocks.0.0.weight" in names else "conv_in.weight"
    labels = ("label_emb.0.0.weight", "add_embedding.linear_1.weight", "class_embedding.linear_1.weight")
    return UNet(
        channels=names.side(first, 1) or 0,
        text_width=text_width,
        convolution=projection == 4,
        labels=any(name in names for name in labels),
        middle=middle,
        text_stage=names.below("").fact(_text_stage),
    )


def unet_base(names: Names) -> str:
    """sd1, sd2, sdxl, sdxl_refiner or "unclip"; "unknown" for a UNet without cross attention and labels."""
    found = names.fact(unet)
    if found.text_width is None and not found.labels:
        return "unknown"
    if found.labels:
        if found.text_width == 1024 and not found.text_stage:
            return "unclip"
        by_width = "sdxl_refiner" if found.text_width == 1280 else "sdxl"
        return found.text_stage if found.text_stage in ("sdxl", "sdxl_refiner") else by_width
    by_structure = "sd1" if found.convolution else "sd2"
    by_width = TEXT_WIDTHS.get(found.text_width or 0, by_structure)
    base = found.text_stage or by_width
    return base if base in ("sd1", "sd2") else by_structure


def _text_stage(names: Names) -> str:
    stages = (
        ("conditioner.embedders.1.model.token_embedding.weight", "sdxl"),
        ("conditioner.embedders.0.model.token_embedding.weight", "sdxl_refiner"),
        ("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", "sd1"),
        ("cond_stage_model.transformer.embeddings.token_embedding.weight", "sd1"),
        ("cond_stage_model.model.token_embedding.weight", "sd2"),
    )
    told = next((base for name, base in stages if name in names), "")
    if not told and "text_encoder_2" in (inside := find_roots(names.tensors.keys())):
        return "sdxl" if "text_encoder" in inside else "sdxl_refiner"
    return told


def parts_inside(names: Names) -> tuple[str, ...]:
    """Which of vae, text_encoder, text_encoder_2, text_encoder_3 a file holds beside a network."""
    found = find_roots(names.tensors.keys()).keys() - {"unet"}
    return tuple(sorted(found, key=lambda part: (part != "vae", part)))


def prediction(names: Names) -> str:
    """What the network was trained to predict, where the file says so: epsilon, v_prediction, or ""."""
    if "v_pred" in names.tensors:
        return "v_prediction"
    said = names.metadata.get("modelspec.prediction_type", "").lower()
    return {"v": "v_prediction", "v_prediction": "v_prediction", "epsilon": "epsilon", "eps": "epsilon"}.get(said, "")


def describe_checkpoint(row: Architecture, names: Names) -> Recognition:
    """A network with what stands beside it: a checkpoint, or a network alone."""
    inside = names.fact(parts_inside)
    parts = ("transformer" if row.id not in NEEDED else "unet", *inside)
    found = plain(row, names)
    return Recognition(
        kind="checkpoint" if inside else "network",
        base=row.base,
        variant=row.variant,
        prediction=prediction(names) if row.id in NEEDED else "",
        precision=found.precision,
        parts=parts,
        state=found.state,
        reason=found.reason,
    )


def describe_unet(row: Architecture, names: Names) -> Recognition:
    """As `describe_checkpoint`, with the variant, and why it cannot draw if it cannot."""
    net = names.fact(unet)
    found = replace(describe_checkpoint(row, names), variant=VARIANTS.get(net.channels, ""))
    if net.channels not in VARIANTS:
        return unsupported(found, f"its network takes {net.channels} channels, which is no variant known here")
    if found.variant in VARIANT_REASONS:
        return unsupported(found, VARIANT_REASONS[found.variant])
    if "edm_mean" in names.tensors or any(name.startswith("edm_vpred.") for name in names.tensors):
        return unsupported(found, "it was trained with other noise levels (EDM), which are not known here yet")
    if "time_embedding.cond_proj.weight" in names or "time_embed.cond_proj.weight" in names:
        return unsupported(found, "its network has the guidance built in (a full LCM), which cannot be used yet")
    if "position_net.null_positive_feature" in names:
        return unsupported(found, "its network places things by boxes (GLIGEN), which cannot be used yet")
    if row.base == "sdxl" and not net.middle:
        return unsupported(found, "it is a cut-down SDXL (SSD-1B or Vega), which cannot be loaded yet")
    missing = [PART_WORDS[part] for part in NEEDED[row.base] if part not in found.parts]
    if missing:
        return replace(found, state="incomplete", reason=f"it lacks {spoken(missing)}")
    return found


def _unet_row(base: str, label: str) -> Architecture:
    return Architecture(
        id=base,
        label=label,
        kind="checkpoint",
        base=base,
        layouts=(ORIGINAL, DIFFUSERS),
        roots=NETWORK_ROOTS,
        without=("encoder_hid_proj.weight",),
        fits=lambda names: unet_base(names) == base,
        describe=describe_unet,
    )


def _is_video(names: Names) -> bool:
    return any(".time_stack." in name or ".temporal_transformer_blocks." in name for name in names)


UNETS: tuple[Architecture, ...] = (
    Architecture(
        id="svd",
        label="Stable Video Diffusion",
        kind="checkpoint",
        layouts=(ORIGINAL, DIFFUSERS),
        roots=NETWORK_ROOTS,
        fits=_is_video,
        describe=describe_checkpoint,
        reason="Stable Video Diffusion makes videos, which cannot be done here",
    ),
    Architecture(
        id="unclip",
        label="SD 2.x unCLIP",
        kind="checkpoint",
        base="sd2",
        layouts=(ORIGINAL, DIFFUSERS),
        roots=NETWORK_ROOTS,
        fits=lambda names: unet_base(names) == "unclip",
        describe=describe_checkpoint,
        variant="unclip",
        reason="SD 2.x unCLIP draws from pictures instead of words, which cannot be done yet",
    ),
    Architecture(
        id="kolors",
        label="Kolors",
        kind="checkpoint",
        layouts=((*ORIGINAL, "encoder_hid_proj.weight"), (*DIFFUSERS, "encoder_hid_proj.weight")),
        roots=NETWORK_ROOTS,
        describe=describe_checkpoint,
        reason="Kolors cannot be loaded yet",
    ),
    _unet_row("sd1", "SD 1.x"),
    _unet_row("sd2", "SD 2.x"),
    _unet_row("sdxl", "SDXL"),
    _unet_row("sdxl_refiner", "SDXL refiner"),
)
"""Checkpoints and networks with a UNet, the special ones first."""
