"""Networks that make pictures larger or cleaner, by the names that only they have."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from sdtoolbox.models.recognition import Architecture, Names, Recognition, plain

EXTRA = "its architecture is not among those that the package spandrel reads"
PERMISSION = (
    "its licence does not permit every use, so the package spandrel leaves it out: take GFPGAN or RestoreFormer"
)
ORIGINAL = "it is of the first version, whose layers are not read: take one of the versions after it (1.2, 1.3, 1.4)"
ERASERS = ("lama",)
"""What continues a picture into a hole."""
TAKES_NOISE = ("drunet",)
"""What is told how noisy a picture is: a map of noise levels as one more channel (Zhang et al. 2021, DRUNet)."""
FACES = ("gfpgan", "restoreformer")
"""What restores faces alone: it is shown them upright, in squares of 512 pixels."""
CLEANERS = ("scunet", "fbcnn", "drunet", "nafnet", "uformer")
"""What leaves a picture its size."""
# Some are published inside a dictionary, of which conversions keep the name as a beginning.
ROOTS = ("", "params_ema.", "params.", "module.", "netG.", "model.")
SWIN_BLOCK = "layers.0.residual_group.blocks.0"


def _is_compact(names: Names) -> bool:
    """A plain row of convolutions with a learned slope (PReLU) behind each, and nothing else."""
    alone = all(name.startswith("body.") for name in names)
    return alone and len(names.shape("body.0.weight")) == 4 and len(names.shape("body.1.weight")) == 1


def _scale_of_compact(names: Names) -> int | None:
    """Its last convolution makes scale² values of each colour."""
    last = max(int(name.split(".")[1]) for name in names)
    made, colours = names.side(f"body.{last}.bias", 0), names.side("body.0.weight", 1)
    return math.isqrt(made // colours) if made and colours else None


def _describe(row: Architecture, names: Names) -> Recognition:
    if row.variant in (*CLEANERS, *ERASERS, *FACES):
        return replace(plain(row, names), scale=1)
    told = SCALES.get(row.variant)
    return replace(plain(row, names), scale=told(names) if told else None)


SCALES: Mapping[str, Callable[[Names], int | None]] = {"compact": _scale_of_compact}
"""How many times larger networks of a kind make a picture, told by their tensors; what else enlarges says it loaded."""


def _row(
    architecture: str,
    label: str,
    *layouts: tuple[str, ...],
    fits: Callable[[Names], bool] = lambda names: True,
    reason: str = "",
) -> Architecture:
    return Architecture(
        id=architecture,
        label=label,
        kind="restorer",
        layouts=layouts,
        roots=ROOTS,
        fits=fits,
        describe=_describe,
        variant=architecture,
        reason=reason,
    )


RESTORERS: tuple[Architecture, ...] = (
    _row(
        "esrgan",
        "ESRGAN",
        ("model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"),
        ("model.0.weight", "model.1.sub.0.RDB1.conv1x1.weight"),
        ("conv_first.weight", "body.0.rdb1.conv1.weight", "conv_body.weight", "conv_last.weight"),
        ("conv_first.weight", "RRDB_trunk.0.RDB1.conv1.weight", "trunk_conv.weight", "conv_last.weight"),
    ),
    _row(
        "hat",
        "HAT",
        (
            "conv_first.weight",
            f"{SWIN_BLOCK}.conv_block.cab.0.weight",
            "layers.0.residual_group.overlap_attn.qkv.weight",
        ),
    ),
    _row(
        "srformer",
        "SRFormer",
        ("conv_first.weight", f"{SWIN_BLOCK}.attn.aligned_relative_position_index"),
        reason=EXTRA,
    ),
    _row(
        "swin2sr",
        "Swin2SR",
        ("conv_first.weight", "patch_embed.proj.weight", f"{SWIN_BLOCK}.attn.logit_scale"),
    ),
    _row(
        "swinir",
        "SwinIR",
        ("conv_first.weight", f"{SWIN_BLOCK}.norm1.weight", f"{SWIN_BLOCK}.attn.relative_position_index"),
        ("conv_first.1.weight", f"{SWIN_BLOCK}.norm1.weight", f"{SWIN_BLOCK}.attn.relative_position_index"),
    ),
    _row(
        "dat",
        "DAT",
        ("conv_first.weight", "before_RG.1.weight", "layers.0.blocks.0.attn.channel_interaction.1.weight"),
    ),
    _row("rgt", "RGT", ("conv_first.weight", "before_RG.1.weight", "layers.0.blocks.0.gamma")),
    _row(
        "atd",
        "ATD",
        ("conv_first.weight", "relative_position_index_SA", "layers.0.residual_group.td"),
    ),
    _row("drct", "DRCT", ("conv_first.weight", "layers.0.swin1.attn.qkv.weight", "layers.0.adjust1.weight")),
    _row("craft", "CRAFT", ("conv_first.weight", "layers.0.residual_group.hf_blocks.0.attn.temperature")),
    _row(
        "scunet",
        "SCUNet",
        ("m_head.0.weight", "m_tail.0.weight", "m_body.0.trans_block.msa.relative_position_params"),
    ),
    _row(
        "fbcnn", "FBCNN", ("m_head.weight", "m_tail.weight", "m_body_encoder.0.res.0.weight", "qf_pred.0.res.0.weight")
    ),
    _row("drunet", "DRUNet", ("m_head.weight", "m_tail.weight", "m_body.0.res.0.weight", "m_up1.2.res.0.weight")),
    _row("nafnet", "NAFNet", ("intro.weight", "ending.weight", "middle_blks.0.beta", "middle_blks.0.sca.1.weight")),
    _row(
        "restormer",
        "Restormer",
        ("patch_embed.proj.weight", "encoder_level1.0.attn.qkv_dwconv.weight", "latent.0.attn.temperature"),
        reason=EXTRA,
    ),
    _row(
        "uformer",
        "Uformer",
        ("input_proj.proj.0.weight", "output_proj.proj.0.weight", "encoderlayer_0.blocks.0.norm1.weight"),
    ),
    _row(
        "mprnet",
        "MPRNet",
        ("shallow_feat1.0.weight", "stage1_encoder.encoder_level1.0.CA.conv_du.0.weight"),
        reason=EXTRA,
    ),
    _row(
        "gfpgan",
        "GFPGAN",
        ("toRGB.0.weight", "stylegan_decoder.style_mlp.1.weight", "conv_body_first.weight"),
    ),
    _row(
        "gfpgan_original",
        "GFPGAN",
        ("toRGB.0.weight", "stylegan_decoder.style_mlp.1.weight", "conv_body_first.0.weight"),
        reason=ORIGINAL,
    ),
    _row(
        "codeformer",
        "CodeFormer",
        (
            "position_emb",
            "quantize.embedding.weight",
            "ft_layers.0.self_attn.in_proj_weight",
            "encoder.blocks.0.weight",
        ),
        reason=PERMISSION,
    ),
    _row(
        "restoreformer",
        "RestoreFormer",
        ("quantize.embedding.weight", "encoder.conv_in.weight", "encoder.down.5.block.0.norm1.weight"),
        (
            "vqvae.quantize.embedding.weight",
            "vqvae.encoder.conv_in.weight",
            "vqvae.encoder.down.5.block.0.norm1.weight",
        ),
    ),  # six levels: the quantised autoencoders of others, named alike, have fewer
    _row("rcan", "RCAN", ("head.0.weight", "tail.1.weight", "body.0.body.0.body.3.conv_du.0.weight")),
    _row("span", "SPAN", ("conv_1.sk.weight", "block_1.c1_r.sk.weight", "conv_cat.weight", "upsampler.0.weight")),
    _row(
        "plksr",
        "PLKSR",
        ("feats.0.weight", "feats.1.lk.conv.weight", "feats.1.refine.weight"),
        ("feats.0.weight", "feats.1.lk.convs.0.weight", "feats.1.refine.weight"),
    ),
    _row("omnisr", "OmniSR", ("input.weight", "up.0.weight", "residual_layer.0.residual_layer.0.layer.0.fn.0.weight")),
    _row(
        "realcugan",
        "Real-CUGAN",
        ("unet1.conv1.conv.0.weight", "unet1.conv2.seblock.conv1.weight", "unet2.conv_bottom.weight"),
    ),
    _row("safmn", "SAFMN", ("to_feat.weight", "feats.0.safm.mfr.0.weight", "to_img.0.weight")),
    _row(
        "compact",
        "Real-ESRGAN Compact",
        ("body.0.weight", "body.1.weight", "body.2.weight", "body.3.weight", "body.4.weight"),
        fits=_is_compact,
    ),
    _row("lama", "LaMa", ("model.1.bn_l.running_mean",), ("generator.model.1.bn_l.running_mean",)),
    _row("mat", "MAT", ("synthesis.first_stage.conv_first.conv.resample_filter",), reason=EXTRA),
    _row(
        "ddcolor", "DDColor", ("refine_net.0.0.weight_orig", "encoder.arch.downsample_layers.0.0.weight"), reason=EXTRA
    ),
    _row("aurasr", "AuraSR", ("mid_attn.layers.0.0.to_out.weight", "final_res_block.block1.proj.weights")),
)


def root_of(variant: str, names: Container[str]) -> str:
    """The beginning that all names of a restorer of this kind have in a file; "" if it is none."""
    row = next(row for row in RESTORERS if row.variant == variant)
    whole = (root for root in row.roots for layout in row.layouts if all(f"{root}{name}" in names for name in layout))
    return next(whole, "")
