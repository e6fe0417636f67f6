"""Adapters as their trainers name them (kohya, LyCORIS, diffusers, PEFT): algorithm, rank, and the base they belong to.

A LoRA names modules of the network it was trained on. Where these names exist in one family only, they decide; for
UNets the width of the text that cross attention reads does (768, 1024, 2048, 1280), then the text encoders, then the
structure. Where a miniature has other widths and nothing else tells, the metadata may ("modelspec.architecture",
"ss_base_model_version"); otherwise the base is unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sdtoolbox.models.adapter_names import part_and_module
from sdtoolbox.models.entries import BASES
from sdtoolbox.models.recognition import Architecture, Names, Recognition, plain, unsupported
from sdtoolbox.models.unets import TEXT_WIDTHS

Shapes = Mapping[str, tuple[int, ...]]
"""Shapes of one module's tensors, by the ending of their names."""

LORA_DOWN = ("lora_down.weight", "lora_A.weight", "lora_A", "lora.down.weight", "lora_linear_layer.down.weight")
LORA_UP = ("lora_up.weight", "lora_B.weight", "lora_B", "lora.up.weight", "lora_linear_layer.up.weight")
# The end of a tensor's name, and the algorithm it belongs to.
ENDINGS: Mapping[str, str] = {
    **dict.fromkeys((*LORA_DOWN, *LORA_UP, "lora_mid.weight"), "lora"),
    **dict.fromkeys(("dora_scale", "lora_magnitude_vector", "lora_magnitude_vector.weight"), "dora"),
    **dict.fromkeys(("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"), "loha"),
    **dict.fromkeys(("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"), "lokr"),
    **dict.fromkeys(("oft_blocks", "oft_diag", "oft_R.weight"), "oft"),
    **dict.fromkeys(("diff", "diff_b", "w_norm", "b_norm"), "full"),
    **dict.fromkeys(("a1.weight", "a2.weight", "b1.weight", "b2.weight"), "glora"),
    **dict.fromkeys(("on_input", "ia3_l"), "ia3"),
}
# Some of these endings are so common that they mean something only behind the beginnings that adapters have.
WEAK = ("full", "glora", "ia3")
BEGINNINGS = ("lora_", "lycoris_", "diffusion_model.", "unet.", "transformer.", "text_encoder", "base_model.model.")
_ADAPTER_NAME = re.compile(r"\.default(_\d+)?(?=\.|$)")  # PEFT writes the adapter's name into the tensors'
_PROCESSOR = re.compile(r"\.processor\.(to_\w+)_lora\.(down|up)\.weight$")  # of the first LoRA code in diffusers
_TRANSFORMER = re.compile(r"^(base_model\.model\.)?transformer\.")  # no UNet, and "transformer_" begins its own modules
_OF_A_UNET = re.compile(r"(down|up|mid|input|output|middle)_blocks?_")
# What is recognised and cannot be used, by the end of a tensor's name.
UNREAD: Mapping[str, str] = {
    "oft_diag": "diagonal OFT as older versions of LyCORIS write it",
    "oft_R.weight": "OFT as PEFT writes it",
    "ia3_l": "IA3 as PEFT writes it",
}
# Modules that one family alone has, in names with "_" for every dot; the first that is found decides.
MODULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (base, re.compile(pattern))
    for base, pattern in (
        ("chroma", r"^distilled_guidance_layer"),
        ("flux2", r"stream_modulation|to_qkv_mlp_proj|transformer_blocks_\d+_ff(_context)?_linear_(in|out)"),
        ("auraflow", r"^(joint_transformer_blocks|double_layers)_\d"),
        ("sd3", r"^joint_blocks_\d"),
        ("qwen_image", r"^transformer_blocks_\d+_(img|txt)_(mod_1|mlp_net)"),
        ("sana", r"ff_conv_inverted|mlp_inverted_conv"),
        ("z_image", r"^(layers|noise_refiner)_\d+_adaLN_modulation_0|^all_x_embedder"),
        ("lumina2", r"^(layers|noise_refiner)_\d+_adaLN_modulation_1|^time_caption_embed"),
        ("pixart", r"^adaln_single_emb_(resolution|aspect_ratio)_embedder"),
    )
)
# What metadata call a base, by the beginning of the value.
SAID: tuple[tuple[str, str], ...] = (
    ("stable-diffusion-xl-v1-refiner", "sdxl_refiner"),
    ("stable-diffusion-xl", "sdxl"),
    ("sdxl", "sdxl"),
    ("stable-diffusion-v1", "sd1"),
    ("sd_v1", "sd1"),
    ("sd_1", "sd1"),
    ("stable-diffusion-v2", "sd2"),
    ("sd_v2", "sd2"),
    ("sd_2", "sd2"),
    ("stable-diffusion-v3", "sd3"),
    ("stable-diffusion-3", "sd3"),
    ("sd3", "sd3"),
    ("flux-2", "flux2"),
    ("flux2", "flux2"),
    ("flux-1", "flux1"),
    ("flux1", "flux1"),
    ("chroma", "chroma"),
    ("qwen-image", "qwen_image"),
    ("qwen_image", "qwen_image"),
    ("z-image", "z_image"),
    ("lumina", "lumina2"),
)


