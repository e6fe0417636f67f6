"""Draws the evaluation's pictures with the exported model, has them judged, and writes results and cards."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from string import Template
from typing import TypeVar

from diffusers import AutoencoderKL
from PIL import Image

from sdtoolbox.training.run import Metrics, Options, prepare, reached
from sdtoolbox.training.storybook import classifier, evaluation, export, vae
from sdtoolbox.training.storybook.evaluate import SEEDS, WANTED, Share, contact_sheet, count, judge, write_results

TEMPLATES = Path(__file__).parent / "cards"
SHEET_PICTURES, CARD_PICTURES = 40, 8
MEASURED = 200  # renderings that autoencoder and classifier are measured on
STAGES = {
    "vae": "autoencoder",
    "decoder": "decoder, further",
    "polish": "autoencoder, polish",
    "text": "text encoder",
    "diffusion": "UNet",
    "classifier": "classifier",
}
Say = Callable[[str], None]
T = TypeVar("T")


def evaluate(options: Options, assets: Path, say: Say) -> None:
    """Judges `assets/models/checkpoints/storybook`; writes its card, results and sheets, and the classifier's card."""
    models, evaluator = assets / "models", assets / "evaluators" / "storybook"
    checkpoint = models / "checkpoints" / "storybook"
    judge_net = export.load_classifier(evaluator / "model.safetensors")
    autoencoder = AutoencoderKL.from_pretrained(checkpoint / "vae", local_files_only=True).float().eval()
    quality = measure_autoencoder(autoencoder)
    trust = measure_classifier(judge_net, autoencoder)
    say(f"autoencoder {quality}, classifier {trust}")

    entries = evaluation.load_entries()
    began = time.monotonic()
    pictures = draw_sentences([entry["sentence"] for entry in entries], options, models, say)
    say(f"drew {len(pictures)} pictures in {time.monotonic() - began:.0f} s")
    asked = [entry for entry in entries for _ in SEEDS]
    found = classifier.read(judge_net, pictures)
    shares = count([judge(entry, seen) for entry, seen in zip(asked, found, strict=True)])
    for name, share in shares.items():
        say(f"{name}: {share}")

    more: dict[str, object] = {
        "seeds": list(SEEDS),
        "defaults": export.DEFAULTS,
        "world": evaluation.fingerprint(),
        "autoencoder": quality,
        "classifier": trust,
    }
    write_results(shares, more, checkpoint / "evaluation-results.json")
    sentences = [entry["sentence"] for entry in asked]
    contact_sheet(pictures[:SHEET_PICTURES], sentences[:SHEET_PICTURES]).save(checkpoint / "evaluation-sheet.png")
    firsts = slice(0, 2 * CARD_PICTURES, 2)  # the first seed of the first sentences
    contact_sheet(pictures[firsts], sentences[firsts], columns=4).save(checkpoint / "samples.png")
    pictures[0].save(checkpoint / "preview.png")
    write_cards(options.folder, checkpoint, evaluator, shares, quality, trust)


def draw_sentences(sentences: Sequence[str], options: Options, models: Path, say: Say) -> list[Image.Image]:
    """One picture for each sentence and each of SEEDS, with the checkpoint's settings, through the toolbox.

    Several processes share the sentences.
    """
    if options.processes == 1:
        return _draw(sentences, options, models, say)
    ranks = range(options.processes)
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        parts = [
            pool.submit(_draw, sentences[rank :: len(ranks)], replace(options, rank=rank), models, print)
            for rank in ranks
        ]
        drawn = [part.result() for part in parts]
    return interleave(drawn, len(SEEDS))


def interleave(parts: Sequence[Sequence[T]], run: int) -> list[T]:
    """Puts together what was dealt out to several hands: `run` items from the first, from the second, and so on."""
    longest = max(len(part) for part in parts)
    return [item for start in range(0, longest, run) for part in parts for item in part[start : start + run]]


