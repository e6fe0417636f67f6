"""Weights that are moved about or stored in 8 bits draw the same picture; here from the CPU to the CPU."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from sdtoolbox.engine.attention import ChunkedProcessor
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.engine.memory import footprint
from sdtoolbox.engine.offload import lay_out, raised_precision
from sdtoolbox.engine.policy import Placement, Policy

CPU = Device(torch.device("cpu"), 1, "cpu")


def pictures(networks: dict[str, Any]) -> list[torch.Tensor]:
    """What each network makes of the same numbers."""
    generator = torch.Generator().manual_seed(1)
    x, text = torch.randn(1, 4, 8, 8, generator=generator), torch.randn(1, 77, 32, generator=generator)
    dtype = next(networks["unet"].parameters()).dtype
    with torch.no_grad():
        return [
            networks["text_encoder"](torch.arange(77)[None]).last_hidden_state,
            networks["unet"](x.to(dtype), 500, text.to(dtype)).sample,
            networks["vae"].decode(x).sample,
        ]


@pytest.fixture
def networks(tiny_model: LatentDiffusion) -> dict[str, nn.Module]:
    """The tiny model's own, copied."""
    return dict(copy.deepcopy(tiny_model._components.networks))


@pytest.mark.parametrize("placement", ["group", "sequential"])
def test_weights_that_visit_the_device_draw_the_same(placement: Placement, networks: dict[str, nn.Module]) -> None:
    expected = pictures(networks)
    lay_out(networks, Policy(placement=placement), CPU)
    for _ in range(2):
        for found, wanted in zip(pictures(networks), expected, strict=True):
            assert torch.equal(found, wanted)


def test_parts_that_take_turns_draw_the_same(networks: dict[str, nn.Module]) -> None:
    """On the CPU nothing moves, so this shows the order of the hooks and nothing more."""
    expected = pictures(networks)
    lay_out(networks, Policy(placement="model"), CPU)
    for found, wanted in zip(pictures(networks), expected, strict=True):
        assert torch.equal(found, wanted)
    hook: Any = networks["vae"]._hf_hook
    assert hook.prev_module_hook.model is networks["unet"]
    assert networks["unet"]._hf_hook.prev_module_hook.model is networks["text_encoder"]


def test_8_bits_take_less_and_draw_nearly_the_same(networks: dict[str, nn.Module]) -> None:
    before = footprint([networks["unet"]])["cpu"]
    _, expected, _ = pictures(networks)
    lay_out(networks, Policy(storage=torch.float8_e4m3fn), CPU)
    for _ in range(2):
        _, found, _ = pictures(networks)
        assert found.dtype == torch.float32 and found.isfinite().all()
        assert 0 < (found - expected).norm() / expected.norm() < 0.1
    assert footprint([networks["unet"]])["cpu"] < 0.4 * before
    assert next(networks["unet"].parameters()).dtype == torch.float32, (
        "who asks for the type is told what it computes in"
    )


def test_8_bits_wait_in_main_memory_too(networks: dict[str, nn.Module]) -> None:
    lay_out(networks, Policy(placement="group", storage=torch.float8_e4m3fn), CPU)
    assert pictures(networks)[1].isfinite().all()


@pytest.mark.parametrize("policy", [
    Policy(precision=torch.bfloat16),
    Policy(precision=torch.bfloat16, storage=torch.float8_e4m3fn),
    Policy(precision=torch.bfloat16, placement="group"),
])  # fmt: skip
def test_precision_is_raised_for_a_while_whatever_the_policy(policy: Policy, networks: dict[str, nn.Module]) -> None:
    networks["unet"].to(policy.precision)
    lay_out(networks, policy, CPU)
    before = pictures(networks)[1]
    assert before.dtype == torch.bfloat16
    with raised_precision(networks["unet"]):
        found = pictures(networks)[1]
    assert found.dtype == torch.float32 and found.isfinite().all()
    assert torch.equal(pictures(networks)[1], before)


def test_the_attention_of_the_policy_is_set(networks: dict[str, Any]) -> None:
    lay_out(networks, Policy(precision=torch.bfloat16, attention="chunked"), CPU)
    kinds = {type(processor) for processor in networks["unet"].attn_processors.values()}
    assert kinds == {ChunkedProcessor}
