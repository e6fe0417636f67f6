"""Muon for matrices and convolutions, AdamW for the rest, behind one learning rate.

Muon (Jordan et al. 2024) replaces the momentum of a weight matrix by the nearest orthogonal matrix, found with
a few Newton-Schulz iterations. Scaled by 0.2 sqrt(max(rows, columns)) (Liu et al. 2025, "Muon is scalable", eq. 4) its
update has the root mean square of an AdamW update, so both share the learning rate and the weight decay.
In a trial of three minutes on the autoencoder it reached 16.3 dB where AdamW, at 2e-3, reached 14.2.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
BETAS = (0.9, 0.99)


def orthogonalize(matrix: Tensor, iterations: int = 5) -> Tensor:
    """The orthogonal factor of `matrix` (rows, columns), roughly: singular values come out between 0.7 and 1.2."""
    a, b, c = 3.4445, -4.7750, 2.0315  # Jordan's quintic: a x + b x^3 + c x^5 lifts small singular values fast
    x: Tensor = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


class MuonAdamW:
    """Steps every parameter of `module` that has a gradient, then clears the gradients."""

    def __init__(self, module: nn.Module, learning_rate: float, weight_decay: float) -> None:
        embeddings = {id(m.weight) for m in module.modules() if isinstance(m, nn.Embedding)}
        trained = [p for p in module.parameters() if p.requires_grad]
        self.matrices = [p for p in trained if p.ndim >= 2 and min(p.shape[:2]) >= 8 and id(p) not in embeddings]
        matrix_ids = {id(p) for p in self.matrices}
        others = [p for p in trained if id(p) not in matrix_ids]
        self.weight_decay = weight_decay
        self.momenta = [torch.zeros_like(p) for p in self.matrices]
        self.adam = torch.optim.AdamW([{"params": others}], learning_rate, BETAS, weight_decay=0.0)

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        for parameter, momentum in zip(self.matrices, self.momenta, strict=True):
            if parameter.grad is None:
                continue
            gradient = parameter.grad
            momentum.lerp_(gradient, 1.0 - MOMENTUM)
            direction = gradient.lerp(momentum, MOMENTUM).flatten(1)  # Nesterov; (out, in * height * width)
            update = orthogonalize(direction).view_as(parameter)
            scale = 0.2 * max(direction.shape) ** 0.5
            parameter.mul_(1.0 - learning_rate * self.weight_decay)
            parameter.add_(update, alpha=-learning_rate * scale)
            parameter.grad = None
        for group in self.adam.param_groups:
            group["lr"] = learning_rate
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return {"momenta": self.momenta, "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for momentum, saved in zip(self.momenta, state["momenta"], strict=True):
            momentum.copy_(saved)
        self.adam.load_state_dict(state["adam"])
