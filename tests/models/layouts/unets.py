"""Names and shapes of Stable Diffusion's UNets, VAEs and text encoders, listed from their structure in both namings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class UNet:
    """`depths`: transformer blocks at each level, 0 for none; the middle has as many as the last level that has any."""

    context: int = 768
    channels: int = 320
    multiples: tuple[int, ...] = (1, 2, 4, 4)
    depths: tuple[int, ...] = (1, 1, 1, 0)
    middle: int = 1
    blocks: int = 2
    inputs: int = 4
    linear: bool = False
    labels: int | None = None


SD1 = UNet()
SD2 = UNet(context=1024, linear=True)
SDXL = UNet(context=2048, multiples=(1, 2, 4), depths=(0, 2, 10), middle=10, linear=True, labels=2816)
REFINER = UNet(
    context=1280, channels=384, multiples=(1, 2, 4, 4), depths=(0, 4, 4, 0), middle=4, linear=True, labels=2560
)

# A module's names in the original layout, in diffusers' one, and its kind.
RESNET = (
    ("in_layers.0", "norm1", "norm in"),
    ("in_layers.2", "conv1", "conv in"),
    ("emb_layers.1", "time_emb_proj", "time"),
    ("out_layers.0", "norm2", "norm out"),
    ("out_layers.3", "conv2", "conv out"),
)
Module = tuple[str, str, str, int, int, int]
"""Original name, diffusers name, kind, channels in, channels out, depth."""


def modules(net: UNet) -> Iterator[Module]:
    """All blocks of a UNet in the order of the original layout."""
    width = net.channels
    kept = [width]
    number = 1
    for level, multiple in enumerate(net.multiples):
        for block in range(net.blocks):
            wide = net.channels * multiple
            yield f"input_blocks.{number}.0", f"down_blocks.{level}.resnets.{block}", "resnet", width, wide, 0
            width = wide
            if net.depths[level]:
                names = f"input_blocks.{number}.1", f"down_blocks.{level}.attentions.{block}"
                yield *names, "attention", width, width, net.depths[level]
            kept.append(width)
            number += 1
        if level < len(net.multiples) - 1:
            yield f"input_blocks.{number}.0.op", f"down_blocks.{level}.downsamplers.0.conv", "conv", width, width, 0
            kept.append(width)
            number += 1
    yield "middle_block.0", "mid_block.resnets.0", "resnet", width, width, 0
    yield "middle_block.1", "mid_block.attentions.0", "attention", width, width, net.middle
    yield "middle_block.2", "mid_block.resnets.1", "resnet", width, width, 0
    number = 0
    for up, level in enumerate(reversed(range(len(net.multiples)))):
        for block in range(net.blocks + 1):
            wide = net.channels * net.multiples[level]
            names = f"output_blocks.{number}.0", f"up_blocks.{up}.resnets.{block}"
            yield *names, "resnet", width + kept.pop(), wide, 0
            width = wide
            if net.depths[level]:
                names = f"output_blocks.{number}.1", f"up_blocks.{up}.attentions.{block}"
                yield *names, "attention", width, width, net.depths[level]
            if level and block == net.blocks:
                place = 2 if net.depths[level] else 1
                yield (
                    f"output_blocks.{number}.{place}.conv",
                    f"up_blocks.{up}.upsamplers.0.conv",
                    "conv",
                    width,
                    width,
                    0,
                )
            number += 1


def unet(net: UNet, diffusers: bool = False, root: str = "") -> Shapes:
    """A UNet's names and shapes in one of its two namings."""
    width, time = net.channels, 4 * net.channels
    found: Shapes = {}

    def add(original: str, other: str, *shape: int, bias: bool = True) -> None:
        name = root + (other if diffusers else original)
        found[f"{name}.weight"] = shape
        if bias:
            found[f"{name}.bias"] = shape[:1]

    add("time_embed.0", "time_embedding.linear_1", time, width)
    add("time_embed.2", "time_embedding.linear_2", time, time)
    if net.labels:
        add("label_emb.0.0", "add_embedding.linear_1", time, net.labels)
        add("label_emb.0.2", "add_embedding.linear_2", time, time)
    add("input_blocks.0.0", "conv_in", width, net.inputs, 3, 3)
    for original, other, kind, before, after, depth in modules(net):
        if kind == "conv":
            add(original, other, after, before, 3, 3)
        elif kind == "resnet":
            for here, there, what in RESNET:
                shape = {
                    "norm in": (before,),
                    "conv in": (after, before, 3, 3),
                    "time": (after, time),
                    "norm out": (after,),
                    "conv out": (after, after, 3, 3),
                }[what]
                add(f"{original}.{here}", f"{other}.{there}", *shape)
            if before != after:
                add(f"{original}.skip_connection", f"{other}.conv_shortcut", after, before, 1, 1)
        else:
            for name, shape in attention(after, net, depth):
                add(
                    f"{original}.{name}",
                    f"{other}.{name}",
                    *shape,
                    bias=".to_q" not in name and ".to_k" not in name and ".to_v" not in name,
                )
    add("out.0", "conv_norm_out", width)
    add("out.2", "conv_out", 4, width, 3, 3)
    return found


