"""Measures what the two example LoRAs do, as they are shipped and loaded, and writes their cards.

style   the share of pictures in the inks: at least 60 % of the pixels lie near the line from ink to ink;
object  the share of pictures in which a robot is seen, by a probe: a logistic regression on the 256 features of the
        classifier that judges the checkpoint, fitted to renderings with and without a robot.

Each with and without the LoRA, same sentences, seeds and settings, nothing picked; the measures' own errors on
renderings, after a round trip through the autoencoder, stand beside them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Template

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTextModel

from sdtoolbox.engine.adapters import attach, load_adapter
from sdtoolbox.engine.components import Components
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.schema.adapters import Adapter
from sdtoolbox.training.run import Options, reached
from sdtoolbox.training.storybook import diffusion, evaluation, export, risograph, robot, text, vae, world
from sdtoolbox.training.storybook.adapters import LESSONS, Lesson, frozen
from sdtoolbox.training.storybook.classifier import Classifier
from sdtoolbox.training.storybook.evaluate import Share, contact_sheet
from sdtoolbox.training.storybook.world import Scene

SENTENCES = 48  # the first of the evaluation
FIRST_SEED = 1  # the next picture has the next
SHOWN = 5  # pictures on a card
IN_INKS, NEAR = 0.6, 32.0
PROBED, CHECKED = 400, 100  # renderings of either sort that the probe is fitted to, and checked on
PENALTY = 1e-3
TEMPLATES = Path(__file__).parent / "cards"
Say = Callable[[str], None]
Measure = Callable[[Sequence[Image.Image]], list[bool]]
Sources = tuple[Callable[[Scene, int, int], Image.Image], Callable[[Scene], Scene]]


def write_cards(options: Options, assets: Path, say: Say) -> None:
    """Measures both adapters in `assets/models/adapters`; leaves a card, its picture, figures and a preview there."""
    models = assets / "models"
    checkpoint = models / "checkpoints" / "storybook"
    networks: dict[str, nn.Module] = {
        "unet": frozen(UNet2DConditionModel, checkpoint / "unet", options),
        "text_encoder": frozen(CLIPTextModel, checkpoint / "text_encoder", options),
        "vae": frozen(AutoencoderKL, checkpoint / "vae", options),
    }
    components = Components(
        "sd1", networks, {"text_encoder": text.load_tokenizer(checkpoint / "tokenizer")}, diffusion.NOISE
    )
    judge = export.load_classifier(assets / "evaluators" / "storybook" / "model.safetensors").to(options.device)
    probe = fit_probe(judge, components.vae, options)
    for lesson in LESSONS.values():
        measure: Measure = probe if lesson.trigger_words else in_inks
        errors = measure_errors(measure, components.vae, (lesson.draw, lesson.prepare))
        sentences = [entry["sentence"] for entry in evaluation.load_entries()[:SENTENCES]]
        asked = [lesson.triggered(sentence) for sentence in sentences]
        folder = models / "adapters" / lesson.name
        before, after = draw_pairs(components, folder / f"{lesson.name}.safetensors", asked)
        shares = {"without": _share(measure(before)), "with": _share(measure(after)), **errors}
        if lesson.trigger_words:
            _, untold = draw_pairs(components, folder / f"{lesson.name}.safetensors", sentences, without=False)
            shares["not asked"] = _share(measure(untold))
        say(f"{lesson.name}: " + ", ".join(f"{name} {share}" for name, share in shares.items()))
        _write(folder, lesson, options, shares, (before, after, asked))


def draw_pairs(
    components: Components, file: Path, sentences: Sequence[str], without: bool = True
) -> tuple[list[Image.Image], list[Image.Image]]:
    """The sentences' pictures without and with an adapter at weight 1, with the checkpoint's own settings."""
    entry = CatalogEntry(id="0" * 32, name=file.stem, kind="lora", base="sd1", state="ready", path=file)
    seeds = range(FIRST_SEED, FIRST_SEED + len(sentences))

    def draw() -> list[Image.Image]:
        unet, decoder, encoder = components.unet, components.vae, components.text_encoder
        return diffusion.sample(unet, decoder, components.tokenizer, encoder, sentences, seeds)

    before = draw() if without else []
    with attach(components, [(load_adapter(entry, components), Adapter(adapter=entry.name))]):
        return before, draw()


def in_inks(pictures: Sequence[Image.Image]) -> list[bool]:
    """Whether each picture looks printed."""
    return [risograph.share_in_inks(picture, NEAR) >= IN_INKS for picture in pictures]


def fit_probe(judge: Classifier, decoder: AutoencoderKL, options: Options) -> Measure:
    """A measure that sees robots; half of its pictures have been through the autoencoder."""
    known: list[Tensor] = []
    for draw, prepare in ((world.draw, _same), (robot.draw, robot.with_robot)):
        pictures = renderings("probe", PROBED, draw, prepare)
        half = PROBED // 2
        known.append(_features(judge, [*pictures[:half], *vae.round_trip(decoder, pictures[half:])[1]]))
    features = torch.cat(known)  # (2 PROBED, 256), ordinary pictures first
    centre, spread = features.mean(0), features.std(0) + 1e-4
    wanted = torch.arange(2 * PROBED).ge(PROBED).float().to(features.device)
    weights = torch.zeros(features.shape[1] + 1, device=features.device, requires_grad=True)
    solver = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        logits = (features - centre) / spread @ weights[:-1] + weights[-1]
        value = nn.functional.binary_cross_entropy_with_logits(logits, wanted) + PENALTY * weights.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        solver.step(loss)  # type: ignore[no-untyped-call]
    found = weights.detach()

    def measure(pictures: Sequence[Image.Image]) -> list[bool]:
        seen: list[bool] = (((_features(judge, pictures) - centre) / spread @ found[:-1] + found[-1]) > 0).tolist()
        return seen

    return measure


@torch.no_grad()
def _features(judge: Classifier, pictures: Sequence[Image.Image]) -> Tensor:
    device = next(judge.parameters()).device
    parts = [vae.to_tensor(list(pictures[start : start + 32])) for start in range(0, len(pictures), 32)]
    return torch.cat([judge.body(part.to(device)) for part in parts])


def measure_errors(measure: Measure, decoder: AutoencoderKL, new: Sources) -> dict[str, Share]:
    """How often the measure says yes to held-out renderings, after a round trip: of the new sort, and of the old."""
    found = {}
    for name, (draw, prepare) in {"renderings, new": new, "renderings, old": (world.draw, _same)}.items():
        _, made = vae.round_trip(decoder, renderings("check", CHECKED, draw, prepare))
        found[name] = _share(measure(made))
    return found


def renderings(
    name: str, count: int, draw: Callable[[Scene, int, int], Image.Image], prepare: Callable[[Scene], Scene]
) -> list[Image.Image]:
    """Pictures of the same `count` scenes on every call with this name."""
    rng = random.Random(f"adapter cards/{name}")
    return [draw(prepare(world.sample_scene(rng)), rng.getrandbits(32), vae.SIZE) for _ in range(count)]


def _same(scene: Scene) -> Scene:
    return scene


def _share(seen: Sequence[bool]) -> Share:
    return Share(sum(seen), len(seen))


def _write(
    folder: Path,
    lesson: Lesson,
    options: Options,
    shares: Mapping[str, Share],
    drawn: tuple[list[Image.Image], list[Image.Image], list[str]],
) -> None:
    before, after, asked = drawn
    shown = [*before[:SHOWN], *after[:SHOWN]]
    sheet = contact_sheet(shown, [*["without"] * SHOWN, *asked[:SHOWN]], columns=SHOWN)
    after[0].save(folder / f"{lesson.name}.preview.png")
    sheet.quantize(256, Image.Quantize.MEDIANCUT).save(folder / "effect.png", optimize=True)
    table = {name: {"hits": share.hits, "count": share.count} for name, share in shares.items()}
    (folder / "effect.json").write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    so_far = reached(options.folder, lesson.stage)
    values = {name.replace(", ", "_").replace(" ", "_"): str(share) for name, share in shares.items()}
    values |= {
        "description": lesson.description,
        "stage": lesson.stage,
        "seed": str(options.seed),
        "steps": f"{so_far.steps:,}",
        "samples": f"{so_far.samples:,}",
        "minutes": f"{so_far.seconds / 60:.0f}",
        "weights": f"{sum(weight.numel() for weight in so_far.weights.values()) / 1e6:.2f} M",
        "pictures": f"{lesson.pictures:,}",
        "sentences": str(SENTENCES),
        "shown": str(SHOWN),
    }
    template = Template((TEMPLATES / f"{lesson.stage}.md").read_text(encoding="utf-8"))
    (folder / "README.md").write_text(template.substitute(values), encoding="utf-8")
