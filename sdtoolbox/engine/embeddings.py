"""Textual inversion (Gal et al. 2022): files with learned vectors that stand for a word in a prompt."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sdtoolbox.engine.reading import Source, TensorFiles
from sdtoolbox.errors import UserError
from sdtoolbox.models.control_layouts import EMBEDDING_PARTS
from sdtoolbox.models.entries import CatalogEntry

SINGLE = ("emb_params", "string_to_param.*", "string_to_param")
MOST_VECTORS = 1024  # vectors; the longest published ones have about a hundred


def load_embedding(entry: CatalogEntry) -> Mapping[str, Tensor]:
    """The vectors of an embedding by text encoder (`text_encoder`, `text_encoder_2`): float32 [n, D], on the CPU.

    Reads A1111's files (one tensor `emb_params`), SDXL's (`clip_l`, `clip_g`) and diffusers' (one tensor named after
    its word). UserError MODEL_CORRUPT if the file holds anything else than vectors.
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
    return found


def _names(entry: CatalogEntry, stored: list[str]) -> Mapping[str, str]:
    by_part = {EMBEDDING_PARTS[name]: name for name in stored if name in EMBEDDING_PARTS}
    if by_part:
        return by_part
    for name in (*SINGLE, *(name for name in stored if name.startswith("string_to_param"))):
        if name in stored:
            return {"text_encoder": name}
    if len(stored) != 1:
        raise _corrupt(entry, f"its {len(stored)} tensors are not those of an embedding")
    return {"text_encoder": stored[0]}


def _corrupt(entry: CatalogEntry, reason: str) -> UserError:
    return UserError(
        "MODEL_CORRUPT", f"the embedding {entry.name} cannot be used: {reason}.", "Download it again, or remove it."
    )
