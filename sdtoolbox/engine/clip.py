"""One CLIP text encoder with its tokenizer: words of any number and weight, people's own in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sdtoolbox.errors import UserError
from sdtoolbox.prompts.chunks import framed
from sdtoolbox.prompts.layout import Chunk, lay_out
from sdtoolbox.prompts.plan import Words

CHUNKS_AT_ONCE = 16
Vectors = Mapping[str, Tensor]
"""Textual inversion (Gal et al. 2022): word -> the rows [n, D] that stand for it in the encoder's input."""


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """What one encoder makes of words, float32: `states` [chunks, 77, D], and `pooled` [P] if it has a projection.

    `weights` [chunks, 77] is how much each token counts, which the states do not show yet; None where all are 1.
    """

    states: Tensor
    pooled: Tensor | None
    weights: Tensor | None = None


class ClipEncoder:
    """Reads texts in chunks of 75 tokens, each framed as the encoder was trained."""

    def __init__(self, tokenizer: Any, network: Any, *, penultimate: bool = False, unnormalised: bool = False) -> None:
        """`penultimate`: the states before the last layer, without the final norm, as SDXL was trained.

        `unnormalised`: those behind it without the final norm, and the normalised one of the end as the pooled state.
        """
        self._tokenizer = tokenizer
        self._network = network
        self._penultimate = penultimate
        self._unnormalised = unnormalised
        self._size = int(network.config.max_position_embeddings) - 2
        alone = self._tokens(",")
        self._comma = alone[0] if len(alone) == 1 else None
        self._empty: dict[int, Tensor] = {}

    @property
    def layers(self) -> int:
        """How many layers it has."""
        return int(self._network.config.num_hidden_layers)

    def read(self, words: Words, vectors: Vectors, *, layer: int = 1) -> Text:
        """The reading of some words; none are one chunk. The pooled state is that of the first chunk.

        `layer` counts from the end, from 1: whose output is read, with the final norm. An encoder that was trained
        to be read at the penultimate one is never read later.
        """
        table: list[Tensor] = []
        spelt = [(tokens, word) for word in vectors if (tokens := self._tokens(word))]
        own = {word: (tokens, vectors[word]) for tokens, word in sorted(spelt, key=lambda one: -len(one[0]))}

        def tokenize(text: str) -> tuple[list[int], set[int]]:
            return self._with_vectors(self._tokens(text), own, table)

        laid = lay_out(words, tokenize, self._size, self._comma)
        rows = [self._framed(chunk.tokens) for chunk in laid]
        parts = [self._encode(rows[k : k + CHUNKS_AT_ONCE], table, layer) for k in range(0, len(rows), CHUNKS_AT_ONCE)]
        return Text(torch.cat([states for states, _ in parts]), parts[0][1], self._weights(laid))

    def empty(self, layer: int = 1) -> Tensor:
        """The states [1, 77, D] of no words, computed once."""
        if layer not in self._empty:
            self._empty[layer] = self._encode([self._framed([])], [], layer)[0]
        return self._empty[layer]

    def _weights(self, laid: Sequence[Chunk]) -> Tensor | None:
        if all(weight == 1 for chunk in laid for weight in chunk.weights):
            return None
        rows = [[1.0, *chunk.weights, *([1.0] * (self._size + 1 - len(chunk.weights)))] for chunk in laid]
        return torch.tensor(rows, device=self._network.device)

    def _with_vectors(
        self, tokens: list[int], words: Mapping[str, tuple[list[int], Tensor]], table: list[Tensor]
    ) -> tuple[list[int], set[int]]:
        """Tokens, where -1 - k is row k of the table, which grows; and where among them no chunk should end.

        Words are found among tokens, in their order, as in A1111: never within a longer word, and in any case.
        """
        result: list[int] = []
        joints: set[int] = set()
        at = 0
        while at < len(tokens):
            word = next((w for w, (spelt, _) in words.items() if tokens[at : at + len(spelt)] == spelt), None)
            if word is None:
                result.append(tokens[at])
                at += 1
                continue
            spelt, vectors = words[word]
            rows = self._rows(word, vectors)
            joints.update(range(len(result) + 1, len(result) + len(rows)))
            result += [-1 - len(table) - k for k in range(len(rows))]
            table += rows
            at += len(spelt)
        return result, joints

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
    def _encode(
        self, rows: Sequence[Sequence[int]], table: Sequence[Tensor], layer: int
    ) -> tuple[Tensor, Tensor | None]:
        layer = max(layer, 2 if self._penultimate else 1)
        ids = torch.tensor(rows, device=self._network.device)
        with self._inserted(ids, table):
            output = self._network(ids.clamp(min=0), output_hidden_states=layer > 1 or self._unnormalised)
        inner = layer > 1 or self._unnormalised
        states: Tensor = output.hidden_states[-layer] if inner else output.last_hidden_state
        if layer > 1 and not self._penultimate and not self._unnormalised:
            states = getattr(self._network, "text_model", self._network).final_layer_norm(states)
        pooled = output.pooler_output if self._unnormalised else getattr(output, "text_embeds", None)
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