def _draw(sentences: Sequence[str], options: Options, models: Path, say: Say) -> list[Image.Image]:
    from sdtoolbox import Toolbox

    prepare(options)
    home = options.folder / f"toolbox-{options.rank}"
    pictures: list[Image.Image] = []
    opened = Toolbox.open(home=home, model_folders=(models,), device=options.device, threads=options.threads)
    with opened as toolbox:
        for number, sentence in enumerate(sentences):
            # The pictures of a batch count up from its seed.
            result = toolbox.run(
                "txt2img", prompt=sentence, checkpoint="storybook", seed=SEEDS[0], batch_size=len(SEEDS)
            )
            for drawn in result.pictures:
                with Image.open(toolbox.picture_path(drawn.id)) as picture:
                    pictures.append(picture.convert("RGB"))
            if number % 20 == 19:
                say(f"sentence {number + 1} of {len(sentences)}")
    return pictures


def measure_autoencoder(autoencoder: AutoencoderKL) -> Metrics:
    """Mean PSNR (dB) of round trips of held-out pictures in the flat style, and in all styles as they come."""
    flat = vae.mean_psnr(*vae.round_trip(autoencoder, vae.held_out_pictures(MEASURED, "flat")))
    every = vae.mean_psnr(*vae.round_trip(autoencoder, vae.held_out_pictures(MEASURED)))
    return {"psnr_flat": round(flat, 2), "psnr_all_styles": round(every, 2)}


def measure_classifier(judge_net: classifier.Classifier, autoencoder: AutoencoderKL) -> dict[str, Metrics]:
    """Accuracy by attribute on held-out renderings, and on what the autoencoder leaves of them."""
    scenes, pictures = classifier.held_out(MEASURED)
    _, made = vae.round_trip(autoencoder, pictures)
    on = {"renderings": pictures, "round_trips": made}
    measured = {name: classifier.accuracy(judge_net, scenes, shown) for name, shown in on.items()}
    return {name: {key: round(value, 4) for key, value in found.items()} for name, found in measured.items()}


def write_cards(
    folder: Path,
    checkpoint: Path,
    evaluator: Path,
    shares: dict[str, Share],
    quality: Metrics,
    trust: dict[str, Metrics],
) -> None:
    """Fills the two templates in `cards/`."""
    values = {
        "fingerprint": evaluation.fingerprint(),
        "psnr_flat": f"{quality['psnr_flat']:.1f}",
        "psnr_all": f"{quality['psnr_all_styles']:.1f}",
        "figures": _figures(shares),
        "classifier": _classifier_table(trust),
        "stages": _stage_table(folder),
        "defaults": json.dumps(export.DEFAULTS),
        "seeds": " and ".join(map(str, SEEDS)),
        "measured": str(MEASURED),
    }
    for name, target in (("checkpoint.md", checkpoint), ("evaluator.md", evaluator)):
        card = Template((TEMPLATES / name).read_text(encoding="utf-8")).substitute(values)
        (target / "README.md").write_text(card, encoding="utf-8")


def _figures(shares: dict[str, Share]) -> str:
    rows = ["| attribute | right | 95 % interval | pictures | wanted |", "| --- | --- | --- | --- | --- |"]
    for name in [*WANTED, *(other for other in shares if other not in WANTED)]:
        share, (low, high) = shares[name], shares[name].interval
        wanted = f"{100 * WANTED[name]:.0f} %" if name in WANTED else ""
        rows.append(
            f"| {name} | {100 * share.value:.1f} % | {100 * low:.1f} to {100 * high:.1f} % | {share.count} | {wanted} |"
        )
    return "\n".join(rows)


def _classifier_table(trust: dict[str, Metrics]) -> str:
    rows = ["| attribute | renderings | after the autoencoder |", "| --- | --- | --- |"]
    for name, value in trust["renderings"].items():
        rows.append(f"| {name} | {100 * value:.1f} % | {100 * trust['round_trips'][name]:.1f} % |")
    return "\n".join(rows)


def _stage_table(folder: Path) -> str:
    rows = ["| stage | weights | steps | samples | minutes |", "| --- | --- | --- | --- | --- |"]
    for stage, title in STAGES.items():
        if (folder / f"{stage}.pt").exists():
            so_far = reached(folder, stage)
            weights = sum(weight.numel() for weight in so_far.weights.values()) / 1e6
            rows.append(
                f"| {title} | {weights:.1f} M | {so_far.steps:,} | {so_far.samples:,} | {so_far.seconds / 60:.0f} |"
            )
    return "\n".join(rows)
