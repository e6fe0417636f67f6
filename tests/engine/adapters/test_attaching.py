from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sdtoolbox.engine.adapters import attach, load_adapter
from sdtoolbox.engine.adapters.keys import ModuleNames, split
from sdtoolbox.engine.components import Components
from sdtoolbox.errors import UserError
from sdtoolbox.schema.adapters import Adapter
from tests.engine.adapters.miniature import (
    CONVOLUTION,
    CROSS,
    LINEAR,
    POINTWISE,
    TEXT,
    Load,
    build_components,
    draw,
    kohya,
    lora,
    random,
    weight_of,
    write,
)

NORM = CONVOLUTION.replace("conv1", "norm1")


def wanted(**weights: object) -> Adapter:
    return Adapter(adapter="one", **weights)  # type: ignore[arg-type]


def merged(components: Components, deltas: Mapping[tuple[str, str], Tensor]) -> Tensor:
    """What is drawn with differences added to the weights by hand, in float64."""
    before = {}
    for (part, path), delta in deltas.items():
        weight = weight_of(components, path, part)
        before[part, path] = weight.clone()
        weight.copy_((weight.double() + delta.double()).to(weight.dtype))
    try:
        return draw(components)
    finally:
        for (part, path), weight in before.items():
            weight_of(components, path, part).copy_(weight)


def product(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...], scale: float) -> Tensor:
    """scale up down, in float64."""
    down, up = (tensors[f"{name}.lora_{which}.weight"].double().flatten(1) for which in ("down", "up"))
    return scale * (up @ down).reshape(shape)


def test_a_lora_is_the_same_as_its_merge_by_hand(components: Components, load: Load) -> None:
    shapes = {LINEAR: (16, 16), CROSS: (16, 24), POINTWISE: (16, 16, 1, 1), CONVOLUTION: (32, 32, 3, 3)}
    tensors: dict[str, Tensor] = {}
    for path, shape in shapes.items():
        tensors |= lora(kohya(path), shape)
    tensors |= lora(kohya(TEXT, "te"), (24, 24))
    base = draw(components)
    deltas = {("unet", path): product(tensors, kohya(path), shape, 0.5 * 0.8) for path, shape in shapes.items()}
    deltas["text_encoder", TEXT] = product(tensors, kohya(TEXT, "te"), (24, 24), 0.5 * 0.3)
    with attach(components, [(load(tensors), wanted(weight=0.8, text_weight=0.3))]):
        made = draw(components)
    assert not torch.allclose(made, base, atol=0.1)
    assert torch.allclose(made, merged(components, deltas), atol=1e-4)
    assert torch.equal(draw(components), base)


def test_a_missing_text_weight_is_the_weight(components: Components, load: Load) -> None:
    tensors = lora(kohya(TEXT, "te"), (24, 24))
    loaded = load(tensors)
    with attach(components, [(loaded, wanted(weight=0.7))]):
        made = draw(components)
    delta = product(tensors, kohya(TEXT, "te"), (24, 24), 0.5 * 0.7)
    assert torch.allclose(made, merged(components, {("text_encoder", TEXT): delta}), atol=1e-4)


def test_stacked_loras_of_different_ranks_add_up(components: Components, load: Load) -> None:
    one, two = lora(kohya(LINEAR), (16, 16)), lora(kohya(LINEAR), (16, 16), rank=5, alpha=None, seed=7)
    loaded = [load(one), load(two)]
    with attach(components, [(loaded[0], wanted(weight=0.5)), (loaded[1], wanted(weight=-1.5))]):
        made = draw(components)
        assert len(components.unet.get_submodule(LINEAR)._forward_hooks) == 1, "one pair of matrices for both"
    delta = product(one, kohya(LINEAR), (16, 16), 0.25) + product(two, kohya(LINEAR), (16, 16), -1.5)
    assert torch.allclose(made, merged(components, {("unet", LINEAR): delta}), atol=1e-4)


def lokr(path: str) -> dict[str, Tensor]:
    return {f"{kohya(path)}.lokr_w1": random(4, 4), f"{kohya(path)}.lokr_w2": random(4, 4)}


