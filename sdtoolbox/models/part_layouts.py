"""VAEs and text encoders by themselves."""

from __future__ import annotations

from dataclasses import replace

from sdtoolbox.models.recognition import Architecture, Names, Recognition, plain
from sdtoolbox.models.roots import VAE_ROOTS

VAE_LAYOUTS = (
    ("decoder.conv_in.weight", "decoder.conv_out.weight", "decoder.mid.block_1.norm1.weight"),
    ("decoder.conv_in.weight", "decoder.conv_out.weight", "decoder.mid_block.resnets.0.norm1.weight"),
)
ENCODER_ALONE = "a text encoder by itself cannot be chosen yet"
# A text encoder of CLIP's kind, by the width of its vectors; another width is a miniature's.
CLIP_WIDTHS = {768: "clip_l", 1024: "clip_h", 1280: "clip_g"}


def _channels(names: Names) -> int:
    return names.side("decoder.conv_in.weight", 1) or 0


def _describe_vae(row: Architecture, names: Names) -> Recognition:
    """The family where the metadata say it: files of SD 1.x, SD 2.x and SDXL have the same names and shapes."""
    said = names.metadata.get("modelspec.architecture", "").lower()
    base = "sdxl" if "xl" in said else "sd1" if said.startswith("stable-diffusion-v1") else row.base
    halves = ("encoder", "decoder") if "encoder.conv_in.weight" in names else ("decoder",)
    found = replace(plain(row, names), base=base, parts=halves)
    if row.id == "vae_sd" and len(halves) < 2:
        return replace(found, state="unsupported", reason="it is the decoding half of a VAE, without the encoder")
    return found


def _vae(architecture: str, label: str, channels: int, base: str = "unknown", reason: str = "") -> Architecture:
    return Architecture(
        id=architecture,
        label=label,
        kind="vae",
        base=base,
        layouts=VAE_LAYOUTS,
        roots=("", *VAE_ROOTS),
        without=("quantize.embedding.weight",),
        fits=lambda names: _channels(names) == channels,
        describe=_describe_vae,
        variant=f"{channels} channels",
        reason=reason,
    )


def _describe_clip(row: Architecture, names: Names) -> Recognition:
    token = next(name for layout in row.layouts for name in layout if "token_embedding" in name and name in names)
    return replace(plain(row, names), variant=CLIP_WIDTHS.get(names.shape(token)[-1], "clip"), parts=("text_encoder",))


def _describe_encoder(row: Architecture, names: Names) -> Recognition:
    return replace(plain(row, names), parts=("text_encoder",))


PARTS: tuple[Architecture, ...] = (
    _vae("vae_sd", "VAE of SD 1.x, SD 2.x or SDXL", 4),
    _vae(
        "vae_16", "VAE of SD 3, Flux.1 and others", 16, reason="VAEs with 16 channels (SD 3, Flux.1) cannot be used yet"
    ),
    _vae("vae_flux2", "VAE of Flux.2", 32, base="flux2", reason="VAEs with 32 channels (Flux.2) cannot be used yet"),
    Architecture(
        id="vae_wan",
        label="VAE of Wan and Qwen-Image",
        kind="vae",
        layouts=(("decoder.middle.0.residual.0.gamma", "encoder.conv1.weight"),),
        roots=("", *VAE_ROOTS),
        reason="the VAE of Wan and Qwen-Image cannot be used yet",
    ),
    Architecture(
        id="vae_dc",
        label="VAE of Sana (DC-AE)",
        kind="vae",
        base="sana",
        layouts=(
            ("decoder.stages.1.op_list.0.main.conv.conv.weight", "encoder.project_in.conv.weight"),
            ("decoder.stages.1.op_list.0.main.conv.conv.weight", "encoder.project_in.weight"),
        ),
        roots=("", *VAE_ROOTS),
        reason="the VAE of Sana cannot be used yet",
    ),
    Architecture(
        id="vae_tiny",
        label="tiny VAE (TAESD)",
        kind="vae",
        layouts=(("encoder.layers.0.weight", "decoder.layers.0.weight", "decoder.layers.2.conv.0.weight"),),
        reason="tiny VAEs for previews (TAESD) cannot be used yet",
    ),
    Architecture(
        id="clip_text",
        label="CLIP text encoder",
        kind="text_encoder",
        layouts=(
            ("text_model.embeddings.token_embedding.weight", "text_model.encoder.layers.0.self_attn.q_proj.weight"),
            (
                "embeddings.token_embedding.weight",
                "encoder.layers.0.self_attn.q_proj.weight",
                "final_layer_norm.weight",
            ),
            ("token_embedding.weight", "transformer.resblocks.0.attn.in_proj_weight", "ln_final.weight"),
        ),
        roots=("", "transformer.", "model."),
        describe=_describe_clip,
        reason=ENCODER_ALONE,
    ),
    Architecture(
        id="t5",
        label="T5 text encoder",
        kind="text_encoder",
        layouts=(
            (
                "encoder.block.0.layer.0.SelfAttention.q.weight",
                "encoder.block.0.layer.0.layer_norm.weight",
                "shared.weight",
            ),
            ("encoder.block.0.layer.0.SelfAttention.q.weight", "encoder.embed_tokens.weight"),
        ),
        roots=("", "transformer."),
        describe=_describe_encoder,
        variant="t5",
        reason=ENCODER_ALONE,
    ),
    Architecture(
        id="language_model",
        label="language model",
        kind="text_encoder",
        layouts=(
            ("embed_tokens.weight", "layers.0.self_attn.q_proj.weight", "layers.0.mlp.gate_proj.weight", "norm.weight"),
        ),
        roots=("model.", "", "model.language_model."),
        describe=_describe_encoder,
        variant="language model",
        reason="it is a language model; newer families read prompts with such, which cannot be done yet",
    ),
    Architecture(
        id="clip_vision",
        label="CLIP image encoder",
        kind="unknown",
        layouts=(
            ("vision_model.embeddings.patch_embedding.weight", "vision_model.encoder.layers.0.self_attn.q_proj.weight"),
        ),
        reason="it is an encoder of pictures, as IP-Adapters need beside them, and cannot be used yet",
    ),
)
