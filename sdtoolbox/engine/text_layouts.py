"""The two namings that CLIP's text encoders have in single files: Hugging Face's and OpenCLIP's."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from sdtoolbox.engine.assembling import Misfit
from sdtoolbox.engine.original_names import Find, clip_names, open_clip_names
from sdtoolbox.engine.shapes import Shape, clip_config, open_clip_config

EMBEDDING = "token_embedding.weight"


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How the names of a text encoder go on behind `stem`."""

    stem: str
    open_clip: bool

    @classmethod
    def of(cls, root: str, names: Container[str]) -> TextLayout:
        """That of the encoder below `root`; Misfit where its first weight, the embedding of words, is missing."""
        for stem in (root, f"{root}transformer.", f"{root}model."):
            if stem + EMBEDDING in names:
                return cls(stem, open_clip=True)
            if any(f"{stem}{inner}embeddings.{EMBEDDING}" in names for inner in ("text_model.", "")):
                return cls(stem, open_clip=False)
        raise Misfit(f"the weight {EMBEDDING} below {root} is missing")

    def config(self, shape: Shape, cut: int) -> dict[str, Any]:
        """The encoder's configuration; `shape` is asked for names without the stem. Unusual as `shapes`."""
        return (open_clip_config if self.open_clip else clip_config)(shape, cut)

    def names(self) -> Find:
        """Where the encoder's weights are."""
        return (open_clip_names if self.open_clip else clip_names)(self.stem)