@dataclass(frozen=True, slots=True)
class Adapter:
    """The modules that an adapter changes, by their names with "_" for every dot, in the network and text encoders."""

    network: Mapping[str, Shapes]
    text: Mapping[str, Mapping[str, Shapes]]  # by part: text_encoder, text_encoder_2 …
    algorithms: Counter[str]  # how many tensors are of each
    numbered: bool  # the first text encoder is called the first, so that there is a second one


def adapter(names: Names) -> Adapter:
    """Sort the tensors of a LoRA-like file by module, in one pass; empty for any other file."""
    network: dict[str, dict[str, tuple[int, ...]]] = {}
    text: dict[str, dict[str, dict[str, tuple[int, ...]]]] = {}
    algorithms: Counter[str] = Counter()
    numbered = False
    for name in names.tensors:
        module, ending = _split(name)
        if not ending or (ENDINGS[ending] in WEAK and not name.startswith(BEGINNINGS)):
            continue
        algorithms[ENDINGS[ending]] += 1
        numbered = numbered or module.startswith("lora_te1_")
        if transformer := _TRANSFORMER.match(module):
            part, module = "unet", module[transformer.end() :].replace(".", "_")
        else:
            part, module = part_and_module(module)
        place = network if part == "unet" else text.setdefault(part, {})
        place.setdefault(module, {})[ending] = names.tensors[name].shape
    return Adapter(network, text, algorithms, numbered)


def _split(name: str) -> tuple[str, str]:
    """A tensor's module and the ending of its name; the ending is "" for a name that no adapter has."""
    if ".default" in name:
        name = _ADAPTER_NAME.sub("", name)
    if "_lora." in name:
        name = _PROCESSOR.sub(r".\1.lora.\2.weight", name)
    module, _, ending = name.rpartition(".")
    if ending == "weight":
        module, _, last = module.rpartition(".")
        ending = f"{last}.weight"
        if last in ("down", "up"):
            module, _, last = module.rpartition(".")
            ending = f"{last}.{ending}"
    return (module, ending) if module and ending in ENDINGS else (name, "")


def algorithm(found: Adapter) -> str:
    """lora, dora, loha, lokr, oft, boft, glora, ia3 or full: what most modules are; dora where any is."""
    if "dora" in found.algorithms and "lora" in found.algorithms:
        return "dora"
    main = Counter({name: n for name, n in found.algorithms.items() if name not in ("full", "dora")})
    most = main.most_common(1)[0][0] if main else "full"
    butterfly = most == "oft" and any(len(shapes.get("oft_blocks", ())) == 4 for shapes in _all(found))
    return "boft" if butterfly else most


