"""Names and shapes of networks that enlarge or clean pictures: their ends and the first of each kind of block."""

from __future__ import annotations

from tests.models.layouts.transformers import below, linears
from tests.models.layouts.unets import Shapes


def convolutions(*names: str, width: int = 64, size: int = 3) -> Shapes:
    found: Shapes = {}
    for name in names:
        found[f"{name}.weight"], found[f"{name}.bias"] = (width, width, size, size), (width,)
    return found


def named(*names: str, width: int = 64) -> Shapes:
    """Tensors by their full names, where only the names tell."""
    return dict.fromkeys(names, (width, width))


def esrgan_old() -> Shapes:
    dense = [f"model.1.sub.{n}.RDB{r}.conv{c}.0" for n in range(23) for r in (1, 2, 3) for c in range(1, 6)]
    return convolutions("model.0", *dense, "model.1.sub.23", "model.3", "model.6", "model.8", "model.10")


def esrgan_new() -> Shapes:
    dense = [f"body.{n}.rdb{r}.conv{c}" for n in range(23) for r in (1, 2, 3) for c in range(1, 6)]
    return convolutions("conv_first", *dense, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last")


def esrgan_first() -> Shapes:
    dense = [f"RRDB_trunk.{n}.RDB{r}.conv{c}" for n in range(23) for r in (1, 2, 3) for c in range(1, 6)]
    return convolutions("conv_first", *dense, "trunk_conv", "upconv1", "upconv2", "HRconv", "conv_last")


def swin(*own: str, first: str = "conv_first") -> Shapes:
    block = "layers.0.residual_group.blocks.0."
    layers = {"attn.qkv": (540, 180), "attn.proj": (180, 180), "mlp.fc1": (360, 180), "mlp.fc2": (180, 360)}
    found = convolutions(first, "conv_after_body", "conv_last") | linears(block, layers)
    return found | named(f"{block}norm1.weight", f"{block}norm2.weight", *(block + name for name in own))


def hat() -> Shapes:
    group = "layers.0.residual_group."
    found = swin() | convolutions(f"{group}blocks.0.conv_block.cab.0", f"{group}blocks.0.conv_block.cab.2")
    found |= linears(f"{group}overlap_attn.", {"qkv": (540, 180), "proj": (180, 180)})
    return found | {"relative_position_index_SA": (256, 256), "relative_position_index_OCA": (256, 576)}


def dat() -> Shapes:
    block = "layers.0.blocks.0.attn."
    found = convolutions(
        "conv_first", "conv_after_body", "conv_last", f"{block}channel_interaction.1", f"{block}dwconv.0"
    )
    return found | linears(block, {"qkv": (540, 180), "proj": (180, 180)}) | named("before_RG.1.weight")


def rgt() -> Shapes:
    found = convolutions("conv_first", "conv_after_body", "conv_last")
    return found | named("before_RG.1.weight", "layers.0.blocks.0.gamma", "layers.0.blocks.0.attn.qkv.weight")


def u_shaped(body: str, *own: str, end: str = "") -> Shapes:
    names = [
        f"m_{way}{n}.{2 if way == 'up' else 0}.res.{r}" for way in ("down", "up") for n in (1, 2, 3) for r in (0, 2)
    ]
    return convolutions(f"m_head{end}", *names, f"{body}.0.res.0", f"{body}.0.res.2", f"m_tail{end}", *own)


def scunet() -> Shapes:
    block = "m_body.0.trans_block."
    found = convolutions("m_head.0", "m_tail.0", "m_body.0.conv1_1", "m_down1.0.conv1_1", "m_up1.0", size=1)
    return (
        found
        | linears(f"{block}msa.", {"embedding_layer": (768, 256)})
        | {f"{block}msa.relative_position_params": (8, 15, 15)}
    )


def nafnet() -> Shapes:
    found = convolutions("intro", "ending", "ups.0.0", "downs.0", "middle_blks.0.conv1", "middle_blks.0.sca.1")
    return found | named("middle_blks.0.beta", "middle_blks.0.gamma", "encoders.0.0.beta", "decoders.0.0.beta")


def restormer() -> Shapes:
    blocks = ("encoder_level1.0", "encoder_level2.0", "latent.0", "decoder_level1.0", "refinement.0")
    found = named("patch_embed.proj.weight", "down1_2.body.0.weight", "output.weight")
    for block in blocks:
        found |= named(f"{block}.attn.temperature", f"{block}.attn.qkv.weight", f"{block}.attn.qkv_dwconv.weight")
    return found


def codeformer() -> Shapes:
    found = convolutions("encoder.blocks.0", "generator.blocks.0", "fuse_convs_dict.32.encode_enc.conv1")
    own = ("idx_pred_layer.1.weight", "quantize.embedding.weight", "ft_layers.0.self_attn.in_proj_weight")
    return found | named(*own) | {"position_emb": (256, 512)}


def restoreformer() -> Shapes:
    found = convolutions("encoder.conv_in", "encoder.conv_out", "decoder.conv_in", "decoder.conv_out", "quant_conv")
    found |= named(*(f"encoder.down.{n}.block.0.norm1.weight" for n in range(6)), "decoder.mid.block_1.norm1.weight")
    return found | {"quantize.embedding.weight": (1024, 256)}


def compact() -> Shapes:
    found: Shapes = {}
    for n in range(0, 35, 2):
        found |= convolutions(f"body.{n}")
        if n < 34:
            found[f"body.{n + 1}.weight"] = (64,)
    return found


def span() -> Shapes:
    names = [f"block_{n}.c{c}_r.sk" for n in range(1, 7) for c in (1, 2, 3)]
    return convolutions("conv_1.sk", *names, "conv_cat", "conv_2.sk", "upsampler.0")


def gfpgan(first: str = "conv_body_first") -> Shapes:
    names = [f"{way}.{n}.conv1" for way in ("conv_body_down", "conv_body_up") for n in range(7)]
    found = convolutions(*names, "toRGB.0") | named("stylegan_decoder.style_mlp.1.weight", "final_linear.weight")
    return found | convolutions(first, size=1)


RESTORERS: dict[str, list[Shapes]] = {
    "esrgan": [esrgan_old(), esrgan_new(), esrgan_first(), below("params_ema.", esrgan_new())],
    "hat": [hat(), below("params_ema.", hat())],
    "srformer": [swin("attn.aligned_relative_position_index")],
    "swin2sr": [swin("attn.logit_scale", "attn.relative_position_index") | named("patch_embed.proj.weight")],
    "swinir": [swin("attn.relative_position_index"), swin("attn.relative_position_index", first="conv_first.1")],
    "dat": [dat()],
    "rgt": [rgt()],
    "atd": [convolutions("conv_first") | named("relative_position_index_SA", "layers.0.residual_group.td")],
    "drct": [swin("norm1.x") | named("layers.0.swin1.attn.qkv.weight", "layers.0.adjust1.weight")],
    "craft": [convolutions("conv_first") | named("layers.0.residual_group.hf_blocks.0.attn.temperature")],
    "scunet": [scunet()],
    "fbcnn": [u_shaped("m_body_encoder", "m_body_decoder.0.res.0", "qf_pred.0.res.0")],
    "drunet": [u_shaped("m_body")],
    "nafnet": [nafnet()],
    "restormer": [restormer()],
    "uformer": [
        convolutions("input_proj.proj.0", "output_proj.proj.0")
        | named("encoderlayer_0.blocks.0.norm1.weight", "conv.blocks.0.norm1.weight")
    ],
    "mprnet": [convolutions("shallow_feat1.0", "shallow_feat2.0", "stage1_encoder.encoder_level1.0.CA.conv_du.0")],
    "gfpgan": [gfpgan(), below("params_ema.", gfpgan())],
    "gfpgan_original": [gfpgan("conv_body_first.0")],
    "codeformer": [codeformer()],
    "restoreformer": [restoreformer(), below("vqvae.", restoreformer())],
    "rcan": [convolutions("head.0", "body.0.body.0.body.0", "body.0.body.0.body.3.conv_du.0", "tail.0.0", "tail.1")],
    "span": [span()],
    "plksr": [
        convolutions("feats.0", "feats.1.lk.conv", "feats.1.refine", "feats.1.channe_mixer.0"),
        convolutions("feats.0", "feats.1.lk.convs.0", "feats.1.refine", "feats.1.channe_mixer.0"),
    ],
    "omnisr": [convolutions("input", "residual_layer.0.residual_layer.0.layer.0.fn.0", "output", "up.0")],
    "realcugan": [
        convolutions("unet1.conv1.conv.0", "unet1.conv2.seblock.conv1", "unet1.conv_bottom", "unet2.conv_bottom")
    ],
    "safmn": [convolutions("to_feat", "feats.0.safm.mfr.0", "feats.0.safm.aggr", "feats.0.ccm.ccm.0", "to_img.0")],
    "compact": [compact()],
    "lama": [
        below("generator.", named("model.1.bn_l.running_mean", "model.1.ffc.convl2l.weight")),
        named("model.model.1.bn_l.running_mean", "model.model.1.ffc.convl2l.weight"),
    ],
    "mat": [named("synthesis.first_stage.conv_first.conv.resample_filter", "mapping.fc0.weight")],
    "ddcolor": [named("refine_net.0.0.weight_orig", "encoder.arch.downsample_layers.0.0.weight", "mean", "std")],
    "aurasr": [
        named(
            "mid_attn.layers.0.0.to_out.weight", "mid_block2.block1.proj.weights", "final_res_block.block1.proj.weights"
        )
    ],
}
