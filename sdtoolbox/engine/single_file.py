"""All parts of a checkpoint in one file, told apart by how their names begin, without any configuration.

What shapes do not tell comes from the family's row. A file written by `original_layout` has its exact configurations
in its header, under `CONFIG`: miniatures have other heads, groups and vocabularies than their big relatives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from sdtoolbox.engine import vocabulary
from sdtoolbox.engine.assembling import Blueprint, Misfit, blueprint
from sdtoolbox.engine.families import Family
from sdtoolbox.engine.original_names import Find, diffusers_names, unet_names, vae_names
from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.engine.shapes import Shape, pooled_width, unet_config, vae_config
from sdtoolbox.engine.text_layouts import TextLayout
from sdtoolbox.models.roots import find_roots

CONFIG = "sdtoolbox.config"
KNOWN_EXTRAS = re.compile(
    r"model_ema\..*|.*(position_ids|logit_scale|text_projection(\.weight)?|_ema)|.*\.resblocks\.\d+\..*|.*attn_mask"
    r"|(alphas|betas|sqrt|log|posterior|scale_factor|lvlb|v_pred|ztsnr|edm|denoiser|low_scale_model|cond_stage_model\.mask).*"
)
"""Tensors that are left alone without a word: training's leftovers, noise tables, layers that are never used."""


@dataclass(frozen=True, slots=True)
class SingleFile:
    """A checkpoint or a VAE in one file that is open."""

    files: TensorFiles
    family: Family
    own: Mapping[str, Any]  # the configurations that the file brings, by part
    roots: Mapping[str, str]  # where the names of each part begin that is inside

    @classmethod
    def of(cls, files: TensorFiles, family: Family) -> SingleFile:
        """ValueError if the configuration in its header cannot be read."""
        own = json.loads(files.metadata.get(CONFIG, "{}"))
        if not isinstance(own, dict):
            raise ValueError(f"{CONFIG} in its header is not a map")
        return cls(files, family, own, find_roots(set(files)))

    def part(self, part: str, root: str) -> Blueprint:
        """The blueprint of the part whose names begin so; Misfit, Unusual."""
        config, find = self._described(part, root)
        return blueprint(part, config, self.files, find)

    def scheduler(self, prediction: str) -> Mapping[str, Any]:
        """The noise levels: the file's own, or else the family's with the `prediction` that the catalog knows of."""
        if "scheduler" in self.own:
            return dict(self.own["scheduler"])
        config = dict(self.family.config()["scheduler"])
        if prediction:
            config["prediction_type"] = prediction
        if "ztsnr" in self.files:  # an empty tensor by which trainers say that the last step has no signal
            config["rescale_betas_zero_snr"] = True
        return config

    def tokenizer(self, encoder: str, words: int) -> Any:
        """The tokenizer of a text encoder with so large a vocabulary; Misfit if there is none for it."""
        own = self.own.get(encoder.replace("text_encoder", "tokenizer"))
        if own is not None:
            return vocabulary.tokenizer_of(own["vocabulary"], [tuple(pair) for pair in own["merges"]], own["pad"])
        if words != vocabulary.SIZE:
            raise Misfit(f"its vocabulary has {words} words instead of CLIP's {vocabulary.SIZE}, and is not known")
        return vocabulary.clip_tokenizer("!" if encoder in self.family.open_clip else vocabulary.END)

    def extras(self, used: set[str], ignored: Iterable[str] = ()) -> list[str]:
        """The tensors that nothing uses and that are not known to be superfluous."""
        left = (name for name in self.files if name not in used and not KNOWN_EXTRAS.fullmatch(name))
        return sorted(name for name in left if not name.startswith(tuple(ignored)))

    def _described(self, part: str, root: str) -> tuple[Mapping[str, Any], Find]:
        shape = self._shape(root)
        if part == "unet" and shape("conv_in.weight"):  # with diffusers' names
            names = [name.removeprefix(root) for name in self.files if name.startswith(root)]
            config = self._config(part, lambda: unet_config(_unet_as_original(names, shape), self.family))
            return config, diffusers_names(root)
        if part == "unet":
            config = self._config(part, lambda: unet_config(shape, self.family))
            return config, unet_names(config, root)
        if part == "vae" and shape("encoder.conv_norm_out.weight"):
            return self._config(part, lambda: vae_config(_vae_as_original(shape))), diffusers_names(root)
        if part == "vae":
            config = self._config(part, lambda: vae_config(shape))
            return config, vae_names(config, root)
        text = TextLayout.of(root, self.files)
        config = self._config(part, lambda: text.config(self._shape(text.stem), self.family.cut))
        return config, text.names()

    def _config(self, part: str, derived: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        if part in self.own:
            return dict(self.own[part])
        config = self.family.config().get(part, {}) | dict(derived())
        if part == "unet" and (width := config.get("projection_class_embeddings_input_dim")):
            config["addition_time_embed_dim"] = (width - self._pooled()) // self.family.sizes
        return config

    def _pooled(self) -> int:
        """How wide the reading of a whole prompt is."""
        root = self.roots.get("text_encoder_2")
        width = None if root is None else pooled_width(self._shape(TextLayout.of(root, self.files).stem))
        if width is None:
            raise Misfit("the weight text_projection of its second text encoder is missing")
        return width

    def _shape(self, root: str) -> Shape:
        def shape(name: str) -> tuple[int, ...] | None:
            return self.files.info(root + name).shape if root + name in self.files else None

        return shape


def _unet_as_original(names: Iterable[str], shape: Shape) -> Shape:
    """Answers questions for the original names of the way down and the middle out of a UNet with diffusers' `names`."""
    levels = next(level for level in count() if not shape(f"down_blocks.{level}.resnets.0.conv1.weight"))
    layers = next(layer for layer in count() if not shape(f"down_blocks.0.resnets.{layer}.conv1.weight"))
    find = unet_names({"layers_per_block": layers, "block_out_channels": [0] * levels}, "")
    down = ("conv_in.", "conv_out.", "add_embedding.", "down_blocks.", "mid_block.")
    return {find(name)[0].name: shape(name) for name in names if name.startswith(down)}.get


def _vae_as_original(shape: Shape) -> Shape:
    """Answers questions for the original names out of a VAE that has diffusers' names."""

    def asked(name: str) -> tuple[int, ...] | None:
        renamed = re.sub(r"^encoder\.down\.(\d+)\.block\.", r"encoder.down_blocks.\1.resnets.", name)
        if name == "encoder.mid.attn_1.q.weight":
            return shape("encoder.mid_block.attentions.0.to_q.weight") or shape(
                "encoder.mid_block.attentions.0.query.weight"
            )
        return shape(renamed)

    return asked
