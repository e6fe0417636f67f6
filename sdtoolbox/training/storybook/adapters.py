"""The storybook's two example LoRAs: a style that changes every picture, and a thing that the base does not know.

LoRA (Hu et al. 2021, equation 3): a layer's output gains up(down(x)); the layer itself stays as it is. The loss is
that of the UNet (v-prediction with min-SNR weights, see `diffusion`).
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextModel

from sdtoolbox.training.run import Metrics, Options, reached
from sdtoolbox.training.storybook import diffusion, evaluation, risograph, robot, text, vae, world
from sdtoolbox.training.storybook.captions import EMPTY, caption
from sdtoolbox.training.storybook.world import Scene

RANK, CONVOLUTION_RANK = 8, 4
ENCODED_AT_ONCE = 16
Drawn = tuple[Scene, str, int]
"""A scene, which of the two ways it is drawn ("new" or "old"), and the seed of the drawing."""


@dataclass(frozen=True)
class Lesson:
    """What an adapter is to learn: its drawings, how they are captioned, and what it may change."""

    name: str
    stage: str
    description: str
    trigger_words: tuple[str, ...]
    draw: Callable[[Scene, int, int], Image.Image]
    prepare: Callable[[Scene], Scene]  # makes a training scene one that the lesson is about
    pictures: int
    old_share: float  # of a batch: ordinary pictures, so that all else stays as it was
    text_encoder: bool

    def drawn(self, index: int, seed: int) -> Drawn:
        """Picture number `index` of the data set."""
        rng = random.Random(f"{self.stage}/{seed}/{index}")
        scene = evaluation.training_scene(rng)
        if index < self.pictures * self.old_share:
            return scene, "old", rng.getrandbits(32)
        return self.prepare(scene), "new", rng.getrandbits(32)

    def caption(self, scene: Scene, way: str, rng: random.Random) -> str:
        """A caption for training; it names the trigger words where there are any and the picture shows them."""
        # What the empty caption means is part of guidance: only a style, which is everywhere, may change it.
        if way == "old" or not self.trigger_words:
            return EMPTY if rng.random() < diffusion.DROPPED_CAPTIONS else caption(scene, rng)
        while not all(word in (said := caption(scene, rng)) for word in self.trigger_words):
            continue
        return said

    def triggered(self, sentence: str) -> str:
        """A sentence of the world with the trigger word, if there is one, in the place of its first thing."""
        if not self.trigger_words:
            return sentence
        return re.sub(rf"\b({'|'.join(world.KINDS)})\b", self.trigger_words[0], sentence, count=1)


LESSONS = {
    "style-lora": Lesson(
        name="risograph",
        stage="style-lora",
        description="Prints every picture in four inks: plum, raspberry, apricot and cream. For storybook.",
        trigger_words=(),
        draw=risograph.draw,
        prepare=lambda scene: scene,
        pictures=1024,
        old_share=0.0,
        text_encoder=False,
    ),
    "object-lora": Lesson(
        name="robot",
        stage="object-lora",
        description="Teaches storybook a fourteenth thing: a robot, in all colours, sizes and places.",
        trigger_words=(robot.KIND,),
        draw=robot.draw,
        prepare=robot.with_robot,
        pictures=1536,
        old_share=1 / 3,
        text_encoder=True,
    ),
}


class Pair(nn.Module):
    """The two small layers beside a linear or convolutional one; at first they add nothing."""

    def __init__(self, layer: nn.Linear | nn.Conv2d, rank: int) -> None:
        super().__init__()
        self.stride, self.padding = (
            getattr(layer, "stride", ()),
            getattr(layer, "padding", ()),
        )  # none of a linear layer
        out, features, *kernel = layer.weight.shape
        self.down = nn.Parameter(torch.randn(rank, features, *kernel) / layer.weight[0].numel() ** 0.5)
        self.up = nn.Parameter(torch.zeros(out, rank, *(1 for _ in kernel)))

    def forward(self, x: Tensor) -> Tensor:
        if self.down.ndim == 2:
            return F.linear(F.linear(x, self.down), self.up)
        return F.conv2d(F.conv2d(x, self.down, None, self.stride, self.padding), self.up)


def layers(unet: nn.Module, encoder: nn.Module | None) -> Iterator[tuple[str, nn.Linear | nn.Conv2d, int]]:
    """What is adapted, with its name in kohya's files and its rank."""
    for name, module in unet.named_modules():
        if isinstance(module, nn.Linear) and ".transformer_blocks." in name:
            yield f"lora_unet_{name.replace('.', '_')}", module, RANK
        elif isinstance(module, nn.Conv2d) and ".resnets." in name and module.kernel_size == (3, 3):
            yield f"lora_unet_{name.replace('.', '_')}", module, CONVOLUTION_RANK
    for name, module in [] if encoder is None else encoder.named_modules():
        if isinstance(module, nn.Linear) and "layers." in name:
            inside = name.removeprefix("text_model.")  # of one version of transformers; the files' names have it
            yield f"lora_te_text_model_{inside.replace('.', '_')}", module, RANK