def _rank(found: Adapter) -> int | None:
    ranks = [0]
    for shapes in _all(found):
        for ending in (*LORA_DOWN, "hada_w1_b", "lokr_w1_b", "lokr_w2_b"):
            ranks += shapes.get(ending, ())[:1]
    return max(ranks) or None


def _all(found: Adapter) -> Iterator[Shapes]:
    yield from found.network.values()
    for modules in found.text.values():
        yield from modules.values()


def width_read(shapes: Shapes) -> int | None:
    """How many numbers the module reads, as the shapes of its adapter tell; None where they do not."""
    for ending in (*LORA_DOWN, "hada_w1_b", "b1.weight", "diff"):
        if len(shapes.get(ending, ())) > 1:
            return shapes[ending][1]
    left = shapes.get("lokr_w1") or shapes.get("lokr_w1_b") or ()
    right = shapes.get("lokr_w2") or shapes.get("lokr_w2_b") or ()
    return left[1] * right[1] if len(left) > 1 and len(right) > 1 else None


def width_written(shapes: Shapes) -> int | None:
    """How many numbers the module writes, as the shapes of its adapter tell; None where they do not."""
    for ending in (*LORA_UP, "hada_w1_a", "b2.weight", "diff"):
        if shapes.get(ending):
            return shapes[ending][0]
    left = shapes.get("lokr_w1") or shapes.get("lokr_w1_a") or ()
    right = shapes.get("lokr_w2") or shapes.get("lokr_w2_a") or ()
    return left[0] * right[0] if left and right else None


def adapter_base(names: Names) -> str:
    """The base whose modules a LoRA-like file names, "unknown" where it cannot be told."""
    found = names.fact(adapter)
    for base, pattern in MODULES:
        if any(pattern.search(module) for module in found.network):
            return base
    base = _stream_base(found) or _layers_base(found) or _unet_base(found)
    return base or _said(names) or "unknown"


def _stream_base(found: Adapter) -> str:
    """Networks with two streams of blocks: Flux.1 and Flux.2, SD 3, Qwen-Image; they differ in widths and depths."""
    double = {int(n) for m in found.network if (n := _number(m, "double_blocks")) is not None}
    single = {int(n) for m in found.network if (n := _number(m, "single_blocks")) is not None}
    if double or single:
        for module, shapes in found.network.items():
            read, written = width_read(shapes), width_written(shapes)
            if module.endswith("_linear1") and read and written and written >= 9 * read:
                return "flux2"  # its gated layer writes 9 times what it reads, Flux.1's 7 times
            if read in (6144, 4096) and "_attn_qkv" in module:
                return "flux2"
        # another family, Hunyuan Video, shares the names and has more blocks
        return "flux1" if max(double, default=0) <= 18 and max(single, default=0) <= 37 else ""
    if any(module.startswith("single_transformer_blocks_") for module in found.network):
        widths = {width_read(s) for m, s in found.network.items() if m.endswith("_attn_to_q")}
        return "flux2" if widths & {6144, 4096} else "flux1"
    if any("attn_add_" in module and module.startswith("transformer_blocks_") for module in found.network):
        widths = {width_read(s) for m, s in found.network.items() if m.endswith("_attn_to_q")}
        if widths & {1536, 2432}:
            return "sd3"
        deepest = max((n for m in found.network if (n := _number(m, "transformer_blocks")) is not None), default=0)
        return "qwen_image" if 3072 in widths and deepest > 18 else ""
    return ""


def _number(module: str, stack: str) -> int | None:
    found = re.match(rf"{stack}_(\d+)_", module)
    return int(found[1]) if found else None


