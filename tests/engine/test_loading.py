from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sdtoolbox.engine.components import Components
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.loading import load
from sdtoolbox.engine.policy import Policy
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry

CPU = Device(torch.device("cpu"), 1, "cpu")


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint that a test may break."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "tiny"))


def loaded(folder: Path, device: Device = CPU) -> Components:
    entry = CatalogEntry(
        id="0" * 32, name="tiny", kind="checkpoint", base="sd1", state="ready", path=folder, layout="diffusers"
    )
    return load(entry, device)


def test_half_precision_on_disk_is_float32_in_memory(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    state = {name: tensor.half() for name, tensor in load_file(file).items()}
    save_file(state, file.with_name("diffusion_pytorch_model.fp16.safetensors"))
    file.unlink()
    unet = loaded(folder).unet
    assert unet.dtype == torch.float32
    assert torch.equal(unet.state_dict()["conv_in.weight"], state["conv_in.weight"].float())
    assert not unet.training
    assert not any(parameter.requires_grad for parameter in unet.parameters())


def test_a_large_checkpoint_takes_the_devices_fast_type_but_for_the_text(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "precision", lambda self, parameters: torch.bfloat16)
    components = loaded(folder)
    assert (components.unet.dtype, components.vae.dtype) == (torch.bfloat16, torch.bfloat16)
    assert components.text_encoder.dtype == torch.float32


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_missing_weight_is_an_error_and_not_a_random_number(part: str, folder: Path) -> None:
    (file,) = (folder / part).glob("*.safetensors")
    state = load_file(file)
    lost = sorted(state)[3]
    del state[lost]
    save_file(state, file, metadata={"format": "pt"})
    with pytest.raises(UserError, match=f"{part} of tiny cannot be loaded: 1 weights are missing, {lost}") as caught:
        loaded(folder)
    assert caught.value.code == "MODEL_CORRUPT"


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_weight_of_another_shape_is_an_error(part: str, folder: Path) -> None:
    (file,) = (folder / part).glob("*.safetensors")
    state = load_file(file)
    name = next(name for name in sorted(state) if state[name].ndim == 1)
    state[name] = torch.zeros(len(state[name]) + 1)
    save_file(state, file, metadata={"format": "pt"})
    with pytest.raises(UserError, match=f"{part} of tiny cannot be loaded") as caught:
        loaded(folder)
    assert caught.value.code == "MODEL_CORRUPT"
    assert str(folder.parent) not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("unet/config.json", "{"),
        ("unet/config.json", '{"_class_name": "UNet2DConditionModel", "block_out_channels": "many"}'),
        ("text_encoder/config.json", "[]"),
        ("text_encoder/config.json", '{"model_type": "clip_text_model", "hidden_size": "wide"}'),
        ("vae/config.json", '{"latent_channels": -1}'),
        ("tokenizer/tokenizer.json", "nonsense"),
        ("scheduler/scheduler_config.json", "nonsense"),
    ],
)
def test_a_broken_configuration_is_named(file: str, text: str, folder: Path) -> None:
    (folder / file).write_text(text)
    with pytest.raises(UserError, match=f"{file.split('/')[0]} of tiny cannot be loaded") as caught:
        loaded(folder)
    assert caught.value.code == "MODEL_CORRUPT"


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation", "_attn_implementation_internal"])
def test_a_configuration_cannot_ask_for_code_from_elsewhere(
    key: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("transformers.modeling_utils.lazy_import_flash_attention", lambda *a, **_: asked.append(a))
    file = folder / "text_encoder" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: "kernels-community/flash-attn"}))
    assert loaded(folder).text_encoder.config._attn_implementation == "sdpa"
    assert asked == []


def test_the_libraries_are_offline() -> None:
    code = "import sdtoolbox.engine.assembling, huggingface_hub.constants as hub; print(hub.HF_HUB_OFFLINE)"
    clean = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    assert subprocess.check_output([sys.executable, "-c", code], env=clean, text=True).strip() == "True"


def test_a_lost_tokenizer_is_named(folder: Path) -> None:
    shutil.rmtree(folder / "tokenizer")
    with pytest.raises(UserError, match="tokenizer of tiny"):
        loaded(folder)