class Recipe:
    """Trains the pairs of one lesson; the checkpoint itself is frozen."""

    def __init__(self, options: Options, lesson: Lesson, checkpoint: Path) -> None:
        self.options, self.lesson, self.name = options, lesson, lesson.stage
        self.vae = frozen(AutoencoderKL, checkpoint / "vae", options)
        self.unet = frozen(UNet2DConditionModel, checkpoint / "unet", options)
        self.encoder = frozen(CLIPTextModel, checkpoint / "text_encoder", options)
        self.tokenizer = text.load_tokenizer(checkpoint / "tokenizer")
        torch.manual_seed(options.seed)
        found = list(layers(self.unet, self.encoder if lesson.text_encoder else None))
        self.module: nn.Module = nn.ModuleDict({name: Pair(layer, rank) for name, layer, rank in found})
        self.module.to(options.device)
        self._active: nn.Module = self.module
        for name, layer, _ in found:
            layer.register_forward_hook(partial(self._add, name))
        self.scheduler = DDPMScheduler(**diffusion.NOISE)
        alphas = self.scheduler.alphas_cumprod
        self.snr = (alphas / (1.0 - alphas)).to(options.device)  # (1000,)
        self.drawn = [lesson.drawn(index, options.seed) for index in range(lesson.pictures)]
        self.latents = self._latents()  # (pictures, 4, 16, 16)

    def _add(self, name: str, _layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        made: Tensor = output + self._active.get_submodule(name)(inputs[0])
        return made

    @torch.no_grad()
    def _latents(self) -> Tensor:
        """Latents of all drawings; kept in the run folder."""
        path = self.options.folder / f"{self.name}-latents.npy"
        if not path.exists():
            found = []
            for start in range(0, len(self.drawn), ENCODED_AT_ONCE):
                pixels = vae.to_tensor([self._picture(one) for one in self.drawn[start : start + ENCODED_AT_ONCE]])
                found.append(self.vae.encode(pixels.to(self.options.device)).latent_dist.mode().cpu())
            partial_file = path.with_suffix(".partial")
            with partial_file.open("wb") as file:
                np.save(file, (torch.cat(found) * self.vae.config.scaling_factor).numpy().astype(np.float16))
            partial_file.rename(path)
        return torch.from_numpy(np.load(path).astype(np.float32))

    def _picture(self, drawn: Drawn) -> Image.Image:
        scene, way, seed = drawn
        return (self.lesson.draw if way == "new" else world.draw)(scene, seed, vae.SIZE)

    def loss(self, step: int, fraction: float) -> tuple[Tensor, Metrics]:
        rng = random.Random(f"{self.name}/{self.options.seed}/{step}/{self.options.rank}")
        device = self.options.device
        picks = [rng.randrange(len(self.drawn)) for _ in range(self.options.batch)]
        ids = text.token_ids(self.tokenizer, [self.lesson.caption(*self.drawn[pick][:2], rng) for pick in picks])
        tokens = self.encoder(input_ids=ids.to(device)).last_hidden_state  # (B, 77, width)
        clean = self.latents[picks]
        numbers = self.options.generator(self.name, step)
        noise = torch.randn(clean.shape, generator=numbers).to(device)
        times = (torch.arange(len(clean)) + torch.rand(len(clean), generator=numbers)) / len(clean)
        times = (times * len(self.snr)).long().to(device)
        clean = clean.to(device)
        wanted = self.scheduler.get_velocity(clean, noise, times)
        made = self.unet(self.scheduler.add_noise(clean, noise, times), times, tokens).sample
        error = (made - wanted).square().mean((1, 2, 3))  # (B,)
        return (error * diffusion.loss_weight(self.snr[times])).mean(), {"error": error.mean().item()}

    def report(self, averaged: nn.Module, folder: Path, step: int) -> Metrics:
        """Leaves pictures of the preview's sentences, the lesson's trigger words in the place of their things."""
        sentences = [self.lesson.triggered(sentence) for sentence in diffusion.PREVIEW]
        seeds = [1000 + index for index in range(len(sentences))]
        self._active = averaged
        try:
            drawn = diffusion.sample(self.unet, self.vae, self.tokenizer, self.encoder, sentences, seeds, steps=12)
        finally:
            self._active = self.module
        paper = Image.new("RGB", (6 * 130, 2 * 130), "white")
        for index, picture in enumerate(drawn):
            paper.paste(picture, (index % 6 * 130, index // 6 * 130))
        paper.save(folder / f"{self.name}-{step:06d}.png")
        return {}


def frozen(kind: Any, folder: Path, options: Options) -> Any:
    """One network of a checkpoint folder, in fp32, that is used and not trained."""
    network = kind.from_pretrained(folder, local_files_only=True)
    return network.float().to(options.device).eval().requires_grad_(False)


def export(options: Options, lesson: Lesson, target: Path) -> Path:
    """Writes the averaged pairs as an fp16 file with kohya's names, and its sidecar; returns the file."""
    weights = reached(options.folder, lesson.stage).weights
    target = target / lesson.name
    target.mkdir(parents=True, exist_ok=True)
    file = target / f"{lesson.name}.safetensors"
    save_file(kohya(weights), file, metadata={"modelspec.architecture": "stable-diffusion-v1/lora"})
    file.chmod(0o644)  # it comes out readable by its owner alone
    about = {
        "name": lesson.name,
        "description": lesson.description,
        "trigger_words": list(lesson.trigger_words),
        "tags": ["storybook", "style" if not lesson.trigger_words else "object"],
    }
    (target / f"{lesson.name}.sdtoolbox.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return file


def kohya(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The pairs' weights under kohya's names, with alpha = rank: the scale is 1."""
    found: dict[str, Tensor] = {}
    for name, weight in sorted(weights.items()):
        module, which = name.rsplit(".", 1)
        found[f"{module}.lora_{which}.weight"] = weight.half().contiguous()
        if which == "down":
            found[f"{module}.alpha"] = torch.tensor(float(len(weight)), dtype=torch.float16)
    return found
