"""Networks laid out as a policy says: attention, storage in 8 bits, weights that wait in main memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import cpu_offload_with_hook
from diffusers.hooks import apply_group_offloading, apply_layerwise_casting
from torch import nn

from sdtoolbox.engine import attention
from sdtoolbox.engine.devices import Device
from sdtoolbox.engine.policy import Policy

KEPT = ("conv_in", "conv_out", "time_embedding", "add_embedding", "norm")
"""Parts of a U-Net that stay in full precision under 8 bit storage: few weights that every pixel depends on."""
CASTING = "layerwise_casting"
"""The name that diffusers gives its hook."""
CPU = torch.device("cpu")


def lay_out(networks: Mapping[str, nn.Module], policy: Policy, device: Device) -> None:
    """Make freshly loaded networks follow a policy; they lie on the CPU if it offloads, else on the device."""
    unet = networks.get("unet")
    if unet is not None and policy.attention == "chunked":
        attention.use_chunks(unet)
    if unet is not None and policy.storage is not None:
        apply_layerwise_casting(unet, policy.storage, policy.precision, skip_modules_pattern=KEPT)
    if policy.placement == "model":
        _one_at_a_time(networks, device.torch_device)
    elif policy.offloads:
        for part, network in networks.items():
            _in_groups(part, network, policy, device.torch_device)


def _one_at_a_time(networks: Mapping[str, nn.Module], device: torch.device) -> None:
    """Each part moves to the device when it is called, and sends away the one that was called before it."""
    previous: Any = None
    for part in sorted(networks, key=_order):
        _, previous = cpu_offload_with_hook(networks[part], device, prev_module_hook=previous)


def _order(part: str) -> tuple[int, str]:
    """Text, then network, then decoder: the order in which a picture needs them."""
    return {"unet": 1, "vae": 2}.get(part, 0), part


def _in_groups(part: str, network: nn.Module, policy: Policy, device: torch.device) -> None:
    # Only the U-Net is called through its own forward, which is where the hooks of its blocks begin.
    blocks = policy.placement == "group" and part == "unet"
    # Without a stream of its own: that would keep copies of the weights which adapters know nothing of.
    apply_group_offloading(
        network,
        onload_device=device,
        offload_device=CPU,
        offload_type="block_level" if blocks else "leaf_level",
        num_blocks_per_group=1 if blocks else None,
    )


@contextmanager
def raised_precision(network: nn.Module) -> Iterator[None]:
    """Compute in float32 until the block ends, where the numbers do not fit into less; 8 bit storage stays as it is.

    Then every weight is as it was, bit for bit: what is drawn next must not depend on what was drawn before it.
    """
    casts = [(hook, hook.compute_dtype) for module in network.modules() if (hook := _cast_of(module)) is not None]
    kept = [(tensor, tensor.data) for tensor in _not_cast(network)]
    try:
        for hook, _ in casts:
            hook.compute_dtype = torch.float32
        for tensor, own in kept:
            tensor.data = own.float()
        yield
    finally:
        for hook, dtype in casts:
            hook.compute_dtype = dtype
        for tensor, own in kept:
            tensor.data = own.to(tensor.device)  # it may have been brought to another device meanwhile


def _not_cast(network: nn.Module) -> Iterator[torch.Tensor]:
    for module in network.modules():
        if _cast_of(module) is None:
            for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
                if tensor.is_floating_point():
                    yield tensor


def _cast_of(module: nn.Module) -> Any:
    registry = getattr(module, "_diffusers_hook", None)
    return None if registry is None else registry.get_hook(CASTING)
