from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sdtoolbox.engine.adapters import formulas, load_adapter
from sdtoolbox.engine.adapters.keys import Target
from sdtoolbox.engine.components import Components
from sdtoolbox.errors import UserError
from sdtoolbox.models.entries import CatalogEntry
from tests.engine.adapters.miniature import (
    CONVOLUTION,
    CROSS,
    LINEAR,
    TEXT,
    Load,
    kohya,
    lora,
    random,
    weight_of,
    write,
)


def test_a_file_that_fits_is_covered_whole(load: Load) -> None:
    loaded = load(lora(kohya(LINEAR), (16, 16)) | lora(kohya(TEXT, "te").replace("lora_te", "lora_te1"), (24, 24)))
    assert set(loaded.changes) == {Target("unet", LINEAR), Target("text_encoder", TEXT)}
    assert (loaded.coverage.matched, loaded.coverage.total, loaded.coverage.unmatched) == (6, 6, ())
    assert loaded.warning == ""
    assert loaded.bytes == 4 * (2 * 2 * 16 + 1 + 2 * 2 * 24 + 1)


def test_what_has_no_place_is_counted_and_named(load: Load) -> None:
    strange = {"bundle_emb.word.string_to_param": random(2, 8), **lora("lora_unet_double_blocks_0", (16, 16))}
    half = {f"{kohya(CROSS)}.lora_down.weight": random(2, 24)}
    loaded = load(lora(kohya(LINEAR), (16, 16)) | strange | half)
    assert (loaded.coverage.matched, loaded.coverage.total) == (3, 8)
    assert loaded.coverage.ratio == 3 / 8
    assert set(loaded.coverage.unmatched) == {*strange, *half}
    assert "3 of 8 of its tensors (38%) fit this model" in loaded.warning
    assert "and 2 more do not" in loaded.warning


def test_what_no_formula_looks_at_is_not_covered(load: Load) -> None:
    loaded = load(lora(kohya(LINEAR), (16, 16)) | {f"{kohya(LINEAR)}.diff": random(16, 16)})
    assert loaded.coverage.unmatched == (f"{kohya(LINEAR)}.diff",)
    assert set(loaded.changes[Target("unet", LINEAR)].tensors) == {"down", "up", "alpha"}


def test_no_match_at_all_is_an_error(load: Load) -> None:
    with pytest.raises(UserError) as refused:
        load(lora("lora_unet_double_blocks_0_img_attn_qkv", (16, 16)))
    assert refused.value.code == "LORA_INCOMPATIBLE" and refused.value.field == "adapters"
    assert "none of the 3 tensors in one has a place in this model" in refused.value.message


@pytest.mark.parametrize(
    "tensors",
    [
        lora(kohya(CROSS), (16, 32)),  # as if it read the text of another encoder
        lora(kohya(CROSS), (24, 24)),
        lora(kohya(CONVOLUTION), (32, 32)),
        {f"{kohya(CROSS)}.lokr_w1": random(4, 4), f"{kohya(CROSS)}.lokr_w2": random(4, 8)},
        {f"{kohya(CROSS)}.diff": random(24, 16)},
        {f"{kohya(CROSS)}.oft_blocks": random(4, 3, 3)},
        {f"{kohya(CONVOLUTION)}.diff_b": random(7)},
    ],
)
def test_another_shape_is_another_model(tensors: dict[str, torch.Tensor], load: Load) -> None:
    with pytest.raises(UserError) as refused:
        load(tensors)
    assert refused.value.code == "LORA_INCOMPATIBLE"
    assert "one was made for another model" in refused.value.message
    assert any(path in refused.value.message for path in (CROSS, CONVOLUTION))


def test_numbers_that_are_not_finite_are_refused(load: Load) -> None:
    tensors = lora(kohya(LINEAR), (16, 16))
    tensors[f"{kohya(LINEAR)}.lora_up.weight"][3, 1] = torch.inf
    with pytest.raises(UserError, match=r"not finite, in lora_unet_down_blocks_0.*lora_up.weight") as refused:
        load(tensors)
    assert refused.value.code == "MODEL_CORRUPT"


def test_a_broken_file_is_refused(tmp_path: Path, components: Components) -> None:
    entry = write(tmp_path / "cut.safetensors", lora(kohya(LINEAR), (16, 16)))
    entry.path.write_bytes(entry.path.read_bytes()[:-5])
    with pytest.raises(UserError) as refused:
        load_adapter(entry, components)
    assert refused.value.code == "MODEL_CORRUPT"


