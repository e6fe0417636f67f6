"""Perturbed attention is the identity map: what diffusers' own processor for it computes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0, PAGIdentitySelfAttnProcessor2_0

from sdtoolbox.changes import PerturbedAttention
from sdtoolbox.engine.changes import changed
from sdtoolbox.engine.diffusion import LatentDiffusion
from sdtoolbox.errors import UserError


def test_it_is_what_diffusers_does(tiny_model: LatentDiffusion) -> None:
    network = tiny_model._unet
    attention = next(module for name, module in network.mid_block.named_modules() if name.endswith("attn1"))
    states = torch.randn(2, 16, attention.to_q.in_features, generator=torch.Generator().manual_seed(2))
    theirs = PAGIdentitySelfAttnProcessor2_0()(attention, torch.cat([states, states]))[2:]  # of both halves the second
    with torch.no_grad(), changed(network, [PerturbedAttention()]):
        ours = attention(states)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    assert isinstance(attention, Attention)
    assert isinstance(attention.processor, AttnProcessor2_0)


def test_only_the_middle_is_touched(tiny_model: LatentDiffusion) -> None:
    network = tiny_model._unet
    with changed(network, [PerturbedAttention()]):
        touched = [name for name, module in network.named_modules() if module._forward_hooks]
    assert touched
    assert all(name.startswith("mid_block") and name.endswith("attn1") for name in touched)


def test_a_network_without_attention_in_its_middle_is_named(
    tiny_model: LatentDiffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("sdtoolbox.engine.changes.perturbed_attention")  # its function has the same name
    monkeypatch.setattr(module, "_self_attentions", lambda network: [])
    with pytest.raises(UserError, match="no attention in its middle") as caught:
        tiny_model.changed(PerturbedAttention()).predict(torch.zeros(1, 4, 8, 8), 1.0, [tiny_model.encode("")])
    assert caught.value.field == "pag_scale"


def test_the_decoder_is_left_alone(tiny_model: LatentDiffusion) -> None:
    latents: Any = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(3))
    plain, changed_one = (
        model.decode(latents, 32, 32) for model in (tiny_model, tiny_model.changed(PerturbedAttention()))
    )
    assert plain[0].tobytes() == changed_one[0].tobytes()
