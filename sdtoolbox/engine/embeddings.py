"""Textual inversion (Gal et al. 2022): files with learned vectors that stand for a word in a prompt."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sdtoolbox.engine.components import ENCODERS
from sdtoolbox.engine.reading import Source, TensorFiles
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry

# What SDXL's two encoders are called in its files; any other name means the first encoder.
PARTS: Mapping[str, str] = {
    "clip_l": "text_encoder",
    "clip_g": "text_encoder_2",
    "text_encoders_0": "text_encoder",
    "text_encoders_1": "text_encoder_2",
    **{part: part for part in ENCODERS},
}
SINGLE = ("emb_params", "string_to_param.*", "string_to_param")
MOST_VECTORS = 1024  # vectors; the longest published ones have about a hundred


def load_embedding(entry: CatalogEntry, widths: Mapping[str, int] | None = None) -> Mapping[str, Tensor]:
    """The vectors of an embedding by text encoder (`text_encoder`, `text_encoder_2`): float32 [n, D], on the CPU.

    Reads A1111's files (one tensor `emb_params`), SDXL's (`clip_l`, `clip_g`) and diffusers' (one tensor named after
    its word). `widths`, the D of each encoder of a checkpoint by part, says what must fit: UserError MODEL_TYPE if a
    part is missing or has another width, MODEL_CORRUPT if the file holds anything else than vectors.
    """
    with TensorFiles([entry.path]) as file:
        names = _names(entry, list(file))
        vectors = {part: file.read(Source(name), torch.float32) for part, name in names.items()}
    found = {part: tensor[None] if tensor.ndim == 1 else tensor for part, tensor in vectors.items()}
    for tensor in found.values():
        if tensor.ndim != 2 or not 0 < len(tensor) <= MOST_VECTORS or not tensor.isfinite().all():
            raise _corrupt(entry, f"a tensor of shape {tuple(tensor.shape)} in it is not a list of finite vectors")
    if len({len(tensor) for tensor in found.values()}) > 1:
        raise _corrupt(entry, "its two halves have different numbers of vectors")
    if widths is not None:
        _check(entry, found, widths)
    return found


def _names(entry: CatalogEntry, stored: list[str]) -> Mapping[str, str]:
    by_part = {PARTS[name]: name for name in stored if name in PARTS}
    if by_part:
        return by_part
    for name in (*SINGLE, *(name for name in stored if name.startswith("string_to_param"))):
        if name in stored:
            return {"text_encoder": name}
    if len(stored) != 1:
        raise _corrupt(entry, f"its {len(stored)} tensors are not those of an embedding")
    return {"text_encoder": stored[0]}


def _check(entry: CatalogEntry, found: Mapping[str, Tensor], widths: Mapping[str, int]) -> None:
    own = {part: tensor.shape[1] for part, tensor in found.items()}
    if own != dict(widths):
        raise UserError(
            "MODEL_TYPE",
            f"the embedding {entry.name} has vectors of {_said(own)} numbers, this model reads {_said(widths)}.",
            "Use an embedding that was made for this family of models, or take its word out of the prompt.",
            "prompt",
        )


def _said(widths: Mapping[str, int]) -> str:
    return " and ".join(str(widths[part]) for part in ENCODERS if part in widths)


def _corrupt(entry: CatalogEntry, reason: str) -> UserError:
    return UserError(
        "MODEL_CORRUPT", f"the embedding {entry.name} cannot be used: {reason}.", "Download it again, or remove it."
    )
