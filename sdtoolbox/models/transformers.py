"""Checkpoints and networks whose denoiser is a transformer or of another make than Stable Diffusion's UNets."""

from __future__ import annotations

from sdtoolbox.models.entries import BASES
from sdtoolbox.models.recognition import Architecture
from sdtoolbox.models.roots import NETWORK_ROOTS
from sdtoolbox.models.unets import describe_checkpoint

ROOTS = (*NETWORK_ROOTS, "transformer.", "model.", "net.")
CROSS_ATTENTION = ("x_embedder.proj.weight", "y_embedder.y_proj.fc1.weight", "blocks.0.cross_attn.q_linear.weight")


def _row(base: str, *layouts: tuple[str, ...], without: tuple[str, ...] = ()) -> Architecture:
    """A family of pictures: each of `layouts` is one of the namings it is published in."""
    return Architecture(
        id=base,
        label=BASES[base],
        kind="checkpoint",
        base=base,
        layouts=layouts,
        roots=ROOTS,
        without=without,
        describe=describe_checkpoint,
        reason=f"{BASES[base]} cannot be loaded yet",
    )


def _other(architecture: str, label: str, *layouts: tuple[str, ...]) -> Architecture:
    """A network that is known by name only."""
    return Architecture(
        id=architecture,
        label=label,
        kind="checkpoint",
        layouts=layouts,
        roots=ROOTS,
        describe=describe_checkpoint,
        reason=f"{label} cannot be loaded here",
    )


TRANSFORMERS: tuple[Architecture, ...] = (
    _row(
        "sd3",
        ("joint_blocks.0.context_block.attn.qkv.weight", "x_embedder.proj.weight", "context_embedder.weight"),
        (
            "transformer_blocks.0.attn.add_q_proj.weight",
            "pos_embed.proj.weight",
            "context_embedder.weight",
            "time_text_embed.text_embedder.linear_1.weight",
        ),
    ),
    _row(
        "flux2",
        ("double_blocks.0.img_attn.qkv.weight", "single_stream_modulation.lin.weight"),
        ("transformer_blocks.0.attn.add_q_proj.weight", "single_stream_modulation.linear.weight"),
    ),
    _row(
        "chroma",
        ("double_blocks.0.img_attn.qkv.weight", "distilled_guidance_layer.in_proj.weight"),
        ("transformer_blocks.0.attn.add_q_proj.weight", "distilled_guidance_layer.in_proj.weight"),
    ),
    _row(
        "flux1",
        ("double_blocks.0.img_attn.qkv.weight", "double_blocks.0.img_mod.lin.weight", "vector_in.in_layer.weight"),
        (
            "transformer_blocks.0.attn.add_q_proj.weight",
            "single_transformer_blocks.0.proj_mlp.weight",
            "time_text_embed.text_embedder.linear_1.weight",
            "x_embedder.weight",
        ),
        without=(
            "individual_token_refiner.blocks.0.norm1.weight",
            "txt_in.individual_token_refiner.blocks.0.norm1.weight",
        ),
    ),
    _row("qwen_image", ("transformer_blocks.0.img_mod.1.weight", "txt_norm.weight", "img_in.weight")),
    _row(
        "z_image",
        ("cap_pad_token", "layers.0.attention.qkv.weight", "noise_refiner.0.adaLN_modulation.0.weight"),
        ("cap_pad_token", "layers.0.attention.to_q.weight", "noise_refiner.0.adaLN_modulation.0.weight"),
    ),
    _row(
        "lumina2",
        ("cap_embedder.0.weight", "layers.0.attention.qkv.weight", "noise_refiner.0.adaLN_modulation.1.weight"),
        (
            "time_caption_embed.caption_embedder.0.weight",
            "layers.0.attn.to_q.weight",
            "noise_refiner.0.attn.to_q.weight",
        ),
    ),
    _row(
        "sana",
        (*CROSS_ATTENTION, "blocks.0.mlp.inverted_conv.conv.weight"),
        ("patch_embed.proj.weight", "caption_norm.weight", "transformer_blocks.0.ff.conv_inverted.weight"),
    ),
    _row(
        "pixart",
        (*CROSS_ATTENTION, "blocks.0.mlp.fc1.weight", "t_block.1.weight"),
        (
            "pos_embed.proj.weight",
            "adaln_single.emb.timestep_embedder.linear_1.weight",
            "caption_projection.linear_1.weight",
            "transformer_blocks.0.attn2.to_k.weight",
        ),
    ),
    _row(
        "auraflow",
        ("double_layers.0.attn.w1q.weight", "double_layers.0.attn.w2q.weight", "cond_seq_linear.weight"),
        ("joint_transformer_blocks.0.attn.to_q.weight", "register_tokens", "context_embedder.weight"),
    ),
    _other(
        "stable_cascade",
        "Stable Cascade",
        ("clf.1.weight", "clip_txt_mapper.weight"),
        ("clf.1.weight", "clip_mapper.weight"),
    ),
    _other(
        "hunyuan_video",
        "Hunyuan Video",
        ("double_blocks.0.img_attn_qkv.weight", "txt_in.individual_token_refiner.blocks.0.norm1.weight"),
        ("double_blocks.0.img_attn.qkv.weight", "txt_in.individual_token_refiner.blocks.0.norm1.weight"),
    ),
    _other("hunyuan_dit", "Hunyuan-DiT", ("mlp_t5.0.weight", "blocks.0.attn1.Wqkv.weight")),
    _other("wan", "Wan", ("head.modulation", "patch_embedding.weight", "blocks.0.cross_attn.k.weight")),
    _other("ltx_video", "LTX-Video", ("patchify_proj.weight", "transformer_blocks.0.scale_shift_table")),
    _other("mochi", "Mochi", ("t5_yproj.weight", "blocks.0.attn.qkv_x.weight")),
    _other(
        "hidream",
        "HiDream",
        ("double_stream_blocks.0.block.adaLN_modulation.1.bias", "caption_projection.0.linear.weight"),
    ),
    _other(
        "animatediff",
        "AnimateDiff",
        ("down_blocks.0.motion_modules.0.temporal_transformer.norm.weight",),
        ("down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q.weight",),
    ),
)
"""Rows for families that can be told but not loaded yet: those of pictures first, then others by name."""
