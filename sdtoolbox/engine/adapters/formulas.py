"""The algebra of each kind of adapter: what it makes of a layer's weight W [out, in] or [out, in, height, width].

In every formula s is alpha / rank (a missing alpha, or one of 0, is the rank), a "strength" w is what the person
asked for, and W' is W + w (changed - W): nothing at w = 0, the adapter as trained at w = 1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]
"""The tensors of one module by role (see `keys`)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """W' = W + w s up down, with down [r, in, …] of the layer's own kernel and up [out, r]."""

    down: Tensor
    up: Tensor
    scale: float


def pair(tensors: Tensors, shape: torch.Size, scale: float | None = None) -> Pair | None:
    """A plain LoRA (Hu et al. 2021, equation 3) of a layer with this weight's shape; None for any other adapter.

    With `mid` (LoCon's Tucker form) a 1 x 1 convolution goes before a small one: together they are one `down`.
    `scale` is alpha / rank where the file says it elsewhere. ValueError if the shapes do not fit.
    """
    if not {"down", "up"} <= tensors.keys() or {"dora_scale", "magnitude"} & tensors.keys():
        return None
    return Pair(*_factors(tensors, shape), _scale(tensors, scale))


def changed(tensors: Tensors, weight: Tensor, scale: float | None = None) -> Tensor:
    """The weight as an adapter at full strength would have it, same shape and dtype; ValueError if it does not fit."""
    for needed, _, formula in _FORMULAS:
        if needed <= tensors.keys():
            return formula(tensors, weight, scale)
    raise ValueError("its tensors belong to no known kind of adapter")


def used(roles: Collection[str]) -> set[str]:
    """Which of a module's tensors are looked at; none if they are not enough for any formula."""
    rows = ((needed, also) for needed, also, _ in _FORMULAS if needed <= set(roles))
    needed, also = next(rows, (set(), set()))
    return {role for role in roles if role in needed | also | {"diff_b"}}


def rank_of(tensors: Tensors) -> int | None:
    """The rank of a module's factors; None where they are whole."""
    return next((len(tensors[role]) for role in _RANKED if role in tensors), None)


def _scale(tensors: Tensors, given: float | None) -> float:
    if given is not None:
        return given
    alpha, rank = float(tensors["alpha"]) if "alpha" in tensors else 0.0, rank_of(tensors)
    return alpha / rank if alpha and rank else 1.0


