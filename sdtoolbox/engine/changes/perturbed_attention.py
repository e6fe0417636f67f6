"""Perturbed attention: every place attends to itself alone, so that shapes fall apart; guidance leads away from it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from sdtoolbox.changes import PerturbedAttention
from sdtoolbox.errors import UserError


def perturbed_attention(
    network: nn.Module, _change: PerturbedAttention, mine: Callable[[], bool], taken_off: ExitStack
) -> None:
    """Replace the attention map of every self-attention in the middle block by the identity.

    Ahn et al. (2024), "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance", equation 13; the middle
    block is what the paper found best for Stable Diffusion. PARAM_INVALID for a network without one.
    """
    if not isinstance(network, UNet2DConditionModel):
        return
    attentions = _self_attentions(network)
    if not attentions:
        raise UserError(
            "PARAM_INVALID",
            "this checkpoint's network has no attention in its middle that could be perturbed.",
            "Set perturbed attention to 0.",
            "pag_scale",
        )
    for attention in attentions:
        hook = partial(_identity, mine)
        taken_off.callback(attention.register_forward_hook(hook, with_kwargs=True).remove)


def _self_attentions(network: nn.Module) -> list[nn.Module]:
    middle: Any = getattr(network, "mid_block", None)
    if middle is None:
        return []
    return [module for name, module in middle.named_modules() if name.endswith(".attn1")]


def _identity(
    mine: Callable[[], bool], attention: Any, inputs: tuple[Any, ...], named: dict[str, Any], usual: Tensor
) -> Tensor:
    if not mine():
        return usual
    states: Tensor = inputs[0] if inputs else named["hidden_states"]
    # softmax(q k) is the identity: each place receives its own value. The usual result was computed for nothing, which
    # in the middle block costs little.
    alone: Tensor = attention.to_out[1](attention.to_out[0](attention.to_v(states)))
    if attention.residual_connection:
        alone = alone + states
    result: Tensor = alone / attention.rescale_output_factor
    return result
