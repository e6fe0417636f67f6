"""The noise that a picture starts from: between two seeds, and as a seed has it at another size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

PARALLEL = 0.9995
"""Directions whose cosine is above this are mixed linearly: the angle between them would be divided by."""


def between(strength: float, start: Tensor, end: Tensor) -> Tensor:
    """`strength` of the way from one noise [C, h, w] to another, on the arc, so that it stays as loud.

    Shoemake (1985), "Animating Rotation with Quaternion Curves"; the angle is measured column by column, over h, as
    A1111 does: the same seeds and strengths give its noise.
    """
    cosine = (_directions(start) * _directions(end)).sum(1)  # [C, w]
    if cosine.mean() > PARALLEL:
        return start * (1 - strength) + end * strength
    angle = torch.acos(cosine)
    whole = torch.sin(angle)
    from_start, from_end = torch.sin((1 - strength) * angle) / whole, torch.sin(strength * angle) / whole
    return from_start.unsqueeze(1) * start + from_end.unsqueeze(1) * end


def _directions(noise: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(noise, dim=1, keepdim=True)
    return noise / length


def placed(noise: Tensor, around: Tensor) -> Tensor:
    """Noise [C, h, w] in the middle of other noise, cut where that is smaller: [C, H, W].

    So the composition that a seed has at one size is kept at another; A1111's "resize seed from".
    """
    result = around.clone()
    here, there = zip(*(_overlap(small, large) for small, large in _sides(noise, around)), strict=True)
    result[:, there[0], there[1]] = noise[:, here[0], here[1]]
    return result


def _sides(noise: Tensor, around: Tensor) -> Sequence[tuple[int, int]]:
    return [(noise.shape[axis], around.shape[axis]) for axis in (1, 2)]


def _overlap(small: int, large: int) -> tuple[slice, slice]:
    """(within the noise, within what is around it): both as long, and in the middle of either."""
    margin = (large - small) // 2  # rounds down for a noise that is larger too
    if margin >= 0:
        return slice(0, small), slice(margin, margin + small)
    return slice(-margin, -margin + small + 2 * margin), slice(0, small + 2 * margin)
