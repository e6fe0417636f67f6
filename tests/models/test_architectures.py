"""Every kind of file is told by its names and shapes alone, and what is of no known kind is not guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sdtoolbox.models.architectures import ARCHITECTURES, recognise, recognise_folder
from sdtoolbox.models.entries import BASES, KINDS
from sdtoolbox.models.header import Header, read_header
from sdtoolbox.models.recognition import Names
from sdtoolbox.models.unets import TEXT_WIDTHS
from tests.models.layouts import adapters
from tests.models.layouts.fixtures import FIXTURES, MINI, MINI_SDXL, tiny
from tests.models.layouts.headers import header, write
from tests.models.layouts.unets import (
    FIRST_STAGE,
    NETWORK,
    SD1,
    SDXL,
    Shapes,
    UNet,
    clip,
    sd1_checkpoint,
    sd2_checkpoint,
    sdxl_checkpoint,
    unet,
    vae,
)

CASES = [(row, number) for row, files in FIXTURES.items() for number in range(len(files))]


def row_of(made: Header) -> str:
    """Which row recognises a file."""
    names = Names(made.tensors, made.metadata)
    return next((row.id for row in ARCHITECTURES if row.recognise(names) is not None), "unknown")


def test_every_row_has_a_fixture_and_an_id_of_its_own() -> None:
    rows = [row.id for row in ARCHITECTURES]
    assert len(set(rows)) == len(rows)
    assert set(rows) == set(FIXTURES)
    assert all(files for files in FIXTURES.values())


@pytest.mark.parametrize(("row", "number"), CASES, ids=[f"{row}-{number}" for row, number in CASES])
def test_every_fixture_is_recognised_as_its_row(row: str, number: int) -> None:
    made = header(FIXTURES[row][number])
    assert row_of(made) == row
    found = recognise(made)
    assert found.kind in KINDS
    assert found.base in BASES
    assert found.precision == "fp16"
    assert bool(found.reason) == (found.state != "ready")
    assert not found.reason.endswith(".")


def test_the_names_of_files_and_the_order_of_tensors_change_nothing(tmp_path: Path) -> None:
    for number, (row, files) in enumerate(FIXTURES.items()):
        shapes = files[0]
        backwards = dict(reversed(shapes.items()))
        there = write(tmp_path / f"{row}.safetensors", shapes)
        moved = write(tmp_path / "sdxl lora flux vae" / f"{number:08x}.safetensors", backwards)
        assert recognise(read_header(there)) == recognise(read_header(moved))


READY = {
    "checkpoint": {"sd1", "sd2", "sdxl", "sdxl_refiner"},
    "lora": {"sd1", "sd2", "sdxl", "sdxl_refiner", "unknown"},
    "embedding": {"sd1", "sd2", "sdxl"},
    "vae": {"unknown"},
    "restorer": {"unknown"},
}


def test_what_can_be_loaded_is_ready_and_the_rest_says_so() -> None:
    ready: dict[str, set[str]] = {}
    for files in FIXTURES.values():
        for shapes in files:
            found = recognise(header(shapes))
            if found.state == "ready":
                ready.setdefault(found.kind, set()).add(found.base)
    assert ready == READY


@pytest.mark.parametrize(
    ("shapes", "parts"),
    [
        (sd1_checkpoint(), ("unet", "vae", "text_encoder")),
        (sd2_checkpoint(), ("unet", "vae", "text_encoder")),
        (sdxl_checkpoint(), ("unet", "vae", "text_encoder", "text_encoder_2")),
        (FIXTURES["sdxl_refiner"][0], ("unet", "vae", "text_encoder_2")),
    ],
)
def test_a_whole_checkpoint_names_its_parts(shapes: Shapes, parts: tuple[str, ...]) -> None:
    found = recognise(header(shapes))
    assert (found.kind, found.state, found.parts) == ("checkpoint", "ready", parts)


def without(shapes: Shapes, *roots: str) -> Shapes:
    return {name: shape for name, shape in shapes.items() if not name.startswith(roots)}


@pytest.mark.parametrize(
    ("shapes", "kind", "reason"),
    [
        (without(sd1_checkpoint(), "first_stage"), "checkpoint", "it lacks a VAE"),
        (without(sd1_checkpoint(), "cond_stage"), "checkpoint", "it lacks a text encoder"),
        (
            without(sd1_checkpoint(), "cond_stage")
            | {"cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77)},
            "checkpoint",
            "it lacks a text encoder",
        ),
        (without(sdxl_checkpoint(), "conditioner.embedders.1"), "checkpoint", "it lacks a second text encoder"),
        (unet(SDXL), "network", "it lacks a VAE, a text encoder and a second text encoder"),
    ],
)
def test_missing_parts_are_named(shapes: Shapes, kind: str, reason: str) -> None:
    found = recognise(header(shapes))
    assert (found.kind, found.state, found.reason) == (kind, "incomplete", reason)


@pytest.mark.parametrize(
    ("channels", "variant", "state"),
    [(4, "", "ready"), (9, "inpaint", "ready"), (8, "instruct", "ready"), (5, "depth", "unsupported")],
)
def test_variants_are_told_by_the_channels_of_the_input(channels: int, variant: str, state: str) -> None:
    for shapes in (sd1_checkpoint(channels), sd2_checkpoint(channels)):
        found = recognise(header(shapes))
        assert (found.variant, found.state) == (variant, state)
    assert "6 channels" in recognise(header(sd1_checkpoint(6))).reason


def test_the_prediction_is_said_only_where_the_file_says_it() -> None:
    shapes = sdxl_checkpoint()
    assert recognise(header(shapes)).prediction == ""
    assert recognise(header(shapes | {"v_pred": (), "ztsnr": ()})).prediction == "v_prediction"
    assert recognise(header(shapes, modelspec__prediction_type="epsilon")).prediction == "epsilon"
    assert recognise(header(sd2_checkpoint(), modelspec__prediction_type="v")).prediction == "v_prediction"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"edm_mean": (4,)}, "EDM"),
        ({f"{NETWORK}time_embed.cond_proj.weight": (320, 256)}, "full LCM"),
        ({f"{NETWORK}input_blocks.4.1.proj_in.scale_weight": ()}, "quantised"),
        ({f"{NETWORK}position_net.null_positive_feature": (768,)}, "GLIGEN"),
    ],
)
def test_relatives_that_would_draw_wrong_are_not_ready(change: Shapes, words: str) -> None:
    found = recognise(header(sdxl_checkpoint() | change))
    assert (found.base, found.state) == ("sdxl", "unsupported")
    assert words in found.reason


def test_a_cut_down_sdxl_is_not_ready() -> None:
    shapes = {name: shape for name, shape in sdxl_checkpoint().items() if ".middle_block.1." not in name}
    assert "cut-down" in recognise(header(shapes)).reason


@pytest.mark.parametrize(
    ("dtype", "precision"),
    [("F32", "fp32"), ("F16", "fp16"), ("BF16", "bf16"), ("F8_E4M3", "fp8"), ("F8_E5M2", "fp8"), ("F64", "fp64")],
)
def test_precision_is_that_of_the_bytes(dtype: str, precision: str) -> None:
    assert recognise(header(vae(), dtype)).precision == precision


def test_precision_may_be_mixed_and_a_few_norms_do_not_count() -> None:
    half, full = header(unet(SD1, root=NETWORK)), header(FIRST_STAGE, "F32")
    both = Header({**half.tensors, **full.tensors}, {}, 0, 0)
    assert recognise(both).precision == "mixed"
    norms = header({"v_pred": (100,)}, "F32")
    assert recognise(Header({**half.tensors, **norms.tensors}, {}, 0, 0)).precision == "fp16"
    assert recognise(header(sd1_checkpoint(), "I8")).state == "unsupported"


@pytest.mark.parametrize(
    ("shapes", "algorithm", "rank"),
    [
        (adapters.kohya(adapters.SD1_LAYERS, rank=32), "lora", 32),
        (adapters.peft(adapters.SD1_LAYERS, rank=4), "lora", 4),
        (adapters.processors(adapters.SD1_LAYERS, rank=4), "lora", 4),
        (adapters.dora(adapters.SD1_LAYERS), "dora", 16),
        (adapters.loha(adapters.SD1_LAYERS), "loha", 8),
        (adapters.lokr(adapters.SD1_LAYERS), "lokr", 8),
        (adapters.one_each(adapters.SDXL_LAYERS, "oft_blocks", (4, 160, 160)), "oft", None),
        (adapters.one_each(adapters.SDXL_LAYERS, "oft_blocks", (3, 4, 16, 16)), "boft", None),
        (adapters.glora(adapters.SD1_LAYERS), "glora", None),
        (adapters.one_each(adapters.SD1_LAYERS, "diff"), "full", None),
        (adapters.one_each(adapters.SD1_LAYERS, "on_input", ()), "ia3", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_algorithm_and_rank_of_adapters(shapes: Shapes, algorithm: str, rank: int | None) -> None:
    found = recognise(header(shapes))
    assert (found.kind, found.algorithm, found.rank) == ("lora", algorithm, rank)


def test_the_largest_of_several_ranks_counts() -> None:
    small = {
        name: shape for name, shape in adapters.kohya(adapters.SD1_LAYERS, rank=4).items() if "down_blocks_0" in name
    }
    assert recognise(header(adapters.kohya(adapters.SD1_LAYERS, rank=64) | small)).rank == 64


def test_a_lora_names_the_parts_that_it_changes() -> None:
    assert recognise(header(FIXTURES["lora_sd1"][0])).parts == ("unet", "text_encoder")
    assert recognise(header(FIXTURES["lora_sdxl"][0])).parts == ("unet", "text_encoder", "text_encoder_2")
    assert recognise(header(FIXTURES["lora_sd1"][1])).parts == ("text_encoder",)


def test_where_shapes_tell_nothing_the_metadata_may() -> None:
    values = {m: s for m, s in adapters.attention_layers(MINI).items() if m.endswith("attn1.to_q")}
    silent = recognise(header(adapters.kohya(values)))
    assert (silent.base, silent.state) == ("unknown", "ready")  # whoever loads it sees whether it fits
    told = recognise(header(adapters.kohya(values), modelspec__architecture="stable-diffusion-v1/lora"))
    assert (told.base, told.state) == ("sd1", "ready")
    lies = header(adapters.kohya(adapters.SDXL_LAYERS), ss_base_model_version="sd_v1")
    assert recognise(lies).base == "sdxl"


@pytest.mark.parametrize("width", TEXT_WIDTHS)
def test_the_width_of_the_text_tells_the_base_of_a_lora(width: int) -> None:
    key = "lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    shapes: Shapes = {f"{key}.lora_down.weight": (4, width), f"{key}.lora_up.weight": (640, 4)}
    assert recognise(header(shapes)).base == TEXT_WIDTHS[width]


@pytest.mark.parametrize(
    ("shapes", "variant"),
    [(clip(), "clip_l"), (clip(1280, 32), "clip_g"), (FIXTURES["t5"][0], "t5"), (clip(32, 2), "clip")],
)
def test_text_encoders_say_which(shapes: Shapes, variant: str) -> None:
    assert recognise(header(shapes)).variant == variant


OTHERS: dict[str, Shapes] = {
    "a ResNet": {"conv1.weight": (64, 3, 7, 7), "layer1.0.conv1.weight": (64, 64, 1, 1), "fc.weight": (1000, 2048)},
    "BERT": {
        "bert.embeddings.word_embeddings.weight": (30522, 768),
        "bert.encoder.layer.0.attention.self.query.weight": (768, 768),
    },
    "a UNet without text": {
        name: shape for name, shape in unet(UNet(depths=(0, 0, 0, 0)), diffusers=True).items() if "attn2" not in name
    },
    "a quantised autoencoder": {
        f"{name}.weight": (64, 64)
        for name in (
            "quantize.embedding",
            "encoder.conv_in",
            "encoder.down.2.block.0.norm1",
            "decoder.conv_in",
            "decoder.conv_out",
        )
    },
    "one matrix": {"weight": (768, 768)},
    "a matrix of 768": {"proj.weight": (8, 768)},
    "a vector": {"bias": (3,)},
    "differences": {"a.diff": (3, 3), "b.diff": (3, 3)},
    "layers a1 and b1": {"net.a1.weight": (3, 3), "net.b1.weight": (3, 3)},
    "numbers": {"0.weight": (3, 3), "0.bias": (3,), "2.weight": (3, 3)},
    "a body of linear layers": {f"body.{n}.weight": (64, 64) for n in range(8)},
    "no names": {"": (3,)},
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_models_are_unknown_and_their_names_are_said(case: str) -> None:
    found = recognise(header(OTHERS[case]))
    assert (found.kind, found.base, found.state) == ("unknown", "unknown", "unknown")
    assert next(iter(OTHERS[case])) in found.reason


@pytest.mark.parametrize(("net", "options"), [(SD1, {}), (SDXL, {"xl": True})], ids=["sd1", "sdxl"])
def test_the_fixtures_of_unets_are_what_diffusers_makes(net: UNet, options: dict[str, bool]) -> None:
    import torch
    from diffusers import UNet2DConditionModel

    levels = ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in net.depths]
    values = {"attention_head_dim": 8}
    if options:
        values = {
            "attention_head_dim": [5, 10, 20],
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": net.labels,
            "transformer_layers_per_block": [1, 2, 10],
        }
    with torch.device("meta"):
        made = UNet2DConditionModel(
            block_out_channels=[net.channels * multiple for multiple in net.multiples],
            down_block_types=levels,
            up_block_types=[name.replace("Down", "Up") for name in reversed(levels)],
            cross_attention_dim=net.context,
            use_linear_projection=net.linear,
            **values,
        )
    assert unet(net, diffusers=True) == {name: tuple(value.shape) for name, value in made.state_dict().items()}


# Folders


def pipeline(folder: Path, name: str = "StableDiffusionPipeline", net: UNet = MINI, **index: object) -> Path:
    """A small diffusers folder, whole but for the numbers in it."""
    parts = ["text_encoder", *(["text_encoder_2"] if net.labels else [])]
    values = {part: ["transformers", "CLIPTextModel"] for part in parts}
    values |= {part.replace("text_encoder", "tokenizer"): ["transformers", "CLIPTokenizer"] for part in parts}
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": name, **values, **index}))
    for part in parts:
        (folder / part.replace("text_encoder", "tokenizer")).mkdir()
        write(folder / part / "model.safetensors", clip(32, 2))
    write(folder / "unet" / "diffusion_pytorch_model.safetensors", unet(net, diffusers=True))
    write(folder / "vae" / "diffusion_pytorch_model.safetensors", vae(width=8, diffusers=True))
    (folder / "unet" / "config.json").write_text(json.dumps({"in_channels": net.inputs}))
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps({"prediction_type": "v_prediction"}))
    return folder


def test_a_pipeline_is_recognised(tmp_path: Path) -> None:
    found = recognise_folder(pipeline(tmp_path / "a"))
    assert (found.kind, found.base, found.state, found.reason) == ("checkpoint", "sd1", "ready", "")
    assert (found.prediction, found.precision, found.variant) == ("v_prediction", "fp16", "")
    assert found.parts == ("unet", "vae", "text_encoder")


def test_the_network_tells_the_base_of_a_pipeline(tmp_path: Path) -> None:
    linear = UNet(context=1024, channels=16, multiples=(1, 2), depths=(1, 0), blocks=1, linear=True, inputs=9)
    found = recognise_folder(pipeline(tmp_path / "sd2", "StableDiffusionInpaintPipeline", linear))
    assert (found.base, found.variant, found.state) == ("sd2", "inpaint", "ready")
    assert recognise_folder(pipeline(tmp_path / "xl", "StableDiffusionXLPipeline", MINI_SDXL)).base == "sdxl"


UPSCALER = UNet(context=1024, channels=16, multiples=(1, 2), depths=(0, 1), blocks=1, linear=True, inputs=7)
LATENT_UPSCALER = UNet(context=768, channels=16, multiples=(1, 2), depths=(0, 1), blocks=1, inputs=8)
UPSCALERS = {
    "sd_upscaler": ("StableDiffusionUpscalePipeline", UPSCALER, {"class_embedding.weight": (1000, 64)}, 4),
    "sd_latent_upscaler": (
        "StableDiffusionLatentUpscalePipeline",
        LATENT_UPSCALER,
        {"time_proj.weight": (16,), "time_embedding.cond_proj.weight": (32, 160)},
        2,
    ),
}


@pytest.mark.parametrize("variant", UPSCALERS)
def test_an_upscaler_that_draws_is_a_restorer(variant: str, tmp_path: Path) -> None:
    name, net, more, scale = UPSCALERS[variant]
    folder = pipeline(tmp_path / "a", name, net)
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    write(file, unet(net, diffusers=True) | more)
    found = recognise_folder(folder)
    assert (found.kind, found.base, found.variant, found.scale) == ("restorer", "unknown", variant, scale)
    assert (found.state, found.prediction) == ("ready", "v_prediction")
    assert recognise_folder(folder / "unet").kind == "network"
    file.rename(file.with_suffix(".bin"))
    found = recognise_folder(folder)
    assert (found.kind, found.state, found.scale) == ("restorer", "needs_conversion", scale)
    assert found.reason == "unet is stored as a pickle, which could run programs"


def test_what_an_upscaler_in_a_file_lacks_is_named() -> None:
    found = recognise(header(FIXTURES["sd_upscaler"][1]))
    assert (found.kind, found.state, found.scale) == ("restorer", "ready", 4)
    found = recognise(header(FIXTURES["sd_upscaler"][0] | vae(root="first_stage_model.")))
    assert (found.kind, found.state, found.reason) == ("restorer", "incomplete", "it lacks a text encoder")


def test_a_folder_with_programs_is_only_read(tmp_path: Path) -> None:
    folder = pipeline(tmp_path / "a")
    (folder / "unet" / "my_unet.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    (folder / "pipeline.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert recognise_folder(folder).state == "ready"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        ("vae", "it lacks a VAE"),
        ("text_encoder", "it lacks a text encoder"),
        ("tokenizer", "it lacks the folder tokenizer"),
        ("unet", "it lacks a network"),
    ],
)
def test_missing_folders_are_named(gone: str, reason: str, tmp_path: Path) -> None:
    import shutil

    folder = pipeline(tmp_path / "a")
    shutil.rmtree(folder / gone)
    found = recognise_folder(folder)
    assert (found.state, found.reason, found.base) == ("incomplete", reason, "sd1")


def test_missing_weights_are_named_and_pickles_need_conversion(tmp_path: Path) -> None:
    folder = pipeline(tmp_path / "a")
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    file.rename(file.with_suffix(".bin"))
    found = recognise_folder(folder)
    assert (found.state, found.reason) == ("needs_conversion", "vae is stored as a pickle, which could run programs")
    file.with_suffix(".bin").unlink()
    assert recognise_folder(folder).reason == "it lacks the weights of vae"


def test_half_precision_beside_the_whole_is_not_counted_twice(tmp_path: Path) -> None:
    folder = pipeline(tmp_path / "a")
    (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"never read")
    assert recognise_folder(folder).state == "ready"
    plain = folder / "unet" / "diffusion_pytorch_model.safetensors"
    plain.replace(folder / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    assert recognise_folder(folder).state == "ready"


def test_shards_are_read_together(tmp_path: Path) -> None:
    folder = pipeline(tmp_path / "a")
    shapes = list(unet(MINI, diffusers=True).items())
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    for number, shard in enumerate((shapes[:50], shapes[50:]), 1):
        write(folder / "unet" / f"diffusion_pytorch_model-0000{number}-of-00002.safetensors", dict(shard))
    assert recognise_folder(folder).state == "ready"


def test_a_broken_weight_file_is_said(tmp_path: Path) -> None:
    folder = pipeline(tmp_path / "a")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"<html>")
    found = recognise_folder(folder)
    assert found.state == "broken"
    assert "vae/diffusion_pytorch_model.safetensors cannot be used: it is a web page" in found.reason


@pytest.mark.parametrize("text", ["[1]", "{", "nonsense", "[" * 100_000, '{"_class_name": 5}', "\xff"])
def test_nonsense_for_a_configuration_never_raises(text: str, tmp_path: Path) -> None:
    folder = pipeline(tmp_path / "a")
    (folder / "model_index.json").write_text(text, "latin-1")
    assert recognise_folder(folder).state in ("broken", "unsupported")
    whole = pipeline(tmp_path / "b")
    (whole / "unet" / "config.json").write_text(text, "latin-1")
    assert recognise_folder(whole).state in ("broken", "ready")


def test_pipelines_of_other_families_say_what_they_are(tmp_path: Path) -> None:
    for name, base in [("FluxPipeline", "flux1"), ("StableDiffusion3Pipeline", "sd3"), ("MyPipeline", "unknown")]:
        found = recognise_folder(pipeline(tmp_path / name, name))
        assert (found.base, found.state) == (base, "unsupported")
        assert name in found.reason


@pytest.mark.parametrize(
    ("shapes", "kind", "base"),
    [
        (vae(diffusers=True), "vae", "unknown"),
        (unet(SD1, diffusers=True), "network", "sd1"),
        (adapters.controlnet(SDXL, True), "controlnet", "sdxl"),
        (clip(), "text_encoder", "unknown"),
    ],
)
def test_one_part_is_recognised_by_its_weights(shapes: Shapes, kind: str, base: str, tmp_path: Path) -> None:
    write(tmp_path / "part" / "diffusion_pytorch_model.safetensors", shapes)
    (tmp_path / "part" / "config.json").write_text(json.dumps({"_class_name": "Something"}))
    found = recognise_folder(tmp_path / "part")
    assert (found.kind, found.base) == (kind, base)


def test_a_part_without_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "AutoencoderKL"}))
    assert recognise_folder(tmp_path).reason == "it has a configuration (AutoencoderKL) only"
    (tmp_path / "diffusion_pytorch_model.bin").write_bytes(b"")
    assert recognise_folder(tmp_path).state == "needs_conversion"


def test_the_checkpoints_of_the_tests_and_the_package_are_ready(tiny_checkpoint: Path) -> None:
    assert recognise_folder(tiny_checkpoint).state == "ready"
    storybook = Path(__file__).parents[2] / "assets" / "models" / "checkpoints" / "storybook"
    found = recognise_folder(storybook)
    assert (found.base, found.state, found.prediction) == ("sd1", "ready", "v_prediction")


def test_a_miniature_says_its_base_by_its_text_encoder() -> None:
    shapes = tiny(MINI, clip(192, 3, "cond_stage_model.transformer.text_model."))
    found = recognise(header(shapes))
    assert (found.base, found.state) == ("sd1", "ready")
