"""The original layout: all parts of a checkpoint in one file, told apart by prefixes, without any configuration.

What shapes do not tell comes from the family's row. A file written by `original_layout` has its exact configurations
in its header, under `CONFIG`: miniatures have other heads, groups and vocabularies than their big relatives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sdtoolbox.engine import vocabulary
from sdtoolbox.engine.assembling import Blueprint, Misfit, blueprint
from sdtoolbox.engine.families import Family
from sdtoolbox.engine.original_names import (
    Find,
    clip_names,
    diffusers_names,
    open_clip_names,
    unet_names,
    vae_names,
)
from sdtoolbox.engine.reading import TensorFiles
from sdtoolbox.engine.shapes import Shape, clip_config, open_clip_config, unet_config, vae_config

CONFIG = "sdtoolbox.config"
KNOWN_EXTRAS = re.compile(
    r"model_ema\..*|.*(position_ids|logit_scale|text_projection|_ema)|.*\.resblocks\.\d+\..*|.*attn_mask"
    r"|(alphas|betas|sqrt|log|posterior|scale_factor|lvlb|v_pred|ztsnr|edm|denoiser|cond_stage_model\.mask).*"
)
"""Tensors that are left alone without a word: training's leftovers, noise tables, layers that are never used."""
BARE = ("",)


@dataclass(frozen=True, slots=True)
class SingleFile:
    """A checkpoint or a VAE in one file that is open."""

    files: TensorFiles
    family: Family
    own: Mapping[str, Any]  # the configurations that the file brings, by part

    @classmethod
    def of(cls, files: TensorFiles, family: Family) -> SingleFile:
        """ValueError if the configuration in its header cannot be read."""
        own = json.loads(files.metadata.get(CONFIG, "{}"))
        if not isinstance(own, dict):
            raise ValueError(f"{CONFIG} in its header is not a map")
        return cls(files, family, own)

    def prefix(self, part: str, others: Iterable[str] = ()) -> str | None:
        """Where the names of a part's weights begin, None if it is not inside; `others` are tried too."""
        prefixes = (*self.family.prefixes.get(part, ()), *others)
        return next((prefix for prefix in prefixes if any(name.startswith(prefix) for name in self.files)), None)

    def part(self, part: str, prefix: str) -> Blueprint:
        """The blueprint of a part; Misfit, Unusual."""
        config, find = self._described(part, prefix)
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

    def _described(self, part: str, prefix: str) -> tuple[Mapping[str, Any], Find]:
        shape = self._shape(prefix)
        if part == "vae" and shape("encoder.conv_norm_out.weight"):  # a VAE alone, with diffusers' names
            return self._config(part, lambda: vae_config(_as_original(shape))), diffusers_names(prefix)
        if part in ("unet", "vae"):
            config = self._config(
                part, lambda: unet_config(shape, self.family) if part == "unet" else vae_config(shape)
            )
            return config, (unet_names if part == "unet" else vae_names)(config, prefix)
        if part in self.family.open_clip:
            return self._config(part, lambda: open_clip_config(shape, self.family.cut)), open_clip_names(prefix)
        return self._config(part, lambda: clip_config(shape)), clip_names(prefix)

    def _config(self, part: str, derived: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        if part in self.own:
            return dict(self.own[part])
        config = self.family.config().get(part, {}) | dict(derived())
        if part == "unet" and (width := config.get("projection_class_embeddings_input_dim")):
            config["addition_time_embed_dim"] = (width - self._pooled()) // self.family.sizes
        return config

    def _pooled(self) -> int:
        """How wide the reading of a whole prompt is."""
        prefix = self.prefix("text_encoder_2")
        projection = self._shape(prefix)("model.text_projection") if prefix else None
        if projection is None:
            raise Misfit("the weight text_projection of its second text encoder is missing")
        return projection[1]

    def _shape(self, prefix: str) -> Shape:
        def shape(name: str) -> tuple[int, ...] | None:
            return self.files.info(prefix + name).shape if prefix + name in self.files else None

        return shape


def _as_original(shape: Shape) -> Shape:
    """Answers questions for the original names out of a VAE that has diffusers' names."""

    def asked(name: str) -> tuple[int, ...] | None:
        renamed = re.sub(r"^encoder\.down\.(\d+)\.block\.", r"encoder.down_blocks.\1.resnets.", name)
        if name == "encoder.mid.attn_1.q.weight":
            return shape("encoder.mid_block.attentions.0.to_q.weight") or shape(
                "encoder.mid_block.attentions.0.query.weight"
            )
        return shape(renamed)

    return asked