def _factors(tensors: Tensors, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """down [r, in, …] with the layer's kernel, and up [out, r]; files store 1 x 1 kernels with and without ones."""
    down, up = tensors["down"], tensors["up"].flatten(1)
    if "mid" in tensors:
        down = torch.einsum("ij...,jn->in...", tensors["mid"], down.flatten(1))
    if down.shape[1] != shape[1] or up.shape != (shape[0], len(down)):
        raise ValueError("it was made for a layer of another size")
    return down.reshape(len(down), *shape[1:]), up


def _shaped(made: Tensor, weight: Tensor) -> Tensor:
    """`made` with the weight's shape: the same rows, kernels written out or not."""
    if len(made) != len(weight):
        raise ValueError("it was made for a layer of another size")
    return made.reshape(weight.shape)


def _lora(tensors: Tensors, weight: Tensor, scale: float | None) -> Tensor:
    """W + s up down, and with DoRA's magnitude the directions alone of that."""
    down, up = _factors(tensors, weight.shape)
    product = (up.to(weight) @ down.to(weight).flatten(1)).reshape(weight.shape)
    return _decomposed(tensors, weight + _scale(tensors, scale) * product)


def _loha(tensors: Tensors, weight: Tensor, scale: float | None) -> Tensor:
    """W + s (a1 b1) ⊙ (a2 b2): Hyeon-Woo et al. 2022, "FedPara", equation 3, and their Tucker form for kernels."""
    product = torch.ones_like(weight)
    for n in (1, 2):
        a, b = (tensors[f"hada_w{n}_{half}"].to(weight) for half in "ab")
        if f"hada_t{n}" in tensors:
            made = torch.einsum("ij...,jn,im->mn...", tensors[f"hada_t{n}"].to(weight), b, a)
        else:
            made = a.flatten(1) @ b.flatten(1)
        product = product * _shaped(made, weight)
    return _decomposed(tensors, weight + _scale(tensors, scale) * product)


def _lokr(tensors: Tensors, weight: Tensor, scale: float | None) -> Tensor:
    """W + s (w1 ⊗ w2): Yeh et al. 2023, "Navigating Text-To-Image Customization", section 4.2.

    Either factor may be a product of two, the second may be in Tucker form. Where both are whole LyCORIS has s = 1
    whatever alpha is; PEFT has alpha / rank there too, which its configuration says.
    """
    first, second = (_kronecker_factor(tensors, n, weight) for n in (1, 2))
    product = torch.kron(first.reshape(*first.shape, *(1 for _ in second.shape[2:])), second.contiguous())
    return _decomposed(tensors, weight + _scale(tensors, scale) * _shaped(product, weight))


def _kronecker_factor(tensors: Tensors, n: int, weight: Tensor) -> Tensor:
    if (whole := tensors.get(f"lokr_w{n}")) is not None:
        return whole.to(weight)
    a, b = (tensors[f"lokr_w{n}_{half}"].to(weight) for half in "ab")
    if n == 2 and "lokr_t2" in tensors:
        return torch.einsum("ij...,jn,im->mn...", tensors["lokr_t2"].to(weight), b, a)
    return a @ b.flatten(1)


def _decomposed(tensors: Tensors, moved: Tensor) -> Tensor:
    """DoRA: each row's (or column's) own length, m V / |V| (Liu et al. 2024, equation 5).

    PEFT measures the rows (what goes out); LyCORIS stores [out, 1, …] for rows, and [1, in, …] for columns.
    """
    if (magnitude := tensors.get("magnitude")) is None:
        if (magnitude := tensors.get("dora_scale")) is None:
            return moved
        rows = magnitude.ndim < 2 or (magnitude.shape[0] == len(moved) and magnitude.shape[1] == 1)
    else:
        rows = True
    axis = 0 if rows else 1
    lengths = moved.transpose(0, axis).flatten(1).norm(dim=1)  # [out] or [in]
    factors = magnitude.to(moved).reshape(lengths.shape) / lengths.clamp(min=torch.finfo(moved.dtype).tiny)
    made: Tensor = moved * factors.reshape([-1 if dim == axis else 1 for dim in range(moved.ndim)])
    return made


def _oft(tensors: Tensors, weight: Tensor, _: float | None) -> Tensor:
    """R W with R block-diagonal and orthogonal: Qiu et al. 2023, "Controlling Text-to-Image Diffusion", equation 6.

    R = (I + Q) (I - Q)^-1 of the skew Q = B - B^T (Cayley), |Q| at most alpha times the number of outputs.
    """
    blocks = tensors["oft_blocks"].to(weight)  # [blocks, n, n]
    skew = blocks - blocks.transpose(1, 2)
    limit = float(tensors["alpha"]) * len(weight) if "alpha" in tensors else 0.0
    if limit > 0:
        skew = skew * min(1.0, limit / (float(skew.norm()) + 1e-8))
    unit = torch.eye(blocks.shape[1], dtype=weight.dtype, device=weight.device)
    turn = (unit + skew) @ torch.linalg.inv(unit - skew)
    rows = weight.reshape(len(blocks), blocks.shape[1], -1)
    turned = torch.einsum("knm,kni->kmi", turn, rows).reshape(weight.shape)
    if "rescale" in tensors:
        turned = turned * tensors["rescale"].to(weight).reshape(-1, *(1 for _ in weight.shape[1:]))
    return turned


def _glora(tensors: Tensors, weight: Tensor, _: float | None) -> Tensor:
    """W + s (W a1 a2 + b1 b2): Chavan et al. 2023, "One-for-All", equation 9, as LyCORIS stores it."""
    a1, a2, b1, b2 = (tensors[f"glora_{name}"].to(weight) for name in ("a1", "a2", "b1", "b2"))
    if "glora_bm" in tensors:
        b2 = torch.einsum("ij...,jn->in...", tensors["glora_bm"].to(weight), b2.flatten(1))
    moved = torch.einsum("oi...,ij->oj...", weight, a1.flatten(1) @ a2.flatten(1))
    added = _shaped(b1.flatten(1) @ b2.flatten(1), weight)
    return weight + _scale(tensors, None) * (moved + added)


def _difference(tensors: Tensors, weight: Tensor, _: float | None) -> Tensor:
    """W + D: the whole difference to a fine-tuned layer or norm."""
    return weight + _shaped(tensors["diff"].to(weight), weight)


def _ia3(tensors: Tensors, weight: Tensor, _: float | None) -> Tensor:
    """W (1 + l) by column, or (1 + l) W by row: Liu et al. 2022, "Few-Shot Parameter-Efficient Fine-Tuning"."""
    axis = 1 if int(tensors["on_input"]) else 0
    shape = [-1 if dim == axis else 1 for dim in range(weight.ndim)]
    return weight * (1 + tensors["ia3"].to(weight).reshape(shape).expand_as(weight))


Formula = Callable[[Tensors, Tensor, float | None], Tensor]
_RANKED = ("down", "hada_w1_b", "lokr_w1_b", "lokr_w2_b", "glora_a2")
"""The tensors with a row for each rank."""
_LOKR_WAYS = [
    {*first, *second}
    for first in (("lokr_w1",), ("lokr_w1_a", "lokr_w1_b"))
    for second in (("lokr_w2",), ("lokr_w2_a", "lokr_w2_b"))
]
_LENGTHS = {"alpha", "dora_scale", "magnitude"}
# What a formula needs, and what it looks at besides; the first that has all it needs is taken.
_FORMULAS: tuple[tuple[set[str], set[str], Formula], ...] = (
    ({"down", "up"}, {"mid", *_LENGTHS}, _lora),
    ({"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"}, {"hada_t1", "hada_t2", *_LENGTHS}, _loha),
    *((way, {"lokr_t2", *_LENGTHS}, _lokr) for way in _LOKR_WAYS),
    ({"oft_blocks"}, {"alpha", "rescale"}, _oft),
    ({"glora_a1", "glora_a2", "glora_b1", "glora_b2"}, {"glora_bm", "alpha"}, _glora),
    ({"diff"}, {"alpha"}, _difference),
    ({"ia3", "on_input"}, {"alpha"}, _ia3),
)