def test_without_a_scheduler_it_is_stable_diffusion_1(folder: Path) -> None:
    shutil.rmtree(folder / "scheduler")
    assert loaded(folder).scheduler["beta_schedule"] == "scaled_linear"


def test_the_same_numbers_as_the_libraries_read(folder: Path) -> None:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    components = loaded(folder)
    for part, library in {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}.items():
        theirs = library.from_pretrained(folder / part, local_files_only=True).state_dict()
        ours = components.networks[part].state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_shards_are_put_together_and_a_lost_one_is_noticed(folder: Path) -> None:
    from diffusers import UNet2DConditionModel

    whole = loaded(folder).unet.state_dict()
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", local_files_only=True)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    unet.save_pretrained(folder / "unet", max_shard_size="300KB")
    shards = sorted((folder / "unet").glob("*.safetensors"))
    assert len(shards) > 1
    state = loaded(folder).unet.state_dict()
    assert all(torch.equal(state[name], whole[name]) for name in whole)
    shards[0].unlink()
    with pytest.raises(UserError, match=r"unet of tiny cannot be loaded: [0-9]+ weights are missing"):
        loaded(folder)


def test_names_of_older_libraries_are_known(folder: Path) -> None:
    """Autoencoders before diffusers 0.18, text encoders before transformers 5.6."""
    before = {part: loaded(folder).networks[part].state_dict() for part in ("vae", "text_encoder")}
    older = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    (vae,) = (folder / "vae").glob("*.safetensors")
    state = load_file(vae)
    for name in list(state):
        for new, old in older.items():
            if "attentions" in name and new in name:
                state[name.replace(new, old)] = state.pop(name)
    assert any(".proj_attn." in name for name in state)
    save_file(state, vae)
    (text,) = (folder / "text_encoder").glob("*.safetensors")
    save_file({f"text_model.{name}": tensor for name, tensor in load_file(text).items()}, text)
    after = loaded(folder)
    for part, weights in before.items():
        state = after.networks[part].state_dict()
        assert all(torch.equal(state[name], weights[name]) for name in weights)


def test_a_file_that_is_cut_while_it_is_read_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdtoolbox.engine import assembling

    (file,) = (folder / "unet").glob("*.safetensors")
    fill = assembling.Blueprint.fill

    def cut(self: assembling.Blueprint, *arguments: object, **options: object) -> object:
        if self.part == "unet":
            file.write_bytes(file.read_bytes()[:-100_000])
        return fill(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(assembling.Blueprint, "fill", cut)
    with pytest.raises(UserError, match="was cut short while it was read") as caught:
        loaded(folder)
    assert caught.value.code == "MODEL_CORRUPT"


def test_what_a_policy_offloads_waits_in_main_memory(folder: Path) -> None:
    """The meta device stands for one that this machine does not have."""
    device = Device(torch.device("meta"), 1, "")
    entry = CatalogEntry(
        id="0" * 32, name="tiny", kind="checkpoint", base="sd1", state="ready", path=folder, layout="diffusers"
    )
    assert load(entry, device, policy=Policy()).unet.device.type == "meta"
    waiting = load(entry, device, policy=Policy(placement="model", precision=torch.bfloat16, channels_last=True))
    assert waiting.unet.device.type == "cpu"
    assert waiting.unet.dtype == waiting.vae.dtype == torch.bfloat16
    assert waiting.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)


def test_python_files_in_a_checkpoint_are_never_run(folder: Path) -> None:
    canary = folder / "ran"
    for part in ("unet", "vae", "text_encoder", "tokenizer", "."):
        (folder / part / "pipeline.py").write_text(f"open({str(canary)!r}, 'w')")
    config = folder / "text_encoder" / "config.json"
    mapped = {"auto_map": {"AutoModel": "pipeline.Model"}}
    config.write_text(json.dumps(json.loads(config.read_text()) | mapped))
    loaded(folder)
    assert not canary.exists()


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    loaded(folder)
    assert capfd.readouterr() == ("", "")