def attention(width: int, net: UNet, depth: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The layers of one attention block, named alike in both layouts."""
    around = (width, width) if net.linear else (width, width, 1, 1)
    yield "norm", (width,)
    yield "proj_in", around
    for n in range(depth):
        block = f"transformer_blocks.{n}"
        for name, read in (("attn1", width), ("attn2", net.context)):
            yield f"{block}.{name}.to_q", (width, width)
            yield f"{block}.{name}.to_k", (width, read)
            yield f"{block}.{name}.to_v", (width, read)
            yield f"{block}.{name}.to_out.0", (width, width)
        yield f"{block}.ff.net.0.proj", (8 * width, width)
        yield f"{block}.ff.net.2", (width, 4 * width)
        for n_norm in (1, 2, 3):
            yield f"{block}.norm{n_norm}", (width,)
    yield "proj_out", around


def vae(latent: int = 4, diffusers: bool = False, root: str = "", width: int = 128) -> Shapes:
    """The autoencoder in one of its two namings."""
    found: Shapes = {}

    def add(original: str, other: str, *shape: int) -> None:
        name = root + (other if diffusers else original)
        found[f"{name}.weight"], found[f"{name}.bias"] = shape, shape[:1]

    wide = 4 * width
    widths = (width, 2 * width, wide, wide)
    for half, blocks in (("encoder", 2), ("decoder", 3)):
        ends = (width, 3) if half == "encoder" else (wide, latent)
        add(f"{half}.conv_in", f"{half}.conv_in", *ends, 3, 3)
        for n in (1, 2):
            middle = f"{half}.mid.block_{n}", f"{half}.mid_block.resnets.{n - 1}"
            for layer, shape in (
                ("norm1", (wide,)),
                ("conv1", (wide, wide, 3, 3)),
                ("norm2", (wide,)),
                ("conv2", (wide, wide, 3, 3)),
            ):
                add(f"{middle[0]}.{layer}", f"{middle[1]}.{layer}", *shape)
        add(f"{half}.mid.attn_1.norm", f"{half}.mid_block.attentions.0.group_norm", wide)
        for here, there in (("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0")):
            shape = (wide, wide) if diffusers else (wide, wide, 1, 1)
            add(f"{half}.mid.attn_1.{here}", f"{half}.mid_block.attentions.0.{there}", *shape)
        for level, outer in enumerate(widths):
            before = widths[max(0, level - 1)] if half == "encoder" else widths[min(3, level + 1)]
            way, number = ("down", level) if half == "encoder" else ("up", 3 - level)
            for block in range(blocks):
                place = f"{half}.{way}.{level}.block.{block}", f"{half}.{way}_blocks.{number}.resnets.{block}"
                inner = outer if block else before
                for layer, shape in (
                    ("norm1", (inner,)),
                    ("conv1", (outer, inner, 3, 3)),
                    ("norm2", (outer,)),
                    ("conv2", (outer, outer, 3, 3)),
                ):
                    add(f"{place[0]}.{layer}", f"{place[1]}.{layer}", *shape)
                if inner != outer:
                    add(f"{place[0]}.nin_shortcut", f"{place[1]}.conv_shortcut", outer, inner, 1, 1)
            if number < 3:
                sampler = f"{way}sample.conv", f"{way}samplers.0.conv"
                add(
                    f"{half}.{way}.{level}.{sampler[0]}",
                    f"{half}.{way}_blocks.{number}.{sampler[1]}",
                    outer,
                    outer,
                    3,
                    3,
                )
        add(f"{half}.norm_out", f"{half}.conv_norm_out", wide if half == "encoder" else width)
        last = (2 * latent, wide) if half == "encoder" else (3, width)
        add(f"{half}.conv_out", f"{half}.conv_out", *last, 3, 3)
    if latent == 4:
        add("quant_conv", "quant_conv", 8, 8, 1, 1)
        add("post_quant_conv", "post_quant_conv", 4, 4, 1, 1)
    return found


def clip(width: int = 768, layers: int = 12, root: str = "") -> Shapes:
    """CLIP's text encoder as transformers names it."""
    found: Shapes = {
        f"{root}embeddings.token_embedding.weight": (49408, width),
        f"{root}embeddings.position_embedding.weight": (77, width),
    }
    for n in range(layers):
        for name, shape in (
            *((f"self_attn.{projection}_proj", (width, width)) for projection in ("q", "k", "v", "out")),
            ("mlp.fc1", (4 * width, width)),
            ("mlp.fc2", (width, 4 * width)),
            ("layer_norm1", (width,)),
            ("layer_norm2", (width,)),
        ):
            found[f"{root}encoder.layers.{n}.{name}.weight"] = shape
            found[f"{root}encoder.layers.{n}.{name}.bias"] = shape[:1]
    return found | {f"{root}final_layer_norm.weight": (width,), f"{root}final_layer_norm.bias": (width,)}


def open_clip(width: int = 1024, layers: int = 23, root: str = "") -> Shapes:
    """OpenCLIP's text encoder as it names it itself."""
    found: Shapes = {
        f"{root}token_embedding.weight": (49408, width),
        f"{root}positional_embedding": (77, width),
        f"{root}text_projection": (width, width),
        f"{root}ln_final.weight": (width,),
        f"{root}ln_final.bias": (width,),
    }
    for n in range(layers):
        block = f"{root}transformer.resblocks.{n}"
        found |= {f"{block}.attn.in_proj_weight": (3 * width, width), f"{block}.attn.in_proj_bias": (3 * width,)}
        for name, shape in (
            ("attn.out_proj", (width, width)),
            ("mlp.c_fc", (4 * width, width)),
            ("mlp.c_proj", (width, 4 * width)),
            ("ln_1", (width,)),
            ("ln_2", (width,)),
        ):
            found[f"{block}.{name}.weight"], found[f"{block}.{name}.bias"] = shape, shape[:1]
    return found


NETWORK = "model.diffusion_model."
FIRST_STAGE = vae(root="first_stage_model.")
CLIP_L = "cond_stage_model.transformer.text_model."


def sd1_checkpoint(inputs: int = 4) -> Shapes:
    return unet(UNet(inputs=inputs), root=NETWORK) | FIRST_STAGE | clip(root=CLIP_L)


def sd2_checkpoint(inputs: int = 4) -> Shapes:
    net = UNet(context=1024, linear=True, inputs=inputs)
    return unet(net, root=NETWORK) | FIRST_STAGE | open_clip(root="cond_stage_model.model.")


def sdxl_checkpoint() -> Shapes:
    encoders = clip(root="conditioner.embedders.0.transformer.text_model.")
    encoders |= open_clip(1280, 32, "conditioner.embedders.1.model.")
    return unet(SDXL, root=NETWORK) | FIRST_STAGE | encoders


def refiner_checkpoint() -> Shapes:
    return unet(REFINER, root=NETWORK) | FIRST_STAGE | open_clip(1280, 32, "conditioner.embedders.0.model.")
