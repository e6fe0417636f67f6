"""The names of an adapter's tensors in its file, in every spelling that trainers write, and the modules they mean.

A key is the path of a module, spelt in one of three ways, and what the tensor is for:

* kohya and LyCORIS: `lora_unet_down_blocks_1_attentions_0_proj_in.lora_down.weight`; the UNet's path may be the
  original one (`lora_unet_input_blocks_4_1_proj_in`), text encoders are `lora_te`, `lora_te1`, `lora_te2`;
* diffusers: `unet.down_blocks.1.attentions.0.proj_in.lora_A.weight`, in older files `….proj_in.lora.down.weight` or
  `….attn1.processor.to_q_lora.down.weight`;
* PEFT: `base_model.model.down_blocks.1.attentions.0.proj_in.lora_A.weight`, with the adapter's name in it or without.

With dots turned into underscores the three agree, but for their beginnings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from torch import nn

from sdtoolbox.engine.components import Components
from sdtoolbox.engine.original_names import unet_names
from sdtoolbox.models.adapter_names import ADAPTER_BEGINNINGS


class Target(NamedTuple):
    """A module of a checkpoint: the name of its part (a key of `Components.networks`) and its path in there."""

    part: str
    path: str


# What stands at the end of a key, and what it is called here; where PEFT writes an adapter's name, "*".
_ROLES: Mapping[str, tuple[str, ...]] = {
    "down": (".lora_down.weight", ".lora.down.weight", "_lora.down.weight", ".lora_linear_layer.down.weight",
             ".lora_A.weight", ".lora_A.*.weight", ".lora_A"),
    "up": (".lora_up.weight", ".lora.up.weight", "_lora.up.weight", ".lora_linear_layer.up.weight",
           ".lora_B.weight", ".lora_B.*.weight", ".lora_B"),
    "mid": (".lora_mid.weight",),
    "alpha": (".alpha",),
    "dora_scale": (".dora_scale",),
    "magnitude": (".lora_magnitude_vector", ".lora_magnitude_vector.weight", ".lora_magnitude_vector.*",
                  ".lora_magnitude_vector.*.weight"),
    **{name: (f".{name}", f".{name}.*") for name in (
        "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
        "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2",
    )},
    "oft_blocks": (".oft_blocks",),
    "rescale": (".rescale",),
    "diff": (".diff", ".w_norm"),
    "diff_b": (".diff_b", ".b_norm"),
    **{f"glora_{name}": (f".{name}.weight",) for name in ("a1", "a2", "b1", "b2", "bm")},
    "ia3": (".weight",),
    "on_input": (".on_input",),
}  # fmt: skip
_NUMBERED = [(role, re.escape(end).replace(r"\*", r"[^.]+")) for role, ends in _ROLES.items() for end in ends]
# Searched from the left, so that the longest end is found: ".lora_A.weight" rather than ".weight".
_END = re.compile("(?:" + "|".join(f"(?P<_{n}>{end})" for n, (_, end) in enumerate(_NUMBERED)) + r")\Z")

_OLD_ATTENTION: Mapping[str, str] = {"to_out": "to_out_0"}  # of processors in the UNet
_OLD_TEXT_ATTENTION: Mapping[str, str] = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}


def split(key: str) -> tuple[str, str] | None:
    """The module's path as spelt in the file, dots as underscores, and the tensor's role; None for any other tensor."""
    if (match := _END.search(key)) is None or match.lastgroup is None:
        return None
    return key[: match.start()].replace(".", "_"), _NUMBERED[int(match.lastgroup[1:])][0]


class ModuleNames:
    """Finds the modules of a checkpoint by the paths in adapters' files."""

    def __init__(self, components: Components) -> None:
        self._by_name = {part: dict(_spellings(components, part)) for part in ("unet", *components.encoders)}

    def find(self, path: str) -> Target | None:
        """The module that the first half of `split` names; None if this checkpoint has none of that name."""
        for beginning, parts in ADAPTER_BEGINNINGS:
            if path.startswith(beginning):
                for part in parts:
                    known = self._by_name.get(part, {})
                    for name in _variants(path.removeprefix(beginning), part):
                        if name in known:
                            return Target(part, known[name])
        return None


def _spellings(components: Components, part: str) -> Iterator[tuple[str, str]]:
    """Every name of every module of a part that has weights, with its path."""
    network = components.networks[part]
    original = unet_names(network.config, "") if part == "unet" else None  # type: ignore[arg-type]
    for path, module in network.named_modules():
        if not isinstance(getattr(module, "weight", None), nn.Parameter):
            continue
        yield path.replace(".", "_"), path
        if original is not None:
            for source in original(f"{path}.weight"):
                yield source.name.removesuffix(".weight").replace(".", "_"), path
        else:  # files have "text_model" whether this version of transformers has it or not
            yield f"text_model_{path.removeprefix('text_model.').replace('.', '_')}", path


def _variants(name: str, part: str) -> Iterator[str]:
    """The name itself, then what older versions of diffusers mean by it."""
    yield name
    table = _OLD_ATTENTION if part == "unet" else _OLD_TEXT_ATTENTION
    plain = name.replace("_processor_", "_").removesuffix("_lora")
    yield plain
    for old, new in table.items():
        if plain.endswith(f"_{old}"):
            yield plain.removesuffix(old) + new
