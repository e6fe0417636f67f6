"""Restorers for tests in miniature, of real architectures: some do what their names say, with weights set by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

KERNEL = ((1, 2, 1), (2, 4, 2), (1, 2, 1))


def write_restorers(folder: Path) -> None:
    """`tiny-denoiser` (DRUNet: a small blur) and `tiny-x2` (each pixel repeated) into `folder`."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    networks = {"tiny-denoiser": _blurring(), "tiny-x2": _doubling()}
    for name, network in networks.items():
        save_file(network.state_dict(), folder / f"{name}.safetensors")


def _blurring() -> Any:
    """A DRUNet of zeros but for its first and last layer: a little blur, whatever noise it is told."""
    import torch
    from spandrel.architectures.DRUNet import DRUNet

    widths = [16, 16, 16, 16]
    network = DRUNet(
        in_nc=4, out_nc=3, nc=widths, nb=2, act_mode="R", downsample_mode="strideconv", upsample_mode="convtranspose"
    )
    state = {name: torch.zeros_like(weights) for name, weights in network.state_dict().items()}
    for colour in range(3):
        state["m_head.weight"][colour, colour] = torch.tensor(KERNEL) / 16
        state["m_tail.weight"][colour, colour, 1, 1] = 1
    network.load_state_dict(state)
    return network


def _doubling() -> Any:
    """A Compact of zeros: what comes in, each pixel repeated."""
    import torch
    from spandrel.architectures.Compact import Compact

    network = Compact(num_feat=16, num_conv=2, upscale=2)
    network.load_state_dict({name: torch.zeros_like(weights) for name, weights in network.state_dict().items()})
    return network