def test_different_kinds_on_one_module_add_up(components: Components, load: Load) -> None:
    one, two = lora(kohya(LINEAR), (16, 16)), lokr(LINEAR)
    three = {f"{kohya(LINEAR)}.diff": random(16, 16, seed=9)}
    parts = [(load(tensors), wanted(weight=weight)) for tensors, weight in ((one, 1.0), (two, 0.5), (three, 0.25))]
    delta = product(one, kohya(LINEAR), (16, 16), 0.5)
    delta = delta + 0.5 * torch.kron(random(4, 4), random(4, 4)).double() + 0.25 * random(16, 16, seed=9).double()
    by_hand = merged(components, {("unet", LINEAR): delta})
    for order in (parts, parts[::-1]):
        with attach(components, order):
            assert torch.allclose(draw(components), by_hand, atol=1e-4)


def test_biases_and_norms_are_shifted(components: Components, load: Load) -> None:
    tensors = {
        f"{kohya(NORM)}.w_norm": random(32),
        f"{kohya(NORM)}.b_norm": random(32, seed=1),
        f"{kohya(LINEAR)}.diff": random(16, 16),
        f"{kohya(LINEAR)}.diff_b": random(16),
    }
    norm, linear = (components.unet.get_submodule(path) for path in (NORM, LINEAR))
    assert linear.bias is None
    weight, bias = norm.weight.clone(), norm.bias.clone()
    with attach(components, [(load(tensors), wanted(weight=0.5))]):
        assert torch.allclose(norm.weight, weight + 0.5 * random(32))
        assert torch.allclose(norm.bias, bias + 0.5 * random(32, seed=1))
        assert torch.allclose(linear.bias, 0.5 * random(16))
        draw(components)
    assert linear.bias is None and torch.equal(norm.bias, bias)


def test_blocks_have_factors_of_their_own(components: Components, load: Load) -> None:
    shapes = {LINEAR: (16, 16), CONVOLUTION: (32, 32, 3, 3), CROSS: (16, 24)}
    tensors: dict[str, Tensor] = {}
    for path, shape in shapes.items():
        tensors |= lora(kohya(path), shape)
    tensors |= lora(kohya(TEXT, "te"), (24, 24))
    with attach(components, [(load(tensors), wanted(weight=2, blocks="down=0.5,mid=0,BASE=0.25"))]):
        made = draw(components)
        assert not components.unet.get_submodule(CONVOLUTION)._forward_hooks, "0 costs nothing"
    deltas = {
        ("unet", LINEAR): product(tensors, kohya(LINEAR), shapes[LINEAR], 0.5),
        ("unet", CROSS): product(tensors, kohya(CROSS), shapes[CROSS], 1.0),
        ("text_encoder", TEXT): product(tensors, kohya(TEXT, "te"), (24, 24), 0.25),
    }
    assert torch.allclose(made, merged(components, deltas), atol=1e-4)


