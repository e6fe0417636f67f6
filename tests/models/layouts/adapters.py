"""LoRAs, LyCORIS adapters, ControlNets and embeddings as their trainers name them."""

from __future__ import annotations

from tests.models.layouts.unets import SD1, SD2, SDXL, Shapes, UNet, modules, unet


def attention_layers(net: UNet) -> Shapes:
    """The linear layers of all attention blocks, by diffusers' name of the module, with the shape of the weight."""
    whole = unet(net, diffusers=True)
    return {
        name.removesuffix(".weight"): shape
        for name, shape in whole.items()
        if ".attentions." in name and name.endswith(".weight") and "norm" not in name
    }


def text_layers(width: int, layers: int = 12) -> Shapes:
    names = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj")
    return {f"text_model.encoder.layers.{n}.{name}": (width, width) for n in range(layers) for name in names}


def kohya(layers: Shapes, prefix: str = "lora_unet_", rank: int = 16) -> Shapes:
    found: Shapes = {}
    for module, (out, read, *kernel) in layers.items():
        name = prefix + module.replace(".", "_")
        found |= {
            f"{name}.lora_down.weight": (rank, read, *kernel),
            f"{name}.lora_up.weight": (out, rank, *(1 for _ in kernel)),
            f"{name}.alpha": (),
        }
    return found


def peft(layers: Shapes, prefix: str = "unet.", rank: int = 16) -> Shapes:
    found: Shapes = {}
    for module, (out, read, *kernel) in layers.items():
        found[f"{prefix}{module}.lora_A.weight"] = (rank, read, *kernel)
        found[f"{prefix}{module}.lora_B.weight"] = (out, rank, *(1 for _ in kernel))
    return found


def processors(layers: Shapes, rank: int = 4) -> Shapes:
    """The first naming of diffusers: the layers belong to an attention's processor."""
    found: Shapes = {}
    for module, (out, read, *_) in layers.items():
        attention, _, layer = module.removesuffix(".0").rpartition(".")
        if layer.startswith("to_"):
            found[f"unet.{attention}.processor.{layer}_lora.down.weight"] = (rank, read)
            found[f"unet.{attention}.processor.{layer}_lora.up.weight"] = (out, rank)
    return found


def dora(layers: Shapes) -> Shapes:
    scales = {f"lora_unet_{m.replace('.', '_')}.dora_scale": (1, read) for m, (_, read, *_) in layers.items()}
    return kohya(layers) | scales


def loha(layers: Shapes, rank: int = 8) -> Shapes:
    found: Shapes = {}
    for module, (out, read, *_) in layers.items():
        name = "lora_unet_" + module.replace(".", "_")
        for w in ("hada_w1", "hada_w2"):
            found |= {f"{name}.{w}_a": (out, rank), f"{name}.{w}_b": (rank, read)}
    return found


def lokr(layers: Shapes, rank: int = 8) -> Shapes:
    found: Shapes = {}
    for module, (out, read, *_) in layers.items():
        name = "lora_unet_" + module.replace(".", "_")
        found |= {
            f"{name}.lokr_w1": (4, 4),
            f"{name}.lokr_w2_a": (out // 4, rank),
            f"{name}.lokr_w2_b": (rank, read // 4),
        }
    return found


def one_each(layers: Shapes, ending: str, shape: tuple[int, ...] | None = None) -> Shapes:
    return {f"lora_unet_{m.replace('.', '_')}.{ending}": shape or weight for m, weight in layers.items()}


def glora(layers: Shapes, rank: int = 4) -> Shapes:
    found: Shapes = {}
    for module, (out, read, *_) in layers.items():
        name = "lora_unet_" + module.replace(".", "_")
        found |= {f"{name}.a1.weight": (rank, read), f"{name}.a2.weight": (read, rank)}
        found |= {f"{name}.b1.weight": (rank, read), f"{name}.b2.weight": (out, rank)}
    return found


SD1_LAYERS, SD2_LAYERS, SDXL_LAYERS = attention_layers(SD1), attention_layers(SD2), attention_layers(SDXL)


def original_names(net: UNet) -> Shapes:
    """The same layers by the names that kohya's trainer of SDXL takes, those of the original layout."""
    by_name = {other: original for original, other, *_ in modules(net)}
    found: Shapes = {}
    for module, shape in attention_layers(net).items():
        block = next(other for other in by_name if module.startswith(f"{other}."))
        found[by_name[block] + module.removeprefix(block)] = shape
    return found


def sdxl_kohya() -> Shapes:
    text = kohya(text_layers(768), "lora_te1_") | kohya(text_layers(1280, 32), "lora_te2_")
    return kohya(original_names(SDXL)) | text


def flux_layers(double: int = 19, single: int = 38, width: int = 3072, inner: int = 7) -> Shapes:
    found: Shapes = {f"double_blocks.{n}.img_attn.qkv": (3 * width, width) for n in range(double)}
    return found | {f"single_blocks.{n}.linear1": (inner * width, width) for n in range(single)}


def transformer_layers(stack: str, count: int, names: dict[str, tuple[int, int]]) -> Shapes:
    return {f"{stack}.{n}.{name}": shape for n in range(count) for name, shape in names.items()}


def square(width: int, *names: str) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(names, (width, width))


def controlnet(net: UNet, diffusers: bool, root: str = "") -> Shapes:
    """The half of a UNet that goes down, with the layers of a ControlNet."""
    half = {
        name: shape
        for name, shape in unet(net, diffusers).items()
        if not name.startswith(("output_blocks.", "up_blocks.", "out.", "conv_out.", "conv_norm_out."))
    }
    if diffusers:
        half |= {
            "controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3),
            "controlnet_down_blocks.0.weight": (320, 320, 1, 1),
        }
    else:
        half |= {"input_hint_block.0.weight": (16, 3, 3, 3), "zero_convs.0.0.weight": (320, 320, 1, 1)}
    return {root + name: shape for name, shape in half.items()}


def control_lora() -> Shapes:
    found: Shapes = {"lora_controlnet": (), "input_hint_block.0.weight": (16, 3, 3, 3)}
    block = "input_blocks.4.1.transformer_blocks.0.attn2.to_k"
    return found | {f"{block}.down": (128, 2048), f"{block}.up": (640, 128), "input_blocks.0.0.weight": (320, 4, 3, 3)}


def t2i_adapter(channels: int, diffusers: bool = False) -> Shapes:
    root, block = ("adapter.", "body.0.resnets.0") if diffusers else ("", "body.0")
    return {
        f"{root}conv_in.weight": (320, channels, 3, 3),
        f"{root}{block}.block1.weight": (320, 320, 3, 3),
        f"{root}{block}.block2.weight": (320, 320, 1, 1),
    }


def ip_adapter(width: int, lora: bool = False) -> Shapes:
    found: Shapes = {"image_proj.proj.weight": (4 * width, 1024), "image_proj.norm.weight": (width,)}
    for n in range(1, 32, 2):
        found |= {f"ip_adapter.{n}.to_k_ip.weight": (320, width), f"ip_adapter.{n}.to_v_ip.weight": (320, width)}
        if lora:
            found |= {
                f"ip_adapter.{n}.to_q_lora.down.weight": (128, 320),
                f"ip_adapter.{n}.to_q_lora.up.weight": (320, 128),
            }
    return found
