"""Prompts, read by one or two CLIP text encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sdtoolbox.engine.clip import ClipEncoder
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.families import family_of

Embeddings = Mapping[str, Mapping[str, Tensor]]
"""Textual inversion: word -> text encoder's part name -> the vectors [n, D] that stand for the word."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a prompt says to the network, float32.

    `chunks` [chunks, 77, D]: one row of tokens after another. `pooled` [P]: the prompt as a whole, for networks that
    ask for it. `negative`: it is what the picture should not show.
    """

    chunks: Tensor
    pooled: Tensor | None = None
    negative: bool = False


class TextReader:
    """Encodes prompts of any length; where there are two encoders their states stand side by side."""

    def __init__(self, encoders: Mapping[str, ClipEncoder], *, zero_empty_negative: bool = False) -> None:
        """`encoders` by part name, in the order of their states."""
        self._encoders = encoders
        self._zero_empty_negative = zero_empty_negative

    @classmethod
    def of(cls, components: Components) -> TextReader:
        """The reader of a loaded checkpoint."""
        penultimate = family_of(components.base).penultimate
        encoders = {
            part: ClipEncoder(components.tokenizers[part], network, penultimate=penultimate)
            for part, network in components.encoders.items()
        }
        return cls(encoders, zero_empty_negative=components.zero_empty_negative)

    def read(self, prompt: str, embeddings: Embeddings | None = None, *, negative: bool = False) -> Reading:
        """The encoders' states of each chunk of a prompt; an empty prompt is one chunk.

        A word of `embeddings` is replaced by its vectors wherever it stands, in any case. LORA_INCOMPATIBLE for one
        that has other encoders' vectors. Where networks were trained so, an empty negative prompt is read as zeros.
        """
        texts = [
            encoder.read(prompt, {word: parts[part] for word, parts in (embeddings or {}).items() if part in parts})
            for part, encoder in self._encoders.items()
        ]
        # One encoder may lack an embedding that the other has: it reads the word itself, in fewer chunks perhaps.
        longest = max(len(text.states) for text in texts)
        filled = [
            torch.cat([text.states, empty.expand(longest - len(text.states), -1, -1)])
            for text, empty in zip(texts, self._empty, strict=True)
        ]
        reading = Reading(torch.cat(filled, dim=-1), texts[-1].pooled, negative)
        if negative and self._zero_empty_negative and not prompt.strip():
            pooled = None if reading.pooled is None else torch.zeros_like(reading.pooled)
            return Reading(torch.zeros_like(reading.chunks), pooled, negative)
        return reading

    @property
    def _empty(self) -> list[Tensor]:
        return [encoder.empty for encoder in self._encoders.values()]

    def context(self, readings: Sequence[Reading], images: int) -> Tensor:
        """One batch for the network: [readings * images, tokens, D], all images of the first reading first.

        Shorter readings are filled up with empty chunks, so that all have as many tokens as the longest.
        """
        longest = max(len(reading.chunks) for reading in readings)
        rows = []
        for reading in readings:
            filling = torch.cat(self._empty, dim=-1).expand(longest - len(reading.chunks), -1, -1)
            row = torch.cat([reading.chunks, filling]).flatten(0, 1)  # [tokens, D]
            rows.append(row.expand(images, -1, -1))
        return torch.cat(rows)
