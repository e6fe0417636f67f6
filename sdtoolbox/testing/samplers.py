"""What every sampler promises, looked at where the answer is known: on data that are normally distributed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sdtoolbox.engine.noise_table import DiscreteNoiseTable
from sdtoolbox.errors import Cancelled
from sdtoolbox.registered import SamplerInfo
from sdtoolbox.registry import Entry
from sdtoolbox.tasks.measuring import Reports
from sdtoolbox.testing.check import Look, PromiseError, at_each_end
from sdtoolbox.testing.denoisers import gaussian, gaussian_solution, geometric
from sdtoolbox.testing.model import STABLE_DIFFUSION
from sdtoolbox.testing.noise import batch_noise

if TYPE_CHECKING:
    from torch import Tensor

TABLE = DiscreteNoiseTable.from_config(STABLE_DIFFUSION)
STEPS = 12
LEVELS = [*geometric(TABLE.sigma_max, TABLE.sigma_min, STEPS), 0.0]
FEW, MANY = 80, 160
"""Steps whose errors say the order of convergence."""
LOWEST = 1e-4
"""The level before 0 there: what the last step leaves out, half its square, is below all other errors."""


def run_sampler(
    info: SamplerInfo, x: Any, sigmas: Sequence[float], *, noise: Any, denoise: Any = gaussian, **given: Any
) -> Any:
    """What a registered sampler makes of x; `given` are options, or `on_step`. Guidance is off."""
    offered = {"unconditional": denoise, "noise_table": TABLE, "measure": lambda name, values: None}
    arguments = {"on_step": lambda i, x, denoised: None} | {name: offered[name] for name in info.needs} | given
    return info.function(denoise, x, sigmas, noise=noise, **arguments)


def draws(entry: Entry[SamplerInfo]) -> str:
    """A finite latent of the same shape and type; x as it came; levels above 0; each step reported."""
    asked: list[float] = []
    steps: list[int] = []

    def denoise(x: Tensor, sigma: float) -> Tensor:
        asked.append(sigma)
        return gaussian(x, sigma)  # type: ignore[no-any-return]

    noise = batch_noise([1, 2])
    x = noise.initial() * LEVELS[0]
    before = x.clone()
    reports = {"measure": Reports(entry, len(x))} if "measure" in entry.value.needs else {}
    found = run_sampler(
        entry.value, x, LEVELS, noise=noise, denoise=denoise, on_step=lambda i, x, denoised: steps.append(i), **reports
    )
    _check_latent(found, x)
    if not bool((x == before).all()):
        raise PromiseError("it changes x in place: x belongs to whoever called it")
    if wrong := [sigma for sigma in asked if not (isinstance(sigma, float) and 0 < sigma < math.inf)]:
        raise PromiseError(f"it asks the network at the level {wrong[0]!r}: levels are floats above 0")
    if not steps or steps[0] < 0 or any(a > b for a, b in pairwise(steps)):
        raise PromiseError(f"it reports the steps {steps[:8]}: call on_step(i, x, denoised) once a step, from 0 on")
    return f"{len(asked)} network calls for {STEPS} steps"


def comes_to_the_data(entry: Entry[SamplerInfo]) -> str:
    """From noise alone to numbers that are as far spread as the data are."""
    noise = batch_noise([1, 2, 3, 4], (4, 16, 16))
    found = run_sampler(entry.value, noise.initial() * LEVELS[0], LEVELS, noise=noise)
    spread = float(found.std())
    if not 0.5 < spread < 2:
        raise PromiseError(f"of data with standard deviation 1 it draws some with {spread:.3g}")
    return f"standard deviation {spread:.2f}, that of the data is 1"


def order(entry: Entry[SamplerInfo]) -> str:
    """How the error falls with the number of steps; never a fault, as not all samplers follow the exact path."""
    import torch

    still = {"eta": 0.0} if "eta" in entry.value.options else {}

    def ends(steps: int, noise: float) -> float:
        x = torch.full((1, 1, 1, 1), 7.0, dtype=torch.float64)
        sigmas = [*geometric(10, LOWEST, steps), 0.0]
        return float(run_sampler(entry.value, x, sigmas, noise=_Constant(torch.full_like(x, noise)), **still))

    if abs(ends(FEW, 0) - ends(FEW, 1)) > 1e-9:
        return "it draws fresh noise, so there is none"
    wanted = gaussian_solution(7.0, 10, 0)
    few, many = (abs(ends(steps, 0) - wanted) for steps in (FEW, MANY))
    if many < 1e-7:
        return "exact for these data"
    found = math.log2(few / many)
    said = f"{found:.1f}" if found > 0.3 else "none: more steps do not bring it closer to the exact path"
    return f"{said} (errors {few:.1e} and {many:.1e} in {FEW} and {MANY} steps{', eta=0' if still else ''})"


class _Constant:
    """Noise of a batch of one that is the same whenever it is asked for."""

    def __init__(self, value: Tensor) -> None:
        self._value = value

    def __call__(self, a: float, b: float) -> Tensor:
        return self._value

    def of(self, image: int) -> _Constant:
        return self


def batch_independent(entry: Entry[SamplerInfo]) -> str:
    """Image i alone is image i of a batch."""

    def drawn(seeds: list[int]) -> Tensor:
        noise = batch_noise(seeds)
        return run_sampler(entry.value, noise.initial() * LEVELS[0], LEVELS, noise=noise)  # type: ignore[no-any-return]

    seeds = [3, 5, 8]
    for image, seed in zip(drawn(seeds), seeds, strict=True):
        away = float((drawn([seed])[0] - image).abs().max())
        if not away < 1e-4 * max(1.0, float(image.abs().max())):
            raise PromiseError(
                f"an image differs by {away:.2g} from the same one in a batch of three: "
                "take noise from noise(a, b) alone, and nothing from the whole batch"
            )
    return ""


def options_at_their_ends(entry: Entry[SamplerInfo]) -> str:
    """Finite and of the right shape with each option at each end of what it allows."""
    levels = [*geometric(TABLE.sigma_max, TABLE.sigma_min, 4), 0.0]

    def draw(given: dict[str, Any]) -> None:
        noise = batch_noise([1], (4, 4, 4))
        x = noise.initial() * levels[0]
        _check_latent(run_sampler(entry.value, x, levels, noise=noise, **given), x)

    return at_each_end(entry.value.options, draw)


def lets_go(entry: Entry[SamplerInfo]) -> str:
    """Cancelling is an exception of the network's call, which a sampler must let pass."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        raise Cancelled

    noise = batch_noise([1])
    try:
        run_sampler(entry.value, noise.initial() * LEVELS[0], LEVELS, noise=noise, denoise=denoise)
    except Cancelled:
        return ""
    raise PromiseError("it goes on when its job is cancelled: let exceptions of denoise(x, sigma) pass")


def _check_latent(found: Any, x: Tensor) -> None:
    import torch

    if not isinstance(found, torch.Tensor) or found.shape != x.shape:
        got = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise PromiseError(f"it returns {got} instead of {tuple(x.shape)}")
    if found.dtype != x.dtype:
        raise PromiseError(f"it returns {found.dtype} instead of {x.dtype}")
    if not bool(found.isfinite().all()):
        raise PromiseError("it returns numbers that are not finite")


LOOKS: Mapping[str, Look] = {
    "draws": draws,
    "comes to the data": comes_to_the_data,
    "order of convergence": order,
    "the same in any batch": batch_independent,
    "options at their ends": options_at_their_ends,
    "can be cancelled": lets_go,
}