EVERY_KIND = {
    "lora": lora(kohya(LINEAR), (16, 16)) | lora(kohya(CONVOLUTION), (32, 32, 3, 3)),
    "tucker": {
        f"{kohya(CONVOLUTION)}.lora_down.weight": random(4, 32, 1, 1),
        f"{kohya(CONVOLUTION)}.lora_mid.weight": random(4, 4, 3, 3),
        f"{kohya(CONVOLUTION)}.lora_up.weight": random(32, 4, 1, 1),
    },
    "dora": lora(kohya(LINEAR), (16, 16)) | {f"{kohya(LINEAR)}.dora_scale": random(16, 1)},
    "loha": {f"{kohya(LINEAR)}.hada_w{n}_{half}": random(*shape, seed=n)
             for n in (1, 2) for half, shape in (("a", (16, 3)), ("b", (3, 16)))},
    "lokr": lokr(LINEAR),
    "oft": {f"{kohya(CONVOLUTION)}.oft_blocks": random(8, 4, 4)},
    "difference": {f"{kohya(CONVOLUTION)}.diff": random(32, 32, 3, 3), f"{kohya(CONVOLUTION)}.diff_b": random(32)},
    "text encoder": lora(kohya(TEXT, "te"), (24, 24)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_changes_the_picture_and_leaves_no_trace(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    components = build_components(dtype)
    components.unet.to(memory_format=torch.channels_last)
    loaded = load_adapter(write(tmp_path / "one.safetensors", EVERY_KIND[kind]), components)
    networks = components.networks.values()
    before = [(p, p.data_ptr(), p.clone()) for network in networks for p in network.parameters()]
    base = draw(components)
    attached = attach(components, [(loaded, wanted(weight=0.5))])
    assert not torch.allclose(draw(components), base, atol=1e-2)
    attached.remove()
    attached.remove()
    after = [p for network in networks for p in network.parameters()]
    for (old, place, copy), new in zip(before, after, strict=True):
        assert new is old and new.data_ptr() == place and torch.equal(new, copy)
    assert not any(module._forward_hooks for network in networks for module in network.modules())
    assert torch.equal(draw(components), base)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_at_weight_zero_nothing_is_touched(kind: str, components: Components, load: Load) -> None:
    base = draw(components)
    with attach(components, [(load(EVERY_KIND[kind]), wanted(weight=0))]):
        assert torch.equal(draw(components), base)
        assert not any(module._forward_hooks for module in components.unet.modules())


def test_a_failure_while_attaching_leaves_nothing_behind(
    components: Components, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(
        lora(kohya(LINEAR), (16, 16)) | {f"{kohya(CONVOLUTION)}.diff": random(32, 32, 3, 3)} | lokr(CROSS[:-4] + "to_q")
    )
    base = draw(components)
    with pytest.raises(UserError):
        attach(components, [(loaded, wanted()), (loaded, wanted(blocks="left=1"))])
    calls = iter([True, False])

    def fail_the_second_time(*_: object) -> None:
        if not next(calls):
            raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr("sdtoolbox.engine.adapters.attaching._shift", fail_the_second_time)
    with pytest.raises(torch.OutOfMemoryError):
        attach(components, [(loaded, wanted())])
    assert torch.equal(draw(components), base)


def test_a_partial_fit_warns(components: Components, load: Load) -> None:
    loaded = load(lora(kohya(LINEAR), (16, 16)) | {"lora_unet_other.alpha": torch.tensor(1.0)})
    with attach(components, [(loaded, wanted())]) as attached:
        assert attached.warnings == [loaded.warning] != [""]


@pytest.mark.parametrize("dora", [False, True])
def test_as_peft_computes_it(dora: bool, components: Components, tmp_path: Path) -> None:
    """Against the library that writes these files, where it is installed."""
    peft = pytest.importorskip("peft")
    targets = ["to_q", "to_out.0", "conv1", "proj_in", "ff.net.2"]
    config = peft.LoraConfig(r=3, lora_alpha=6, target_modules=targets, use_dora=dora, init_lora_weights=False)
    theirs = build_components()
    torch.manual_seed(1)
    wrapped = peft.get_peft_model(theirs.unet, config)
    tensors = {name: tensor.clone() for name, tensor in peft.get_peft_model_state_dict(wrapped).items()}
    for name, tensor in tensors.items():
        if "magnitude" in name:
            tensor *= 1.3
    peft.set_peft_model_state_dict(wrapped, tensors)
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": 6, "r": 3}')
    loaded = load_adapter(write(tmp_path / "adapter_model.safetensors", tensors), components)
    assert not loaded.coverage.unmatched
    with attach(components, [(loaded, wanted())]):
        assert torch.allclose(draw(components), draw(theirs), atol=1e-4)


def test_as_diffusers_computes_it(components: Components, tmp_path: Path) -> None:
    """A file that diffusers writes, and what it makes of it, where peft is installed."""
    peft = pytest.importorskip("peft")
    from diffusers import StableDiffusionPipeline

    theirs = build_components()
    theirs.unet.add_adapter(
        peft.LoraConfig(r=3, lora_alpha=6, target_modules=["to_k", "conv2"], init_lora_weights=False)
    )
    layers = peft.get_peft_model_state_dict(theirs.unet)
    StableDiffusionPipeline.save_lora_weights(
        tmp_path, unet_lora_layers=layers, unet_lora_adapter_metadata={"lora_alpha": 6, "r": 3}
    )
    file = tmp_path / "pytorch_lora_weights.safetensors"
    entry = write(tmp_path / "unused.safetensors", {"x": random(1)})
    from dataclasses import replace

    loaded = load_adapter(replace(entry, path=file), components)
    assert not loaded.coverage.unmatched
    with attach(components, [(loaded, wanted())]):
        assert torch.allclose(draw(components), draw(theirs), atol=1e-4)


def test_every_module_with_weights_has_a_name(components: Components) -> None:
    names = ModuleNames(components)
    for path, module in components.unet.named_modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            found = split(f"unet.{path}.lora_A.weight")
            assert found is not None
            assert names.find(found[0]) == ("unet", path)
