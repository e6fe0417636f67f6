"""The storybook's tokenizer and text encoder, both made from captions alone.

The encoder learns to tell a scene's attributes apart before any picture is seen: learned queries read them out of its
tokens through cross-attention, as the UNet will do later. What a caption leaves out stays a guess, so the loss is the
likelihood of the scene given its caption.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from sdtoolbox.training.run import Metrics, Options
from sdtoolbox.training.storybook import evaluation
from sdtoolbox.training.storybook.attributes import ATTRIBUTES, labels
from sdtoolbox.training.storybook.captions import caption
from sdtoolbox.training.storybook.world import COLORS, GROUNDS, KINDS, STYLES, TIMES

NAME = "text"
LENGTH = 77
VOCABULARY = 1000
CAPTIONS = 50_000  # that the tokenizer learns from
WIDTH, LAYERS = 192, 3
START, END = "<|startoftext|>", "<|endoftext|>"
_WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def captions(count: int, seed: int = 0) -> Iterator[str]:
    """`count` captions of training scenes."""
    rng = random.Random(f"{NAME}/captions/{seed}")
    for _ in range(count):
        yield caption(evaluation.training_scene(rng), rng)


def train_tokenizer(texts: Iterator[str], folder: Path) -> CLIPTokenizer:
    """Learns byte pair merges (Sennrich et al. 2016) and writes a CLIP tokenizer, with `vocab.json` and `merges.txt`.

    The vocabulary has CLIP's order: bytes, bytes that end a word, merges, start and end token.
    """
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    learner.decoder = decoders.ByteLevel()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, initial_alphabet=letters, end_of_word_suffix="</w>", show_progress=False
        ),
    )
    learned: list[tuple[str, str]] = [(a, b) for a, b in json.loads(learner.to_str())["model"]["merges"]]
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    tokens += dict.fromkeys(a + b for a, b in learned)
    tokens = [*dict.fromkeys(tokens), START, END]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    folder.mkdir(parents=True, exist_ok=True)
    made = CLIPTokenizer(vocab=vocabulary, merges=learned, model_max_length=LENGTH)
    made.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in learned)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return made


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer that `train_tokenizer` wrote."""
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def token_ids(tokenizer: CLIPTokenizer, texts: Sequence[str]) -> Tensor:
    """(B, 77) token numbers, padded with end tokens: the encoder sees all 77, in training as in use."""
    padded = tokenizer(list(texts), padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt")
    ids: Tensor = padded.input_ids
    return ids


def build(tokenizer: CLIPTokenizer, width: int, layers: int) -> CLIPTextModel:
    """An untrained CLIP text encoder for this tokenizer."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=LENGTH,
        hidden_act="quick_gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


class Reader(nn.Module):
    """Text encoder plus one learned query for each attribute, and a linear layer that names its value."""

    def __init__(self, encoder: CLIPTextModel) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.config.hidden_size
        self.queries = nn.Parameter(torch.randn(len(ATTRIBUTES), width))
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.heads = nn.ModuleList(nn.Linear(width, len(values)) for values in ATTRIBUTES.values())

    def forward(self, ids: Tensor) -> list[Tensor]:
        """(B, 77) token numbers to one (B, values) of logits for each attribute."""
        tokens = self.encoder(input_ids=ids).last_hidden_state  # (B, 77, width)
        queries = self.queries.expand(len(ids), -1, -1)  # (B, attributes, width)
        read, _ = self.attention(queries, tokens, tokens, need_weights=False)
        return [head(read[:, index]) for index, head in enumerate(self.heads)]


class Recipe:
    """Trains the text encoder."""

    name = NAME

    def __init__(self, options: Options, tokenizer: CLIPTokenizer) -> None:
        self.options = options
        self.tokenizer = tokenizer
        torch.manual_seed(options.seed)
        self.reader = Reader(build(tokenizer, WIDTH, LAYERS)).to(options.device)
        self.module: nn.Module = self.reader

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        rng = random.Random(f"{NAME}/{self.options.seed}/{step}/{self.options.rank}")
        scenes = [evaluation.training_scene(rng) for _ in range(self.options.batch)]
        ids = token_ids(self.tokenizer, [caption(scene, rng) for scene in scenes]).to(self.options.device)
        wanted = torch.tensor([labels(scene) for scene in scenes], device=ids.device)  # (B, attributes)
        losses = [F.cross_entropy(logits, wanted[:, i]) for i, logits in enumerate(self.reader(ids))]
        return torch.stack(losses).mean(), {}

    def report(self, averaged: nn.Module, folder: Path, step: int) -> Metrics:
        """Shares of the evaluation's sentences of which the stated attributes are read rightly."""
        assert isinstance(averaged, Reader)
        entries = evaluation.load_entries()
        ids = token_ids(self.tokenizer, [entry["sentence"] for entry in entries]).to(self.options.device)
        read = dict(zip(ATTRIBUTES, [logits.argmax(1).tolist() for logits in averaged(ids)], strict=True))
        hits: dict[str, list[bool]] = {name: [] for name in ("object", "color", "ground", "time", "style")}
        for i, entry in enumerate(entries):
            stated = entry["scene"]
            main = stated["items"][0]
            kind, color = read[f"kind {main['place']}"][i], read[f"color {main['place']}"][i]
            hits["object"].append(kind == KINDS.index(main["kind"]))
            hits["color"].append(color == COLORS.index(main["color"]))
            hits["ground"].append(read["ground"][i] == GROUNDS.index(stated["ground"]))
            hits["time"].append(read["time"][i] == TIMES.index(stated["time"]))
            if stated["style"] is not None:
                hits["style"].append(read["style"][i] == STYLES.index(stated["style"]))
        return {name: sum(found) / len(found) for name, found in hits.items()}


def encoder_from(reader_state: dict[str, Tensor], tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """The encoder alone, out of a trained `Reader`'s weights; its width and layers are read off the weights."""
    own = {name.removeprefix("encoder."): w for name, w in reader_state.items() if name.startswith("encoder.")}
    layers = len({name.split(".")[2] for name in own if name.startswith("encoder.layers.")})
    width = next(w.shape[1] for name, w in own.items() if name.endswith("token_embedding.weight"))
    encoder = build(tokenizer, width, layers)
    encoder.load_state_dict(own)
    return encoder.eval()
