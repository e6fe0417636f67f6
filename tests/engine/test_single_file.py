from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from sdtoolbox.engine.components import Components
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.loading import load, load_vae
from sdtoolbox.engine.original_layout import write_original
from sdtoolbox.engine.policy import Policy
from sdtoolbox.engine.single_file import CONFIG
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.header import read_header
from tests.tiny import ENCODERS, write_checkpoint

CPU = Device(torch.device("cpu"), 1, "cpu")
BASES = ["sd1", "sd2", "sdxl", "sdxl_refiner"]


def entry_of(path: Path, base: str, kind: str = "checkpoint", prediction: str = "") -> CatalogEntry:
    return CatalogEntry(
        id="0" * 32,
        name=path.stem,
        kind=kind,  # type: ignore[arg-type]
        base=base,
        state="ready",
        path=path,
        layout="diffusers" if path.is_dir() else "file",
        prediction=prediction,
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """A folder and a file of every base, with the same weights; that of sd2 predicts v."""
    root = tmp_path_factory.mktemp("families")
    pairs = {}
    for base in BASES:
        folder, file = root / base, root / f"{base}.safetensors"
        write_checkpoint(folder, "v_prediction" if base == "sd2" else "epsilon", base=base)
        write_original(folder, file, base)
        pairs[base] = folder, file
    return pairs


@pytest.fixture
def sd1(both: dict[str, tuple[Path, Path]], tmp_path: Path) -> Path:
    """A single file that a test may break."""
    file = tmp_path / "tiny.safetensors"
    file.write_bytes(both["sd1"][1].read_bytes())
    return file


def weights_of(components: Components) -> dict[str, torch.Tensor]:
    return {
        f"{part}.{name}": tensor
        for part, network in components.networks.items()
        for name, tensor in network.state_dict().items()
    }


def rewritten(file: Path, change: Any) -> None:
    """The file with other tensors; its configuration stays."""
    state, metadata = load_file(file), dict(read_header(file).metadata)
    change(state)
    save_file(state, file, metadata)


@pytest.mark.parametrize("base", BASES)
def test_a_file_has_the_same_networks_as_the_folder(base: str, both: dict[str, tuple[Path, Path]]) -> None:
    folder, file = (load(entry_of(path, base), CPU) for path in both[base])
    ours, theirs = weights_of(file), weights_of(folder)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    for part in ("unet", "vae"):
        theirs_config, ours_config = (dict(one.networks[part].config) for one in (folder, file))  # type: ignore[arg-type]
        for config in (theirs_config, ours_config):
            for unimportant in ("_name_or_path", "_use_default_values", "_diffusers_version"):
                config.pop(unimportant, None)
        assert theirs_config == ours_config
    for part in ENCODERS[base]:
        text = "A red house, in the SNOW!! 房子"
        assert folder.tokenizers[part](text).input_ids == file.tokenizers[part](text).input_ids
        assert folder.tokenizers[part].pad_token_id == file.tokenizers[part].pad_token_id
    assert file.scheduler["prediction_type"] == folder.scheduler["prediction_type"]


def test_the_names_are_those_that_everybody_knows(both: dict[str, tuple[Path, Path]]) -> None:
    """One of each kind, as published files have them."""
    known = {
        "sd1": [
            "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
            "model.diffusion_model.input_blocks.2.0.op.weight",
            "model.diffusion_model.middle_block.2.out_layers.3.weight",
            "model.diffusion_model.output_blocks.0.0.skip_connection.weight",
            "model.diffusion_model.output_blocks.1.1.conv.weight",
            "model.diffusion_model.out.2.bias",
            "first_stage_model.encoder.down.0.downsample.conv.weight",
            "first_stage_model.decoder.up.3.upsample.conv.weight",
            "first_stage_model.decoder.mid.attn_1.proj_out.weight",
            "first_stage_model.quant_conv.weight",
            "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.q_proj.weight",
        ],
        "sd2": [
            "cond_stage_model.model.transformer.resblocks.3.attn.in_proj_weight",  # a layer more than the folder has
            "cond_stage_model.model.positional_embedding",
        ],
        "sdxl": [
            "model.diffusion_model.label_emb.0.2.weight",
            "model.diffusion_model.output_blocks.1.2.conv.weight",  # after an attention
            "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight",
            "conditioner.embedders.1.model.text_projection",
            "conditioner.embedders.1.model.ln_final.bias",
        ],
        "sdxl_refiner": ["conditioner.embedders.0.model.token_embedding.weight"],
    }
    for base, names in known.items():
        tensors = read_header(both[base][1]).tensors
        assert [name for name in names if name not in tensors] == []
    tensors = read_header(both["sd1"][1]).tensors
    assert len(tensors["first_stage_model.decoder.mid.attn_1.q.weight"].shape) == 4
    assert len(tensors["model.diffusion_model.input_blocks.1.1.proj_in.weight"].shape) == 4


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("part", ["unet", "vae"])
def test_shapes_tell_the_configuration(
    base: str, part: str, both: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    """All but what shapes cannot tell: groups, heads, scales."""
    folder, original = both[base]
    file = tmp_path / "bare.safetensors"
    metadata = dict(read_header(original).metadata)
    own = json.loads(metadata[CONFIG])
    wanted = load(entry_of(folder, base), CPU).networks[part].config
    groups = {"norm_num_groups": wanted["norm_num_groups"]}  # type: ignore[index]
    file.write_bytes(original.read_bytes())
    del own[part]
    save_file(load_file(file), file, {CONFIG: json.dumps(own)})
    from sdtoolbox.engine import families

    family = families.family_of(base)
    config = family.config()
    config[part] |= groups
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(families.Family, "config", lambda self: config)
        found = load(entry_of(file, base), CPU).networks[part].config
    unseen = {"_name_or_path", "_use_default_values", "sample_size", "attention_head_dim", "_diffusers_version"}
    unseen |= {"force_upcast", "transformer_layers_per_block", "scaling_factor"}
    plain = {key: _listed(value) for key, value in found.items() if key not in unseen}  # type: ignore[union-attr]
    assert plain == {key: _listed(value) for key, value in wanted.items() if key not in unseen}  # type: ignore[union-attr]


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value


def test_a_vocabulary_that_is_not_clips_is_not_guessed(both: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    file = tmp_path / "bare.safetensors"
    own = json.loads(read_header(both["sd1"][1]).metadata[CONFIG])
    del own["tokenizer"]
    save_file(load_file(both["sd1"][1]), file, {CONFIG: json.dumps(own)})
    with pytest.raises(UserError, match=r"vocabulary has 53[0-9] words") as caught:
        load(entry_of(file, "sd1"), CPU)
    assert caught.value.code == "MODEL_CORRUPT"


def test_a_missing_weight_is_named_as_in_the_file(sd1: Path) -> None:
    lost = "model.diffusion_model.middle_block.0.in_layers.2.weight"
    rewritten(sd1, lambda state: state.pop(lost))
    with pytest.raises(UserError, match=f"unet of tiny.safetensors cannot be loaded: 1 weights are missing, {lost}"):
        load(entry_of(sd1, "sd1"), CPU)


def test_a_weight_of_another_shape_is_named(sd1: Path) -> None:
    name = "model.diffusion_model.out.2.bias"
    rewritten(sd1, lambda state: state.update({name: torch.zeros(3)}))
    with pytest.raises(UserError, match=f"{name} has shape 3 and should have 4") as caught:
        load(entry_of(sd1, "sd1"), CPU)
    assert caught.value.code == "MODEL_CORRUPT"


@pytest.mark.parametrize(("prefix", "words"), [("first_stage_model.", "VAE"), ("cond_stage_model.", "text encoder")])
def test_a_part_that_is_not_inside_is_named(prefix: str, words: str, sd1: Path) -> None:
    rewritten(sd1, lambda state: [state.pop(name) for name in list(state) if name.startswith(prefix)])
    with pytest.raises(UserError, match=f"tiny has no {words} inside") as caught:
        load(entry_of(sd1, "sd1"), CPU)
    assert caught.value.code == "MODEL_TYPE"


def _vae_folder(pair: tuple[Path, Path], _place: Path) -> Path:
    return pair[0] / "vae"


def _checkpoint_folder(pair: tuple[Path, Path], _place: Path) -> Path:
    return pair[0]


def _diffusers_file(pair: tuple[Path, Path], _place: Path) -> Path:
    return pair[0] / "vae" / "diffusion_pytorch_model.safetensors"


def _original_file(pair: tuple[Path, Path], place: Path) -> Path:
    return _vae_file(pair, place, "first_stage_model.")


def _bare_file(pair: tuple[Path, Path], place: Path) -> Path:
    return _vae_file(pair, place, "")


def _vae_file(pair: tuple[Path, Path], place: Path, prefix: str) -> Path:
    state = {name.removeprefix("first_stage_model."): tensor for name, tensor in load_file(pair[1]).items()}
    state = {prefix + name: t for name, t in state.items() if name.startswith(("encoder", "decoder", "quant", "post"))}
    save_file(state, place / "vae.safetensors", {CONFIG: read_header(pair[1]).metadata[CONFIG]})
    return place / "vae.safetensors"


@pytest.mark.parametrize(
    "source", [_vae_folder, _checkpoint_folder, _diffusers_file, _original_file, _bare_file], ids=lambda f: f.__name__
)
def test_a_vae_from_elsewhere_takes_the_place_of_its_own(
    source: Any, sd1: Path, both: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = load(entry_of(sd1, "sd1"), CPU).vae
    rewritten(sd1, lambda state: [state.pop(name) for name in list(state) if name.startswith("first_stage_model.")])
    path = source(both["sd1"], tmp_path)
    if source is _diffusers_file:  # a miniature's groups cannot be seen in its shapes
        from sdtoolbox.engine.families import Family

        config = json.loads(read_header(both["sd1"][1]).metadata[CONFIG])
        monkeypatch.setattr(Family, "config", lambda self: config)
    other = load(entry_of(sd1, "sd1"), CPU, entry_of(path, "sd1", "vae")).vae
    assert other.config.block_out_channels == own.config.block_out_channels
    assert all(torch.equal(a, b) for a, b in zip(own.state_dict().values(), other.state_dict().values(), strict=True))
    alone = load_vae(entry_of(path, "unknown", "vae"), CPU, Policy())
    assert all(torch.equal(a, b) for a, b in zip(own.state_dict().values(), alone.state_dict().values(), strict=True))


def test_a_vae_of_other_latents_is_refused(sd1: Path, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    AutoencoderKL(block_out_channels=(8, 8), latent_channels=16, norm_num_groups=4).save_pretrained(tmp_path / "vae")
    with pytest.raises(UserError, match="the VAE of vae has 16 channels, the network of tiny 4") as caught:
        load(entry_of(sd1, "sd1"), CPU, entry_of(tmp_path / "vae", "sd1", "vae"))
    assert caught.value.code == "MODEL_TYPE"


def test_the_oldest_text_encoder_names_are_known(sd1: Path) -> None:
    before = weights_of(load(entry_of(sd1, "sd1"), CPU))

    def older(state: dict[str, torch.Tensor]) -> None:
        for name in list(state):
            state[name.replace("transformer.text_model.", "transformer.")] = state.pop(name)

    rewritten(sd1, older)
    after = weights_of(load(entry_of(sd1, "sd1"), CPU))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_half_and_8_bit_numbers_are_cast(sd1: Path) -> None:
    name = "model.diffusion_model.input_blocks.0.0.weight"
    whole = load_file(sd1)[name]
    rewritten(sd1, lambda state: state.update({name: whole.to(torch.float8_e4m3fn)}))
    weight = load(entry_of(sd1, "sd1"), CPU).unet.conv_in.weight
    assert weight.dtype == torch.float32
    assert torch.equal(weight, whole.to(torch.float8_e4m3fn).float())


def test_what_is_not_used_is_said_once_unless_it_is_known(sd1: Path, caplog: pytest.LogCaptureFixture) -> None:
    known = ["model_ema.decay", "alphas_cumprod", "cond_stage_model.transformer.text_model.embeddings.position_ids"]
    rewritten(sd1, lambda state: state.update({name: torch.zeros(2) for name in known}))
    with caplog.at_level(logging.WARNING, "sdtoolbox"):
        load(entry_of(sd1, "sd1"), CPU)
        assert caplog.messages == []
        rewritten(sd1, lambda state: state.update({"model.diffusion_model.strange.weight": torch.zeros(2)}))
        load(entry_of(sd1, "sd1"), CPU)
    assert caplog.messages == ["tiny.safetensors: 1 tensors are not used, model.diffusion_model.strange.weight for one"]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
def test_nothing_stays_mapped_or_open(sd1: Path) -> None:
    components = load(entry_of(sd1, "sd1"), CPU)
    assert str(sd1) not in Path("/proc/self/maps").read_text()
    before = weights_of(components)["unet.conv_in.weight"].clone()
    sd1.write_bytes(b"")
    assert torch.equal(weights_of(components)["unet.conv_in.weight"], before)


@pytest.mark.parametrize("text", ["{", "[]", '{"unet": 5}', '{"vae": {"latent_channels": -1}}', '{"tokenizer": {}}'])
def test_a_configuration_without_sense_in_the_header_is_corrupt(text: str, sd1: Path) -> None:
    save_file(load_file(sd1), sd1, {CONFIG: text})
    with pytest.raises(UserError, match=r"of tiny\.safetensors cannot be loaded") as caught:
        load(entry_of(sd1, "sd1"), CPU)
    assert caught.value.code == "MODEL_CORRUPT"


def test_noise_levels_as_the_file_marks_them(both: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    file = tmp_path / "tiny.safetensors"
    own = json.loads(read_header(both["sdxl"][1]).metadata[CONFIG])
    del own["scheduler"]
    state = load_file(both["sdxl"][1])
    save_file(state, file, {CONFIG: json.dumps(own)})
    plain = load(entry_of(file, "sdxl"), CPU).scheduler
    assert plain["prediction_type"] == "epsilon"
    assert not plain.get("rescale_betas_zero_snr")
    save_file(state | {"ztsnr": torch.zeros(1), "v_pred": torch.zeros(1)}, file, {CONFIG: json.dumps(own)})
    marked = load(entry_of(file, "sdxl", prediction="v_prediction"), CPU).scheduler
    assert marked["prediction_type"] == "v_prediction"
    assert marked["rescale_betas_zero_snr"]
