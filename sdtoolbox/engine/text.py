"""Prompts, read by one or two CLIP text encoders."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sdtoolbox.engine.clip import ClipEncoder
from sdtoolbox.engine.components import Components
from sdtoolbox.engine.emphasis import emphasised
from sdtoolbox.engine.families import family_of
from sdtoolbox.errors import UserError
from sdtoolbox.prompts.plan import Words, plain, spoken
from sdtoolbox.schema.fields import EmphasisMode

REMEMBERED = 128
"""Chunks, over all readings that are kept: some 80 MB where the states are widest."""
Embeddings = Mapping[str, Mapping[str, Tensor]]
"""Textual inversion: word -> text encoder's part name -> the vectors [n, D] that stand for the word."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a prompt says to the network, float32.

    `chunks` [chunks, 77, D]: one row of tokens after another. `pooled` [P]: the prompt as a whole, for networks that
    ask for it. `negative`: it is what the picture should not show. `layer`: which of the encoder's layers, from the
    end, was read.
    """

    chunks: Tensor
    pooled: Tensor | None = None
    negative: bool = False
    layer: int = 1


class TextReader:
    """Encodes words of any number; where there are two encoders their states stand side by side.

    What was read lately is remembered: pictures that differ elsewhere share it.
    """

    def __init__(self, encoders: Mapping[str, ClipEncoder], *, cut: int = 0, zero_empty_negative: bool = False) -> None:
        """`encoders` by part name, in the order of their states; `cut` layers at their ends were not stored."""
        self._encoders = encoders
        self._cut = cut
        self._zero_empty_negative = zero_empty_negative
        self._known: OrderedDict[Hashable, tuple[Embeddings, Reading]] = OrderedDict()

    @classmethod
    def of(cls, components: Components) -> TextReader:
        """The reader of a loaded checkpoint."""
        family = family_of(components.base)
        encoders = {
            part: ClipEncoder(
                components.tokenizers[part],
                network,
                penultimate=family.penultimate,
                unnormalised=family.unnormalised,
            )
            for part, network in components.encoders.items()
        }
        return cls(encoders, cut=family.cut, zero_empty_negative=components.zero_empty_negative)

    def read(
        self,
        words: Words | str,
        embeddings: Embeddings | None = None,
        *,
        negative: bool = False,
        emphasis: EmphasisMode = "original",
        clip_skip: int = 1,
    ) -> Reading:
        """The encoders' states of each chunk of some words; none are one chunk, and a string is plain words.

        A word of `embeddings` is replaced by its vectors wherever it stands, in any case. LORA_INCOMPATIBLE for one
        that has other encoders' vectors. Where networks were trained so, an empty negative prompt is read as zeros.
        `clip_skip` 1 reads the last layer, 2 the one before it; families that were trained on an earlier one are
        read there at least. PARAM_INVALID for more layers than an encoder has.
        """
        words = plain(words) if isinstance(words, str) else words
        embeddings = embeddings or {}
        # The vectors themselves, not their names: a file may have been replaced. They are kept, so no id comes again.
        vectors = tuple((word, part, id(rows)) for word, parts in embeddings.items() for part, rows in parts.items())
        key = words, vectors, negative, emphasis, clip_skip
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key][1]
        reading = self._read(words, embeddings, negative, emphasis, self._layer(clip_skip))
        self._remember(key, embeddings, reading)
        return reading

    def _layer(self, clip_skip: int) -> int:
        layers = min(encoder.layers for encoder in self._encoders.values()) + self._cut
        if clip_skip > layers:
            said = f"clip_skip {clip_skip} leaves nothing: this model's text encoder has {layers} layers."
            raise UserError("PARAM_INVALID", said, f"Allowed is 1 to {layers}.", "clip_skip")
        return max(1, clip_skip - self._cut)

    def _read(
        self, words: Words, embeddings: Embeddings, negative: bool, emphasis: EmphasisMode, layer: int
    ) -> Reading:
        texts = [
            encoder.read(words, {word: parts[part] for word, parts in embeddings.items() if part in parts}, layer=layer)
            for part, encoder in self._encoders.items()
        ]
        # One encoder may lack an embedding that the other has: it reads the word itself, in fewer chunks perhaps.
        longest = max(len(text.states) for text in texts)
        filled = [
            torch.cat(
                [emphasised(text.states, text.weights, emphasis), empty.expand(longest - len(text.states), -1, -1)]
            )
            for text, empty in zip(texts, self._empty(layer), strict=True)
        ]
        reading = Reading(torch.cat(filled, dim=-1), texts[-1].pooled, negative, layer)
        if negative and self._zero_empty_negative and not spoken(words).strip():
            pooled = None if reading.pooled is None else torch.zeros_like(reading.pooled)
            return Reading(torch.zeros_like(reading.chunks), pooled, negative, layer)
        return reading

    def _remember(self, key: Hashable, embeddings: Embeddings, reading: Reading) -> None:
        self._known[key] = embeddings, reading
        while len(self._known) > 1 and sum(len(known.chunks) for _, known in self._known.values()) > REMEMBERED:
            self._known.popitem(last=False)

    def _empty(self, layer: int) -> list[Tensor]:
        return [encoder.empty(layer) for encoder in self._encoders.values()]

    def context(self, readings: Sequence[Reading], images: int) -> Tensor:
        """One batch for the network: [readings * images, tokens, D], all images of the first reading first.

        Shorter readings are filled up with empty chunks, so that all have as many tokens as the longest.
        """
        longest = max(len(reading.chunks) for reading in readings)
        rows = []
        for reading in readings:
            filling = torch.cat(self._empty(reading.layer), dim=-1).expand(longest - len(reading.chunks), -1, -1)
            row = torch.cat([reading.chunks, filling]).flatten(0, 1)  # [tokens, D]
            rows.append(row.expand(images, -1, -1))
        return torch.cat(rows)