def _layers_base(found: Adapter) -> str:
    """Networks with one stack of layers: Z-Image, Lumina 2, PixArt, Sana; they differ in widths."""
    for module, shapes in found.network.items():
        if re.match(r"(layers|noise_refiner|context_refiner)_\d+_(attention|attn|feed_forward)", module):
            return {3840: "z_image", 2304: "lumina2"}.get(width_read(shapes) or 0, "")
        if re.match(r"transformer_blocks_\d+_attn[12]_to_[qkv]$", module) and width_read(shapes) == 2240:
            return "sana"
        if re.match(r"transformer_blocks_\d+_ff_net_0_proj$", module) and width_read(shapes) == 1152:
            return "pixart"
    return ""


def _unet_base(found: Adapter) -> str:
    modules = {module: shapes for module, shapes in found.network.items() if _OF_A_UNET.match(module)}
    if found.network and not modules:
        return ""
    widths = (width_read(shapes) for module, shapes in modules.items() if re.search("attn2_to_[kv]$", module))
    read = Counter(width for width in widths if width is not None)
    known = [TEXT_WIDTHS[width] for width, _ in read.most_common() if width in TEXT_WIDTHS]
    if known:
        return known[0]
    if "text_encoder_2" in found.text or any(re.search(r"_transformer_blocks_[1-9]", module) for module in modules):
        return "sdxl"
    entrances = {
        len(shapes[ending])
        for module, shapes in modules.items()
        for ending in (*LORA_DOWN, "diff")
        if module.endswith("_proj_in") and ending in shapes
    }
    if entrances & {2, 4}:
        return "sd1" if 4 in entrances else "sd2"
    if found.numbered:
        return ""
    text = {width_read(s) for m, s in found.text.get("text_encoder", {}).items() if m.endswith("_self_attn_q_proj")}
    return "sd1" if 768 in text else "sd2" if 1024 in text else ""


def _said(names: Names) -> str:
    for key in ("modelspec.architecture", "ss_base_model_version"):
        value = names.metadata.get(key, "").lower()
        for beginning, base in SAID:
            if value.startswith(beginning):
                return base
    return ""


USABLE = ("sd1", "sd2", "sdxl", "sdxl_refiner")


def describe_adapter(row: Architecture, names: Names) -> Recognition:
    """Algorithm, rank and the parts that are changed, beside what the row says."""
    found = names.fact(adapter)
    network = "transformer" if row.reason else "unet"
    parts = (*([network] if found.network else []), *sorted(found.text))
    known = replace(plain(row, names), algorithm=algorithm(found), rank=_rank(found), parts=parts)
    if (reason := _unusable(found, known.algorithm)) and known.state == "ready":
        return unsupported(known, reason)
    if row.base != "unknown" or found.text or any(_OF_A_UNET.match(module) for module in found.network):
        return known  # of an unknown base: whether it fits a checkpoint its names and shapes tell when it is loaded
    some = ", ".join(list(found.network)[:2])
    reason = f"the modules that it changes ({some[:120]} …) tell of no network known here"
    return replace(known, state="unknown", reason=reason)


def _unusable(found: Adapter, algorithm: str) -> str:
    """Why no checkpoint can wear it, "" where one can."""
    unread = next((UNREAD[ending] for shapes in _all(found) for ending in shapes if ending in UNREAD), "")
    words = "BOFT" if algorithm == "boft" else unread
    return f"{words} cannot be used yet" if words else ""


def _adapter_row(base: str) -> Architecture:
    reason = "" if base in (*USABLE, "unknown") else f"adapters for {BASES[base]} cannot be used yet"
    return Architecture(
        id=f"lora_{base}",
        label=f"LoRA for {BASES[base]}",
        kind="lora",
        base=base,
        fits=lambda names: bool(names.fact(adapter).algorithms) and names.fact(adapter_base) == base,
        describe=describe_adapter,
        reason=reason,
    )


ADAPTERS: tuple[Architecture, ...] = tuple(_adapter_row(base) for base in BASES)
"""A row for the LoRAs of each base, and one for those of an unknown base."""
