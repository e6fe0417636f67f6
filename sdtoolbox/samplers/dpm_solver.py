"""DPM-Solver: single steps of order 1 to 3 in lambda = -log sigma, with a planned or an adapted length.

Lu et al. (2022), "DPM-Solver: A Fast ODE Solver for Diffusion Probabilistic Model Sampling in Around 10 Steps",
algorithms 1 and 2 and appendix C, in the form in which x carries noise of std sigma (alpha = 1). epsilon is the
predicted noise, (x - denoised) / sigma. These two choose their own noise levels: of the schedule they take the first
level, and the last before 0.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from sdtoolbox.protocols import Denoiser, Noise, OnStep
from sdtoolbox.schema.options import Limits

if TYPE_CHECKING:
    from torch import Tensor

    from sdtoolbox.extensions import Extension

R1, R2 = 1 / 3, 2 / 3  # where the third-order step looks


@dataclass(slots=True)
class _Solver:
    """Steps from one lambda to another; remembers each look, for steps of several orders share them."""

    denoise: Denoiser
    denoised: Tensor | None = None  # the newest estimate
    seen: dict[float, Tensor] = field(default_factory=dict)

    def look(self, x: Tensor, lam: float) -> Tensor:
        """The predicted noise at lambda; asked once for each of them between two calls of `forget`."""
        if lam not in self.seen:
            sigma = math.exp(-lam)
            self.denoised = self.denoise(x, sigma)
            self.seen[lam] = (x - self.denoised) / sigma
        return self.seen[lam]

    def forget(self) -> None:
        self.seen.clear()

    def first(self, x: Tensor, lam: float, h: float) -> Tensor:
        """Equation 3.7: exact where the predicted noise stands still."""
        return x - self.look(x, lam) * (math.exp(-lam - h) * math.expm1(h))

    def second(self, x: Tensor, lam: float, h: float, r: float = 0.5) -> Tensor:
        """Algorithm 1, with one more look at share r of the step."""
        change = self.look(self.first(x, lam, r * h), lam + r * h) - self.look(x, lam)
        return self.first(x, lam, h) - change * (math.exp(-lam - h) * math.expm1(h) / (2 * r))

    def third(self, x: Tensor, lam: float, h: float) -> Tensor:
        """Algorithm 2, with two more looks."""
        epsilon = self.look(x, lam)
        change = self.look(self.first(x, lam, R1 * h), lam + R1 * h) - epsilon
        bend = math.expm1(R2 * h) / (R2 * h) - 1
        between = self.first(x, lam, R2 * h) - change * (math.exp(-lam - R2 * h) * R2 / R1 * bend)
        change = self.look(between, lam + R2 * h) - epsilon
        return self.first(x, lam, h) - change * (math.exp(-lam - h) / R2 * (math.expm1(h) / h - 1))


def dpm_fast(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, noise: Noise, on_step: OnStep) -> Tensor:
    """Third-order steps over an even ladder in log sigma, planned so that the number of network calls is the steps.

    DPM-Solver-fast of Lu et al. (2022), section 3.4: as many steps of three looks as fit, then one of two and one
    of one. The last call takes the estimate at the lowest level.
    """
    solver = _Solver(denoise)
    orders = _plan(len(sigmas) - 2)
    done = 0
    if orders:
        lam, end = -math.log(sigmas[0]), -math.log(sigmas[-2])
        h = (end - lam) / len(orders)
        for order in orders:
            x = {1: solver.first, 2: solver.second, 3: solver.third}[order](x, lam, h)
            solver.forget()
            lam += h
            for _ in range(order):
                assert solver.denoised is not None
                on_step(done, x, solver.denoised)
                done += 1
    denoised = denoise(x, sigmas[-2])
    on_step(done, denoised, denoised)
    return denoised


def _plan(calls: int) -> list[int]:
    """Orders of the steps that spend this many network calls."""
    if calls < 3:
        return [calls] if calls else []
    rest = calls % 3
    return [3] * (calls // 3 - 1) + [2, 1] if rest == 0 else [3] * (calls // 3) + [rest]


def dpm_adaptive(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    noise: Noise,
    on_step: OnStep,
    rtol: Annotated[float, Limits(1e-4, 1)] = 0.05,
    atol: Annotated[float, Limits(1e-5, 1)] = 0.0078,
    h_init: Annotated[float, Limits(1e-3, 10)] = 0.05,
    accept_safety: Annotated[float, Limits(0.1, 1)] = 0.81,
) -> Tensor:
    """Chooses the length of each step itself, by the difference of two orders: as many calls as the picture needs.

    DPM-Solver-12-adaptive's scheme of Lu et al. (2022), appendix C, with orders 2 and 3. A step is taken again,
    shorter, while the difference is larger than rtol of the values or atol; h_init is the first length in lambda.
    Images are drawn one after another, because each has its own steps. The number of steps only sets the ladder
    on which progress is shown.
    """
    images = []
    for k in range(x.shape[0]):
        reached = _progress(sigmas, on_step, k, x.shape[0])
        images.append(_adapt(denoise, x[k : k + 1], sigmas, reached, rtol, atol, h_init, accept_safety))
    result: Tensor = images[0].new_empty(x.shape)
    for k, image in enumerate(images):
        result[k : k + 1] = image
    return result


Reached = Callable[[float, "Tensor", "Tensor"], None]


def _progress(sigmas: Sequence[float], on_step: OnStep, k: int, images: int) -> Reached:
    """Tell of each level of the schedule that is passed; the images together pass each once."""
    steps = len(sigmas) - 1
    levels = [-sigma for sigma in sigmas]  # rising, for bisection
    told = (k * steps) // images

    def reached(sigma: float, x: Tensor, denoised: Tensor) -> None:
        nonlocal told
        passed = (k * steps + bisect_left(levels, -sigma * (1 - 1e-9))) // images
        for step in range(told, min(passed, steps)):
            on_step(step, x, denoised)
        told = max(told, passed)

    return reached


def _adapt(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    reached: Reached,
    rtol: float,
    atol: float,
    h_init: float,
    accept_safety: float,
) -> Tensor:
    solver = _Solver(denoise)
    lam, end, h = -math.log(sigmas[0]), -math.log(sigmas[-2]), h_init
    before = x
    while lam < end - 1e-5:
        step = min(h, end - lam)
        low, high = solver.second(x, lam, step, R1), solver.third(x, lam, step)
        allowed = (low.abs().maximum(before.abs()) * rtol).clamp(min=atol)
        error = float(((low - high) / allowed).square().mean().sqrt())
        factor = 1 + math.atan((1e-8 + error) ** (-1 / 3) - 1)  # softly limited, at most 1 + pi / 4 and never 0
        h = step * factor
        if factor >= accept_safety:
            before, x, lam = low, high, lam + step
            assert solver.denoised is not None
            reached(math.exp(-lam), x, solver.denoised)
            solver.forget()
        elif not math.isfinite(error):
            break  # nothing finite will come of it: what is checked after sampling says so
    denoised = denoise(x, sigmas[-2])
    reached(0.0, denoised, denoised)
    return denoised


def register(ext: Extension) -> None:
    """Add the samplers of this file."""
    ext.sampler(dpm_fast, label="DPM fast")
    ext.sampler(dpm_adaptive, label="DPM adaptive")
