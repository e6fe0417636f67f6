"""What is put beside a network to steer it: ControlNets, T2I-Adapters, IP-Adapters, and embeddings of words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from sdtoolbox.models.entries import BASES
from sdtoolbox.models.recognition import Architecture, Names, Recognition, plain
from sdtoolbox.models.unets import TEXT_WIDTHS, unet_base

CONTROLNET = "ControlNets cannot be used yet"
T2I_ADAPTER = "T2I-Adapters cannot be used yet"
IP_ADAPTER = "IP-Adapters cannot be used yet"
SDXL_EMBEDDINGS = (("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1"), ("text_encoder", "text_encoder_2"))
EMBEDDING_PARTS: Mapping[str, str] = {
    name: part for pair in SDXL_EMBEDDINGS for name, part in zip(pair, ("text_encoder", "text_encoder_2"), strict=True)
}
"""What SDXL's two encoders are called in an embedding's file; any other name means the first encoder."""
# How the tensor's name ends in files of other things; a word that stands for an embedding may have dots as well.
_OF_MODULES = re.compile(r"(^|\.)\d+\.|\.(weight|bias|alpha|gamma|beta|scale|scale_weight)$")
MOST_VECTORS = 128  # of an embedding; a prompt has room for 75 in a chunk


def _controlnet_row(base: str) -> Architecture:
    return Architecture(
        id=f"controlnet_{base}",
        label=f"ControlNet for {BASES[base]}",
        kind="controlnet",
        base=base,
        layouts=(
            ("input_blocks.0.0.weight", "input_hint_block.0.weight", "zero_convs.0.0.weight"),
            ("conv_in.weight", "controlnet_cond_embedding.conv_in.weight", "controlnet_down_blocks.0.weight"),
        ),
        roots=("control_model.", "", "controlnet."),
        without=("lora_controlnet",),
        fits=lambda names: unet_base(names) == base,
        reason=CONTROLNET,
    )


def _control_lora_base(names: Names) -> str:
    for name in names:
        if name.endswith(".attn2.to_k.down"):
            return TEXT_WIDTHS.get(names.side(name, 1) or 0, "unknown")
    return "unknown"


def _control_lora(row: Architecture, names: Names) -> Recognition:
    ranks = [names.side(name, 0) or 0 for name in names if name.endswith(".down")]
    found = replace(plain(row, names), base=_control_lora_base(names))
    return replace(found, algorithm="control_lora", rank=max(ranks, default=0) or None)


def _t2i_channels(names: Names) -> tuple[int, int]:
    """Channels behind the unshuffling of a picture (1 or 3 channels) by 8 for SD 1.x and by 16 for SDXL."""
    return (256, 768) if (names.side("conv_in.weight", 1) or 0) in (256, 768) else (64, 192)


def _ip_width(names: Names) -> int:
    return names.side("ip_adapter.1.to_k_ip.weight", 1) or 0


def _embedding_width(names: Names) -> int | None:
    """Length of the vectors of an embedding for one text encoder; None for a file that is none."""
    tensors = [(name, tensor) for name, tensor in names.tensors.items() if not name.startswith("string_to_token")]
    if len(tensors) != 1:
        return None
    name, tensor = tensors[0]
    looks_so = _OF_MODULES.search(name) is None
    few = len(tensor.shape) == 1 or (len(tensor.shape) == 2 and tensor.shape[0] <= MOST_VECTORS)
    usual = tensor.shape[-1:] and tensor.shape[-1] in TEXT_WIDTHS
    return tensor.shape[-1] if looks_so and few and (usual or name == "emb_params") else None


def _are_vectors(names: Names) -> bool:
    return len(names.tensors) <= 3 and all(len(t.shape) == 2 and t.shape[0] <= 4096 for t in names.tensors.values())


def _other_embedding(row: Architecture, names: Names) -> Recognition:
    reason = f"its vectors are {_embedding_width(names)} numbers long, and no model known here reads such"
    return replace(plain(row, names), state="unknown", reason=reason)


CONTROLS: tuple[Architecture, ...] = (
    Architecture(
        id="control_lora",
        label="Control-LoRA",
        kind="controlnet",
        layouts=(("lora_controlnet", "input_hint_block.0.weight"),),
        describe=_control_lora,
        reason=CONTROLNET,
    ),
    *(_controlnet_row(base) for base in ("sd1", "sd2", "sdxl")),
    Architecture(
        id="controlnet_flux1",
        label="ControlNet for Flux.1",
        kind="controlnet",
        base="flux1",
        layouts=(
            ("controlnet_blocks.0.weight", "controlnet_x_embedder.weight", "x_embedder.weight"),
            ("controlnet_blocks.0.weight", "double_blocks.0.img_attn.qkv.weight"),
        ),
        reason=CONTROLNET,
    ),
    Architecture(
        id="controlnet_sd3",
        label="ControlNet for SD 3",
        kind="controlnet",
        base="sd3",
        layouts=(("controlnet_blocks.0.weight", "pos_embed_input.proj.weight"),),
        reason=CONTROLNET,
    ),
    Architecture(
        id="controlnet_qwen_image",
        label="ControlNet for Qwen-Image",
        kind="controlnet",
        base="qwen_image",
        layouts=(("controlnet_blocks.0.weight", "controlnet_x_embedder.weight", "txt_norm.weight"),),
        reason=CONTROLNET,
    ),
    Architecture(
        id="controlnet_z_image",
        label="ControlNet for Z-Image",
        kind="controlnet",
        base="z_image",
        layouts=(("control_all_x_embedder.2-1.weight",), ("control_layers.0.adaLN_modulation.0.weight",)),
        reason=CONTROLNET,
    ),
    Architecture(
        id="controlnet_lllite",
        label="ControlNet-LLLite for SDXL",
        kind="controlnet",
        base="sdxl",
        layouts=(
            ("lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.conditioning1.0.weight",),
            ("lllite_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q.conditioning1.0.weight",),
        ),
        reason=CONTROLNET,
    ),
    *(
        Architecture(
            id=f"t2i_adapter_{base}",
            label=f"T2I-Adapter for {BASES[base]}",
            kind="t2i_adapter",
            base=base,
            layouts=(("conv_in.weight", "body.0.block1.weight"), ("conv_in.weight", "body.0.resnets.0.block1.weight")),
            roots=("", "adapter."),
            fits=lambda names, channels=channels: names.side("conv_in.weight", 1) in channels,  # type: ignore[misc]
            reason=T2I_ADAPTER,
        )
        for base, channels in (("sd1", (64, 192)), ("sdxl", (256, 768)))
    ),
    *(
        Architecture(
            id=f"ip_adapter_{base}",
            label=f"IP-Adapter for {BASES[base]}",
            kind="ip_adapter",
            base=base,
            layouts=(("ip_adapter.1.to_k_ip.weight", "ip_adapter.1.to_v_ip.weight"),),
            fits=lambda names, base=base: TEXT_WIDTHS.get(_ip_width(names)) == base,  # type: ignore[misc]
            reason=IP_ADAPTER,
        )
        for base in ("sd1", "sdxl")
    ),
    Architecture(
        id="ip_adapter_flux1",
        label="IP-Adapter for Flux.1",
        kind="ip_adapter",
        base="flux1",
        layouts=(("double_blocks.0.processor.ip_adapter_double_stream_k_proj.weight",),),
        reason=IP_ADAPTER,
    ),
)
"""Rows that are asked before those of LoRAs and networks, of which some files hold parts."""

EMBEDDINGS: tuple[Architecture, ...] = (
    *(
        Architecture(
            id=f"embedding_{base}",
            label=f"embedding for {BASES[base]}",
            kind="embedding",
            base=base,
            fits=lambda names, width=width: _embedding_width(names) == width,  # type: ignore[misc]
        )
        for base, width in (("sd1", 768), ("sd2", 1024))
    ),
    Architecture(
        id="embedding_sd3",
        label="embedding for SD 3",
        kind="embedding",
        base="sd3",
        layouts=(("clip_l", "clip_g", "t5xxl"),),
        fits=_are_vectors,
        reason="embeddings for SD 3 cannot be used yet",
    ),
    Architecture(
        id="embedding_sdxl",
        label="embedding for SDXL",
        kind="embedding",
        base="sdxl",
        layouts=SDXL_EMBEDDINGS,
        fits=lambda names: _are_vectors(names) and len(names.tensors) == 2,
    ),
    Architecture(
        id="embedding_other",
        label="embedding of another width",
        kind="embedding",
        fits=lambda names: _embedding_width(names) is not None,
        describe=_other_embedding,
    ),
)
