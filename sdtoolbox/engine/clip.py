"""One CLIP text encoder with its tokenizer: texts of any length, with words of people's own in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from sdtoolbox.errors import UserError
from sdtoolbox.prompts.chunks import chunks, framed

CHUNKS_AT_ONCE = 16
Vectors = Mapping[str, Tensor]
"""Textual inversion (Gal et al. 2022): word -> the rows [n, D] that stand for it in the encoder's input."""


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """What one encoder makes of a text, float32: `states` [chunks, 77, D], and `pooled` [P] if it has a projection."""

    states: Tensor
    pooled: Tensor | None


class ClipEncoder:
    """Reads texts in chunks of 75 tokens, each framed as the encoder was trained."""

    def __init__(self, tokenizer: Any, network: Any, *, penultimate: bool = False) -> None:
        """`penultimate`: the states before the last layer, without the final norm, as SDXL was trained."""
        self._tokenizer = tokenizer
        self._network = network
        self._penultimate = penultimate
        self._size = int(network.config.max_position_embeddings) - 2
        alone = self._tokens(",")
        self._comma = alone[0] if len(alone) == 1 else None

    def read(self, text: str, vectors: Vectors) -> Text:
        """The reading of a text; an empty one is one chunk. The pooled state is that of the first chunk."""
        tokens, table, joints = self._with_vectors(text, vectors)
        rows = [self._framed(piece) for piece in chunks(tokens, self._size, self._comma, inseparable=joints)]
        parts = [self._encode(rows[k : k + CHUNKS_AT_ONCE], table) for k in range(0, len(rows), CHUNKS_AT_ONCE)]
        return Text(torch.cat([states for states, _ in parts]), parts[0][1])

    @cached_property
    def empty(self) -> Tensor:
        """The states [1, 77, D] of an empty text."""
        return self._encode([self._framed([])], [])[0]

    def _with_vectors(self, text: str, vectors: Vectors) -> tuple[list[int], list[Tensor], frozenset[int]]:
        """Tokens, where -1 - k is row k of the table; the table; where no chunk should end.

        Words are found among tokens, the longest first, as in A1111: never within a longer word, and in any case.
        """
        tokens = self._tokens(text)
        spelt = {word: self._tokens(word) for word in vectors}
        longest_first = sorted((word for word in vectors if spelt[word]), key=lambda word: -len(spelt[word]))
        result: list[int] = []
        table: list[Tensor] = []
        joints: set[int] = set()
        at = 0
        while at < len(tokens):
            word = next((w for w in longest_first if tokens[at : at + len(spelt[w])] == spelt[w]), None)
            if word is None:
                result.append(tokens[at])
                at += 1
                continue
            rows = self._rows(word, vectors[word])
            joints.update(range(len(result) + 1, len(result) + len(rows)))
            result += [-1 - len(table) - k for k in range(len(rows))]
            table += rows
            at += len(spelt[word])
        return result, table, frozenset(joints)

    def _rows(self, word: str, vectors: Tensor) -> list[Tensor]:
        wanted = int(self._network.config.hidden_size)
        if vectors.ndim != 2 or vectors.shape[1] != wanted:
            raise UserError(
                "LORA_INCOMPATIBLE",
                f"the embedding {word[:80]!r} has vectors of {vectors.shape[-1]} numbers, this model's have {wanted}.",
                "Take it out of the prompt, or choose a model of the kind that it was made for.",
            )
        return list(vectors)

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        return tokens

    def _framed(self, piece: Sequence[int]) -> list[int]:
        ids = self._tokenizer
        return framed(piece, self._size, ids.bos_token_id, ids.eos_token_id, ids.pad_token_id)

    @torch.no_grad()
    def _encode(self, rows: Sequence[Sequence[int]], table: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        ids = torch.tensor(rows, device=self._network.device)
        with self._inserted(ids, table):
            output = self._network(ids.clamp(min=0), output_hidden_states=self._penultimate)
        states: Tensor = output.hidden_states[-2] if self._penultimate else output.last_hidden_state
        pooled = getattr(output, "text_embeds", None)
        return states.float(), None if pooled is None else pooled[0].float()

    @contextmanager
    def _inserted(self, ids: Tensor, table: Sequence[Tensor]) -> Iterator[None]:
        """While the block runs, negative ids are looked up in the table instead of the encoder's own."""
        if not table:
            yield
            return
        places = ids < 0

        def insert(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
            output = output.clone()
            output[places] = torch.stack([table[-1 - number] for number in ids[places].tolist()]).to(output)
            return output

        hook = self._network.get_input_embeddings().register_forward_hook(insert)
        try:
            yield
        finally:
            hook.remove()
