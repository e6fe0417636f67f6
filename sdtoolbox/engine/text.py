"""Prompts, read by a CLIP text encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from sdtoolbox.prompts.chunks import chunks, framed

CHUNKS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a prompt says to the network: float32 [chunks, 77, D], one row of tokens after another."""

    chunks: Tensor


class TextReader:
    """Encodes prompts of any length in chunks of 75 tokens, each framed as the encoder was trained."""

    def __init__(self, tokenizer: Any, encoder: Any) -> None:
        self._tokenizer = tokenizer
        self._encoder = encoder
        self._size = int(encoder.config.max_position_embeddings) - 2
        alone = self._tokens(",")
        self._comma = alone[0] if len(alone) == 1 else None

    def read(self, prompt: str) -> Reading:
        """The encoder's last hidden states of each chunk of a prompt; an empty prompt is one chunk."""
        rows = [self._framed(piece) for piece in chunks(self._tokens(prompt), self._size, self._comma)]
        parts = [self._encode(rows[k : k + CHUNKS_AT_ONCE]) for k in range(0, len(rows), CHUNKS_AT_ONCE)]
        return Reading(torch.cat(parts))

    @cached_property
    def _empty(self) -> Tensor:
        return self._encode([self._framed([])])

    def context(self, readings: Sequence[Reading], images: int) -> Tensor:
        """One batch for the network: [readings * images, tokens, D], all images of the first reading first.

        Shorter readings are filled up with empty chunks, so that all have as many tokens as the longest.
        """
        longest = max(len(reading.chunks) for reading in readings)
        rows = []
        for reading in readings:
            filling = self._empty.expand(longest - len(reading.chunks), -1, -1)
            row = torch.cat([reading.chunks, filling]).flatten(0, 1)  # [tokens, D]
            rows.append(row.expand(images, -1, -1))
        return torch.cat(rows)

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        return tokens

    def _framed(self, piece: Sequence[int]) -> list[int]:
        ids = self._tokenizer
        return framed(piece, self._size, ids.bos_token_id, ids.eos_token_id, ids.pad_token_id)

    @torch.no_grad()
    def _encode(self, rows: Sequence[Sequence[int]]) -> Tensor:
        ids = torch.tensor(rows, device=self._encoder.device)
        states: Tensor = self._encoder(ids).last_hidden_state
        return states.float()
