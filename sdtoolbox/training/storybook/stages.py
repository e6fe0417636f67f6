"""The stages of the storybook's training, by name, with their default budgets; run them in this order."""

from __future__ import annotations

import argparse
import random
from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from sdtoolbox.training.run import (
    Options,
    freeze_world,
    in_processes,
    prepare,
    reached,
    train,
)
from sdtoolbox.training.stage import Stage, options_from, say
from sdtoolbox.training.storybook import (
    adapter_cards,
    adapters,
    classifier,
    diffusion,
    evaluation,
    export,
    latents,
    report,
    text,
    vae,
    world,
)

_NORMALIZED_OVER = 512  # pictures that set the latents' scale


def run_stage(name: str, given: argparse.Namespace) -> None:
    """Runs stage `name`; raises `RuntimeError` when the world is not the one that the run folder began with."""
    stage = STAGES[name]
    options = options_from(given, stage)
    prepare(options)
    freeze_world(options.folder, evaluation.fingerprint())
    stage.run(options, given)


def _vae(options: Options, given: argparse.Namespace) -> None:
    in_processes(_train_vae, options)
    freeze_vae(options)


def _train_vae(options: Options) -> None:
    train(vae.Recipe(options), options, say)


def freeze_vae(options: Options) -> None:
    """Writes the averaged autoencoder, its latents normalised, to `vae/` in the run folder: latents count on it."""
    target = options.folder / "vae"
    if target.exists():
        return
    model = vae.build()
    model.load_state_dict(reached(options.folder, vae.NAME).weights)
    rng = random.Random("vae/normalize")
    scenes = [evaluation.training_scene(rng) for _ in range(_NORMALIZED_OVER)]
    pictures = [world.draw(scene, rng.getrandbits(32), vae.SIZE) for scene in scenes]
    vae.normalize_latents(model.eval(), pictures).save_pretrained(target)


def _decoder(options: Options, given: argparse.Namespace) -> None:
    in_processes(_train_decoder, options)


def _train_decoder(options: Options) -> None:
    model = AutoencoderKL.from_pretrained(options.folder / "vae", local_files_only=True)
    train(vae.DecoderRecipe(options, model), options, say)


def _polish(options: Options, given: argparse.Namespace) -> None:
    in_processes(_train_polish, options)


def _train_polish(options: Options) -> None:
    model = export.finished_vae(options.folder, stages=(vae.DecoderRecipe.name,))
    train(vae.PolishRecipe(options, model), options, say)


def _text(options: Options, given: argparse.Namespace) -> None:
    folder = options.folder / "tokenizer"
    if not (folder / "vocab.json").exists():
        text.train_tokenizer(text.captions(text.CAPTIONS, options.seed), folder)
    train(text.Recipe(options, text.load_tokenizer(folder)), options, say)


def _encode(options: Options, given: argparse.Namespace) -> None:
    in_processes(partial(_encode_scenes, count=given.count), options)


def _encode_scenes(options: Options, count: int) -> None:
    model = AutoencoderKL.from_pretrained(options.folder / "vae", local_files_only=True).to(options.device)
    latents.encode(model, options, count, say)


def _diffusion(options: Options, given: argparse.Namespace) -> None:
    in_processes(_train_unet, options)


def _train_unet(options: Options) -> None:
    tokenizer, encoder = export.finished_text_encoder(options.folder)
    model = export.finished_vae(options.folder).to(options.device)
    found = latents.Latents(options.folder / latents.FOLDER, options.seed)
    train(diffusion.Recipe(options, found, tokenizer, encoder, model), options, say)


def _adapter(options: Options, given: argparse.Namespace, lesson: adapters.Lesson) -> None:
    models = Path(given.assets) / "models"
    train(adapters.Recipe(options, lesson, models / "checkpoints" / "storybook"), options, say)
    say(f"wrote {adapters.export(options, lesson, models / 'adapters')}")


def _adapter_cards(options: Options, given: argparse.Namespace) -> None:
    with torch.no_grad():
        adapter_cards.write_cards(options, Path(given.assets), say)


def _classifier(options: Options, given: argparse.Namespace) -> None:
    train(classifier.Recipe(options, export.finished_vae(options.folder)), options, say)


def _export(options: Options, given: argparse.Namespace) -> None:
    checkpoint = Path(given.assets) / "models" / "checkpoints" / "storybook"
    if (options.folder / f"{diffusion.NAME}.pt").exists():
        say(f"wrote {export.export(options.folder, checkpoint)}")
    else:
        say(f"wrote {export.export_vae(options.folder, checkpoint)}")
    if (options.folder / f"{classifier.NAME}.pt").exists():
        say(f"wrote {export.export_classifier(options.folder, Path(given.assets) / 'evaluators' / 'storybook')}")


def _evaluate(options: Options, given: argparse.Namespace) -> None:
    with torch.no_grad():
        report.evaluate(options, Path(given.assets), say)


STAGES: dict[str, Stage] = {
    "vae": Stage(
        "trains the autoencoder",
        _vae,
        {"minutes": 27.0, "batch": 12, "learning_rate": 4e-3, "processes": 2},
    ),
    "text": Stage(
        "trains the tokenizer and the text encoder",
        _text,
        {"minutes": 11.0, "batch": 48, "learning_rate": 2e-3},
    ),
    "encode": Stage("encodes drawn scenes to latents", _encode),
    "decoder": Stage(
        "trains the decoder on, for the finished encoder",
        _decoder,
        {"minutes": 37.0, "batch": 4, "learning_rate": 2e-3},
    ),
    "polish": Stage(
        "trains encoder and decoder on, latents held near where they were",
        _polish,
        {"minutes": 100.0, "batch": 4, "learning_rate": 2e-3},
    ),
    "diffusion": Stage("trains the UNet", _diffusion, {"minutes": 66.0, "batch": 40, "learning_rate": 2e-3}),
    "classifier": Stage(
        "trains the classifier that judges pictures",
        _classifier,
        {"minutes": 14.0, "batch": 32, "learning_rate": 2e-3},
    ),
    "style-lora": Stage(
        "trains the example LoRA of a style, beside the exported model",
        partial(_adapter, lesson=adapters.LESSONS["style-lora"]),
        {"minutes": 15.0, "batch": 12, "learning_rate": 4e-3, "ema": 0.99},
    ),
    "object-lora": Stage(
        "trains the example LoRA of a thing, beside the exported model",
        partial(_adapter, lesson=adapters.LESSONS["object-lora"]),
        {"minutes": 20.0, "batch": 12, "learning_rate": 4e-3, "ema": 0.99},
    ),
    "adapter-cards": Stage("measures the two example LoRAs and writes their cards", _adapter_cards),
    "export": Stage("writes the trained models to the assets", _export),
    "evaluate": Stage("judges the exported model and writes its card", _evaluate),
}
