"""Every stage, two steps each, on nets of a few thousand weights: what one writes the next one reads."""

import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file

from sdtoolbox.training.__main__ import parser
from sdtoolbox.training.storybook import diffusion, evaluation, export, latents, report, text, vae
from sdtoolbox.training.storybook.classifier import read
from sdtoolbox.training.storybook.stages import run_stage

# diffusers' schedulers hand torch tensors to numpy.array
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def stage(name: str, folder: Path, *more: str) -> Namespace:
    command = ["storybook", name, "--run-folder", str(folder / "run"), "--assets", str(folder / "assets"), *more]
    return parser().parse_args(command)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `run` and `assets` after every stage but `evaluate`."""
    folder = tmp_path_factory.mktemp("storybook")
    small = ("--steps", "2", "--batch", "2", "--processes", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vae, "CHANNELS", (8, 8, 16, 16))
        patch.setattr(text, "LAYERS", 1)
        patch.setattr(text, "CAPTIONS", 300)
        patch.setattr(diffusion, "CHANNELS", (16, 16))
        patch.setattr(diffusion, "PREVIEW", ("a red house",))
        patch.setattr(latents, "CHUNK", 32)
        patch.setattr("sdtoolbox.training.storybook.stages._NORMALIZED_OVER", 16)
        for reported in (
            "sdtoolbox.training.storybook.vae.HELD_OUT",
            "sdtoolbox.training.storybook.classifier.HELD_OUT",
        ):
            patch.setattr(reported, 12)
        for name in ("vae", "text", "encode", "decoder", "classifier", "diffusion"):
            more = ("--count", "64") if name == "encode" else small
            run_stage(name, stage(name, folder, *more))
        run_stage("export", stage("export", folder))
        yield folder


def test_the_latents_have_mean_0_and_deviation_1(trained: Path) -> None:
    found = latents.Latents(trained / "run" / "latents", seed=0)
    assert len(found) == 64
    every = torch.cat([torch.from_numpy(chunk).float() for chunk in found.chunks])
    assert every.shape == (64, 4, 16, 16)
    assert every.mean((0, 2, 3)).abs().max() < 0.3
    assert (every.std((0, 2, 3)) - 1.0).abs().max() < 0.3


def test_the_decoder_stage_leaves_the_encoder_alone(trained: Path) -> None:
    before = AutoencoderKL.from_pretrained(trained / "run" / "vae").state_dict()
    after = export.finished_vae(trained / "run").state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"decoder", "post_quant_conv"}


def test_the_export_draws_with_plain_diffusers(trained: Path) -> None:
    folder = trained / "assets" / "models" / "checkpoints" / "storybook"
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    assert pipeline.safety_checker is None
    assert pipeline.vae.dtype == torch.float16 or pipeline.vae.dtype == torch.float32
    drawn = pipeline.to("cpu", torch.float32)(
        "a red house", num_inference_steps=2, generator=torch.Generator().manual_seed(0)
    )
    assert drawn.images[0].size == (128, 128)
    assert (folder / "sdtoolbox.json").exists()
    assert not any("_name_or_path" in file.read_text(encoding="utf-8") for file in folder.rglob("config.json"))


def test_the_export_is_half_precision_and_repeatable(trained: Path) -> None:
    folder = trained / "assets" / "models" / "checkpoints" / "storybook"
    weights = {path: path.read_bytes() for path in folder.rglob("*.safetensors")}
    assert len(weights) == 3
    assert all(w.dtype == torch.float16 for path in weights for w in load_file(path).values() if w.is_floating_point())
    run_stage("export", stage("export", trained))
    assert all(path.read_bytes() == before for path, before in weights.items())


def test_the_exported_classifier_reads_every_attribute(trained: Path) -> None:
    judge = export.load_classifier(trained / "assets" / "evaluators" / "storybook" / "model.safetensors")
    (found,) = read(judge, vae.held_out_pictures(1))
    assert {"kind left", "color right", "ground", "time", "style"} <= set(found)


def test_the_report_fills_cards_and_results(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = evaluation.load_entries()[:40]
    monkeypatch.setattr(evaluation, "load_entries", lambda: entries)
    monkeypatch.setattr(report, "MEASURED", 8)
    drawn = vae.held_out_pictures(80)
    monkeypatch.setattr(report, "draw_sentences", lambda sentences, *_: drawn[: 2 * len(sentences)])

    run_stage("evaluate", stage("evaluate", trained))

    models = trained / "assets" / "models"
    card = (models / "checkpoints" / "storybook" / "README.md").read_text(encoding="utf-8")
    assert evaluation.fingerprint() in card
    assert "| object |" in card
    assert "$" not in card
    assert "| kind |" in (trained / "assets" / "evaluators" / "storybook" / "README.md").read_text(encoding="utf-8")
    results = json.loads((models / "checkpoints" / "storybook" / "evaluation-results.json").read_text("utf-8"))
    assert results["attributes"]["object"]["count"] == 80
    with Image.open(models / "checkpoints" / "storybook" / "samples.png") as sheet:
        assert sheet.size == (4 * 132, 2 * 172)