def test_peft_says_alpha_beside_the_file_or_in_its_metadata(tmp_path: Path, components: Components) -> None:
    plain = lora("", (16, 16), rank=4, alpha=None)
    down, up = plain[".lora_down.weight"], plain[".lora_up.weight"]
    names = {f"{LINEAR}.lora_A.weight": down, f"{LINEAR}.lora_B.weight": up}

    (tmp_path / "peft").mkdir()
    entry = write(
        tmp_path / "peft" / "adapter_model.safetensors", {f"base_model.model.{k}": t for k, t in names.items()}
    )
    assert scale(entry, components) == 1.0, "nothing is said: alpha is the rank"
    beside = tmp_path / "peft" / "adapter_config.json"
    beside.write_text(json.dumps({"r": 4, "lora_alpha": 2}))
    assert scale(entry, components) == 0.5
    beside.write_text(json.dumps({"r": 4, "lora_alpha": 2, "use_rslora": True}))
    assert scale(entry, components) == 1.0
    beside.write_text(json.dumps({"lora_alpha": 2, "alpha_pattern": {"attn1.to_q": 12}}))
    assert scale(entry, components) == 3.0
    beside.write_text("[not JSON")
    assert scale(entry, components) == 1.0

    metadata = {"lora_adapter_metadata": json.dumps({"unet.r": 4, "unet.lora_alpha": 8})}
    entry = write(tmp_path / "new.safetensors", {f"unet.{k}": t for k, t in names.items()}, metadata)
    assert scale(entry, components) == 2.0


def scale(entry: object, components: Components) -> float:
    pair = load_adapter(entry, components).changes[Target("unet", LINEAR)].pair  # type: ignore[arg-type]
    assert pair is not None
    return pair.scale


@pytest.mark.filterwarnings("ignore")  # the library's own
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("LoraConfig", {"r": 4, "lora_alpha": 8}),
        ("LoraConfig", {"r": 4, "lora_alpha": 8, "use_rslora": True}),
        ("LoHaConfig", {"r": 4, "alpha": 8}),
        ("LoHaConfig", {"r": 4, "alpha": 8, "alpha_pattern": {"attn1.to_q": 2}}),
        ("LoKrConfig", {"r": 2, "alpha": 8}),
        ("LoKrConfig", {"r": 16, "alpha": 4}),  # so large a rank that both factors are whole
        ("LoKrConfig", {"r": 16, "alpha": 4, "rank_pattern": {"attn1.to_q": 8}}),
        ("LoKrConfig", {"r": 1, "alpha": 4, "decompose_both": True}),
    ],
)
def test_peft_saves_what_we_load(kind: str, options: dict[str, Any], tmp_path: Path, components: Components) -> None:
    """Against the library that writes these files, where it is installed: the weight that it merges is ours."""
    peft = pytest.importorskip("peft")
    torch.manual_seed(0)
    model = peft.get_peft_model(copy.deepcopy(components.unet), getattr(peft, kind)(target_modules=["to_q"], **options))
    for name, parameter in model.named_parameters():
        if ".default" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(tmp_path)
    entry = CatalogEntry(
        id="0" * 32, name="one", kind="lora", base="sd1", state="ready", path=tmp_path / "adapter_model.safetensors"
    )
    loaded = load_adapter(entry, components)
    before = weight_of(components, LINEAR).clone()
    wanted = model.merge_and_unload().get_submodule(LINEAR).weight
    assert (wanted - before).norm() > 0.1
    change = loaded.changes[Target("unet", LINEAR)]
    assert torch.allclose(formulas.changed(change.tensors, before, change.scale), wanted, atol=1e-5)
    assert loaded.warning == ""


def test_eight_bits_are_read_as_sixteen(tmp_path: Path, components: Components) -> None:
    tensors = {name: tensor.to(torch.float8_e4m3fn) for name, tensor in lora(kohya(LINEAR), (16, 16)).items()}
    file = tmp_path / "small.safetensors"
    save_file(tensors, file)
    loaded = load_adapter(write(tmp_path / "other.safetensors", tensors), components)
    assert {t.dtype for t in loaded.changes[Target("unet", LINEAR)].tensors.values()} == {torch.float16}
