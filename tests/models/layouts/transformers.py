"""Names and shapes of networks that are no UNets of Stable Diffusion: their ends, and the first of each kind of block.

Published networks repeat these blocks; one of each is enough to tell what a network is, as it has to be.
"""

from __future__ import annotations

from tests.models.layouts.unets import Shapes


def linear(name: str, out: int, read: int, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (out, read)} | ({f"{name}.bias": (out,)} if bias else {})


def linears(prefix: str, layers: dict[str, tuple[int, int]], bias: bool = True) -> Shapes:
    found: Shapes = {}
    for name, (out, read) in layers.items():
        found |= linear(f"{prefix}{name}", out, read, bias)
    return found


def below(root: str, shapes: Shapes) -> Shapes:
    return {root + name: shape for name, shape in shapes.items()}


def streams(width: int, gated: bool, modulated: bool = True) -> Shapes:
    """A double and a single block of Flux in the original naming; gated ones are Flux.2's."""
    inner = 6 * width if gated else 4 * width
    found: Shapes = {}
    for side in ("img", "txt"):
        block = f"double_blocks.0.{side}"
        found |= linears(f"{block}_", {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}, not gated)
        found |= linears(f"{block}_mlp.", {"0": (inner, width), "2": (width, inner // (2 if gated else 1))}, not gated)
        found |= {f"{block}_attn.norm.{name}_norm.scale": (128,) for name in ("query", "key")}
        if modulated:
            found |= linear(f"{block}_mod.lin", 6 * width, width)
    found |= linears(
        "single_blocks.0.", {"linear1": (3 * width + inner, width), "linear2": (width, width + inner)}, False
    )
    return found | (linear("single_blocks.0.modulation.lin", 3 * width, width) if modulated else {})


def flux1() -> Shapes:
    ends = linears(
        "",
        {
            "img_in": (3072, 64),
            "txt_in": (3072, 4096),
            "time_in.in_layer": (3072, 256),
            "vector_in.in_layer": (3072, 768),
            "guidance_in.in_layer": (3072, 256),
            "final_layer.linear": (64, 3072),
        },
    )
    return streams(3072, gated=False) | ends


def joint(width: int, block: str = "transformer_blocks.0") -> Shapes:
    """Attention of two streams as diffusers names it."""
    names = ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
    return linears(f"{block}.attn.", dict.fromkeys(names, (width, width)))


def flux1_diffusers() -> Shapes:
    w = 3072
    ends = {
        "x_embedder": (w, 64),
        "context_embedder": (w, 4096),
        "time_text_embed.timestep_embedder.linear_1": (w, 256),
        "time_text_embed.text_embedder.linear_1": (w, 768),
        "transformer_blocks.0.norm1.linear": (6 * w, w),
        "single_transformer_blocks.0.attn.to_q": (w, w),
        "single_transformer_blocks.0.proj_mlp": (4 * w, w),
        "single_transformer_blocks.0.proj_out": (w, 5 * w),
        "norm_out.linear": (2 * w, w),
        "proj_out": (64, w),
    }
    return joint(w) | linears("", ends)


def flux2() -> Shapes:
    w = 6144
    ends = {
        "img_in": (w, 128),
        "txt_in": (w, 15360),
        "double_stream_modulation_img.lin": (6 * w, w),
        "double_stream_modulation_txt.lin": (6 * w, w),
        "single_stream_modulation.lin": (3 * w, w),
        "final_layer.linear": (128, w),
    }
    return streams(w, gated=True, modulated=False) | linears("", ends, bias=False)


def flux2_diffusers() -> Shapes:
    w = 6144
    ends = {
        "x_embedder": (w, 128),
        "context_embedder": (w, 15360),
        "double_stream_modulation_img.linear": (6 * w, w),
        "single_stream_modulation.linear": (3 * w, w),
        "single_transformer_blocks.0.attn.to_qkv_mlp_proj": (9 * w, w),
        "transformer_blocks.0.ff.linear_in": (6 * w, w),
        "proj_out": (128, w),
    }
    return joint(w) | linears("", ends, bias=False)


def chroma() -> Shapes:
    ends = {"img_in": (3072, 64), "txt_in": (3072, 4096), "final_layer.linear": (64, 3072)}
    return streams(3072, gated=False, modulated=False) | linears("", ends) | approximator()


def approximator() -> Shapes:
    layers = {"in_proj": (5120, 64), "layers.0.in_layer": (5120, 5120), "out_proj": (3072, 5120)}
    return linears("distilled_guidance_layer.", layers)


def chroma_diffusers() -> Shapes:
    ends = {
        "x_embedder": (3072, 64),
        "context_embedder": (3072, 4096),
        "single_transformer_blocks.0.proj_mlp": (12288, 3072),
        "proj_out": (64, 3072),
    }
    return joint(3072) | linears("", ends) | approximator()


def sd3(width: int = 1536) -> Shapes:
    found: Shapes = {"pos_embed": (1, 36864, width), "x_embedder.proj.weight": (width, 16, 2, 2)}
    for side in ("context_block", "x_block"):
        block = {
            "attn.qkv": (3 * width, width),
            "attn.proj": (width, width),
            "mlp.fc1": (4 * width, width),
            "mlp.fc2": (width, 4 * width),
            "adaLN_modulation.1": (6 * width, width),
        }
        found |= linears(f"joint_blocks.0.{side}.", block)
    ends = {"context_embedder": (width, 4096), "y_embedder.mlp.0": (width, 2048), "final_layer.linear": (64, width)}
    return found | linears("", ends)


def sd3_diffusers(width: int = 1536) -> Shapes:
    ends = {
        "context_embedder": (width, 4096),
        "time_text_embed.timestep_embedder.linear_1": (width, 256),
        "time_text_embed.text_embedder.linear_1": (width, 2048),
        "transformer_blocks.0.norm1.linear": (6 * width, width),
        "transformer_blocks.0.ff.net.0.proj": (4 * width, width),
        "norm_out.linear": (2 * width, width),
        "proj_out": (64, width),
    }
    places: Shapes = {"pos_embed.pos_embed": (1, 36864, width), "pos_embed.proj.weight": (width, 16, 2, 2)}
    return joint(width) | linears("", ends) | places


def qwen_image() -> Shapes:
    w = 3072
    ends = {
        "img_in": (w, 64),
        "txt_in": (w, 3584),
        "time_text_embed.timestep_embedder.linear_1": (w, 256),
        "transformer_blocks.0.img_mod.1": (6 * w, w),
        "transformer_blocks.0.txt_mod.1": (6 * w, w),
        "transformer_blocks.0.img_mlp.net.0.proj": (4 * w, w),
        "transformer_blocks.0.txt_mlp.net.0.proj": (4 * w, w),
        "norm_out.linear": (2 * w, w),
        "proj_out": (64, w),
    }
    return joint(w) | linears("", ends) | {"txt_norm.weight": (3584,)}


def single_stream(width: int, attention: dict[str, tuple[int, int]], modulation: str) -> Shapes:
    """The layers of Z-Image and Lumina 2."""
    found: Shapes = {}
    for stack in ("layers", "noise_refiner", "context_refiner"):
        block = f"{stack}.0."
        found |= linears(block, attention, bias=False)
        found |= linears(f"{block}feed_forward.", dict.fromkeys(("w1", "w2", "w3"), (4 * width, width)), bias=False)
        if stack != "context_refiner":
            found |= linear(f"{block}{modulation}", 4 * width, 256)
    return found


def z_image(diffusers: bool = False) -> Shapes:
    w = 3840
    split = {"attention.to_q": (w, w), "attention.to_k": (w, w), "attention.to_v": (w, w)}
    layers = single_stream(w, split if diffusers else {"attention.qkv": (3 * w, w)}, "adaLN_modulation.0")
    patches = "all_x_embedder.2-1" if diffusers else "x_embedder"
    ends = linear(patches, w, 64) | linear("cap_embedder.1", w, 2560) | {"cap_embedder.0.weight": (2560,)}
    return layers | ends | {"cap_pad_token": (1, w), "x_pad_token": (1, w)}


def lumina2() -> Shapes:
    w = 2304
    layers = single_stream(w, {"attention.qkv": (w + 1536, w), "attention.out": (w, w)}, "adaLN_modulation.1")
    ends = linear("x_embedder", w, 64) | linear("cap_embedder.1", w, 2304) | linear("final_layer.linear", 64, w)
    return layers | ends | {"cap_embedder.0.weight": (2304,)}


def lumina2_diffusers() -> Shapes:
    w = 2304
    split = {"attn.to_q": (w, w), "attn.to_k": (768, w), "attn.to_v": (768, w), "attn.to_out.0": (w, w)}
    layers = single_stream(w, split, "norm1.linear")
    ends = linear("x_embedder", w, 64) | linear("time_caption_embed.caption_embedder.1", w, 2304)
    return layers | ends | {"time_caption_embed.caption_embedder.0.weight": (2304,)}


def cross_attention(width: int, patch: tuple[int, ...]) -> Shapes:
    """The common part of PixArt and Sana in the original naming."""
    block = {
        "attn.qkv": (3 * width, width),
        "attn.proj": (width, width),
        "cross_attn.q_linear": (width, width),
        "cross_attn.kv_linear": (2 * width, width),
    }
    ends = {
        "t_embedder.mlp.0": (width, 256),
        "t_block.1": (6 * width, width),
        "y_embedder.y_proj.fc1": (width, 4096),
        "final_layer.linear": (32, width),
    }
    found = linears("blocks.0.", block) | linears("", ends)
    return found | {"x_embedder.proj.weight": patch, "blocks.0.scale_shift_table": (6, width)}


def sana() -> Shapes:
    convolution: Shapes = {"blocks.0.mlp.inverted_conv.conv.weight": (11200, 2240, 1, 1)}
    return cross_attention(2240, (2240, 32, 1, 1)) | convolution | {"attention_y_norm.weight": (2240,)}


def pixart() -> Shapes:
    layers = linears("blocks.0.mlp.", {"fc1": (4608, 1152), "fc2": (1152, 4608)})
    return cross_attention(1152, (1152, 4, 2, 2)) | layers


def cross_attention_diffusers(width: int) -> Shapes:
    names = ("to_q", "to_k", "to_v", "to_out.0")
    found = linears("transformer_blocks.0.attn1.", dict.fromkeys(names, (width, width)))
    found |= linears("transformer_blocks.0.attn2.", dict.fromkeys(names, (width, width)))
    found |= linear("caption_projection.linear_1", width, 4096) | linear("proj_out", 32, width)
    return found | {"scale_shift_table": (2, width), "transformer_blocks.0.scale_shift_table": (6, width)}


def sana_diffusers() -> Shapes:
    w = 2240
    own: Shapes = {
        "patch_embed.proj.weight": (w, 32, 1, 1),
        "caption_norm.weight": (w,),
        "transformer_blocks.0.ff.conv_inverted.weight": (5 * w, w, 1, 1),
        "time_embed.emb.timestep_embedder.linear_1.weight": (w, 256),
    }
    return cross_attention_diffusers(w) | own


def pixart_diffusers() -> Shapes:
    w = 1152
    own = {
        "adaln_single.emb.timestep_embedder.linear_1": (w, 256),
        "transformer_blocks.0.ff.net.0.proj": (4 * w, w),
        "transformer_blocks.0.ff.net.2": (w, 4 * w),
    }
    return cross_attention_diffusers(w) | linears("", own) | {"pos_embed.proj.weight": (w, 4, 2, 2)}


def auraflow() -> Shapes:
    w = 3072
    names = [f"attn.w{n}{letter}" for n in (1, 2) for letter in "qkvo"]
    found = linears("double_layers.0.", dict.fromkeys(names, (w, w)), bias=False)
    found |= linears("single_layers.0.", dict.fromkeys(names[:4], (w, w)), bias=False)
    ends = {"cond_seq_linear": (w, 2048), "init_x_linear": (w, 16), "t_embedder.mlp.0": (w, 256)}
    return found | linears("", ends) | {"positional_encoding": (1, 1024, w), "register_tokens": (1, 8, w)}


def auraflow_diffusers() -> Shapes:
    w = 3072
    found = joint(w, "joint_transformer_blocks.0") | linear("context_embedder", w, 2048)
    found |= linear("single_transformer_blocks.0.attn.to_q", w, w) | linear("pos_embed.proj", w, 16)
    return found | {"register_tokens": (1, 8, w), "pos_embed.pos_embed": (1, 1024, w)}


def stable_cascade() -> Shapes:
    return {
        "clf.1.weight": (64, 2048, 1, 1),
        "clip_txt_mapper.weight": (2048, 1280),
        "down_blocks.0.0.depthwise.weight": (2048, 1, 3, 3),
    }


def hunyuan_video() -> Shapes:
    found = below("", linears("double_blocks.0.", {"img_attn_qkv": (9216, 3072), "txt_attn_qkv": (9216, 3072)}))
    found |= linear("single_blocks.0.linear1", 21504, 3072) | linear("vector_in.in_layer", 3072, 768)
    return found | {"txt_in.individual_token_refiner.blocks.0.norm1.weight": (3072,)}


def hunyuan_dit() -> Shapes:
    return linears("", {"mlp_t5.0": (8192, 2048), "blocks.0.attn1.Wqkv": (4224, 1408), "x_embedder.proj": (1408, 4)})


def wan() -> Shapes:
    found = linears("blocks.0.cross_attn.", {"q": (1536, 1536), "k": (1536, 1536)})
    return found | {"patch_embedding.weight": (1536, 16, 1, 2, 2), "head.modulation": (1, 2, 1536)}


def ltx_video() -> Shapes:
    found = linear("patchify_proj", 2048, 128) | linear("transformer_blocks.0.attn2.to_k", 2048, 2048)
    return (
        found
        | linear("adaln_single.emb.timestep_embedder.linear_1", 2048, 256)
        | {"transformer_blocks.0.scale_shift_table": (6, 2048)}
    )


def mochi() -> Shapes:
    return linears("", {"t5_yproj": (1536, 4096), "blocks.0.attn.qkv_x": (9216, 3072)})


def hidream() -> Shapes:
    return linears(
        "",
        {"double_stream_blocks.0.block.adaLN_modulation.1": (30720, 2560), "caption_projection.0.linear": (2560, 4096)},
    )


def animatediff() -> Shapes:
    root = "down_blocks.0.motion_modules.0.temporal_transformer."
    return linear(f"{root}proj_in", 320, 320) | {f"{root}norm.weight": (320,)}
